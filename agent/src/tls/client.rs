// SPDX-License-Identifier: Apache-2.0
//! How the agent verifies Ironic (contract §3).

use std::sync::Arc;

use bootconfig::Settings;
use ironseed_machine::root::Root;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::{TlsError, provider, versions};

/// Where a distribution keeps the authorities it trusts; an operator's own
/// authority is added there by the image.
const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The TLS settings of calls to Ironic.
///
/// # Errors
/// [`TlsError`] if a file that the settings name cannot be used.
pub(crate) fn client_config(settings: &Settings, root: &Root) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(provider(&settings.tls_cipher_suites.value));
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions(settings.tls_min_version.value))?;
    let builder = if settings.insecure.value {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(NoVerification(provider)))
    } else {
        builder.with_root_certificates(authorities(settings, root)?)
    };
    match (&settings.certfile.value, &settings.keyfile.value) {
        (Some(certificate), key) => {
            let chain = certificates(root, certificate)?;
            let key = private_key(root, key.as_ref().unwrap_or(certificate))?;
            Ok(builder.with_client_auth_cert(chain, key)?)
        }
        (None, _) => Ok(builder.with_no_client_auth()),
    }
}

fn authorities(settings: &Settings, root: &Root) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    if let Some(file) = &settings.cafile.value {
        store.add_parsable_certificates(certificates(root, file)?);
        return Ok(store);
    }
    store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if root.exists(SYSTEM_AUTHORITIES) {
        store.add_parsable_certificates(certificates(root, SYSTEM_AUTHORITIES)?);
    }
    Ok(store)
}

fn certificates(root: &Root, path: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(root, path)?;
    CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|source| TlsError::Pem {
            subject: path.to_owned(),
            source,
        })
}

fn private_key(root: &Root, path: &str) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(&read(root, path)?).map_err(|source| TlsError::Pem {
        subject: path.to_owned(),
        source,
    })
}

fn read(root: &Root, path: &str) -> Result<Vec<u8>, TlsError> {
    root.read_at_most(path, 16 << 20)
        .map_err(|source| TlsError::File {
            path: path.to_owned(),
            source,
        })
}

/// Accepts every certificate: `ipa-insecure`. Signatures are still checked, so
/// that a broken peer is noticed.
#[derive(Debug)]
struct NoVerification(Arc<CryptoProvider>);

impl ServerCertVerifier for NoVerification {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
