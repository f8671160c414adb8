// SPDX-License-Identifier: Apache-2.0
//! Servers, networks and disks in trouble.

use std::collections::VecDeque;

use super::super::server::Act;
use super::*;
use crate::block::fake::Trouble;

fn scripted(body: &[u8], script: impl Into<VecDeque<Act>>) -> Served {
    Served {
        script: script.into(),
        ..has_ranges(body)
    }
}

fn waits(events: &[Event]) -> usize {
    let waiting = |event: &&Event| matches!(event, Event::Waiting(_));
    events.iter().filter(waiting).count()
}

#[test]
fn a_refusal_is_final() {
    let server = Server::start();
    for status in [400, 401, 403, 404, 416] {
        let url = server.serve("/x", scripted(&[], [Act::Status(status)]));
        let disk = disk(2 * MIB, 512);
        let (result, events) = deploy(&request(&url, "raw", b""), &disk);
        assert_eq!(result, Err(Fault::ImageRefused { url, status }));
        assert_eq!(waits(&events), 0);
        assert_untouched(&disk);
    }
}

#[test]
fn a_server_in_trouble_gets_time() {
    let server = Server::start();
    let body = image(2 * MIB);
    let burst = vec![Act::Status(503); 3];
    let url = server.serve("/disk.raw", scripted(&body, burst));
    let disk = disk(2 * MIB, 512);
    let (result, events) = deploy(&request(&url, "raw", &body), &disk);
    assert!(result.is_ok());
    assert_eq!(waits(&events), 3);
    assert!(events.contains(&Event::WaitOver));
}

#[test]
fn a_server_may_ask_for_more_time_within_bounds() {
    let server = Server::start();
    let body = image(MIB);
    let date = "Date: Wed, 21 Oct 2015 07:28:00 GMT".to_owned();
    let then = "Retry-After: Wed, 21 Oct 2015 07:58:00 GMT".to_owned();
    let script = [
        Act::Answer(503, vec!["Retry-After: 3600".into()]),
        Act::Answer(503, vec![date, then]),
        Act::Answer(500, vec!["Retry-After: never".into()]),
    ];
    let url = server.serve("/disk.raw", scripted(&body, script));
    let mut request = request(&url, "raw", &body);
    // Six times this is all that a server gets.
    request.download.retry_interval = Duration::from_millis(1);
    let (result, events) = deploy(&request, &disk(MIB, 512));
    assert!(result.is_ok(), "{result:?}");
    let told: Vec<String> = events
        .iter()
        .filter(|event| matches!(event, Event::Waiting(_)))
        .map(ToString::to_string)
        .collect();
    let ends = [
        "HTTP 503, asks for 3600s",
        "HTTP 503, asks for 1800s",
        "HTTP 500",
    ];
    assert_eq!(told.len(), ends.len(), "{told:?}");
    for (text, end) in told.iter().zip(ends) {
        assert!(text.contains(&format!(": {end} [")), "{text}");
    }
}

#[test]
fn patience_ends() {
    let server = Server::start();
    let url = server.serve("/x", scripted(&[], vec![Act::Status(500); 9]));
    let disk = disk(2 * MIB, 512);
    let fault = deploy(&request(&url, "raw", b""), &disk)
        .0
        .expect_err("trouble");
    assert_eq!(
        fault.to_string(),
        format!("downloading {url} failed after 4 attempts: HTTP 500")
    );
    assert_untouched(&disk);
}

#[test]
fn another_url_may_do_better() {
    let server = Server::start();
    let body = image(MIB);
    let bad = server.serve("/bad", scripted(&body, vec![Act::Status(500); 9]));
    let good = server.serve("/good", has_ranges(&body));
    let mut request = request(&bad, "raw", &body);
    request.urls.push(good);
    assert!(deploy(&request, &disk(2 * MIB, 512)).0.is_ok());
    // A refusal is final, though.
    let gone = server.serve("/gone", scripted(&body, [Act::Status(404)]));
    request.urls[0] = gone;
    let before = server.seen().len();
    let fault = deploy(&request, &disk(2 * MIB, 512)).0.expect_err("gone");
    assert_eq!(fault.code(), "image-refused");
    assert_eq!(server.seen().len(), before + 1);
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let mut request = request("http://127.0.0.1:1/disk.raw", "raw", b"");
    request.download.retries = 1;
    let fault = deploy(&request, &disk(2 * MIB, 512)).0.expect_err("nobody");
    assert_eq!(fault.code(), "image-download");
    assert!(fault.to_string().contains("after 2 attempts"), "{fault}");
}

#[test]
fn a_broken_transfer_goes_on_where_it_broke() {
    let server = Server::start();
    let body = image(4 * MIB);
    for step in [300_000, MIB, 65_536] {
        let cuts = vec![Act::Cut(step); body.len() / step];
        let url = server.serve("/disk.raw", scripted(&body, cuts));
        let disk = disk(4 * MIB, 512);
        let before = server.seen().len();
        let (result, _) = deploy(&request(&url, "raw", &body), &disk);
        assert!(result.is_ok(), "{result:?}");
        let found = disk.content(0, body.len()).expect("content");
        assert_same(&found, &body, "after many cuts");
        let requests = &server.seen()[before..];
        assert!(requests.len() >= body.len() / step);
        let resumed = &requests[1].headers;
        assert_eq!(resumed["range"], format!("bytes={step}-"));
        assert_eq!(resumed["if-range"], "\"one\"");
    }
}

