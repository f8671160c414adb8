// SPDX-License-Identifier: Apache-2.0
//! Transfers that break, stall or end too early, and go on: at the same server
//! or at the next.

use std::collections::VecDeque;

use super::super::server::Act;
use super::*;

fn told(events: &[Event], text: &str) -> bool {
    events.iter().any(|event| event.to_string().contains(text))
}

fn assert_deployed(request: &ImageRequest, body: &[u8]) -> Vec<Event> {
    let disk = disk(8 * MIB, 512);
    let (result, events) = deploy(request, &disk);
    assert!(result.is_ok(), "{result:?}");
    let found = disk.content(0, body.len()).expect("content");
    assert_same(&found, body, "the image");
    events
}

#[test]
fn a_stalled_transfer_goes_on_where_it_stalled() {
    let server = Server::start();
    let body = image(4 * MIB);
    for ranges in [true, false] {
        let script = [
            Act::Stall(MIB),
            Act::Silence,
            Act::Stall(100_000),
            Act::Serve,
        ];
        let served = Served {
            script: script.into(),
            ranges,
            ..has_ranges(&body)
        };
        let url = server.serve("/disk.raw", served);
        let mut request = request(&url, "raw", &body);
        // A machine that is too slow for this only tries more often.
        request.download.timeout = Duration::from_millis(100);
        request.download.retries = 10_000;
        let events = assert_deployed(&request, &body);
        assert!(told(&events, "nothing came for 100ms"), "{events:?}");
    }
}

#[test]
fn the_limit_of_the_whole_download_ends_a_stall() {
    let server = Server::start();
    let body = image(2 * MIB);
    for act in [Act::Silence, Act::Stall(MIB)] {
        let served = Served {
            script: [act].into(),
            ..has_ranges(&body)
        };
        let url = server.serve("/disk.raw", served);
        let mut request = request(&url, "raw", &body);
        // The test's clock stands still: only waiting for the server can end it.
        request.download.timeout = Duration::from_secs(86_400);
        request.download.max_duration = Some(Duration::from_millis(300));
        let disk = disk(2 * MIB, 512);
        let fault = deploy(&request, &disk).0.expect_err("too long");
        let text = fault.to_string();
        assert!(text.ends_with("it took longer than 300ms"), "{text}");
        assert_not_bootable(&disk);
    }
}

#[test]
fn chunks_without_a_length_are_resumed() {
    let server = Server::start();
    let body = image(4 * MIB);
    for ranges in [true, false] {
        let served = Served {
            chunked: true,
            ranges,
            script: [Act::Cut(MIB), Act::Cut(2 * MIB), Act::Cut(5), Act::Serve].into(),
            ..has_ranges(&body)
        };
        let url = server.serve("/disk.raw", served);
        assert_deployed(&request(&url, "raw", &body), &body);
    }
}

#[test]
fn an_end_that_may_be_a_break_is_not_trusted() {
    let server = Server::start();
    let body = image(4 * MIB);
    let served = Served {
        no_length: true,
        script: [Act::Cut(MIB)].into(),
        ..no_ranges(&body)
    };
    let url = server.serve("/disk.raw", served);
    let events = assert_deployed(&request(&url, "raw", &body), &body);
    assert!(told(&events, "starting again: the digest is wrong"));
}

#[test]
fn a_date_tells_versions_apart_too() {
    let server = Server::start();
    let (old, mut new) = (image(3 * MIB), image(3 * MIB));
    new[2 * MIB..].reverse();
    let date = "Wed, 21 Oct 2015 07:28:00 GMT";
    let mut served = has_ranges(&old);
    served.etag = Some("W/\"weak\"");
    served.modified = Some(date);
    served.script = [Act::Cut(MIB), Act::Cut(MIB), Act::Serve].into();
    let url = server.serve("/disk.raw", served.clone());
    assert_deployed(&request(&url, "raw", &old), &old);
    assert_eq!(server.seen()[1].header("if-range"), Some(date));
    // No longer the same weak tag: another file.
    served.script = [Act::Cut(MIB), Act::Change(new.clone(), "W/\"new\"")].into();
    server.serve("/disk.raw", served);
    let events = assert_deployed(&request(&url, "raw", &new), &new);
    assert!(told(&events, "the file changed on the server"));
}

#[test]
fn a_truncated_file_is_given_up() {
    let server = Server::start();
    let body = image(3 * MIB);
    for ranges in [true, false] {
        let served = Served {
            missing: MIB,
            ranges,
            ..has_ranges(&body)
        };
        let url = server.serve("/disk.raw", served);
        let disk = disk(8 * MIB, 512);
        let fault = deploy(&request(&url, "raw", &body), &disk).0;
        assert_eq!(fault.expect_err("truncated").code(), "image-download");
        assert_not_bootable(&disk);
    }
}

