// SPDX-License-Identifier: Apache-2.0
//! The client: version discovery, inspection, lookup, heartbeat (contract §3,
//! §6.1, §7, §10).
//!
//! Each call is one attempt over all base URLs. When to try again is the life
//! cycle's decision, not the client's. Calls may run side by side: a report that
//! takes its time holds no heartbeat back.
//!
//! Which URL is next (contract §3):
//!
//! - Nothing answered, or a proxy answered for a server it does not reach (502,
//!   503 or 504 without Ironic's error body): the next URL, in the same attempt.
//! - Ironic itself answered with 5xx: the attempt is over, because the other
//!   URLs most likely lead to the same conductors, and asking them as well
//!   would multiply the load of an Ironic that is overloaded. The next attempt
//!   begins with another URL.
//! - Any other answer: the attempt is over, and this URL comes first next time.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tokio::sync::watch;

use crate::error::{ClientError, Refused, text_of};
use crate::heartbeat::Heartbeat;
use crate::lookup::LookupAnswer;
use crate::resolver::{Resolver, unresolved};
use crate::retry_after::retry_after;
use crate::urls::Urls;
use crate::version::{ApiVersion, VERSION_HEADER};

/// Limit for a name to be resolved and a connection to be made. A server that
/// is there answers within a second; beyond this the next URL is worth more.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// What the client needs to know.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Base URLs of Ironic's API, in order of preference.
    pub api_urls: Vec<String>,
    /// Full URLs that take inspection data; empty: derived from the base URLs.
    pub inspection_urls: Vec<String>,
    /// `req-<uuid>`, sent back on every call.
    pub request_id: Option<String>,
    /// Limit of each request.
    pub timeout: Duration,
    /// Skips version discovery.
    pub version: Option<ApiVersion>,
    /// How TLS peers are verified.
    pub tls: rustls::ClientConfig,
}

/// A client of one Ironic, over one or more URLs.
#[derive(Debug)]
pub struct Client {
    /// Replaced by [`Client::reconnect`], which calls under way notice.
    http: watch::Sender<reqwest::Client>,
    tls: rustls::ClientConfig,
    timeout: Duration,
    api: Urls,
    inspection: Urls,
    request_id: Option<String>,
    version: Mutex<Option<ApiVersion>>,
}

