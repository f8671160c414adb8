// SPDX-License-Identifier: Apache-2.0
//! Files that are compressed as a whole, against the same images as they are.

use std::io::Write as _;

use ironseed_core::image::compression::Codec;
use ironseed_core::image::transfer::TransferProfile;

use super::super::server::Act;
use super::*;

const CODECS: [Codec; 3] = [Codec::Gzip, Codec::Xz, Codec::Zstd];

fn compressed(codec: Codec, bytes: &[u8]) -> Vec<u8> {
    match codec {
        Codec::Gzip => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).expect("memory");
            encoder.finish().expect("memory")
        }
        Codec::Xz => xz(bytes, 1 << 20),
        Codec::Zstd => {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).expect("memory");
            encoder.include_checksum(true).expect("memory");
            encoder.write_all(bytes).expect("memory");
            encoder.finish().expect("memory")
        }
    }
}

fn xz(bytes: &[u8], dictionary: u32) -> Vec<u8> {
    use liblzma::stream::{Check, Filters, LzmaOptions, Stream};
    let mut options = LzmaOptions::new_preset(0).expect("a preset");
    let mut filters = Filters::new();
    filters.lzma2(options.dict_size(dictionary));
    let stream = Stream::new_stream_encoder(&filters, Check::Crc64).expect("memory");
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// One stream per part, with what is allowed between and behind them.
fn in_parts(codec: Codec, bytes: &[u8], parts: usize) -> Vec<u8> {
    let between: &[u8] = match codec {
        Codec::Gzip => &[],
        Codec::Xz => &[0; 8],
        Codec::Zstd => b"\x51\x2a\x4d\x18\x03\0\0\0abc",
    };
    let mut file = match codec {
        Codec::Zstd => between.to_vec(),
        Codec::Gzip | Codec::Xz => Vec::new(),
    };
    for part in bytes.chunks(bytes.len().div_ceil(parts)) {
        file.extend(compressed(codec, part));
        file.extend_from_slice(between);
    }
    if codec == Codec::Gzip {
        file.extend_from_slice(&[0; 513]);
    }
    file
}

fn qcow2(raw: &[u8]) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a directory");
    let (source, file) = (
        path(directory.path(), "source.raw"),
        path(directory.path(), "image.qcow2"),
    );
    std::fs::write(&source, raw).expect("written");
    qemu_img(&["convert", "-f", "raw", "-O", "qcow2", &source, &file]);
    std::fs::read(&file).expect("the image")
}

fn profile(events: &[Event]) -> TransferProfile {
    let found = events.iter().find_map(|event| match event {
        Event::Transferred(profile) => Some(profile.clone()),
        _ => None,
    });
    found.expect("a profile")
}

/// Serves a file, deploys it and gives the fault and the disk.
fn refused(file: &[u8], format: &str, ranges: bool) -> (Fault, Arc<FakeDisk>) {
    let server = Server::start();
    let served = Served {
        ranges,
        ..has_ranges(file)
    };
    let url = server.serve("/x", served);
    let disk = disk(4 * MIB, 512);
    let fault = deploy(&request(&url, format, file), &disk).0;
    assert_not_bootable(&disk);
    (fault.expect_err("refused"), disk)
}

#[test]
fn compressed_images_are_on_the_disk_as_if_they_were_not() {
    let server = Server::start();
    let raw = image(2 * MIB + 512);
    let qcow2 = qcow2(&raw);
    for codec in CODECS {
        for (format, plain) in [("raw", &raw), ("qcow2", &qcow2)] {
            for parts in [1, 50] {
                for ranges in [true, false] {
                    let file = match parts {
                        1 => compressed(codec, plain),
                        parts => in_parts(codec, plain, parts),
                    };
                    let served = Served {
                        ranges,
                        ..has_ranges(&file)
                    };
                    let url = server.serve("/disk", served);
                    let what = format!("{codec} {format} in {parts}, ranges: {ranges}");
                    let mut request = request(&url, format, &file);
                    if parts > 1 {
                        request.declared_format = None;
                    }
                    let disk = disk(4 * MIB, 512);
                    let (result, events) = deploy(&request, &disk);
                    assert_eq!(result, Ok(0x1a2b_3c4d), "{what}");
                    let found = disk.content(0, raw.len()).expect("content");
                    assert_same(&found, &raw, &what);
                    let amounts = profile(&events).amounts;
                    // A qcow2 image is read once for its tables and once for its data.
                    let passes = if format == "raw" { 1 } else { 2 };
                    assert_eq!(amounts.served, passes * file.len() as u64, "{what}");
                    assert_eq!(amounts.unpacked, passes * plain.len() as u64, "{what}");
                }
            }
        }
    }
}

