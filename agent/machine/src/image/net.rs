// SPDX-License-Identifier: Apache-2.0
//! The client that images, checksum files and config drives are fetched with,
//! and the patience it has (contract §14.3).

use std::cell::Cell;
use std::time::Duration;

use ironseed_core::event::{Event, Wait};
use ironseed_core::fault::Fault;
use ironseed_core::image_request::{DownloadPolicy, Proxies, Secret};
use reqwest::blocking::{Client, RequestBuilder};
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderValue};
use reqwest::{NoProxy, Proxy};
use rustls::ClientConfig;

use super::Trouble;
use super::source::Source;
use crate::progress::Surroundings;
use crate::root::Root;
use crate::tls::{self, ClientTls};

/// A client with its policy.
pub(super) struct Net<'a> {
    client: Client,
    policy: &'a DownloadPolicy,
    authorization: Option<HeaderValue>,
    pub(super) surroundings: Surroundings<'a>,
    /// Since boot; the whole transfer must be over by then.
    deadline: Option<Duration>,
}

impl<'a> Net<'a> {
    pub(super) fn new(
        policy: &'a DownloadPolicy,
        proxies: &Proxies,
        authorization: Option<&Secret>,
        surroundings: Surroundings<'a>,
    ) -> Result<Self, Fault> {
        let now = surroundings.clock.since_boot();
        Ok(Self {
            client: client(policy, proxies)?,
            policy,
            authorization: authorization.map(header).transpose()?,
            surroundings,
            deadline: policy.max_duration.map(|limit| now + limit),
        })
    }

    /// A GET request for the file as it is: encoded content would have to be
    /// decoded before hashing, and could not be resumed.
    pub(super) fn get(&self, url: &str) -> RequestBuilder {
        let request = self
            .client
            .get(url)
            .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value.clone()),
            None => request,
        }
    }

    pub(super) fn retries(&self) -> u32 {
        self.policy.retries
    }

    /// Waits before another attempt, and says so.
    pub(super) fn pause(&self, url: &str, problem: &str) {
        (self.surroundings.observer)(Event::Waiting(Wait::ImageServer {
            url: url.to_owned(),
            problem: problem.to_owned(),
        }));
        std::thread::sleep(self.policy.retry_interval);
    }

    /// The server answers again.
    pub(super) fn recovered(&self) {
        (self.surroundings.observer)(Event::WaitOver);
    }

    pub(super) fn warn(&self, text: String) {
        (self.surroundings.observer)(Event::Warning(text));
    }

    /// Fails once the limit of the whole download is over.
    pub(super) fn check_deadline(&self, url: &str) -> Result<(), Trouble> {
        let now = self.surroundings.clock.since_boot();
        match (self.deadline, self.policy.max_duration) {
            (Some(deadline), Some(limit)) if now > deadline => Err(Trouble::Fault(
                self.gave_up(url, format!("it took longer than {} s", limit.as_secs())),
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn gave_up(&self, url: &str, problem: String) -> Fault {
        Fault::ImageDownload {
            url: url.to_owned(),
            attempts: self.policy.retries + 1,
            problem,
        }
    }

    /// Fetches something that fits into memory.
    pub(super) fn small(&self, url: &str, limit: usize) -> Result<Vec<u8>, Fault> {
        let restarts = Cell::new(0);
        loop {
            let fetched = Source::open(self, url).and_then(|mut source| source.head(limit + 1));
            match fetched {
                Ok(body) if body.len() > limit => {
                    return Err(self.gave_up(url, format!("it is larger than {limit} bytes")));
                }
                Ok(body) => return Ok(body),
                Err(Trouble::Restart(_)) if restarts.get() < self.policy.retries => {
                    restarts.set(restarts.get() + 1);
                }
                Err(Trouble::Fault(fault)) => return Err(fault),
                Err(Trouble::GaveUp(problem) | Trouble::Restart(problem)) => {
                    return Err(self.gave_up(url, problem));
                }
            }
        }
    }
}

fn header(secret: &Secret) -> Result<HeaderValue, Fault> {
    let mut value = HeaderValue::from_str(secret.expose()).map_err(|_| Fault::Argument {
        argument: "image_info.image_request_authorization".into(),
        problem: "cannot be a header".into(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whom the image server must be, as the settings say.
fn trust(policy: &DownloadPolicy) -> Result<ClientConfig, Fault> {
    let unusable = |problem: String| Fault::Argument {
        argument: "cafile".into(),
        problem,
    };
    let root = Root::live().map_err(|error| Fault::Internal(format!("opening /: {error}")))?;
    let wanted = ClientTls {
        verify: policy.verify_tls,
        ca_file: policy.ca_file.as_deref(),
        ..ClientTls::default()
    };
    tls::client_config(&root, wanted).map_err(|error| unusable(error.to_string()))
}

fn client(policy: &DownloadPolicy, proxies: &Proxies) -> Result<Client, Fault> {
    let failed = |error: reqwest::Error| Fault::Internal(format!("HTTP client: {error}"));
    let mut builder = Client::builder()
        .tls_backend_preconfigured(trust(policy)?)
        .connect_timeout(policy.timeout)
        .timeout(policy.timeout)
        .no_proxy();
    let direct = proxies.no_proxy.as_deref().and_then(NoProxy::from_string);
    let wrong = |name: &str| {
        let argument = format!("image_info.proxies.{name}");
        move |_| Fault::Argument {
            argument,
            problem: "is not a proxy URL".into(),
        }
    };
    if let Some(url) = &proxies.http {
        let proxy = Proxy::http(url).map_err(wrong("http"))?;
        builder = builder.proxy(proxy.no_proxy(direct.clone()));
    }
    if let Some(url) = &proxies.https {
        let proxy = Proxy::https(url).map_err(wrong("https"))?;
        builder = builder.proxy(proxy.no_proxy(direct));
    }
    builder.build().map_err(failed)
}

/// An error with its causes, without the URL, which may carry a token and is
/// named elsewhere.
pub(super) fn explain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
