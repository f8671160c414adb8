// SPDX-License-Identifier: Apache-2.0
//! Several URLs of one Ironic (contract §3, §5), against servers on loopback of
//! which some are broken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri};
use ironseed_ironic::client::{Client, ClientOptions};
use ironseed_ironic::error::{ClientError, Refused};
use ironseed_ironic::heartbeat::Heartbeat;
use ironseed_ironic::probe::{Probed, probe};
use ironseed_ironic::version::ApiVersion;
use serde_json::json;

const IRONICS_WORDS: &str = r#"{"error_message": {"faultstring": "no free conductor workers"}}"#;

/// A server that gives one answer to everything, and how often it was asked.
struct Server {
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Server {
    async fn start(address: &str, status: u16, headers: HeaderMap, body: &'static str) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let status = StatusCode::from_u16(status).expect("a status");
        let answer = move |_: Uri| {
            count.fetch_add(1, Ordering::SeqCst);
            let headers = headers.clone();
            async move { (status, headers, body) }
        };
        let listener = tokio::net::TcpListener::bind(address)
            .await
            .expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, asked }
    }

    async fn answering(status: u16, body: &'static str) -> Self {
        Self::start("127.0.0.1:0", status, HeaderMap::new(), body).await
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Takes connections and never answers.
async fn silent() -> (String, tokio::net::TcpListener) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    (url, listener)
}

/// A port nothing listens on: it was given back a moment ago.
async fn refusing() -> String {
    silent().await.0
}

fn tls() -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

fn client(urls: &[&str], timeout: u64, version: Option<u32>) -> Client {
    Client::new(ClientOptions {
        api_urls: urls.iter().map(|url| (*url).to_owned()).collect(),
        inspection_urls: Vec::new(),
        request_id: None,
        timeout: Duration::from_secs(timeout),
        version: version.map(ApiVersion),
        tls: tls(),
    })
    .expect("a client")
}

fn beat() -> Heartbeat {
    Heartbeat {
        node_uuid: "u-1".into(),
        callback_url: "https://192.0.2.1:9999".into(),
        token: None,
        agent_version: "0.1.0".into(),
        verify_ca: None,
    }
}

#[tokio::test]
async fn urls_that_do_not_answer_are_passed_over() {
    let good = Server::answering(202, "").await;
    let proxy = Server::answering(503, "<html>no server is available</html>").await;
    let (silent, _open) = silent().await;
    let refusing = refusing().await;
    let nowhere = "http://ironic.invalid:6385".to_owned();
    for bad in [&refusing, &nowhere, &silent, &proxy.url] {
        let client = client(&[bad, &good.url], 2, Some(115));
        assert_eq!(client.heartbeat(&beat()).await, Ok(()), "{bad}");
        assert_eq!(client.api_urls(), [good.url.clone(), bad.clone()]);
        let before = proxy.asked();
        assert_eq!(client.heartbeat(&beat()).await, Ok(()), "{bad}");
        assert_eq!(proxy.asked(), before, "the good one comes first now");
    }
}

#[tokio::test]
async fn ironics_own_503_ends_the_attempt_and_the_next_begins_elsewhere() {
    let mut headers = HeaderMap::new();
    headers.insert("Retry-After", "17".parse().expect("a header"));
    let busy = Server::start("127.0.0.1:0", 503, headers, IRONICS_WORDS).await;
    let good = Server::answering(202, "").await;
    let client = client(&[&busy.url, &good.url], 20, Some(115));
    let refused = ClientError::Refused(Refused {
        url: format!("{}/v1/heartbeat/u-1", busy.url),
        status: 503,
        text: "no free conductor workers".into(),
        retry_after: Some(Duration::from_secs(17)),
    });
    assert_eq!(client.heartbeat(&beat()).await, Err(refused));
    assert_eq!((busy.asked(), good.asked()), (1, 0));
    assert_eq!(client.heartbeat(&beat()).await, Ok(()));
    assert_eq!((busy.asked(), good.asked()), (1, 1));
}

#[tokio::test]
async fn what_a_proxy_says_is_told_if_nothing_better_comes() {
    let proxy = Server::answering(503, "<html>").await;
    let client = client(&[&proxy.url, &refusing().await], 20, Some(115));
    let answer = client.heartbeat(&beat()).await;
    assert!(
        matches!(&answer, Err(ClientError::Refused(refused)) if refused.status == 503),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_name_without_an_address_is_named() {
    let client = client(&["http://ironic.invalid:6385"], 20, Some(115));
    let answer = client.heartbeat(&beat()).await;
    assert!(
        matches!(&answer, Err(ClientError::Unresolved { problem, .. }) if problem.contains("ironic.invalid")),
        "{answer:?}"
    );
}

/// Without its version an Ironic would be asked in one that knows no token, and
/// its answer would register a machine that can never prove who it is.
#[tokio::test]
async fn a_version_that_is_not_told_for_now_is_waited_for() {
    let busy = Server::answering(503, IRONICS_WORDS).await;
    let asking = client(&[&busy.url], 20, None);
    let answer = asking.lookup(&["52:54:00:00:00:01".to_owned()], None).await;
    assert!(
        matches!(&answer, Err(ClientError::Refused(refused)) if refused.status == 503),
        "{answer:?}"
    );
    assert_eq!(busy.asked(), 1, "lookup was not sent");
    let old = Server::answering(404, "").await;
    assert_eq!(
        client(&[&old.url], 20, None).version().await,
        Ok(ApiVersion::FALLBACK)
    );
}

#[tokio::test]
async fn a_report_that_hangs_holds_no_heartbeat_back() {
    let (silent, _open) = silent().await;
    let good = Server::answering(202, "").await;
    let client = Arc::new(
        Client::new(ClientOptions {
            api_urls: vec![good.url.clone()],
            inspection_urls: vec![silent],
            request_id: None,
            timeout: Duration::from_secs(600),
            version: Some(ApiVersion(115)),
            tls: tls(),
        })
        .expect("a client"),
    );
    let reporting = Arc::clone(&client);
    let report = tokio::spawn(async move { reporting.inspect(&json!({})).await });
    assert_eq!(client.heartbeat(&beat()).await, Ok(()));
    assert!(!report.is_finished());
    report.abort();
}

/// A connection from an address that is gone hangs; nobody waits for it.
#[tokio::test]
async fn a_call_under_way_ends_when_the_address_changes() {
    let (silent, listener) = silent().await;
    let client = Arc::new(client(&[&silent], 3600, Some(115)));
    let beating = Arc::clone(&client);
    let beat = tokio::spawn(async move { beating.heartbeat(&beat()).await });
    let _connection = listener.accept().await.expect("a connection");
    client.reconnect().expect("a client");
    let answer = beat.await.expect("ended");
    assert!(
        matches!(&answer, Err(ClientError::Unreachable { problem, .. }) if problem.contains("address")),
        "{answer:?}"
    );
}

#[tokio::test]
async fn unreachable_urls_are_dropped_until_nothing_else_answers() {
    let first = Server::answering(202, "").await;
    let second = Server::answering(202, "").await;
    let gone = refusing().await;
    let client = client(&[&first.url, &gone, &second.url], 20, Some(115));
    client.keep_reachable(std::slice::from_ref(&gone));
    assert_eq!(client.api_urls()[0], gone);
    // The only one that was kept has died since: the others are there again.
    assert_eq!(client.heartbeat(&beat()).await, Ok(()));
    assert_eq!(client.api_urls()[0], first.url);
}

#[tokio::test]
async fn any_answer_makes_a_url_reachable() {
    let broken = Server::answering(500, "boom").await;
    let six = Server::start("[::1]:0", 302, HeaderMap::new(), "").await;
    let (silent, _open) = silent().await;
    let refusing = refusing().await;
    let port = broken.url.rsplit(':').next().expect("a port");
    let named = format!("http://localhost:{port}");
    let urls: Vec<url::Url> = [
        &broken.url,
        &six.url,
        &silent,
        &refusing,
        &named,
        "http://ironic.invalid",
    ]
    .iter()
    .map(|url| url.parse().expect("a URL"))
    .collect();
    // The limit is long: what is silent does not use it up once one has answered.
    let found = probe(&urls, tls(), Duration::from_secs(3600))
        .await
        .expect("asked");
    let answered: Vec<Option<String>> = found
        .iter()
        .map(|probed: &Probed| probed.answered.map(|address| address.to_string()))
        .collect();
    // The server behind the name listens on IPv4 only, whatever the name's
    // first address is: the family that answers is the one that counts.
    assert_eq!(
        answered,
        [
            Some("127.0.0.1".to_owned()),
            Some("::1".to_owned()),
            None,
            None,
            Some("127.0.0.1".to_owned()),
            None
        ]
    );
    let alone = probe(&urls[2..3], tls(), Duration::from_millis(200))
        .await
        .expect("asked");
    assert_eq!((alone[0].answered, alone[0].addresses.len()), (None, 1));
}
