// SPDX-License-Identifier: Apache-2.0
//! Images in registries.

mod shop;

use ironseed_core::image::oci::ACCEPTED;
use ironseed_core::image_request::Secret;
use serde_json::json;

use super::super::server::Act;
use super::*;
use shop::{Shop, architecture, digest, manifest};

/// `user:hush`.
const LOGIN: &str = "Basic dXNlcjpodXNo";

fn run(request: &ImageRequest, body: &[u8]) -> (Result<u32, Fault>, Vec<Event>) {
    let disk = disk(4 * MIB, 512);
    let (result, events) = deploy(request, &disk);
    match &result {
        Ok(_) => {
            let found = disk.content(0, body.len()).expect("content");
            assert_same(&found, body, "the image");
        }
        Err(_) => assert_not_bootable(&disk),
    }
    assert!(!format!("{result:?} {events:?}").contains("hush"));
    (result, events)
}

#[test]
fn tags_and_digests_lead_to_the_image() {
    let shop = Shop::open();
    let body = image(2 * MIB);
    shop.stock(&body);
    let by_digest = format!("@{}", digest(manifest(&body).to_string().as_bytes()));
    let blob = format!("@{}", digest(&body));
    for reference in [":all", ":one", &by_digest, &blob] {
        for expected in [
            ExpectedDigest::InRegistry,
            ExpectedDigest::Known(sha256(&body)),
        ] {
            let mut request = request(&shop.url(reference), "raw", &body);
            request.digest = expected;
            assert!(run(&request, &body).0.is_ok(), "{reference}");
        }
    }
    let seen = shop.registry.seen();
    assert_eq!(seen[0].header("accept"), Some(ACCEPTED));
    assert!(shop.tokens.seen().is_empty());
}

#[test]
fn the_digest_of_the_request_counts() {
    let shop = Shop::open();
    let body = image(MIB);
    shop.stock(&body);
    let wrong = request(&shop.url(":one"), "raw", b"another image");
    let fault = run(&wrong, &body).0.expect_err("wrong");
    assert_eq!(fault.code(), "image-checksum");
    // A registry that serves something else than its digests say is found out.
    shop.put("blobs", &digest(&body), has_ranges(&image(2 * MIB)));
    let mut lying = request(&shop.url(":one"), "raw", &body);
    lying.digest = ExpectedDigest::InRegistry;
    let fault = run(&lying, &body).0.expect_err("wrong");
    assert_eq!(fault.code(), "image-checksum");
    let name = digest(manifest(&body).to_string().as_bytes());
    shop.put("manifests", &name, no_ranges(b"{}"));
    lying.urls = vec![shop.url(&format!("@{name}"))];
    let text = run(&lying, &body).0.expect_err("wrong").to_string();
    assert!(text.ends_with("the manifest has another digest"), "{text}");
}

#[test]
fn a_token_is_fetched_and_renewed_in_the_middle() {
    let shop = Shop::open();
    let body = image(3 * MIB);
    shop.stock(&body);
    for name in ["one", &digest(&body)] {
        let kind = if name == "one" { "manifests" } else { "blobs" };
        let mut served = match kind {
            "blobs" => has_ranges(&body),
            _ => no_ranges(manifest(&body).to_string().as_bytes()),
        };
        if kind == "blobs" {
            let expired = Act::Want("Bearer hush-2".into());
            served.script = [Act::Cut(MIB), expired, Act::Serve].into();
        }
        shop.put(kind, name, shop.guarded(served, "hush-1"));
    }
    shop.give(&["hush-1", "hush-2"]);
    let mut request = request(&shop.url(":one"), "raw", &body);
    request.digest = ExpectedDigest::InRegistry;
    let (result, _) = run(&request, &body);
    assert!(result.is_ok(), "{result:?}");
    let tokens = shop.tokens.seen();
    assert_eq!(tokens.len(), 2);
    for seen in &tokens {
        assert_eq!(
            seen.path,
            "/token?service=shop&scope=repository%3Adisks%2Fos%3Apull"
        );
        assert_eq!(seen.header("authorization"), None);
    }
    let requests = shop.registry.seen();
    let last = requests.last().expect("a request");
    assert_eq!(last.header("range"), Some("bytes=1048576-"));
    assert_eq!(last.header("authorization"), Some("Bearer hush-2"));
}

#[test]
fn logins_go_to_the_token_server_and_tokens_do_not() {
    for (given, shown) in [(LOGIN, Some(LOGIN)), ("Bearer hush-0", None)] {
        let shop = Shop::open();
        let body = image(MIB);
        shop.stock(&body);
        shop.put(
            "blobs",
            &digest(&body),
            shop.guarded(has_ranges(&body), "hush-1"),
        );
        shop.give(&["hush-1"]);
        let mut request = request(&shop.url(":one"), "raw", &body);
        request.authorization = Some(Secret::new(given));
        assert!(run(&request, &body).0.is_ok());
        assert_eq!(shop.registry.seen()[0].header("authorization"), Some(given));
        assert_eq!(shop.tokens.seen()[0].header("authorization"), shown);
    }
}