#[test]
fn the_next_url_goes_on_where_the_first_broke() {
    let server = Server::start();
    let body = image(4 * MIB);
    let broken = |script: Vec<Act>| Served {
        script: script.into(),
        ..has_ranges(&body)
    };
    let mut dying = vec![Act::Cut(MIB)];
    dying.extend(vec![Act::Status(503); 4]);
    for ranges in [true, false] {
        let first = server.serve("/first", broken(dying.clone()));
        let good = Served {
            ranges,
            etag: Some("\"another server, another tag\""),
            ..has_ranges(&body)
        };
        let second = server.serve("/second", good);
        let mut request = request(&first, "raw", &body);
        request.urls.push(second);
        let before = server.seen().len();
        let events = assert_deployed(&request, &body);
        assert!(told(&events, "going on with"));
        assert!(!told(&events, "starting again"));
        let seen = &server.seen()[before..];
        let last = seen.last().expect("a request");
        assert_eq!((last.path.as_str(), seen.len()), ("/second", 5));
        assert_eq!(last.header("range"), Some("bytes=1048576-"));
        assert_eq!(last.header("if-range"), None);
    }
}

#[test]
fn another_file_at_the_next_url_is_read_from_its_beginning() {
    let server = Server::start();
    let (wrong, body) = (image(4 * MIB), {
        let mut body = image(4 * MIB);
        body[4096..MIB].reverse();
        body
    });
    let longer = image(5 * MIB);
    let mut dying: VecDeque<Act> = [Act::Cut(MIB)].into();
    dying.extend(vec![Act::Status(503); 9]);
    // Of the same length, of another length, of an unknown length.
    for (first, chunked, reason) in [
        (
            &wrong,
            false,
            "the digest is wrong after an interrupted transfer",
        ),
        (&longer, false, "the file changed on the server"),
        (
            &wrong,
            true,
            "nothing tells whether the next URL has the same file",
        ),
    ] {
        let first = Served {
            script: dying.clone(),
            chunked,
            ..has_ranges(first)
        };
        let mut request = request(&server.serve("/first", first), "raw", &body);
        request
            .urls
            .push(server.serve("/second", has_ranges(&body)));
        let events = assert_deployed(&request, &body);
        assert!(told(&events, "starting again: "), "{events:?}");
        assert!(told(&events, reason), "{events:?}");
    }
}

#[test]
fn a_mounted_medium_may_be_the_next() {
    let server = Server::start();
    let body = image(4 * MIB);
    let directory = tempfile::tempdir().expect("a directory");
    let file = path(directory.path(), "disk.raw");
    std::fs::write(&file, &body).expect("written");
    let mut dying: VecDeque<Act> = [Act::Cut(MIB)].into();
    dying.extend(vec![Act::Status(503); 9]);
    let first = Served {
        script: dying,
        ..has_ranges(&body)
    };
    let mut request = request(&server.serve("/first", first), "raw", &body);
    request.urls.push(format!("file://{file}"));
    let events = assert_deployed(&request, &body);
    assert!(!told(&events, "starting again"));
}

#[test]
fn two_versions_of_a_qcow2_image_are_not_taken_for_a_damaged_one() {
    let server = Server::start();
    let directory = tempfile::tempdir().expect("a directory");
    let (raw, file) = (
        path(directory.path(), "image.raw"),
        path(directory.path(), "image.qcow2"),
    );
    let content = image(4 * MIB);
    std::fs::write(&raw, &content).expect("written");
    qemu_img(&["convert", "-f", "raw", "-O", "qcow2", "-c", &raw, &file]);
    let sound = std::fs::read(&file).expect("the image");
    let mut damaged = sound.clone();
    let half = damaged.len() / 2;
    damaged[half..].fill(0xff);
    // The tag does not tell that the file was replaced.
    let served = Served {
        script: [
            Act::Cut(half + 100_000),
            Act::Serve,
            Act::Serve,
            Act::Change(sound.clone(), "\"one\""),
        ]
        .into(),
        ..no_ranges(&damaged)
    };
    let url = server.serve("/x", served);
    let disk = disk(8 * MIB, 512);
    let (result, _) = deploy(&request(&url, "qcow2", &sound), &disk);
    assert!(result.is_ok(), "{result:?}");
    let found = disk.content(0, content.len()).expect("content");
    assert_same(&found, &content, "the image");
}
