// SPDX-License-Identifier: Apache-2.0
//! Which of several URLs answer from here (contract §5).

use std::net::IpAddr;
use std::time::Duration;

use reqwest::redirect::Policy;
use tokio::task::JoinSet;
use tokio::time::Instant;
use url::{Host, Url};

use crate::client::reason;
use crate::error::ClientError;
use crate::resolver::{Resolver, addresses};

/// What came of asking one URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// The URL as it was given.
    pub url: String,
    /// The address that answered; `None` if nothing did.
    pub answered: Option<IpAddr>,
    /// All addresses of its host, in the resolver's order.
    pub addresses: Vec<IpAddr>,
}

/// Once one URL has answered, the others get this much longer. One that is
/// slower is not lost, only asked last.
const GRACE: Duration = Duration::from_secs(1);

/// Asks each URL once, all at the same time. Any HTTP answer counts, whatever
/// its status. Takes no longer than `limit`, and not much longer than the first
/// answer.
///
/// `tls` should verify nothing: an address is looked for, not trust.
///
/// # Errors
/// [`ClientError::Setup`] if the HTTP client cannot be built.
pub async fn probe(
    urls: &[Url],
    tls: rustls::ClientConfig,
    limit: Duration,
) -> Result<Vec<Probed>, ClientError> {
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .timeout(limit)
        .redirect(Policy::none())
        .dns_resolver(Resolver { limit })
        .no_proxy()
        .build()
        .map_err(|error| ClientError::Setup(reason(&error)))?;
    let mut asked = JoinSet::new();
    for (index, url) in urls.iter().cloned().enumerate() {
        let http = http.clone();
        asked.spawn(async move { (index, probe_one(http, url, limit).await) });
    }
    let silent = |url: &Url| Probed {
        url: url.to_string(),
        answered: None,
        addresses: Vec::new(),
    };
    let mut probed: Vec<Probed> = urls.iter().map(silent).collect();
    let mut deadline = Instant::now() + limit + GRACE;
    while let Ok(Some(ended)) = tokio::time::timeout_at(deadline, asked.join_next()).await {
        let Ok((index, found)) = ended else { continue };
        if found.answered.is_some() {
            deadline = deadline.min(Instant::now() + GRACE);
        }
        probed[index] = found;
    }
    Ok(probed)
}

async fn probe_one(http: reqwest::Client, url: Url, limit: Duration) -> Probed {
    let (answer, addresses) = tokio::join!(http.get(url.clone()).send(), host(&url, limit));
    let answered = answer.ok().map(|answer| {
        let remote = answer.remote_addr().map(|address| address.ip());
        remote.or(addresses.first().copied())
    });
    Probed {
        url: url.to_string(),
        answered: answered.flatten(),
        addresses,
    }
}

async fn host(url: &Url, limit: Duration) -> Vec<IpAddr> {
    let name = match url.host() {
        Some(Host::Ipv4(address)) => return vec![address.into()],
        Some(Host::Ipv6(address)) => return vec![address.into()],
        Some(Host::Domain(name)) => name,
        None => return Vec::new(),
    };
    let found = addresses(name, 0, limit).await.unwrap_or_default();
    found.into_iter().map(|address| address.ip()).collect()
}
