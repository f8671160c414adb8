// SPDX-License-Identifier: Apache-2.0
//! Raw images, and what is the same for all formats.

use ironseed_core::event::Milestone;
use ironseed_core::image_request::Secret;

use super::*;

#[test]
fn a_raw_image_is_on_the_disk_as_it_was_served() {
    let server = Server::start();
    for (size, sector) in [
        (3 * MIB, 512),
        (3 * MIB + 512, 512),
        (3 * MIB + 700, 512),
        (3 * MIB + 512, 4096),
        (512 << 10, 512),
    ] {
        for stream_raw in [true, false] {
            let body = image(size);
            let url = server.serve("/disk.raw", has_ranges(&body));
            let mut request = request(&url, "raw", &body);
            request.stream_raw = stream_raw;
            let disk = disk(6 * MIB, sector);
            let (result, events) = deploy(&request, &disk);
            assert_eq!(result, Ok(0x1a2b_3c4d));
            let what = format!("{size} bytes, sectors of {sector}");
            assert_same(&disk.content(0, size).expect("content"), &body, &what);
            let tail = disk.content(5 * MIB as u64, MIB).expect("content");
            assert!(tail.iter().all(|byte| *byte == 0), "the old backup GPT");
            let reached: Vec<&str> = events.iter().filter_map(milestone).collect();
            assert_eq!(reached, ["download", "write"]);
        }
    }
}

fn milestone(event: &Event) -> Option<&str> {
    match event {
        Event::Reached(Milestone { name, .. }) => Some(name),
        _ => None,
    }
}

#[test]
fn holes_are_zeroed_over_what_was_there() {
    let server = Server::start();
    let mut body = vec![0; 8 * MIB];
    body[5 * MIB..5 * MIB + 10].fill(7);
    let url = server.serve("/disk.raw", has_ranges(&body));
    let disk = disk(8 * MIB, 512);
    assert!(deploy(&request(&url, "raw", &body), &disk).0.is_ok());
    let found = disk.content(0, 8 * MIB).expect("content");
    assert_same(&found, &body, "holes");
}

#[test]
fn every_known_digest_is_computed() {
    let server = Server::start();
    let body = image(MIB);
    let url = server.serve("/disk.raw", has_ranges(&body));
    for algorithm in [
        DigestAlgorithm::Md5,
        DigestAlgorithm::Sha256,
        DigestAlgorithm::Sha512,
    ] {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(&body);
        let mut request = request(&url, "raw", &body);
        request.digest = ExpectedDigest::Known(Digest {
            algorithm,
            hex: hasher.finish(),
        });
        assert!(deploy(&request, &disk(2 * MIB, 512)).0.is_ok());
    }
}