#[test]
fn without_ranges_a_broken_transfer_is_skipped_through() {
    let server = Server::start();
    let body = image(4 * MIB);
    let served = Served {
        script: VecDeque::from([Act::Cut(MIB), Act::Cut(2 * MIB), Act::Cut(500)]),
        ..no_ranges(&body)
    };
    let url = server.serve("/disk.raw", served);
    let disk = disk(4 * MIB, 512);
    assert!(deploy(&request(&url, "raw", &body), &disk).0.is_ok());
    let found = disk.content(0, body.len()).expect("content");
    assert_same(&found, &body, "after cuts without ranges");
}

#[test]
fn a_file_that_changes_meanwhile_is_begun_again() {
    let server = Server::start();
    let (old, mut new) = (image(3 * MIB), image(3 * MIB));
    new[2 * MIB..].reverse();
    for ranges in [true, false] {
        let served = Served {
            script: VecDeque::from([
                Act::Cut(MIB),
                Act::Change(new.clone(), "\"two\""),
                Act::Serve,
            ]),
            ranges,
            ..has_ranges(&old)
        };
        let url = server.serve("/disk.raw", served);
        let disk = disk(4 * MIB, 512);
        let (result, events) = deploy(&request(&url, "raw", &new), &disk);
        assert!(result.is_ok(), "{result:?}");
        let found = disk.content(0, new.len()).expect("content");
        assert_same(&found, &new, "the new file");
        let told = events
            .iter()
            .any(|event| event.to_string().contains("the file changed on the server"));
        assert!(told);
    }
}

#[test]
fn a_file_that_is_changed_in_secret_is_fetched_once_more() {
    let server = Server::start();
    let (old, mut new) = (image(3 * MIB), image(3 * MIB));
    new[..2 * MIB].reverse();
    let change = Act::Change(new.clone(), "\"one\"");
    let script = [Act::Cut(MIB + 1000), change];
    let url = server.serve("/disk.raw", scripted(&old, script));
    let disk = disk(4 * MIB, 512);
    let (result, _) = deploy(&request(&url, "raw", &new), &disk);
    assert!(result.is_ok(), "{result:?}");
    let found = disk.content(0, new.len()).expect("content");
    assert_same(&found, &new, "the new file");
}

#[test]
fn a_file_that_never_stands_still_is_given_up() {
    let server = Server::start();
    let body = image(2 * MIB);
    let mut script = VecDeque::new();
    for etag in ["\"a\"", "\"b\"", "\"c\"", "\"d\"", "\"e\"", "\"f\""] {
        script.push_back(Act::Cut(MIB));
        script.push_back(Act::Change(body.clone(), etag));
    }
    let url = server.serve("/disk.raw", scripted(&body, script));
    let disk = disk(4 * MIB, 512);
    let fault = deploy(&request(&url, "raw", &body), &disk)
        .0
        .expect_err("restless");
    assert_eq!(fault.code(), "image-download");
    assert_not_bootable(&disk);
}

#[test]
fn encoded_content_that_nobody_asked_for_is_refused() {
    let server = Server::start();
    let mut served = has_ranges(b"xyz");
    served.headers.push("Content-Encoding: gzip".into());
    let url = server.serve("/x", served);
    let fault = deploy(&request(&url, "raw", b"xyz"), &disk(2 * MIB, 512)).0;
    let text = fault.expect_err("encoded").to_string();
    assert!(text.contains("encodes the content as gzip"), "{text}");
}

#[test]
fn a_disk_in_trouble_is_named_and_does_not_boot() {
    let server = Server::start();
    let body = image(6 * MIB);
    let url = server.serve("/disk.raw", has_ranges(&body));
    for after in (0..9 * MIB as u64).step_by(700_000) {
        for vanish in [false, true] {
            let disk = disk(6 * MIB, 512);
            disk.trouble(Trouble {
                fail_after: (!vanish).then_some(after),
                vanish_after: vanish.then_some(after),
                format_fails: false,
            });
            let (result, _) = deploy(&request(&url, "raw", &body), &disk);
            match result {
                Ok(_) => assert!(disk.written() <= after),
                Err(fault) => {
                    assert_eq!(fault.code(), "device-io");
                    assert_not_bootable(&disk);
                    disk.lose_power().expect("file");
                    assert_not_bootable(&disk);
                }
            }
        }
    }
}

#[test]
fn what_is_reported_as_written_survives_a_power_failure() {
    let server = Server::start();
    let body = image(3 * MIB);
    let url = server.serve("/disk.raw", has_ranges(&body));
    let disk = disk(4 * MIB, 512);
    assert!(deploy(&request(&url, "raw", &body), &disk).0.is_ok());
    disk.lose_power().expect("file");
    let found = disk.content(0, body.len()).expect("content");
    assert_same(&found, &body, "after the power failure");
}
