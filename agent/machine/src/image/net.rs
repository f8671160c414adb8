// SPDX-License-Identifier: Apache-2.0
//! The client that images, checksum files and config drives are fetched with,
//! and the patience it has (contract §14.3).

mod client;
mod runtime;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use ironseed_core::event::{Event, Wait};
use ironseed_core::fault::Fault;
use ironseed_core::image::location::{shown, shown_in};
use ironseed_core::image::retry;
use ironseed_core::image_request::{DownloadPolicy, Proxies, Secret};
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderValue};
use reqwest::{Client, RequestBuilder, Response, Url};

use super::Trouble;
use super::source::{Registry, Source};
use crate::progress::Surroundings;
use runtime::OwnRuntime;

/// A client with its policy.
pub(super) struct Net<'a> {
    client: Client,
    /// Runs while somebody waits for the network, in that thread: what arrives
    /// meanwhile waits in the kernel, so that a slow disk slows the server down.
    runtime: OwnRuntime,
    policy: &'a DownloadPolicy,
    authorization: Option<HeaderValue>,
    registry: Registry,
    pub(super) surroundings: Surroundings<'a>,
    /// Since boot; the whole transfer must be over by then.
    deadline: Option<Duration>,
}

/// Why waiting for the network brought nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// The limit of the whole download is over.
    Over,
    /// Trying again may help.
    Problem(String),
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
            client: client::new(policy, proxies)?,
            runtime: OwnRuntime::new()?,
            policy,
            authorization: authorization.map(header).transpose()?,
            registry: Registry::default(),
            surroundings,
            deadline: policy.max_duration.map(|limit| now + limit),
        })
    }

    /// What the request says of itself to whoever serves the image.
    pub(super) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// A GET request for the file as it is: encoded content would have to be
    /// decoded before hashing, and could not be resumed.
    pub(super) fn get(&self, url: &Url, authorization: Option<HeaderValue>) -> RequestBuilder {
        let request = self
            .client
            .get(url.clone())
            .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        match authorization {
            Some(value) => request.header(AUTHORIZATION, value),
            None => request,
        }
    }

    /// Waits for the answer to a request, redirects followed.
    pub(super) fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        self.wait(request.send())
    }

    /// Waits for the next bytes of an answer; none at its end.
    pub(super) fn chunk(&self, answer: &mut Response) -> Result<Option<Bytes>, Failure> {
        self.wait(answer.chunk())
    }

    /// Waits as long as the policy allows, at most until the whole download's limit.
    fn wait<T>(&self, work: impl Future<Output = reqwest::Result<T>>) -> Result<T, Failure> {
        let timeout = self.policy.timeout;
        let left = self.left().unwrap_or(Duration::MAX);
        match self.runtime.wait(left.min(timeout), work) {
            Some(Ok(found)) => Ok(found),
            Some(Err(error)) => Err(Failure::Problem(explain(error))),
            None if left <= timeout => Err(Failure::Over),
            None => Err(Failure::Problem(format!("nothing came for {timeout:?}"))),
        }
    }

    /// Time until the whole download must be over.
    fn left(&self) -> Option<Duration> {
        let now = self.surroundings.clock.since_boot();
        self.deadline.map(|deadline| deadline.saturating_sub(now))
    }

    pub(super) fn retries(&self) -> u32 {
        self.policy.retries
    }

    /// Says that there is trouble and waits before another attempt: not at all
    /// where the last one brought something, for such a server is alive.
    pub(super) fn pause(&self, url: &str, problem: &str, asked: Option<Duration>, alive: bool) {
        (self.surroundings.observer)(Event::Waiting(Wait::ImageServer {
            url: url.to_owned(),
            problem: problem.to_owned(),
        }));
        if alive && asked.is_none() {
            return;
        }
        let pause = retry::pause(self.policy.retry_interval, asked, random());
        std::thread::sleep(self.left().map_or(pause, |left| left.min(pause)));
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
        match self.left() {
            Some(Duration::ZERO) => Err(self.over(url)),
            _ => Ok(()),
        }
    }

    /// The limit of the whole download is over.
    pub(super) fn over(&self, url: &str) -> Trouble {
        let limit = self.policy.max_duration.unwrap_or_default();
        Trouble::Fault(self.gave_up(url, format!("it took longer than {limit:?}")))
    }

    pub(super) fn gave_up(&self, url: &str, problem: String) -> Fault {
        Fault::ImageDownload {
            url: shown(url),
            attempts: self.policy.retries + 1,
            problem,
        }
    }

    /// Fetches something that fits into memory.
    pub(super) fn small(&self, url: &str, limit: usize) -> Result<Vec<u8>, Fault> {
        match self.small_from(url, limit, || Source::open(self, url)) {
            Ok(body) => Ok(body),
            Err(Trouble::Fault(fault)) => Err(fault),
            Err(Trouble::GaveUp(problem) | Trouble::Restart(problem)) => {
                Err(self.gave_up(url, problem))
            }
        }
    }

    /// Fetches something that fits into memory from a source, which is opened
    /// again if the file changes meanwhile.
    pub(super) fn small_from<'s>(
        &self,
        url: &str,
        limit: usize,
        open: impl Fn() -> Result<Source<'s>, Trouble>,
    ) -> Result<Vec<u8>, Trouble> {
        let mut restarts = 0;
        loop {
            match open().and_then(|mut source| source.head(limit + 1)) {
                Ok(body) if body.len() > limit => {
                    return Err(Trouble::Fault(Fault::ImageSource {
                        url: shown(url),
                        problem: format!("it is larger than {limit} bytes"),
                    }));
                }
                Ok(body) => return Ok(body),
                Err(Trouble::Restart(_)) if restarts < self.policy.retries => restarts += 1,
                Err(Trouble::Restart(problem)) => return Err(Trouble::GaveUp(problem)),
                Err(trouble) => return Err(trouble),
            }
        }
    }
}

fn header(secret: &Secret) -> Result<HeaderValue, Fault> {
    sensitive(secret.expose()).ok_or_else(|| Fault::Argument {
        argument: "image_info.image_request_authorization".into(),
        problem: "cannot be a header".into(),
    })
}

/// A header value that is not printed.
pub(super) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Any number. Without one, machines only come back at the same moment.
fn random() -> u8 {
    let mut byte = [0];
    let _ = getrandom::fill(&mut byte);
    byte[0]
}

/// An error with its causes. The URL is named elsewhere, and what others the
/// causes name is shown without secrets.
fn explain(error: reqwest::Error) -> String {
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
    shown_in(&text)
}