#[test]
fn a_wrong_digest_leaves_nothing_bootable() {
    let server = Server::start();
    let body = image(3 * MIB);
    let url = server.serve("/disk.raw", has_ranges(&body));
    for stream_raw in [true, false] {
        let mut request = request(&url, "raw", b"another image");
        request.stream_raw = stream_raw;
        let disk = disk(4 * MIB, 512);
        let fault = deploy(&request, &disk).0.expect_err("wrong");
        assert_eq!(fault.code(), "image-checksum");
        assert!(fault.to_string().contains(&sha256(&body).hex), "{fault}");
        assert_not_bootable(&disk);
        if !stream_raw {
            assert_untouched(&disk);
        }
    }
    // A file that is wrong stays wrong: it is not fetched again.
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn digests_may_stand_in_a_file() {
    let server = Server::start();
    let body = image(MIB);
    let url = server.serve("/a/disk.raw", has_ranges(&body));
    let sums = |text: String| server.serve("/a/SUMS", no_ranges(text.as_bytes()));
    let run = |sums: String, md5_allowed| {
        let mut request = request(&url, "raw", &body);
        request.digest = ExpectedDigest::InFile {
            url: sums,
            algorithm: None,
            md5_allowed,
        };
        let disk = disk(2 * MIB, 512);
        let result = deploy(&request, &disk).0;
        if result.is_err() {
            assert_untouched(&disk);
        }
        result
    };
    let hex = sha256(&body).hex;
    assert!(run(sums(format!("{hex}  disk.raw\n{hex}x other\n")), true).is_ok());
    let other = run(sums(format!("{hex}  other.raw\n")), true).expect_err("other");
    assert_eq!(other.code(), "checksum-file");
    let md5 = &hex[..32];
    let weak = run(sums(format!("{md5}  disk.raw\n")), false).expect_err("weak");
    assert_eq!(weak.code(), "image-source");
    let gone = server.serve("/x", no_ranges(b"")).replace("/x", "/gone");
    assert_eq!(run(gone, true).expect_err("gone").code(), "image-refused");
}

#[test]
fn an_image_larger_than_the_disk_does_not_touch_it() {
    let server = Server::start();
    let body = image(3 * MIB);
    let url = server.serve("/disk.raw", has_ranges(&body));
    let disk = disk(2 * MIB, 512);
    let fault = deploy(&request(&url, "raw", &body), &disk)
        .0
        .expect_err("large");
    assert_eq!(
        fault.to_string(),
        "the image needs 3145728 bytes, /dev/vda has 2097152"
    );
    assert_untouched(&disk);
}

#[test]
fn an_image_that_turns_out_larger_leaves_nothing_bootable() {
    let server = Server::start();
    let body = image(3 * MIB);
    let secret = Served {
        no_length: true,
        ..no_ranges(&body)
    };
    let url = server.serve("/disk.raw", secret);
    let small = disk(2 * MIB, 512);
    let fault = deploy(&request(&url, "raw", &body), &small)
        .0
        .expect_err("large");
    assert_eq!(fault.code(), "image-too-large");
    assert_not_bootable(&small);
    let large = disk(4 * MIB, 512);
    assert!(deploy(&request(&url, "raw", &body), &large).0.is_ok());
}

#[test]
fn a_declared_format_that_is_not_the_real_one_is_refused() {
    let server = Server::start();
    let directory = tempfile::tempdir().expect("a directory");
    let file = path(directory.path(), "x.qcow2");
    qemu_img(&["create", "-q", "-f", "qcow2", &file, "1M"]);
    let qcow2 = std::fs::read(&file).expect("the image");
    let raw = image(MIB);
    for (body, declared, problem) in [
        (
            &qcow2,
            "raw",
            "image image is refused: it is declared raw but is qcow2",
        ),
        (
            &raw,
            "qcow2",
            "image image is refused: it is declared qcow2 but is gpt",
        ),
        (&raw, "vhd", "image image is refused: it has no vhd footer"),
        (
            &qcow2,
            "vhd",
            "image image is refused: it is declared vhd but is qcow2",
        ),
    ] {
        let url = server.serve("/x", has_ranges(body));
        let disk = disk(4 * MIB, 512);
        let fault = deploy(&request(&url, declared, body), &disk)
            .0
            .expect_err(problem);
        assert_eq!(fault.to_string(), problem);
        assert_untouched(&disk);
    }
}

#[test]
fn the_authorization_goes_with_every_request_and_into_no_event() {
    let server = Server::start();
    let body = image(2 * MIB);
    let mut served = has_ranges(&body);
    served
        .script
        .push_back(super::super::server::Act::Cut(100_000));
    let url = server.serve("/disk.raw", served);
    let mut request = request(&url, "raw", &body);
    request.authorization = Some(Secret::new("Bearer hush"));
    let (result, events) = deploy(&request, &disk(2 * MIB, 512));
    assert!(result.is_ok());
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    for request in seen {
        let header = request.headers.get("authorization").map(String::as_str);
        assert_eq!(header, Some("Bearer hush"));
        let encoding = request.headers.get("accept-encoding").map(String::as_str);
        assert_eq!(encoding, Some("identity"));
    }
    assert!(!format!("{events:?} {request:?}").contains("hush"));
}

#[test]
fn a_proxy_is_asked_for_what_it_is_for() {
    let server = Server::start();
    let body = image(MIB);
    let proxy = server.serve("http://images.example/disk.raw", has_ranges(&body));
    let proxy = proxy.replace("http://images.example/disk.raw", "");
    let mut request = request("http://images.example/disk.raw", "raw", &body);
    request.proxies = Proxies {
        http: Some(proxy),
        https: None,
        no_proxy: None,
    };
    assert!(deploy(&request, &disk(MIB, 512)).0.is_ok());
    assert_eq!(server.seen()[0].path, "http://images.example/disk.raw");
}