#[test]
fn what_was_read_to_look_at_it_is_not_fetched_again() {
    let server = Server::start();
    let raw = image(3 * MIB);
    for codec in CODECS {
        let file = compressed(codec, &raw);
        let url = server.serve("/disk", has_ranges(&file));
        let before = server.seen().len();
        let disk = disk(4 * MIB, 512);
        assert!(deploy(&request(&url, "raw", &file), &disk).0.is_ok());
        assert_eq!(server.seen().len(), before + 1, "{codec}");
    }
}

#[test]
fn a_compressed_image_may_be_verified_before_it_is_written() {
    let server = Server::start();
    let raw = image(3 * MIB);
    for codec in CODECS {
        let file = compressed(codec, &raw);
        let url = server.serve("/disk", has_ranges(&file));
        let mut request = request(&url, "raw", &file);
        request.stream_raw = false;
        let disk = disk(4 * MIB, 512);
        let (result, events) = deploy(&request, &disk);
        assert!(result.is_ok(), "{codec}: {result:?}");
        let found = disk.content(0, raw.len()).expect("content");
        assert_same(&found, &raw, "verified");
        assert_eq!(profile(&events).amounts.served, 2 * file.len() as u64);
        request.digest = ExpectedDigest::Known(sha256(b"other"));
        let untouched = self::disk(4 * MIB, 512);
        let fault = deploy(&request, &untouched).0.expect_err("wrong");
        assert_eq!(fault.code(), "image-checksum");
        assert_untouched(&untouched);
    }
}

#[test]
fn a_broken_transfer_of_a_compressed_image_goes_on() {
    let server = Server::start();
    let raw = image(4 * MIB);
    for codec in CODECS {
        for ranges in [true, false] {
            let file = compressed(codec, &raw);
            let step = file.len() / 5;
            let served = Served {
                ranges,
                script: (1..4).map(|part| Act::Cut(part * step)).collect(),
                ..has_ranges(&file)
            };
            let url = server.serve("/disk", served);
            let disk = disk(4 * MIB, 512);
            assert!(deploy(&request(&url, "raw", &file), &disk).0.is_ok());
            let found = disk.content(0, raw.len()).expect("content");
            assert_same(&found, &raw, "after cuts");
        }
    }
}

/// The digest is right, so the file is cut off on the server.
#[test]
fn a_file_that_is_cut_off_is_named() {
    let raw = image(MIB);
    for codec in CODECS {
        let file = compressed(codec, &raw);
        for length in [8, 20, 1000, file.len() / 2, file.len() - 9, file.len() - 1] {
            let (fault, _) = refused(&file[..length], "raw", true);
            let expected = format!(
                "image image is refused: its {codec} stream is cut off after {length} bytes"
            );
            assert_eq!(fault.to_string(), expected);
        }
    }
}

#[test]
fn a_flipped_byte_is_explained_by_the_digest_or_named() {
    let server = Server::start();
    let raw = image(MIB);
    for codec in CODECS {
        let sound = compressed(codec, &raw);
        for at in [13, 3000, sound.len() / 2, sound.len() - 3] {
            let mut file = sound.clone();
            file[at] ^= 0x10;
            let url = server.serve("/disk", has_ranges(&file));
            let disk = disk(2 * MIB, 512);
            let mut request = request(&url, "raw", &sound);
            let fault = deploy(&request, &disk).0.expect_err("flipped");
            let what = format!("{codec} at {at}: {fault}");
            assert_eq!(fault.code(), "image-checksum", "{what}");
            assert!(fault.to_string().contains(&sha256(&file).hex), "{what}");
            assert_not_bootable(&disk);
            // The same with a digest that says it is meant to be so.
            request.digest = ExpectedDigest::Known(sha256(&file));
            let fault = deploy(&request, &disk).0.expect_err("damaged");
            assert_eq!(fault.code(), "image-invalid", "{what}: {fault}");
            assert_not_bootable(&disk);
        }
    }
}

