// SPDX-License-Identifier: Apache-2.0
//! The client: version discovery, inspection, lookup, heartbeat (contract §3,
//! §6.1, §7, §10).
//!
//! Each call is one attempt over all base URLs. When to try again is the life
//! cycle's decision, not the client's.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::error::{ClientError, text_of};
use crate::heartbeat::Heartbeat;
use crate::lookup::LookupAnswer;
use crate::version::{ApiVersion, VERSION_HEADER};

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
    http: reqwest::Client,
    api: Urls,
    inspection: Urls,
    request_id: Option<String>,
    version: Option<ApiVersion>,
}

impl Client {
    /// Sets the client up; nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Setup`] if the HTTP client cannot be built.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(options.tls)
            .timeout(options.timeout)
            .no_proxy()
            .build()
            .map_err(|error| ClientError::Setup(reason(&error)))?;
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
            http,
            api: Urls::new(options.api_urls),
            inspection: Urls::new(inspection),
            request_id: options.request_id,
            version: options.version,
        })
    }

    /// The base URLs, the one that answered last first.
    #[must_use]
    pub fn api_urls(&self) -> &[String] {
        &self.api.0
    }

    /// The highest version Ironic speaks; 1.31, not kept, while it does not tell.
    pub async fn version(&mut self) -> ApiVersion {
        if let Some(version) = self.version {
            return version;
        }
        let request = Outgoing {
            method: Method::GET,
            path: "/",
            version: None,
            body: None,
            query: &[],
        };
        let found = match self.ask_api(&request).await {
            Ok(answer) if answer.status == 200 => ApiVersion::from_root(&answer.body),
            _ => None,
        };
        self.version = found;
        found.unwrap_or(ApiVersion::FALLBACK)
    }

    async fn ask_api(&mut self, request: &Outgoing<'_>) -> Result<Answer, ClientError> {
        let id = self.request_id.as_deref();
        send(&self.http, id, &mut self.api, request).await
    }

    /// Posts the inspection payload. Gives the node's UUID where Ironic tells it.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] or [`ClientError::Refused`].
    pub async fn inspect(&mut self, payload: &Value) -> Result<Option<String>, ClientError> {
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
            &mut self.inspection,
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
        &mut self,
        macs: &[String],
        node_uuid: Option<&str>,
    ) -> Result<LookupAnswer, ClientError> {
        let version = self.version().await.min(ApiVersion::TOKEN);
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
    pub async fn heartbeat(&mut self, beat: &Heartbeat) -> Result<(), ClientError> {
        let version = self.version().await.min(ApiVersion::VERIFY_CA);
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

/// URLs in the order they are tried; the one that answered moves to the front.
#[derive(Debug)]
struct Urls(Vec<String>);

impl Urls {
    fn new(urls: Vec<String>) -> Self {
        Self(
            urls.into_iter()
                .map(|url| url.trim_end_matches('/').to_owned())
                .collect(),
        )
    }

    fn prefer(&mut self, index: usize) {
        self.0[..=index].rotate_right(1);
    }
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
    body: Vec<u8>,
}

impl Answer {
    fn refusal(&self) -> ClientError {
        ClientError::Refused {
            status: self.status,
            text: text_of(&self.body),
        }
    }

    fn success(&self) -> Result<(), ClientError> {
        if (200..300).contains(&self.status) {
            Ok(())
        } else {
            Err(self.refusal())
        }
    }
}

/// Sends to each URL in turn until one answers with anything.
async fn send(
    http: &reqwest::Client,
    request_id: Option<&str>,
    urls: &mut Urls,
    request: &Outgoing<'_>,
) -> Result<Answer, ClientError> {
    let mut last = ClientError::Setup("no URL is known".to_owned());
    for index in 0..urls.0.len() {
        let url = format!("{}{}", urls.0[index], request.path);
        match attempt(http, request_id, &url, request).await {
            Ok((status, body)) => {
                urls.prefer(index);
                return Ok(Answer { url, status, body });
            }
            Err(error) => {
                last = ClientError::Unreachable {
                    url,
                    problem: reason(&error),
                }
            }
        }
    }
    Err(last)
}

async fn attempt(
    http: &reqwest::Client,
    request_id: Option<&str>,
    url: &str,
    request: &Outgoing<'_>,
) -> Result<(u16, Vec<u8>), reqwest::Error> {
    let mut builder = http
        .request(request.method.clone(), url)
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
    let status = response.status().as_u16();
    Ok((status, response.bytes().await?.to_vec()))
}

/// What went wrong, without the URL, which stands beside it, and without the
/// names of the layers in between: `Connection refused (os error 111)`.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
