// SPDX-License-Identifier: Apache-2.0
//! What stands between a machine and its image: redirects, proxies, logins, TLS.

use ironseed_core::image_request::Secret;

use super::super::server::Act;
use super::*;

/// `user:hush`.
const LOGIN: &str = "Basic dXNlcjpodXNo";

/// Secrets that must not be told to anybody who is not meant to know them.
fn assert_silent(result: &Result<u32, Fault>, events: &[Event]) {
    let mut told = format!("{result:?} {events:?}");
    if let Err(fault) = result {
        told = format!("{told} {fault}");
    }
    for event in events {
        told = format!("{told} {event}");
    }
    assert!(!told.contains("hush"), "{told}");
}

#[test]
fn an_authorization_does_not_follow_to_another_host() {
    let (server, storage) = (Server::start(), Server::start());
    let body = image(2 * MIB);
    let mut stored = has_ranges(&body);
    stored.script.push_back(Act::Cut(MIB));
    let blob = storage.serve("/blob", stored);
    let moved = Served {
        redirect: Some(format!("{blob}?signature=hush")),
        ..Served::default()
    };
    let url = server.serve("/v2/r/blobs/sha256:0?path=hush", moved);
    let mut request = request(&url, "raw", &body);
    request.authorization = Some(Secret::new("Bearer hush"));
    let (result, events) = deploy(&request, &disk(2 * MIB, 512));
    assert!(result.is_ok(), "{result:?}");
    assert_silent(&result, &events);
    // The first server is asked again each time: what it redirects to may expire.
    let (asked, fetched) = (server.seen(), storage.seen());
    assert_eq!((asked.len(), fetched.len()), (2, 2));
    for seen in asked {
        assert_eq!(seen.header("authorization"), Some("Bearer hush"));
    }
    for seen in &fetched {
        assert_eq!(seen.header("authorization"), None);
        assert_eq!(seen.header("referer"), None);
    }
    assert_eq!(fetched[1].header("range"), Some("bytes=1048576-"));
    assert_eq!(fetched[1].header("if-range"), Some("\"one\""));
}

#[test]
fn an_authorization_stays_on_its_host() {
    let server = Server::start();
    let body = image(MIB);
    server.serve("/new", has_ranges(&body));
    let moved = Served {
        redirect: Some("/new".into()),
        ..Served::default()
    };
    let url = server.serve("/old", moved);
    let mut request = request(&url, "raw", &body);
    request.authorization = Some(Secret::new("Basic aHVzaA=="));
    assert!(deploy(&request, &disk(MIB, 512)).0.is_ok());
    let seen = server.seen();
    assert_eq!(seen[1].header("authorization"), Some("Basic aHVzaA=="));
}

#[test]
fn redirects_end() {
    let server = Server::start();
    let circle = Served {
        redirect: Some("/circle?hush".into()),
        ..Served::default()
    };
    let url = server.serve("/circle", circle);
    let ftp = Served {
        redirect: Some("ftp://user:hush@h/x?hush".into()),
        ..Served::default()
    };
    let elsewhere = server.serve("/ftp", ftp);
    for url in [url, elsewhere] {
        let (result, events) = deploy(&request(&url, "raw", b""), &disk(MIB, 512));
        assert_silent(&result, &events);
        assert_eq!(result.expect_err("a circle").code(), "image-download");
    }
}

#[test]
fn a_login_in_a_url_is_used_and_not_told() {
    let server = Server::start();
    let body = image(MIB);
    let mut served = has_ranges(&body);
    served.wants = Some((LOGIN.into(), "Basic realm=\"x\"".into()));
    served.script = [Act::Serve, Act::Status(503), Act::Serve].into();
    let plain = server.serve("/disk.raw", served);
    let url = plain.replace("http://", "http://user:hush@");
    let (result, events) = deploy(&request(&url, "raw", &body), &disk(MIB, 512));
    assert!(result.is_ok(), "{result:?}");
    assert_silent(&result, &events);
    let mut wrong = request(&format!("{url}?hush"), "raw", b"other");
    let (result, events) = deploy(&wrong, &disk(MIB, 512));
    assert_silent(&result, &events);
    let text = result.expect_err("wrong").to_string();
    assert!(text.contains("http://***@127.0.0.1"), "{text}");
    assert!(
        text.contains("/disk.raw?*** has the sha256 digest"),
        "{text}"
    );
    // What the request says goes before what the URL says.
    wrong.authorization = Some(Secret::new("Bearer other"));
    let (result, events) = deploy(&wrong, &disk(MIB, 512));
    assert_silent(&result, &events);
    assert_eq!(result.expect_err("refused").code(), "image-refused");
    let seen = server.seen();
    let last = seen.last().expect("a request");
    assert_eq!(last.header("authorization"), Some("Bearer other"));
}

#[test]
fn a_proxy_wants_a_login() {
    let server = Server::start();
    let body = image(MIB);
    let url = "http://images.example/disk.raw";
    server.serve(url, has_ranges(&body));
    let mut request = request(url, "raw", &body);
    request.proxies.http = Some(format!("http://user:hush@{}", server.authority()));
    request.authorization = Some(Secret::new("Bearer image"));
    let (result, events) = deploy(&request, &disk(MIB, 512));
    assert!(result.is_ok(), "{result:?}");
    assert_silent(&result, &events);
    let seen = server.seen();
    assert_eq!(seen[0].header("proxy-authorization"), Some(LOGIN));
    assert_eq!(seen[0].header("authorization"), Some("Bearer image"));
    let refusing = Served {
        script: [Act::Status(407)].into(),
        ..Served::default()
    };
    server.serve(url, refusing);
    let (result, events) = deploy(&request, &disk(MIB, 512));
    assert_silent(&result, &events);
    assert_eq!(
        result,
        Err(Fault::ImageRefused {
            url: url.into(),
            status: 407
        })
    );
}

