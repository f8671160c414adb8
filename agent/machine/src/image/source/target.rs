// SPDX-License-Identifier: Apache-2.0
//! What a server is asked for, and by whom.

use std::sync::Arc;

use ironseed_core::image::location::shown;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::{RequestBuilder, Url};

use super::registry::Pass;
use super::unreadable;
use crate::image::Trouble;
use crate::image::net::Net;

/// A file on a web server.
#[derive(Clone)]
pub(super) struct Target {
    url: Url,
    /// The URL as it may be shown.
    shown: String,
    access: Access,
    accept: Option<&'static str>,
}

/// By what right a file is asked for.
#[derive(Clone)]
pub(super) enum Access {
    /// A header value, for as long as it works.
    Given(Option<HeaderValue>),
    /// What a registry wants, renewed when it wants something else.
    Pass(Arc<Pass>),
}

impl Target {
    pub(super) fn new(url: &str, access: Access) -> Result<Self, Trouble> {
        let parsed = Url::parse(url).map_err(|error| unreadable(url, error))?;
        Ok(Self {
            url: parsed,
            shown: shown(url),
            access,
            accept: None,
        })
    }

    /// A URL of the request. Its authorization goes before a login in the URL.
    pub(super) fn web(net: &Net<'_>, url: &str) -> Result<Self, Trouble> {
        let authorization = net.authorization().cloned();
        let is_given = authorization.is_some();
        let mut target = Self::new(url, Access::Given(authorization))?;
        if is_given {
            // Neither can fail for a URL with a host.
            let _ = target.url.set_username("");
            let _ = target.url.set_password(None);
        }
        Ok(target)
    }

    /// Names the types of content that are understood.
    pub(super) fn accepting(self, types: &'static str) -> Self {
        Self {
            accept: Some(types),
            ..self
        }
    }

    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether a URL is on the server that was asked.
    pub(super) fn is_on(&self, url: &Url) -> bool {
        self.url.origin() == url.origin()
    }

    pub(super) fn request(&self, net: &Net<'_>) -> RequestBuilder {
        let authorization = match &self.access {
            Access::Given(value) => value.clone(),
            Access::Pass(pass) => pass.header(),
        };
        let request = net.get(&self.url, authorization);
        match self.accept {
            Some(types) => request.header(ACCEPT, types),
            None => request,
        }
    }

    /// Whether a server that refused can be asked again with something else.
    pub(super) fn renew(&self, net: &Net<'_>, refusal: &HeaderMap) -> Result<bool, Trouble> {
        match &self.access {
            Access::Given(_) => Ok(false),
            Access::Pass(pass) => pass.renew(net, refusal),
        }
    }
}
