// SPDX-License-Identifier: Apache-2.0
//! vmdk files that QEMU does not write: with tables at the end as VMware does,
//! and in subformats that are refused.

use std::io::Write as _;

use super::containers::{Pair, assert_deploys};
use super::*;

const GRAIN: usize = 64 << 10;

fn header(sectors: usize, directory: u64, flags: u32) -> Vec<u8> {
    let mut head = vec![0; 64 << 10];
    head[..4].copy_from_slice(b"KDMV");
    let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
    put(4, &3_u32.to_le_bytes());
    put(8, &flags.to_le_bytes());
    put(12, &(sectors as u64).to_le_bytes());
    put(20, &128_u64.to_le_bytes());
    put(28, &1_u64.to_le_bytes());
    put(36, &20_u64.to_le_bytes());
    put(44, &512_u32.to_le_bytes());
    put(56, &directory.to_le_bytes());
    put(64, &128_u64.to_le_bytes());
    put(73, b"\n \r\n");
    put(77, &1_u16.to_le_bytes());
    let descriptor = format!(
        "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n\
         createType=\"streamOptimized\"\n\nRW {sectors} SPARSE \"disk.vmdk\"\n\n\
         #DDB\nddb.adapterType = \"lsilogic\"\n"
    );
    put(512, descriptor.as_bytes());
    head
}

fn marker(file: &mut Vec<u8>, sectors: u64, kind: u32) {
    let at = file.len();
    file.resize(at + 512, 0);
    file[at..at + 8].copy_from_slice(&sectors.to_le_bytes());
    file[at + 12..at + 16].copy_from_slice(&kind.to_le_bytes());
}

/// A stream with everything behind the grains, as a writer makes it that
/// cannot go back. The descriptor and the tables are complete.
fn stream(raw: &[u8]) -> Vec<u8> {
    let flags = 0x3_0001;
    let mut file = header(raw.len() / 512, u64::MAX, flags);
    let mut directory = Vec::new();
    for part in raw.chunks(GRAIN * 512).enumerate() {
        let mut table = vec![0; 2048];
        for (index, grain) in part.1.chunks(GRAIN).enumerate() {
            if grain.iter().all(|byte| *byte == 0) {
                continue;
            }
            let sector = u32::try_from(file.len() / 512).expect("small");
            table[index * 4..index * 4 + 4].copy_from_slice(&sector.to_le_bytes());
            let mut encoder =
                flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(grain).expect("memory");
            let packed = encoder.finish().expect("memory");
            let first = ((part.0 * 512 + index) * 128) as u64;
            file.extend_from_slice(&first.to_le_bytes());
            let length = u32::try_from(packed.len()).expect("small");
            file.extend_from_slice(&length.to_le_bytes());
            file.extend_from_slice(&packed);
            file.resize(file.len().next_multiple_of(512), 0);
        }
        marker(&mut file, 4, 1);
        directory.extend_from_slice(
            &u32::try_from(file.len() / 512)
                .expect("small")
                .to_le_bytes(),
        );
        file.extend_from_slice(&table);
    }
    marker(&mut file, 1, 2);
    let place = file.len() as u64 / 512;
    directory.resize(512, 0);
    file.extend_from_slice(&directory);
    marker(&mut file, 1, 3);
    let footer = header(raw.len() / 512, place, flags);
    file.extend_from_slice(&footer[..512]);
    marker(&mut file, 0, 0);
    file
}

#[test]
fn a_stream_with_its_tables_at_the_end_is_written_in_one_pass() {
    let raw = image(40 * MIB + 512 * 3);
    let pair = Pair {
        file: stream(&raw),
        raw,
    };
    // QEMU reads it by its tables: that tells that they are right.
    let directory = tempfile::tempdir().expect("a directory");
    let file = path(directory.path(), "disk.vmdk");
    std::fs::write(&file, &pair.file).expect("written");
    let theirs = super::containers::unpacked(directory.path(), ("vmdk", "vmdk"), "disk.vmdk");
    assert_same(&theirs.raw, &pair.raw, "QEMU's");
    for sector in [512, 4096] {
        assert_deploys("vmdk", &pair, no_ranges(&pair.file), sector, "stream");
    }
    let server = Server::start();
    let url = server.serve("/disk", has_ranges(&pair.file));
    let disk = disk(42 * MIB, 512);
    deploy(&request(&url, "vmdk", &pair.file), &disk)
        .0
        .expect("sound");
    assert_eq!(server.seen().len(), 1, "one request, one pass");
}

#[test]
fn a_stream_without_its_end_is_refused() {
    let raw = image(2 * MIB);
    let file = stream(&raw);
    let server = Server::start();
    for length in [file.len() - 512, file.len() - 1024, 70_000, 66_000] {
        let url = server.serve("/disk", has_ranges(&file[..length]));
        let disk = disk(4 * MIB, 512);
        let fault = deploy(&request(&url, "vmdk", &file[..length]), &disk).0;
        let fault = fault.expect_err("cut off");
        assert_eq!(fault.to_string(), "image image is refused: it is cut off");
        assert_not_bootable(&disk);
    }
}

#[test]
fn grains_that_are_bombs_or_damaged_are_refused() {
    let server = Server::start();
    let mut bomb = stream(&image(MIB));
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; 32 * MIB]).expect("memory");
    let packed = encoder.finish().expect("memory");
    bomb[65_544..65_548]
        .copy_from_slice(&u32::try_from(packed.len()).expect("small").to_le_bytes());
    bomb[65_548..65_548 + packed.len()].copy_from_slice(&packed);
    let mut damaged = stream(&image(MIB));
    damaged[65_600] ^= 0x10;
    for body in [bomb, damaged] {
        let url = server.serve("/disk", has_ranges(&body));
        let disk = disk(2 * MIB, 512);
        let fault = deploy(&request(&url, "vmdk", &body), &disk).0;
        assert_eq!(
            fault.expect_err("damaged").to_string(),
            "image image is refused: the compressed data at byte 65536 are damaged"
        );
        assert_not_bootable(&disk);
    }
}

#[test]
fn other_subformats_are_refused_with_their_reason() {
    let server = Server::start();
    for (subformat, problem) in [
        (
            "monolithicFlat",
            "it is only the descriptor of a vmdk; the subformats monolithicSparse and \
             streamOptimized have everything in one file",
        ),
        (
            "twoGbMaxExtentSparse",
            "it is only the descriptor of a vmdk; the subformats monolithicSparse and \
             streamOptimized have everything in one file",
        ),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let file = path(directory.path(), "disk.vmdk");
        let option = format!("subformat={subformat}");
        qemu_img(&["create", "-q", "-f", "vmdk", "-o", &option, &file, "2M"]);
        let body = std::fs::read(&file).expect("the descriptor");
        let url = server.serve("/disk", has_ranges(&body));
        let disk = disk(4 * MIB, 512);
        let fault = deploy(&request(&url, "vmdk", &body), &disk).0;
        let expected = format!("image image is refused: {problem}");
        assert_eq!(fault.expect_err(subformat).to_string(), expected);
        assert_untouched(&disk);
    }
}
