// SPDX-License-Identifier: Apache-2.0
//! Headers, descriptors, tables and markers, sound and hostile.

use super::*;
use crate::image::container::{self, ContainerError, Kind};
use crate::image::extents::{DiskMap, Extent, Span};
use crate::image::noise::{Noise, put};

pub(super) const SECTORS: u64 = 128 * 512 * 2;
pub(super) const GRAIN: u64 = 65_536;
/// Where directory, tables and grains of the sample lie.
pub(super) const DIRECTORY: usize = 21 * 512;
pub(super) const TABLES: usize = 22 * 512;
pub(super) const GRAINS: usize = 128 * 512;

/// The beginning of a disk of two grain tables, changed.
pub(in crate::image) fn head(stream: bool, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut head = vec![0; GRAINS];
    put(&mut head, 0, b"KDMV");
    let (version, flags, compression) = match stream {
        true => (3_u32, 0x3_0001_u32, 1_u16),
        false => (1, 1, 0),
    };
    put(&mut head, 4, &version.to_le_bytes());
    put(&mut head, 8, &flags.to_le_bytes());
    for (at, sectors) in [
        (12, SECTORS),
        (20, 128),
        (28, 1),
        (36, 20),
        (56, 21),
        (64, 128),
    ] {
        put(&mut head, at, &sectors.to_le_bytes());
    }
    put(&mut head, 44, &512_u32.to_le_bytes());
    put(&mut head, 73, b"\n \r\n");
    put(&mut head, 77, &compression.to_le_bytes());
    put(&mut head, 512, descriptor(stream).as_bytes());
    change(&mut head);
    head
}

fn descriptor(stream: bool) -> String {
    let kind = match stream {
        true => "streamOptimized",
        false => "monolithicSparse",
    };
    format!(
        "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\n\
         createType=\"{kind}\"\n\n# Extent description\nRW {SECTORS} SPARSE \"disk.vmdk\"\n\n\
         #DDB\nddb.adapterType = \"ide\"\n"
    )
}

#[test]
fn a_sound_header_is_read() {
    for stream in [false, true] {
        let header = Header::parse(&head(stream, |_| ())).expect("sound");
        assert_eq!(header.size, SECTORS * 512);
        assert_eq!(header.grain, GRAIN);
        assert_eq!(header.directory, Some(DIRECTORY as u64));
        assert_eq!(header.stream, stream);
        assert_eq!(header.directory_entries(), 2);
    }
    let at_end = head(true, |h| put(h, 56, &u64::MAX.to_le_bytes()));
    assert_eq!(Header::parse(&at_end).map(|h| h.directory), Ok(None));
}

#[test]
fn streams_have_no_tables_to_learn() {
    let found = read(&head(true, |_| ())).err();
    assert_eq!(found, Some(VmdkError::Stream.into()));
}

#[test]
fn every_refusal_has_its_name() {
    type Change = fn(&mut Vec<u8>);
    let place = |offset| {
        VmdkError::Map(MapError::Offset {
            what: "header",
            offset,
        })
    };
    let cases: Vec<(Change, VmdkError)> = vec![
        (|h| h[0] = 0, VmdkError::NotSparse),
        (
            |h| put(h, 0, b"# Disk DescriptorFile"),
            VmdkError::OnlyDescriptor,
        ),
        (|h| h.truncate(60), VmdkError::CutOff),
        (|h| h[4] = 4, VmdkError::Version(4)),
        (|h| h[8] = 0x11, VmdkError::Flags(0x11)),
        (|h| h[10] = 1, VmdkError::Flags(0x1_0001)),
        (|h| h[75] = b'\n', VmdkError::Newlines),
        (|h| h[77] = 1, VmdkError::Compression(1)),
        (|h| h[20] = 129, VmdkError::GrainSize(129)),
        (|h| h[20] = 0, VmdkError::GrainSize(0)),
        (|h| h[26] = 1, VmdkError::GrainSize((1 << 48) + 128)),
        (|h| h[44] = 1, VmdkError::TableSize(513)),
        (|h| put(h, 12, &[0; 8]), VmdkError::Capacity(0)),
        (
            |h| h[19] = 0x20,
            VmdkError::Capacity((0x20 << 56) + SECTORS),
        ),
        (|h| h[28] = 0, VmdkError::DescriptorPlace),
        (|h| h[30] = 1, VmdkError::DescriptorPlace),
        (|h| h[28] = 109, VmdkError::DescriptorPlace),
        (|h| h.truncate(512), VmdkError::CutOff),
        (|h| h[56] = 0, place(0)),
        (|h| h[63] = 1, place(u64::MAX)),
        (|h| put(h, 56, &[0xff; 8]), place(u64::MAX)),
    ];
    for (change, error) in cases {
        assert_eq!(Header::parse(&head(false, change)), Err(error));
    }
}