#[test]
fn a_registry_that_never_has_enough_is_refused() {
    let shop = Shop::open();
    let body = image(MIB);
    shop.stock(&body);
    let blob = |served| shop.put("blobs", &digest(&body), served);
    let request = request(&shop.url(":one"), "raw", &body);
    blob(shop.guarded(has_ranges(&body), "something else"));
    shop.give(&["hush-1", "hush-2", "hush-3"]);
    let fault = run(&request, &body).0.expect_err("refused");
    assert_eq!(fault.code(), "image-refused");
    assert_eq!(shop.tokens.seen().len(), 1);
    // Neither a token server without tokens nor a challenge of another kind helps.
    shop.tokens.serve("/token", no_ranges(b"{}"));
    let text = run(&request, &body).0.expect_err("refused").to_string();
    assert!(text.ends_with("the answer has no token"), "{text}");
    shop.tokens.serve("/token", scripted_refusal());
    let fault = run(&request, &body).0.expect_err("refused");
    assert!(
        matches!(fault, Fault::ImageRefused { status: 403, .. }),
        "{fault}"
    );
    let mut basic = has_ranges(&body);
    basic.wants = Some(("x".into(), "Basic realm=\"x\"".into()));
    blob(basic);
    let fault = run(&request, &body).0.expect_err("refused");
    assert!(
        matches!(fault, Fault::ImageRefused { status: 401, .. }),
        "{fault}"
    );
}

#[test]
fn a_login_does_not_go_where_somebody_else_sends_it() {
    let (shop, storage) = (Shop::open(), Server::start());
    let body = image(MIB);
    shop.stock(&body);
    shop.give(&["hush-1"]);
    let blob = storage.serve("/blob", shop.guarded(has_ranges(&body), "hush-1"));
    let moved = Served {
        redirect: Some(blob),
        ..Served::default()
    };
    shop.put("blobs", &digest(&body), moved);
    let mut request = request(&shop.url(":one"), "raw", &body);
    request.authorization = Some(Secret::new(LOGIN));
    let fault = run(&request, &body).0.expect_err("refused");
    assert!(
        matches!(fault, Fault::ImageRefused { status: 401, .. }),
        "{fault}"
    );
    assert_eq!(storage.seen()[0].header("authorization"), None);
    assert!(shop.tokens.seen().is_empty());
}

fn scripted_refusal() -> Served {
    Served {
        script: [Act::Status(403)].into(),
        ..Served::default()
    }
}

#[test]
fn what_is_no_disk_image_is_named() {
    let shop = Shop::open();
    let body = image(MIB);
    shop.stock(&body);
    let layer = json!({"mediaType": "x/y", "digest": digest(&body)});
    shop.put_json("two", &json!({"layers": [layer, layer]}));
    shop.put_json(
        "none",
        &json!({"manifests": [
        {"digest": digest(b"x"), "platform": {"os": "linux", "architecture": "s390x"}}]}),
    );
    let index = json!({"manifests": [{"digest": digest(b"x"), "platform": {
        "os": "linux", "architecture": architecture()}}]});
    let inner = shop.put_json("inner", &index);
    shop.put_json(
        "deep",
        &json!({"manifests": [{"digest": inner, "platform": {
        "os": "linux", "architecture": architecture()}}]}),
    );
    let large = vec![b' '; (4 << 20) + 1];
    shop.put("manifests", "large", no_ranges(&large));
    let cases = [
        (
            ":two",
            "one layer, which is the disk image, and has: x/y, x/y",
        ),
        (":none", "and has: linux/s390x"),
        (":deep", "the index leads to an index"),
        (":large", "it is larger than 4194304 bytes"),
        (":gone", "answered HTTP 404"),
    ];
    for (reference, expected) in cases {
        let fault = run(&request(&shop.url(reference), "raw", &body), &body).0;
        let text = fault.expect_err(reference).to_string();
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_registry_in_trouble_gets_time_and_then_the_next_one_is_asked() {
    let (dead, shop) = (Shop::open(), Shop::open());
    let body = image(MIB);
    shop.stock(&body);
    let mut slow = no_ranges(manifest(&body).to_string().as_bytes());
    slow.script = [Act::Status(503), Act::Cut(5)].into();
    shop.put("manifests", "one", slow);
    let broken = Served {
        script: vec![Act::Status(500); 9].into(),
        ..Served::default()
    };
    dead.put("manifests", "one", broken);
    let mut request = request(&dead.url(":one"), "raw", &body);
    request.urls.push(shop.url(":one"));
    let (result, events) = run(&request, &body);
    assert!(result.is_ok(), "{result:?}");
    let next = |event: &Event| event.to_string().contains("trying the next URL");
    assert!(events.iter().any(next));
}

#[test]
fn a_checksum_file_may_lie_in_a_registry() {
    let shop = Shop::open();
    let body = image(MIB);
    let url = shop.registry.serve("/disk.raw", has_ranges(&body));
    let sums = format!(
        "{}  disk.raw\n{}  other\n",
        sha256(&body).hex,
        sha256(b"x").hex
    );
    shop.stock(sums.as_bytes());
    let mut request = request(&url, "raw", &body);
    request.digest = ExpectedDigest::InFile {
        url: shop.url(":all"),
        algorithm: None,
        md5_allowed: false,
    };
    assert!(run(&request, &body).0.is_ok());
}

#[test]
fn a_registry_of_another_host_is_asked_with_tls_only() {
    let server = Server::start();
    // The port speaks no TLS, so that nothing but a failed attempt comes of it.
    let url = format!("oci://{}/disks/os:one", server.authority());
    let elsewhere = url.replace("127.0.0.1", "0.0.0.0");
    let mut request = request(&elsewhere, "raw", b"");
    request.download.retries = 0;
    let fault = deploy(&request, &disk(MIB, 512)).0.expect_err("no TLS");
    assert_eq!(fault.code(), "image-download");
    request.urls = vec![elsewhere.replace("oci://", "oci+http://")];
    let fault = deploy(&request, &disk(MIB, 512)).0.expect_err("empty");
    assert!(
        matches!(fault, Fault::ImageRefused { status: 404, .. }),
        "{fault}"
    );
}
