// SPDX-License-Identifier: Apache-2.0
//! The agent's own certificate and the TLS settings of its server (contract §9).

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bootconfig::{Curve, TlsVersion};
use ironseed_core::clock::certificate::Validity;
use ironseed_core::network::advertise::CallbackHost;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why there is no TLS.
#[derive(Debug, Error)]
pub(crate) enum TlsError {
    /// The certificate cannot be made.
    #[error("making a certificate for {host} failed")]
    Certificate {
        /// The advertised host.
        host: CallbackHost,
        /// The library's words.
        source: rcgen::Error,
    },
    /// Key and certificate are not what they should be.
    #[error("reading the PEM text of {subject} failed")]
    Pem {
        /// `certificate` or `key`.
        subject: &'static str,
        /// The library's words.
        source: rustls::pki_types::pem::Error,
    },
    /// Key, certificate and versions do not fit together.
    #[error("setting up TLS failed")]
    Setup(#[from] rustls::Error),
}

/// Key and certificate of this boot.
///
/// Ironic refuses a heartbeat whose certificate differs from the one before,
/// so the pair is kept where it survives a restart of the process.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// The certificate as PEM, as heartbeats carry it.
    pub(crate) certificate: String,
    /// The private key as PKCS#8 PEM.
    pub(crate) key: String,
    /// From when until when; `None` for files of the operator, which are
    /// theirs to renew.
    pub(crate) validity: Option<Validity>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("certificate and key of the agent")
    }
}

impl Identity {
    /// Makes a self-signed certificate for a host.
    ///
    /// The signature is ECDSA with the digest that fits the curve. P-521 is
    /// not offered by ring; P-384 stands in for it.
    pub(crate) fn make(
        host: &CallbackHost,
        curve: Curve,
        validity: Validity,
    ) -> Result<Self, TlsError> {
        let failed = |source| TlsError::Certificate {
            host: host.clone(),
            source,
        };
        let algorithm = match curve {
            Curve::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Curve::P384 | Curve::P521 => &rcgen::PKCS_ECDSA_P384_SHA384,
        };
        let key = KeyPair::generate_for(algorithm).map_err(failed)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "ironseed");
        params.subject_alt_names = vec![match host {
            CallbackHost::Address(address) => SanType::IpAddress(*address),
            CallbackHost::Name(name) => SanType::DnsName(name.as_str().try_into().map_err(failed)?),
        }];
        params.not_before = (UNIX_EPOCH + validity.not_before).into();
        params.not_after = (UNIX_EPOCH + validity.not_after).into();
        let certificate = params.self_signed(&key).map_err(failed)?;
        Ok(Self {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            validity: Some(validity),
        })
    }

    /// Whether the certificate can still be used at that Unix time.
    pub(crate) fn is_good_at(&self, now: Duration) -> bool {
        self.validity
            .is_none_or(|validity| validity.is_good_at(now))
    }

    /// The server's settings with this identity.
    pub(crate) fn server_config(
        &self,
        min_version: TlsVersion,
        suites: &[String],
    ) -> Result<ServerConfig, TlsError> {
        let pem = |subject| move |source| TlsError::Pem { subject, source };
        let chain = CertificateDer::pem_slice_iter(self.certificate.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(pem("certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).map_err(pem("key"))?;
        let config = ServerConfig::builder_with_provider(Arc::new(provider(suites)))
            .with_protocol_versions(versions(min_version))?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(config)
    }
}

/// The protocol versions from a smallest one on.
pub(crate) fn versions(
    min_version: TlsVersion,
) -> &'static [&'static rustls::SupportedProtocolVersion] {
    const ALL: &[&rustls::SupportedProtocolVersion] =
        &[&rustls::version::TLS13, &rustls::version::TLS12];
    match min_version {
        TlsVersion::Tls12 => ALL,
        TlsVersion::Tls13 => &ALL[..1],
    }
}

/// The TLS 1.3 suites, and those of TLS 1.2 that are named as OpenSSL names
/// them. Names nobody knows are left out; if none remains, all stay.
pub(crate) fn provider(names: &[String]) -> CryptoProvider {
    let mut provider = ring::default_provider();
    let wanted: Vec<String> = names
        .iter()
        .map(|name| {
            name.replace('-', "_")
                .replace("AES128", "AES_128")
                .replace("AES256", "AES_256")
        })
        .collect();
    let keep = |suite: &rustls::SupportedCipherSuite| {
        let name = format!("{:?}", suite.suite());
        let tls12 = name
            .strip_prefix("TLS_")
            .filter(|_| suite.tls13().is_none());
        tls12.is_none_or(|name| {
            wanted
                .iter()
                .any(|wanted| name.replace("_WITH_", "_") == *wanted)
        })
    };
    if provider
        .cipher_suites
        .iter()
        .any(|suite| suite.tls13().is_none() && keep(suite))
    {
        provider.cipher_suites.retain(keep);
    }
    provider
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_serves_and_names_its_address() {
        let name = b"node-7.example";
        let name_in_der = [&[0x82, 14][..], name].concat();
        let validity = Validity {
            not_before: Duration::from_secs(1_790_000_000),
            not_after: Duration::from_secs(2_600_000_000),
        };
        for (host, curve, in_der) in [
            ("192.0.2.7", Curve::P256, vec![0x87, 4, 192, 0, 2, 7]),
            ("192.0.2.7", Curve::P384, vec![0x87, 4, 192, 0, 2, 7]),
            ("[2001:db8::7%eth0]", Curve::P384, {
                let mut bytes = vec![0x87, 16, 0x20, 1, 0xd, 0xb8];
                bytes.extend([0; 11]);
                bytes.push(7);
                bytes
            }),
            ("node-7.example", Curve::P384, name_in_der),
        ] {
            let identity =
                Identity::make(&CallbackHost::parse(host), curve, validity).expect("an identity");
            assert!(identity.is_good_at(validity.not_before));
            assert!(!identity.is_good_at(validity.not_after));
            assert!(identity.server_config(TlsVersion::Tls13, &[]).is_ok());
            let der = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).expect("PEM");
            assert!(
                der.windows(in_der.len()).any(|window| window == in_der),
                "the SAN {host} is missing"
            );
            assert!(!format!("{identity:?}").contains("PRIVATE"));
        }
    }

    #[test]
    fn suites_of_tls_1_2_are_limited_by_name() {
        let names = ["ECDHE-ECDSA-AES256-GCM-SHA384".to_owned()];
        let kept: Vec<_> = provider(&names)
            .cipher_suites
            .iter()
            .filter(|suite| suite.tls13().is_none())
            .map(|suite| suite.suite())
            .collect();
        assert_eq!(
            kept,
            [rustls::CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]
        );
        let all = provider(&[]).cipher_suites.len();
        assert_eq!(provider(&["NO-SUCH".to_owned()]).cipher_suites.len(), all);
    }
}
