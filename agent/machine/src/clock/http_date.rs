// SPDX-License-Identifier: Apache-2.0
//! The date in an answer of a web server, asked over a connection that carries
//! nothing else.

use std::sync::Arc;
use std::time::Duration;

use ironseed_core::clock::Sample;
use ironseed_core::clock::date::{Bounds, DateRefused, read};
use reqwest::header::DATE;
use reqwest::redirect::Policy;
use rustls::ClientConfig;
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier};
use thiserror::Error;

use super::Clock;
use super::own_time::OwnTime;
use crate::root::Root;
use crate::tls::{ClientTls, TlsError, TrustEverybody, authorities};

/// Why a web server's date does not count.
#[derive(Debug, Error)]
pub enum HttpDateError {
    /// A file with authorities cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Nobody is trusted.
    #[error("setting up the verification of certificates failed: {0}")]
    Verifier(#[from] VerifierBuilderError),
    /// The server was not reached, or is not whom it should be.
    #[error("{0}")]
    Unreachable(String),
    /// It was reached and says nothing that could be believed.
    #[error(transparent)]
    Refused(#[from] DateRefused),
    /// At the date it says, its own certificate is not valid.
    #[error("its own certificate does not fit the date it says: {0}")]
    Certificate(rustls::Error),
}

/// Asks the server at `url` for its root and takes the date of whatever it
/// answers. No token, no body and no certificate of ours is sent, and nothing
/// is followed or read.
///
/// With `https` and verification, a certificate that has ended or not begun by
/// the machine's clock is verified at a date within its own validity, and the
/// server's date must make it valid.
///
/// # Errors
/// [`HttpDateError`].
pub async fn ask(
    url: &str,
    root: &Root,
    tls: ClientTls<'_>,
    clock: &dyn Clock,
    limit: Duration,
) -> Result<Sample, HttpDateError> {
    let (config, verifier) = configure(root, tls)?;
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .timeout(limit)
        .redirect(Policy::none())
        .referer(false)
        .no_proxy()
        .build()
        .map_err(|error| unreachable(&error))?;
    let asked = clock.since_boot();
    let answer = client.get(url).send().await;
    let answered = clock.since_boot();
    let answer = answer.map_err(|error| unreachable(&error))?;
    let header = answer.headers().get(DATE).and_then(|it| it.to_str().ok());
    let sample = read(header, asked, answered, Bounds::of_this_build())?;
    if let Some(verifier) = verifier.filter(|_| answer.url().scheme() == "https") {
        verifier
            .holds_at(sample.date)
            .map_err(HttpDateError::Certificate)?;
    }
    Ok(sample)
}

/// The connection's settings, and the verifier unless everybody is trusted.
fn configure(
    root: &Root,
    tls: ClientTls<'_>,
) -> Result<(ClientConfig, Option<Arc<OwnTime>>), HttpDateError> {
    let provider = Arc::new(tls.provider);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(tls.versions)
        .map_err(TlsError::Setup)?
        .dangerous();
    if !tls.verify {
        let trusting = Arc::new(TrustEverybody(provider));
        let builder = builder.with_custom_certificate_verifier(trusting);
        return Ok((builder.with_no_client_auth(), None));
    }
    let authorities = Arc::new(authorities(root, tls.ca_file)?);
    let usual = WebPkiServerVerifier::builder_with_provider(authorities, provider).build()?;
    let verifier = Arc::new(OwnTime::new(usual));
    let builder = builder.with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<_>);
    Ok((builder.with_no_client_auth(), Some(verifier)))
}

/// The innermost reason, which is the one that says something.
fn unreachable(error: &reqwest::Error) -> HttpDateError {
    if error.is_timeout() {
        return HttpDateError::Unreachable("no answer in time".to_owned());
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    HttpDateError::Unreachable(innermost.to_string())
}

#[cfg(test)]
#[path = "http_date_tests.rs"]
mod tests;