#[test]
fn some_hosts_are_reached_directly() {
    let (server, proxy) = (Server::start(), Server::start());
    let body = image(MIB);
    let url = server.serve("/disk.raw", has_ranges(&body));
    let mut request = request(&url, "raw", &body);
    request.proxies = Proxies {
        http: Some(format!("http://{}", proxy.authority())),
        https: None,
        no_proxy: Some("other.example,127.0.0.0/8".into()),
    };
    assert!(deploy(&request, &disk(MIB, 512)).0.is_ok());
    assert_eq!((server.seen().len(), proxy.seen().len()), (1, 0));
    request.proxies.no_proxy = Some("other.example".into());
    let fault = deploy(&request, &disk(MIB, 512))
        .0
        .expect_err("no such file");
    assert_eq!(fault.code(), "image-refused");
    assert_eq!(proxy.seen()[0].path, url);
}

#[test]
fn a_proxy_opens_tunnels() {
    let (server, certificate) = Server::start_tls();
    let proxy = Server::start();
    let body = image(2 * MIB);
    let mut served = has_ranges(&body);
    served.script.push_back(Act::Cut(MIB));
    let url = server.serve("/disk.raw", served);
    let mut request = request(&url, "raw", &body);
    request.proxies.https = Some(format!("http://user:hush@{}", proxy.authority()));
    request.authorization = Some(Secret::new("Bearer image"));
    let directory = tempfile::tempdir().expect("a directory");
    request.download.ca_file = Some(path(directory.path(), "ca.pem"));
    std::fs::write(directory.path().join("ca.pem"), certificate).expect("written");
    let (result, events) = deploy(&request, &disk(2 * MIB, 512));
    assert!(result.is_ok(), "{result:?}");
    assert_silent(&result, &events);
    let tunnels = proxy.seen();
    assert_eq!(tunnels.len(), 2);
    for tunnel in tunnels {
        assert!(url.contains(&tunnel.path), "{}", tunnel.path);
        assert_eq!(tunnel.header("proxy-authorization"), Some(LOGIN));
        assert_eq!(tunnel.header("authorization"), None);
    }
    for seen in server.seen() {
        assert_eq!(seen.header("authorization"), Some("Bearer image"));
        assert_eq!(seen.header("proxy-authorization"), None);
    }
}

#[test]
fn certificates_are_verified_unless_the_operator_says_otherwise() {
    let (server, certificate) = Server::start_tls();
    let body = image(MIB);
    let url = server.serve("/disk.raw", has_ranges(&body));
    let directory = tempfile::tempdir().expect("a directory");
    let file = path(directory.path(), "ca.pem");
    std::fs::write(&file, certificate).expect("written");
    let mut request = request(&url, "raw", &body);
    request.download.retries = 1;
    let fault = deploy(&request, &disk(MIB, 512)).0.expect_err("unknown");
    assert_eq!(fault.code(), "image-download");
    let text = fault.to_string();
    assert!(text.contains("certificate"), "{text}");
    request.download.ca_file = Some(file);
    assert!(deploy(&request, &disk(MIB, 512)).0.is_ok());
    // The certificate is that of another name.
    let by_address = url.replace("localhost", "127.0.0.1");
    request.urls = vec![by_address];
    assert!(deploy(&request, &disk(MIB, 512)).0.is_err());
    request.download.ca_file = None;
    request.download.verify_tls = false;
    assert!(deploy(&request, &disk(MIB, 512)).0.is_ok());
}

#[test]
fn ranges_use_one_connection_again() {
    let server = Server::start();
    let directory = tempfile::tempdir().expect("a directory");
    let (raw, file) = (
        path(directory.path(), "image.raw"),
        path(directory.path(), "image.qcow2"),
    );
    // Every cluster of a table's reach, so that the tables lie far from each other.
    std::fs::write(&raw, image(6 * MIB)).expect("written");
    let options = "cluster_size=512";
    qemu_img(&[
        "convert", "-f", "raw", "-O", "qcow2", "-o", options, &raw, &file,
    ]);
    let body = std::fs::read(&file).expect("the image");
    let served = Served {
        keep_alive: true,
        ..has_ranges(&body)
    };
    let url = server.serve("/x", served);
    assert!(
        deploy(&request(&url, "qcow2", &body), &disk(6 * MIB, 512))
            .0
            .is_ok()
    );
    let (seen, connections) = (server.seen(), server.connections());
    let ranges = seen.iter().filter(|seen| seen.header("range").is_some());
    assert!(ranges.count() >= 3, "{}", seen.len());
    let run_on = Served {
        ranges_run_on: true,
        ..has_ranges(&body)
    };
    let longer = server.serve("/longer", run_on);
    let before = server.seen().len();
    assert!(
        deploy(&request(&longer, "qcow2", &body), &disk(6 * MIB, 512))
            .0
            .is_ok()
    );
    assert_eq!(server.seen().len() - before, seen.len());
    // One for the file, one for the ranges, and one if the first was put aside.
    assert!(connections <= 3, "{connections}");
}
