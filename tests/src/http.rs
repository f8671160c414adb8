// SPDX-License-Identifier: Apache-2.0
//! A small JSON client for what the lab talks to: Ironic and the Redfish emulator.

use std::time::Duration;

pub use reqwest::Method;
use reqwest::blocking;
use serde_json::Value;

use crate::error::Error;

/// Ironic answers some requests only after it has talked to the BMC or the agent.
const REQUEST_LIMIT: Duration = Duration::from_mins(2);

/// An HTTP client that speaks JSON and sends fixed headers.
#[derive(Clone, Debug)]
pub struct Client {
    http: blocking::Client,
    headers: Vec<(&'static str, &'static str)>,
}

impl Client {
    /// A client without extra headers.
    ///
    /// # Errors
    /// If the TLS library cannot be set up; the lab itself uses plain HTTP.
    pub fn new() -> Result<Self, Error> {
        // Fails only if another part of the process has installed a provider already: just as good.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let http = blocking::Client::builder()
            .timeout(REQUEST_LIMIT)
            .build()
            .map_err(|source| no_answer("set up", "client", source))?;
        Ok(Self {
            http,
            headers: Vec::new(),
        })
    }

    /// Sends this header with each request.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Sends a request and returns the JSON of the answer, null if it has none.
    ///
    /// # Errors
    /// [`Error::Http`] without an answer, [`Error::Refused`] for a status that is not a success.
    pub fn send(&self, method: Method, url: &str, body: Option<&Value>) -> Result<Value, Error> {
        let verb = method.to_string();
        let mut request = self.http.request(method, url);
        for (name, value) in &self.headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request
            .send()
            .map_err(|source| no_answer(&verb, url, source))?;
        let status = answer.status();
        let text = answer
            .text()
            .map_err(|source| no_answer(&verb, url, source))?;
        if !status.is_success() {
            return Err(Error::Refused {
                method: verb,
                url: url.to_owned(),
                status: status.as_u16(),
                body: text,
            });
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}

fn no_answer(method: &str, url: &str, source: reqwest::Error) -> Error {
    Error::Http {
        method: method.to_owned(),
        url: url.to_owned(),
        source,
    }
}