#[test]
fn something_behind_the_stream_is_named() {
    let raw = image(MIB);
    let cases: [(Codec, &[u8]); 4] = [
        (Codec::Gzip, b"not gzip"),
        (Codec::Xz, b"not xz"),
        (Codec::Xz, &[0; 3]),
        (Codec::Zstd, &[0; 4]),
    ];
    for (codec, behind) in cases {
        let mut file = compressed(codec, &raw);
        let at = file.len();
        file.extend_from_slice(behind);
        let (fault, _) = refused(&file, "raw", true);
        let expected = format!(
            "image image is refused: something that is not {codec} follows its {codec} stream at byte {at}"
        );
        assert_eq!(fault.to_string(), expected);
    }
}

#[test]
fn a_bomb_ends_where_the_disk_does() {
    let zeroes = vec![0; 64 * MIB];
    for codec in CODECS {
        let (fault, disk) = refused(&compressed(codec, &zeroes), "raw", true);
        assert_eq!(fault.code(), "image-too-large", "{codec}");
        assert!(disk.written() <= 8 * MIB as u64);
    }
}

#[test]
fn a_window_that_takes_too_much_memory_is_refused_before_the_disk_is_touched() {
    let raw = image(MIB);
    let wide_zstd = {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).expect("memory");
        encoder.window_log(27).expect("a window");
        encoder.write_all(&raw).expect("memory");
        encoder.finish().expect("memory")
    };
    for (file, advice) in [
        (xz(&raw, 32 << 20), "'xz -7' or less"),
        (wide_zstd, "'zstd -19' or less"),
    ] {
        let (fault, disk) = refused(&file, "raw", true);
        let text = fault.to_string();
        assert!(text.contains("takes more than 16 MiB of memory"), "{text}");
        assert!(text.contains(advice), "{text}");
        assert_untouched(&disk);
    }
    // What the limit allows works.
    let server = Server::start();
    let file = xz(&raw, 16 << 20);
    let url = server.serve("/disk", has_ranges(&file));
    let result = deploy(&request(&url, "raw", &file), &disk(2 * MIB, 512)).0;
    assert!(result.is_ok(), "{result:?}");
}

#[test]
fn a_file_that_begins_with_next_to_nothing_is_refused() {
    let mut file = b"\x50\x2a\x4d\x18\0\0\x20\0".to_vec();
    file.resize(2 * MIB + 8, 1);
    file.extend(compressed(Codec::Zstd, &image(MIB)));
    let (fault, disk) = refused(&file, "raw", true);
    assert_eq!(
        fault.to_string(),
        "image image is refused: the first 1048576 bytes of its zstd stream unpack to next to nothing"
    );
    assert_untouched(&disk);
}

#[test]
fn the_format_inside_is_compared_with_the_declared_one() {
    let raw = image(MIB);
    for codec in CODECS {
        let (fault, disk) = refused(&compressed(codec, &raw), "qcow2", true);
        assert_eq!(
            fault.to_string(),
            "image image is refused: it is declared qcow2 but is gpt"
        );
        assert_untouched(&disk);
        let (fault, _) = refused(&compressed(codec, &qcow2(&raw)), "raw", false);
        assert_eq!(
            fault.to_string(),
            "image image is refused: it is declared raw but is qcow2"
        );
    }
}

#[test]
fn the_profile_adds_up() {
    let server = Server::start();
    let mut raw = image(5 * MIB);
    raw[2 * MIB..3 * MIB].fill(0);
    let url = server.serve("/disk", has_ranges(&raw));
    let (result, events) = deploy(&request(&url, "raw", &raw), &disk(6 * MIB, 512));
    assert!(result.is_ok());
    let profile = profile(&events);
    assert_eq!(
        (profile.image.as_str(), profile.device.as_str()),
        ("image", DISK)
    );
    let amounts = profile.amounts;
    assert_eq!((amounts.served, amounts.unpacked), (5 * MIB as u64, 0));
    assert_eq!(amounts.written + amounts.zeroed, 5 * MIB as u64);
    assert!(amounts.written > 0 && amounts.zeroed > 0, "{amounts:?}");
    let last = events.last().map(ToString::to_string).unwrap_or_default();
    assert!(last.starts_with("reached: write"), "{last}");
}