impl Client {
    /// Sets the client up; nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Setup`] if the HTTP client cannot be built.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let http = connections(options.tls.clone(), options.timeout)?;
        let inspection = if options.inspection_urls.is_empty() {
            options
                .api_urls
                .iter()
                .map(|url| format!("{}/v1/continue_inspection", url.trim_end_matches('/')))
                .collect()
        } else {
            options.inspection_urls
        };
        Ok(Self {
            http: watch::Sender::new(http),
            tls: options.tls,
            timeout: options.timeout,
            api: Urls::new(options.api_urls),
            inspection: Urls::new(inspection),
            request_id: options.request_id,
            version: Mutex::new(options.version),
        })
    }

    /// Forgets all connections: they begin at an address that this machine does
    /// not have any more, and would hang until their time-out. Calls under way
    /// end as [`ClientError::Unreachable`].
    ///
    /// # Errors
    /// [`ClientError::Setup`] if the HTTP client cannot be built.
    pub fn reconnect(&self) -> Result<(), ClientError> {
        let http = connections(self.tls.clone(), self.timeout)?;
        self.http.send_replace(http);
        Ok(())
    }

    /// The base URLs, the one that answered last first.
    #[must_use]
    pub fn api_urls(&self) -> Vec<String> {
        self.api.in_order()
    }

    /// Prefers the base URLs that answered when all were asked (contract §5);
    /// no change if none did. The others are tried again only when none of
    /// these answers any more.
    pub fn keep_reachable(&self, answering: &[String]) {
        self.api.keep(answering);
    }

    /// The highest version Ironic speaks; 1.31, not kept, if it answers but does
    /// not tell.
    ///
    /// # Errors
    /// No answer, or one that says to come back later. Unlike the original
    /// agent, which then goes on with 1.31: a lookup without a token version
    /// would register a machine whose heartbeats are refused for ever.
    pub async fn version(&self) -> Result<ApiVersion, ClientError> {
        if let Some(version) = *self.known_version() {
            return Ok(version);
        }
        let request = Outgoing {
            method: Method::GET,
            path: "/",
            version: None,
            body: None,
            query: &[],
        };
        let answer = self.ask_api(&request).await?;
        if is_temporary(answer.status) {
            return Err(answer.refusal());
        }
        let found = match answer.status {
            200 => ApiVersion::from_root(&answer.body),
            _ => None,
        };
        *self.known_version() = found;
        Ok(found.unwrap_or(ApiVersion::FALLBACK))
    }

    fn known_version(&self) -> std::sync::MutexGuard<'_, Option<ApiVersion>> {
        self.version.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask_api(&self, request: &Outgoing<'_>) -> Result<Answer, ClientError> {
        let id = self.request_id.as_deref();
        send(&self.http, id, &self.api, request).await
    }

    /// Posts the inspection payload. Gives the node's UUID where Ironic tells it.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] or [`ClientError::Refused`].
    pub async fn inspect(&self, payload: &Value) -> Result<Option<String>, ClientError> {
        let body =
            serde_json::to_vec(payload).map_err(|error| ClientError::Setup(error.to_string()))?;
        // Without a version header Ironic answers like the old inspector and
        // creates no token, which lookup would then not be shown (contract §6.1).
        let request = Outgoing {
            method: Method::POST,
            path: "",
            version: None,
            body: Some(body),
            query: &[],
        };
        let answer = send(
            &self.http,
            self.request_id.as_deref(),
            &self.inspection,
            &request,
        )
        .await?;
        answer.success()?;
        let uuid = serde_json::from_slice(&answer.body)
            .ok()
            .and_then(|value: Value| Some(value.get("uuid")?.as_str()?.to_owned()));
        Ok(uuid)
    }

    /// Asks which node this machine is.
    ///
    /// # Errors
    /// Any [`ClientError`]; 404 and 409 come as [`ClientError::Refused`].
    pub async fn lookup(
        &self,
        macs: &[String],
        node_uuid: Option<&str>,
    ) -> Result<LookupAnswer, ClientError> {
        let version = self.version().await?.min(ApiVersion::TOKEN);
        let mut query = vec![("addresses", macs.join(","))];
        query.extend(node_uuid.map(|uuid| ("node_uuid", uuid.to_owned())));
        let request = Outgoing {
            method: Method::GET,
            path: "/v1/lookup",
            version: Some(version),
            body: None,
            query: &query,
        };
        let answer = self.ask_api(&request).await?;
        answer.success()?;
        LookupAnswer::parse(&answer.body).map_err(|problem| ClientError::Unexpected {
            url: answer.url,
            problem,
        })
    }

    /// Sends one heartbeat.
    ///
    /// # Errors
    /// Any [`ClientError`]; everything but 202 comes as [`ClientError::Refused`].
    pub async fn heartbeat(&self, beat: &Heartbeat) -> Result<(), ClientError> {
        let version = self.version().await?.min(ApiVersion::VERIFY_CA);
        let body = serde_json::to_vec(&beat.body(version))
            .map_err(|error| ClientError::Setup(error.to_string()))?;
        let path = format!("/v1/heartbeat/{}", beat.node_uuid);
        let request = Outgoing {
            method: Method::POST,
            path: &path,
            version: Some(version),
            body: Some(body),
            query: &[],
        };
        let answer = self.ask_api(&request).await?;
        if answer.status == 202 {
            Ok(())
        } else {
            Err(answer.refusal())
        }
    }
}

