// SPDX-License-Identifier: Apache-2.0
//! TLS towards others: whom to trust, and ring to compute. Used for Ironic
//! (contract §3) and for image servers.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion,
};
use thiserror::Error;

use crate::root::Root;

/// Where a distribution keeps the authorities it trusts; an operator's own
/// authority is added there by the image.
const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// No file of certificates is larger.
const FILE_LIMIT: u64 = 16 << 20;

/// Why TLS cannot be set up.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("reading {path} failed")]
    File {
        /// The file.
        path: String,
        /// The kernel's words.
        source: std::io::Error,
    },
    /// A file is not PEM.
    #[error("reading the PEM text of {path} failed")]
    Pem {
        /// The file.
        path: String,
        /// The library's words.
        source: rustls::pki_types::pem::Error,
    },
    /// A file holds no certificate that could be trusted.
    #[error("{path} has no usable certificate")]
    NoCertificate {
        /// The file.
        path: String,
    },
    /// Key, certificate and versions do not fit together.
    #[error("setting up TLS failed")]
    Setup(#[from] rustls::Error),
}

/// What a client wants.
#[derive(Debug)]
pub struct ClientTls<'a> {
    /// Whether certificates are verified (`ipa-insecure` says no).
    pub verify: bool,
    /// PEM file with the only authorities to trust; `None`: those of the
    /// public web and of the system.
    pub ca_file: Option<&'a str>,
    /// PEM files of an own certificate and its key.
    pub identity: Option<(&'a str, &'a str)>,
    /// Algorithms and cipher suites.
    pub provider: CryptoProvider,
    /// Protocol versions.
    pub versions: &'a [&'static SupportedProtocolVersion],
}

impl Default for ClientTls<'_> {
    fn default() -> Self {
        Self {
            verify: true,
            ca_file: None,
            identity: None,
            provider: ring::default_provider(),
            versions: rustls::DEFAULT_VERSIONS,
        }
    }
}

/// The settings of a client's connections.
///
/// # Errors
/// [`TlsError`] if a file that was named cannot be used.
pub fn client_config(root: &Root, wanted: ClientTls<'_>) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(wanted.provider);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(wanted.versions)?;
    let builder = if wanted.verify {
        builder.with_root_certificates(authorities(root, wanted.ca_file)?)
    } else {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(TrustEverybody(provider)))
    };
    match wanted.identity {
        Some((certificate, key)) => {
            let chain = certificates(root, certificate)?;
            let key = private_key(root, key)?;
            Ok(builder.with_client_auth_cert(chain, key)?)
        }
        None => Ok(builder.with_no_client_auth()),
    }
}

pub(crate) fn authorities(root: &Root, ca_file: Option<&str>) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    if let Some(path) = ca_file {
        let (usable, _) = store.add_parsable_certificates(certificates(root, path)?);
        if usable == 0 {
            return Err(TlsError::NoCertificate {
                path: path.to_owned(),
            });
        }
        return Ok(store);
    }
    store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if root.exists(SYSTEM_AUTHORITIES) {
        store.add_parsable_certificates(certificates(root, SYSTEM_AUTHORITIES)?);
    }
    Ok(store)
}

fn certificates(root: &Root, path: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_slice_iter(&read(root, path)?)
        .collect::<Result<_, _>>()
        .map_err(|source| TlsError::Pem {
            path: path.to_owned(),
            source,
        })
}

fn private_key(root: &Root, path: &str) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(&read(root, path)?).map_err(|source| TlsError::Pem {
        path: path.to_owned(),
        source,
    })
}

fn read(root: &Root, path: &str) -> Result<Vec<u8>, TlsError> {
    root.read_at_most(path, FILE_LIMIT)
        .map_err(|source| TlsError::File {
            path: path.to_owned(),
            source,
        })
}

/// The operator said so (`ipa-insecure`). Signatures are still checked, so that
/// a connection cannot be changed by somebody who does not take part in it.
#[derive(Debug)]
pub(crate) struct TrustEverybody(pub(crate) Arc<CryptoProvider>);

impl ServerCertVerifier for TrustEverybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_named_must_be_usable() {
        let tree = tempfile::tempdir().expect("a directory");
        std::fs::write(tree.path().join("empty.pem"), "no certificate here").expect("written");
        let root = Root::open(tree.path()).expect("a root");
        let with = |ca_file| ClientTls {
            ca_file,
            ..ClientTls::default()
        };
        assert!(client_config(&root, with(None)).is_ok());
        assert!(matches!(
            client_config(&root, with(Some("/absent.pem"))),
            Err(TlsError::File { .. })
        ));
        assert!(matches!(
            client_config(&root, with(Some("/empty.pem"))),
            Err(TlsError::NoCertificate { .. })
        ));
        let insecure = ClientTls {
            verify: false,
            ..with(Some("/absent.pem"))
        };
        assert!(client_config(&root, insecure).is_ok());
    }
}
