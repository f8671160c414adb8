// SPDX-License-Identifier: Apache-2.0
//! A verifier of certificates for a machine that does not know what time it is.
//!
//! It verifies everything that the usual one does (chain, name, purpose,
//! signatures), but where a certificate is "not valid yet" or "expired" at the
//! machine's date, it verifies at a date at which the certificates of the chain
//! are valid by their own words. So a peer still needs a key that a trusted
//! authority signed for this very name; what it can do with a certificate that
//! has ended is pretend that it has not. Therefore such a connection only
//! carries a question for the date, and the date that comes back must make
//! the whole chain valid ([`OwnTime::holds_at`]).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

/// How often the date is moved: each certificate of a chain may ask for it once
/// in either direction, and no chain is longer than four.
const MOVES: usize = 8;

/// The verifier, with what the last peer showed.
#[derive(Debug)]
pub(super) struct OwnTime {
    usual: Arc<WebPkiServerVerifier>,
    shown: Mutex<Option<Shown>>,
}

#[derive(Debug)]
struct Shown {
    certificate: CertificateDer<'static>,
    intermediates: Vec<CertificateDer<'static>>,
    name: ServerName<'static>,
}

impl OwnTime {
    /// Trusts whom the usual verifier trusts.
    pub(super) fn new(usual: Arc<WebPkiServerVerifier>) -> Self {
        Self {
            usual,
            shown: Mutex::new(None),
        }
    }

    /// Whether the usual verifier would have let the last peer pass at that
    /// Unix time.
    ///
    /// # Errors
    /// Its words if not.
    pub(super) fn holds_at(&self, date: Duration) -> Result<(), Error> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = shown
            .as_ref()
            .ok_or_else(|| Error::General("no certificate was shown".to_owned()))?;
        let date = UnixTime::since_unix_epoch(date);
        self.usual
            .verify_server_cert(
                &shown.certificate,
                &shown.intermediates,
                &shown.name,
                &[],
                date,
            )
            .map(drop)
    }
}

/// A date at which the certificate that was refused would be valid; `None` if
/// the date is not what was wrong.
fn moved(error: &Error, from: UnixTime) -> Option<UnixTime> {
    let Error::InvalidCertificate(problem) = error else {
        return None;
    };
    match problem {
        CertificateError::NotValidYetContext { not_before, .. } if *not_before > from => {
            Some(*not_before)
        }
        CertificateError::ExpiredContext { not_after, .. } if *not_after < from => Some(*not_after),
        _ => None,
    }
}

impl ServerCertVerifier for OwnTime {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let at = |date| {
            self.usual.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                date,
            )
        };
        let mut date = now;
        let mut verified = at(date);
        for _ in 0..MOVES {
            let Some(other) = verified.as_ref().err().and_then(|error| moved(error, date)) else {
                break;
            };
            date = other;
            verified = at(date);
        }
        let verified = verified?;
        let shown = Shown {
            certificate: end_entity.clone().into_owned(),
            intermediates: intermediates
                .iter()
                .map(|one| one.clone().into_owned())
                .collect(),
            name: server_name.to_owned(),
        };
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}