/// An HTTP client without connections.
fn connections(
    tls: rustls::ClientConfig,
    timeout: Duration,
) -> Result<reqwest::Client, ClientError> {
    let limit = timeout.min(CONNECT_LIMIT);
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .timeout(timeout)
        .connect_timeout(limit)
        .dns_resolver(Resolver { limit })
        .no_proxy()
        .build()
        .map_err(|error| ClientError::Setup(reason(&error)))
}

struct Outgoing<'a> {
    method: Method,
    path: &'a str,
    version: Option<ApiVersion>,
    body: Option<Vec<u8>>,
    query: &'a [(&'static str, String)],
}

struct Answer {
    url: String,
    status: u16,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

impl Answer {
    fn refusal(&self) -> ClientError {
        ClientError::Refused(Refused {
            url: self.url.clone(),
            status: self.status,
            text: text_of(&self.body),
            retry_after: self.retry_after,
        })
    }

    fn success(&self) -> Result<(), ClientError> {
        if (200..300).contains(&self.status) {
            Ok(())
        } else {
            Err(self.refusal())
        }
    }

    /// Whether a proxy speaks for a server that it does not reach. Ironic's own
    /// errors have a body that says so (contract §3).
    fn is_from_proxy(&self) -> bool {
        let is_ironics = || {
            serde_json::from_slice(&self.body)
                .is_ok_and(|body: Value| body.get("error_message").is_some())
        };
        matches!(self.status, 502..=504) && !is_ironics()
    }
}

/// Whether the same question may have another answer soon.
fn is_temporary(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599)
}

/// Sends to each URL in turn until one answers for Ironic.
async fn send(
    http: &watch::Sender<reqwest::Client>,
    request_id: Option<&str>,
    urls: &Urls,
    request: &Outgoing<'_>,
) -> Result<Answer, ClientError> {
    let mut connections = http.subscribe();
    let http = connections.borrow_and_update().clone();
    let mut last = ClientError::Setup("no URL is known".to_owned());
    let mut from_proxy = None;
    for base in urls.in_order() {
        let url = format!("{base}{}", request.path);
        let answer = tokio::select! {
            answer = attempt(&http, request_id, url.clone(), request) => answer,
            _ = connections.changed() => {
                let problem = "the address of this machine changed".to_owned();
                return Err(ClientError::Unreachable { url, problem });
            }
        };
        match answer {
            Ok(answer) if answer.is_from_proxy() => {
                urls.defer(&base);
                from_proxy = from_proxy.or(Some(answer));
            }
            Ok(answer) if answer.status >= 500 => {
                urls.defer(&base);
                return Ok(answer);
            }
            Ok(answer) => {
                urls.prefer(&base);
                return Ok(answer);
            }
            Err(error) => last = failure(url, &error),
        }
    }
    from_proxy.ok_or(last)
}

fn failure(url: String, error: &reqwest::Error) -> ClientError {
    match unresolved(error) {
        Some(unresolved) => ClientError::Unresolved {
            url,
            problem: unresolved.to_string(),
        },
        None => ClientError::Unreachable {
            url,
            problem: reason(error),
        },
    }
}

async fn attempt(
    http: &reqwest::Client,
    request_id: Option<&str>,
    url: String,
    request: &Outgoing<'_>,
) -> Result<Answer, reqwest::Error> {
    let mut builder = http
        .request(request.method.clone(), &url)
        .header("Accept", "application/json")
        .header("Content-Type", "application/json");
    if !request.query.is_empty() {
        builder = builder.query(request.query);
    }
    if let Some(id) = request_id {
        builder = builder.header("X-OpenStack-Request-ID", id);
    }
    if let Some(version) = request.version {
        builder = builder.header(VERSION_HEADER, version.to_string());
    }
    if let Some(body) = &request.body {
        builder = builder.body(body.clone());
    }
    let response = builder.send().await?;
    Ok(Answer {
        url,
        status: response.status().as_u16(),
        retry_after: retry_after(response.headers()),
        body: response.bytes().await?.to_vec(),
    })
}

/// What went wrong, without the URL, which stands beside it, and without the
/// names of the layers in between: `Connection refused (os error 111)`.
pub(crate) fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
