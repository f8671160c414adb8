// SPDX-License-Identifier: Apache-2.0
//! The agent's HTTP API (contract §11): routes here, TLS and connections in
//! [`server`], the translation of commands in [`translate`].
//!
//! Handlers decide nothing. They send a [`Call`] to the runtime, which owns the
//! life cycle, and turn the answer into JSON.

mod plan;
mod server;
mod translate;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, OriginalUri, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ironseed_ironic::error::ApiError;
use ironseed_ironic::request::Request;
use ironseed_ironic::{result::CommandResult, root};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

pub(crate) use plan::PlanQuestion;
pub(crate) use server::{ServerError, serve};
pub(crate) use translate::{command, wire_result};

/// The largest body of a command: a config drive of 64 MiB as base64, with
/// room for the node and the rest.
const BODY_LIMIT: usize = 96 << 20;

/// A question to the life cycle, with the place for its answer.
#[derive(Debug)]
pub(crate) struct Call {
    /// The token the request brought.
    pub(crate) token: Option<String>,
    /// What is asked.
    pub(crate) question: Question,
    /// Where the answer goes.
    pub(crate) answer: oneshot::Sender<Result<Answer, ApiError>>,
}

/// What the API can ask.
#[derive(Debug)]
pub(crate) enum Question {
    /// Start a command.
    Start {
        /// The command.
        request: Box<Request>,
        /// Whether the answer waits for its end.
        wait: bool,
    },
    /// Show what a step would do. This is no command: nothing is started, and
    /// nothing is kept.
    Plan(Box<PlanQuestion>),
    /// Whether the token is the right one, and nothing else: unlike a list,
    /// this does not count as Ironic having read the commands.
    Authorize,
    /// All commands.
    List,
    /// One command.
    Show {
        /// Its id.
        id: String,
        /// Whether the answer waits for its end.
        wait: bool,
    },
}

/// What the life cycle answers.
#[derive(Debug)]
pub(crate) enum Answer {
    /// One command.
    One(Box<CommandResult>),
    /// All commands, oldest first.
    All(Vec<CommandResult>),
    /// What a step would do.
    Plan(Value),
}

/// What the handlers share.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    /// The runtime's ear.
    pub(crate) calls: mpsc::Sender<Call>,
    /// When the agent started, Unix time in seconds.
    pub(crate) started_at: f64,
    /// Version of the agent.
    pub(crate) version: &'static str,
}

/// Every route, with and without `/v1`.
pub(crate) fn router(api: Api) -> Router {
    let commands = || get(list_commands).post(start_command);
    Router::new()
        .route("/", get(show_root))
        .route("/v1/", get(show_v1))
        .route("/v1", get(redirect_to_slash))
        .route("/v1/status", get(show_status))
        .route("/status", get(show_status))
        .route("/v1/plan", post(plan::show_plan))
        .route("/plan", post(plan::show_plan))
        .route("/v1/commands/", commands())
        .route("/commands/", commands())
        .route(
            "/v1/commands",
            get(redirect_to_slash).post(redirect_to_slash),
        )
        .route("/commands", get(redirect_to_slash).post(redirect_to_slash))
        .route("/v1/commands/{id}", get(show_command))
        .route("/commands/{id}", get(show_command))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(api)
}

/// An answer with the fault body of §11.
struct Refused(ApiError);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, axum::Json(self.0.body())).into_response()
    }
}

async fn show_root(headers: HeaderMap) -> axum::Json<Value> {
    axum::Json(root::root(&base_url(&headers)))
}

async fn show_v1(headers: HeaderMap) -> axum::Json<Value> {
    axum::Json(root::v1(&base_url(&headers)))
}

async fn show_status(State(api): State<Api>) -> axum::Json<Value> {
    axum::Json(root::status(api.started_at, api.version))
}

async fn list_commands(
    State(api): State<Api>,
    RawQuery(query): RawQuery,
) -> Result<axum::Json<Value>, Refused> {
    match ask(&api, query.as_deref(), |_| Question::List).await? {
        Answer::All(results) => Ok(axum::Json(json!({"commands": results}))),
        Answer::One(result) => Ok(axum::Json(json!({"commands": [result]}))),
        Answer::Plan(_) => Err(another_answer()),
    }
}

async fn show_command(
    State(api): State<Api>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<axum::Json<Value>, Refused> {
    one(ask(&api, query.as_deref(), |wait| Question::Show { id, wait }).await?)
}

async fn start_command(
    State(api): State<Api>,
    RawQuery(query): RawQuery,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<axum::Json<Value>, Refused> {
    let request = body
        .map_err(|rejection| ApiError::BadRequest(rejection.body_text()))
        .and_then(|body| Request::parse(&body));
    // Who brings no valid token learns nothing about the body.
    let request = match request {
        Ok(request) => request,
        Err(error) => {
            ask(&api, query.as_deref(), |_| Question::List).await?;
            return Err(Refused(error));
        }
    };
    one(ask(&api, query.as_deref(), |wait| Question::Start {
        request: Box::new(request),
        wait,
    })
    .await?)
}

fn one(answer: Answer) -> Result<axum::Json<Value>, Refused> {
    match answer {
        Answer::One(result) => Ok(axum::Json(json!(result))),
        Answer::All(_) | Answer::Plan(_) => Err(another_answer()),
    }
}

fn another_answer() -> Refused {
    Refused(ApiError::Internal(
        "the answer belongs to another question".to_owned(),
    ))
}

/// Sends a question to the runtime and waits for the answer.
async fn ask(
    api: &Api,
    query: Option<&str>,
    question: impl FnOnce(bool) -> Question,
) -> Result<Answer, Refused> {
    let stopped = || Refused(ApiError::Internal("the agent is stopping".to_owned()));
    let parameter = |name: &str| {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        pairs
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .next()
    };
    let wait = parameter("wait").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let (answer, answered) = oneshot::channel();
    let call = Call {
        token: parameter("agent_token"),
        question: question(wait),
        answer,
    };
    api.calls.send(call).await.map_err(|_| stopped())?;
    answered.await.map_err(|_| stopped())?.map_err(Refused)
}

async fn redirect_to_slash(OriginalUri(uri): OriginalUri) -> Response {
    let query = uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let location = format!("{}/{query}", uri.path());
    (
        StatusCode::PERMANENT_REDIRECT,
        [(header::LOCATION, location)],
    )
        .into_response()
}

async fn not_found(uri: Uri) -> Refused {
    Refused(ApiError::NotFound(uri.path().to_owned()))
}

async fn wrong_method(uri: Uri) -> Refused {
    Refused(ApiError::MethodNotAllowed(uri.path().to_owned()))
}

/// The URL the request came by, for the links in descriptive documents.
fn base_url(headers: &HeaderMap) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    format!("https://{}", host.unwrap_or("localhost"))
}

#[cfg(test)]
mod tests;
