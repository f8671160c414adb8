// SPDX-License-Identifier: Apache-2.0
//! The client against a small Ironic on loopback that notes what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ironseed_ironic::client::{Client, ClientOptions};
use ironseed_ironic::error::{ClientError, Refused};
use ironseed_ironic::heartbeat::Heartbeat;
use ironseed_ironic::secret::Token;
use ironseed_ironic::version::ApiVersion;
use serde_json::{Value, json};

/// One request as it arrived: method, path with query, version header, request id, body.
type Seen = (String, String, Option<String>, Option<String>, Value);

#[derive(Clone)]
struct Ironic {
    seen: Arc<Mutex<Vec<Seen>>>,
    version: &'static str,
    answer: (StatusCode, Value),
}

async fn answer(State(ironic): State<Ironic>, request: Request) -> Response {
    let (method, path, version, id) = {
        let header = |name: &str| Some(request.headers().get(name)?.to_str().ok()?.to_owned());
        (
            request.method().to_string(),
            request.uri().to_string(),
            header("X-OpenStack-Ironic-API-Version"),
            header("X-OpenStack-Request-ID"),
        )
    };
    let body = axum::body::to_bytes(request.into_body(), 1 << 20)
        .await
        .unwrap_or(Bytes::new());
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    if path == "/" {
        return axum::Json(json!({"default_version": {"version": ironic.version}})).into_response();
    }
    ironic
        .seen
        .lock()
        .expect("the list")
        .push((method, path, version, id, body));
    if ironic.answer.1.is_null() {
        return ironic.answer.0.into_response();
    }
    (ironic.answer.0, axum::Json(ironic.answer.1)).into_response()
}

/// Starts an Ironic that gives one answer to everything; its URL and its notes.
async fn ironic(
    version: &'static str,
    status: u16,
    body: Value,
) -> (String, Arc<Mutex<Vec<Seen>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let status = StatusCode::from_u16(status).expect("a status");
    let state = Ironic {
        seen: Arc::clone(&seen),
        version,
        answer: (status, body),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let router = Router::new().fallback(answer).with_state(state);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, seen)
}

fn client(urls: &[&str]) -> Client {
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .expect("versions")
    .with_root_certificates(rustls::RootCertStore::empty())
    .with_no_client_auth();
    Client::new(ClientOptions {
        api_urls: urls.iter().map(|url| (*url).to_owned()).collect(),
        inspection_urls: Vec::new(),
        request_id: Some("req-1".into()),
        timeout: Duration::from_secs(20),
        version: None,
        tls,
    })
    .expect("a client")
}

fn found() -> Value {
    json!({"node": {"uuid": "u-1"}, "config": {"heartbeat_timeout": 300, "agent_token": "t".repeat(43)}})
}

fn beat() -> Heartbeat {
    Heartbeat {
        node_uuid: "u-1".into(),
        callback_url: "https://192.0.2.1:9999".into(),
        token: Some(Token::new("t")),
        agent_version: "0.1.0".into(),
        verify_ca: Some("PEM".into()),
    }
}

#[tokio::test]
async fn lookup_names_the_macs_and_caps_its_version() {
    let (url, seen) = ironic("1.115", 200, found()).await;
    let macs = [
        "52:54:00:00:00:01".to_owned(),
        "52:54:00:00:00:02".to_owned(),
    ];
    let answer = client(&[&url])
        .lookup(&macs, Some("u-1"))
        .await
        .expect("an answer");
    assert_eq!(answer.uuid(), "u-1");
    let seen = seen.lock().expect("the list");
    let (method, path, version, id, _) = &seen[0];
    assert_eq!(method, "GET");
    assert_eq!(
        path,
        "/v1/lookup?addresses=52%3A54%3A00%3A00%3A00%3A01%2C52%3A54%3A00%3A00%3A00%3A02&node_uuid=u-1"
    );
    assert_eq!(
        (version.as_deref(), id.as_deref()),
        (Some("1.62"), Some("req-1"))
    );
}

#[tokio::test]
async fn an_old_ironic_is_asked_in_its_own_version() {
    let (url, seen) = ironic("1.40", 202, Value::Null).await;
    client(&[&url]).heartbeat(&beat()).await.expect("accepted");
    let seen = seen.lock().expect("the list");
    assert_eq!(seen[0].2.as_deref(), Some("1.40"));
    assert_eq!(
        seen[0].4,
        json!({"callback_url": "https://192.0.2.1:9999", "agent_version": "0.1.0"})
    );
}

#[tokio::test]
async fn inspection_carries_no_version_header() {
    let (url, seen) = ironic("1.115", 202, json!({"uuid": "u-1"})).await;
    let uuid = client(&[&url])
        .inspect(&json!({"inventory": {}}))
        .await
        .expect("accepted");
    assert_eq!(uuid.as_deref(), Some("u-1"));
    let seen = seen.lock().expect("the list");
    assert_eq!(
        (seen[0].1.as_str(), &seen[0].2),
        ("/v1/continue_inspection", &None)
    );
}

#[tokio::test]
async fn the_url_that_answers_is_asked_first_next_time() {
    let (url, _) = ironic("1.115", 202, Value::Null).await;
    // Port 9 of loopback refuses at once: nothing listens on "discard" here.
    let client = client(&["http://127.0.0.1:9", &url]);
    client
        .heartbeat(&beat())
        .await
        .expect("accepted by the second");
    assert_eq!(client.api_urls()[0], url.trim_end_matches('/'));
}

#[tokio::test]
async fn refusals_keep_status_and_words() {
    let body = json!({"error_message": {"faultstring": "Node u-1 is locked"}});
    let (url, _) = ironic("1.115", 409, body).await;
    let locked = |path: &str| {
        ClientError::Refused(Refused {
            url: format!("{url}{path}"),
            status: 409,
            text: "Node u-1 is locked".into(),
            retry_after: None,
        })
    };
    assert_eq!(
        client(&[&url]).heartbeat(&beat()).await,
        Err(locked("v1/heartbeat/u-1"))
    );
    assert_eq!(
        client(&[&url]).lookup(&[], None).await.err(),
        Some(locked("v1/lookup"))
    );
    let nobody = client(&["http://127.0.0.1:9"]).heartbeat(&beat()).await;
    assert!(
        matches!(&nobody, Err(ClientError::Unreachable { url, problem })
            if url.starts_with("http://127.0.0.1:9") && problem.starts_with("Connection refused"))
    );
}

#[tokio::test]
async fn an_answer_without_a_node_is_unexpected() {
    let (url, _) = ironic("1.115", 200, json!({"node": {}})).await;
    let answer = client(&[&url]).lookup(&[], None).await;
    assert!(matches!(answer, Err(ClientError::Unexpected { .. })));
    assert_eq!(client(&[&url]).version().await, Ok(ApiVersion(115)));
}
