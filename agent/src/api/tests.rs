// SPDX-License-Identifier: Apache-2.0
//! The routes, against a runtime that answers from a list.

use axum::body::Body;
use axum::http::{Request as HttpRequest, StatusCode};
use ironseed_ironic::result::CommandStatus;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;

const TOKEN: &str = "secret";

/// A runtime that knows one command and takes `standby.sync` only.
fn api() -> Api {
    let (calls, mut asked) = mpsc::channel::<Call>(4);
    tokio::spawn(async move {
        while let Some(call) = asked.recv().await {
            let result = CommandResult {
                id: "1".into(),
                command_name: "sync".into(),
                command_status: CommandStatus::Succeeded,
                command_error: None,
                command_result: None,
            };
            let one = || Ok(Answer::One(Box::new(result.clone())));
            let answer = match &call.question {
                _ if call.token.as_deref() != Some(TOKEN) => Err(ApiError::Unauthorized),
                Question::Authorize => Ok(Answer::All(Vec::new())),
                Question::Plan(question) => Ok(Answer::Plan(json!({
                    "step": question.step,
                    "phase": question.phase,
                    "hints": question.node.as_ref().and_then(|node| node.root_device_hints()),
                }))),
                Question::List => Ok(Answer::All(vec![result.clone()])),
                Question::Show { id, .. } if id == "1" => one(),
                Question::Show { id, .. } => Err(ApiError::NotFound(format!("command {id}"))),
                Question::Start { request, .. } if request.short_name() == "sync" => one(),
                Question::Start { .. } => Err(ApiError::Busy("execute_clean_step".into())),
            };
            let _ = call.answer.send(answer);
        }
    });
    Api {
        calls,
        started_at: 1.5,
        version: "0.1.0",
    }
}

async fn send(method: &str, path: &str, body: &str) -> (StatusCode, Value, Option<String>) {
    let request = HttpRequest::builder()
        .method(method)
        .uri(path)
        .header("host", "192.0.2.1:9999")
        .body(Body::from(body.to_owned()));
    let response = router(api())
        .oneshot(request.expect("a request"))
        .await
        .expect("an answer");
    let location = response
        .headers()
        .get("location")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .expect("a body");
    (
        status,
        serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        location,
    )
}

#[tokio::test]
async fn routes_answer_as_the_contract_says() {
    let token = format!("agent_token={TOKEN}");
    let sync = r#"{"name": "standby.sync", "params": {}}"#;
    let cases = [
        ("GET", "/".to_owned(), "", 200),
        ("GET", "/v1/".to_owned(), "", 200),
        ("GET", "/v1/status".to_owned(), "", 200),
        ("GET", "/status".to_owned(), "", 200),
        ("GET", "/v1/status/".to_owned(), "", 404),
        ("GET", "/nothing".to_owned(), "", 404),
        ("DELETE", format!("/v1/commands/?{token}"), "", 405),
        ("GET", "/v1/commands/".to_owned(), "", 401),
        ("GET", "/v1/commands/?agent_token=wrong".to_owned(), "", 401),
        ("GET", format!("/v1/commands/?{token}"), "", 200),
        ("GET", format!("/commands/?{token}"), "", 200),
        ("GET", format!("/v1/commands/1?{token}&wait=true"), "", 200),
        ("GET", format!("/v1/commands/2?{token}"), "", 404),
        (
            "POST",
            format!("/v1/commands/?wait=true&{token}"),
            sync,
            200,
        ),
        ("POST", "/v1/commands/?wait=true".to_owned(), sync, 401),
        ("POST", "/v1/commands/".to_owned(), "{", 401),
        ("POST", format!("/v1/commands/?{token}"), "{", 400),
        (
            "POST",
            format!("/v1/commands/?{token}"),
            r#"{"name": "x", "params": {}}"#,
            400,
        ),
        (
            "POST",
            format!("/v1/commands/?{token}"),
            r#"{"name": "x.y", "params": {}}"#,
            404,
        ),
        (
            "POST",
            format!("/v1/commands/?{token}"),
            r#"{"name": "standby.power_off", "params": {}}"#,
            409,
        ),
    ];
    for (method, path, body, expected) in cases {
        let (status, answer, _) = send(method, &path, body).await;
        assert_eq!(
            status.as_u16(),
            expected,
            "{method} {path} {body}: {answer}"
        );
        if expected >= 400 {
            let words = answer["faultstring"].as_str().expect("a faultstring");
            assert!(!words.contains("agent_token"), "{words}");
            assert_eq!(answer["faultcode"], "Client");
        }
    }
}

#[tokio::test]
async fn paths_without_the_slash_are_redirected_with_their_query() {
    for path in ["/v1/commands", "/v1"] {
        let (status, _, location) = send("GET", &format!("{path}?a=b"), "").await;
        assert_eq!(
            (status.as_u16(), location),
            (308, Some(format!("{path}/?a=b")))
        );
    }
}

#[tokio::test]
async fn documents_describe_the_api() {
    let (_, root, _) = send("GET", "/", "").await;
    assert_eq!(root["default_version"]["id"], "v1");
    let (_, status, _) = send("GET", "/v1/status", "").await;
    assert_eq!(status, json!({"started_at": 1.5, "version": "0.1.0"}));
    let (_, list, _) = send("GET", &format!("/v1/commands/?agent_token={TOKEN}"), "").await;
    assert_eq!(list["commands"][0]["command_name"], "sync");
}

#[tokio::test]
async fn plans_are_shown_to_whoever_has_the_token() {
    let token = format!("agent_token={TOKEN}");
    let write = r#"{"step": "write_image", "phase": "deploy", "args": {"image_info": {}},
        "node": {"uuid": "u", "properties": {"root_device": {"size": 5}}}}"#;
    let erase = r#"{"step": "erase_devices"}"#;
    for (method, path, body, expected) in [
        ("POST", format!("/v1/plan?{token}"), write, 200),
        ("POST", format!("/plan?{token}"), erase, 200),
        ("POST", "/v1/plan".to_owned(), write, 401),
        ("POST", "/v1/plan?agent_token=wrong".to_owned(), write, 401),
        // Without a token nothing is said of the body.
        ("POST", "/v1/plan".to_owned(), "{", 401),
        ("POST", format!("/v1/plan?{token}"), "{", 400),
        ("POST", format!("/v1/plan?{token}"), "{}", 400),
        // A command is no question for a plan, and the other way round.
        (
            "POST",
            format!("/v1/plan?{token}"),
            r#"{"name": "standby.sync", "params": {}}"#,
            400,
        ),
        ("POST", format!("/v1/commands/?{token}"), erase, 400),
        (
            "POST",
            format!("/v1/plan?{token}"),
            r#"{"step": "x", "phase": "never"}"#,
            400,
        ),
        ("GET", format!("/v1/plan?{token}"), "", 405),
        ("POST", format!("/v1/plan/?{token}"), erase, 404),
    ] {
        let (status, answer, _) = send(method, &path, body).await;
        assert_eq!(
            status.as_u16(),
            expected,
            "{method} {path} {body}: {answer}"
        );
    }
    let (_, answer, _) = send("POST", &format!("/v1/plan?{token}"), write).await;
    assert_eq!(
        answer,
        json!({"step": "write_image", "phase": "deploy", "hints": {"size": 5}})
    );
    let (_, answer, _) = send("POST", &format!("/v1/plan?{token}"), erase).await;
    assert_eq!(answer["phase"], Value::Null);
}
