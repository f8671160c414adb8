// SPDX-License-Identifier: Apache-2.0
//! The HTTP client: whom it trusts and which proxies it uses.

use ironseed_core::fault::Fault;
use ironseed_core::image_request::{DownloadPolicy, Proxies};
use reqwest::{Client, NoProxy, Proxy};
use rustls::ClientConfig;

use crate::root::Root;
use crate::tls::{self, ClientTls};

/// A client without a limit of its own to what it waits for, except connecting.
pub(super) fn new(policy: &DownloadPolicy, proxies: &Proxies) -> Result<Client, Fault> {
    let failed = |error: reqwest::Error| Fault::Internal(format!("HTTP client: {error}"));
    let mut builder = Client::builder()
        .tls_backend_preconfigured(trust(policy)?)
        .connect_timeout(policy.timeout)
        .referer(false)
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