#[test]
fn only_clean_descriptors_are_acceptable() {
    let sound = descriptor(false);
    let extent = format!("RW {SECTORS} SPARSE \"disk.vmdk\"");
    let cases = [
        ("", "", None),
        ("# Disk", "# Disc", Some("it does not begin as one")),
        ("ide", "\u{1}\u{0}\u{2}", None),
        (
            "version=1",
            "nonsense",
            Some("the line \"nonsense\" makes no sense"),
        ),
        (
            "monolithicSparse",
            "vmfs",
            Some("its subformat is \"vmfs\", its header that of monolithicSparse"),
        ),
        (
            "monolithicSparse",
            "streamOptimized",
            Some("its subformat is \"streamOptimized\", its header that of monolithicSparse"),
        ),
        ("CID=ffffffff", "CID=1234abcd", Some("it needs a parent")),
        (
            "version=1",
            "parentFileNameHint=\"base.vmdk\"",
            Some("it names a parent"),
        ),
        (&extent, "", Some("it names 0 extents instead of one")),
        (
            "#DDB",
            "RW 1 SPARSE \"other.vmdk\"",
            Some("it names 2 extents instead of one"),
        ),
        ("disk.vmdk", "/dev/sda", Some("its extent has a path")),
        ("disk.vmdk", "..\\disk", Some("its extent has a path")),
        (
            "SPARSE \"disk.vmdk\"",
            "FLAT \"x\" 0",
            Some("the extent \"RW 131072 FLAT \\\"x\\\" 0\" is not sparse"),
        ),
        (
            "RW 131072",
            "RW 131073",
            Some(
                "the extent \"RW 131073 SPARSE \\\"disk.vmdk\\\"\" has not the header's 131072 sectors",
            ),
        ),
    ];
    for (from, to, reason) in cases {
        let text = match from {
            "" => sound.clone(),
            _ => sound.replace(from, to),
        };
        let checked = Descriptor::from_text(text.as_bytes())
            .and_then(|descriptor| descriptor.check(false, SECTORS));
        let expected = match reason {
            None => Ok(()),
            Some(reason) => Err(VmdkError::Descriptor(reason.into())),
        };
        assert_eq!(checked, expected, "{from} -> {to}");
    }
    assert_eq!(
        Descriptor::from_text(b"# Disk DescriptorFile\nx=\xff"),
        Err(VmdkError::Descriptor("it is not text".into()))
    );
}

/// A file of two tables, of which the second is not there.
fn file(directory: &[u32], table: &[u32]) -> Vec<u8> {
    let mut file = head(false, |h| h[8] = 5);
    file.resize(GRAINS + 10 * 65_536, 0);
    for (at, entries) in [(DIRECTORY, directory), (TABLES, table)] {
        for (index, entry) in entries.iter().enumerate() {
            put(&mut file, at + index * 4, &entry.to_le_bytes());
        }
    }
    file
}

fn read(file: &[u8]) -> Result<DiskMap, ContainerError> {
    container::read(Kind::Vmdk, file)
}

#[test]
fn tables_become_extents_and_gaps() {
    let map = read(&file(&[22, 0], &[256, 128, 0, 1, 384, 512])).expect("sound");
    let extents: Vec<Extent> = map.extents.extents().collect();
    let plain = |host, guest, grains| Extent {
        host,
        guest: guest * GRAIN,
        span: Span::Plain(grains * GRAIN),
    };
    assert_eq!(
        extents,
        [
            plain(65_536, 1, 1),
            plain(131_072, 0, 1),
            plain(196_608, 4, 2),
        ]
    );
    // The directory is read first, so the missing table's gap comes first.
    let gaps: Vec<_> = map.gaps.iter().collect();
    assert_eq!(
        gaps,
        [
            (512 * GRAIN, 512 * GRAIN),
            (2 * GRAIN, 2 * GRAIN),
            (6 * GRAIN, 506 * GRAIN)
        ]
    );
}

#[test]
fn tables_behind_the_end_of_the_file_are_refused() {
    let impossible = |what, offset| Some(MapError::Offset { what, offset }.into());
    let found = read(&file(&[u32::MAX, 0], &[])).err();
    assert_eq!(
        found,
        impossible("grain directory", u64::from(u32::MAX) * 512)
    );
    let found = read(&file(&[22], &[2000])).err();
    assert_eq!(found, impossible("grain table", 2000 * 512));
    let mut without_zero_grains = file(&[22], &[1]);
    without_zero_grains[8] = 1;
    let map = read(&without_zero_grains).expect("a grain within the header");
    assert_eq!(map.extents.extents().next().map(|e| e.host), Some(512));
}

#[test]
fn noise_never_panics_and_stays_in_bounds() {
    let mut noise = Noise(11);
    let sound = file(&[22, 26], &[256, 128, 0, 1, 384, 512]);
    for _ in 0..2000 {
        let mut damaged = sound.clone();
        noise.damage_front(&mut damaged, TABLES + 4096);
        let Ok(map) = read(&damaged) else { continue };
        for extent in map.extents.extents() {
            assert!(extent.guest < map.size);
        }
        let gaps: u64 = map.gaps.iter().map(|(_, length)| length).sum();
        assert!(gaps <= map.size && map.held() < 1 << 20);
    }
}
