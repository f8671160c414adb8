// SPDX-License-Identifier: Apache-2.0
//! What a deployment shall write, as values: the image to fetch and the config
//! drive to add. Parsing `image_info` into them is the `write_image` step's work.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::image::read_back::Verification;

/// An image to fetch, how to verify it, and what is allowed (contract §14).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImageRequest {
    /// Ironic's id of the image; the key of "already written".
    pub id: String,
    /// Where it can be had, tried in order. Never empty.
    pub urls: Vec<String>,
    /// `disk_format` as declared; `None` when Ironic does not know.
    pub declared_format: Option<String>,
    /// `stream_raw_images`: whether a raw image may be written before its digest is known.
    pub stream_raw: bool,
    /// The digest the image must have.
    pub digest: ExpectedDigest,
    /// Complete `Authorization` header value for image and checksum requests.
    pub authorization: Option<Secret>,
    /// Proxy per scheme of the URL.
    pub proxies: Proxies,
    /// What the content may be.
    pub policy: ImagePolicy,
    /// How long and how often to try.
    pub download: DownloadPolicy,
    /// How much of what was written is read back.
    pub verify: Verification,
}

/// The digest an image must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExpectedDigest {
    /// Known now.
    Known(Digest),
    /// Stands in a checksum file, which names the image by the base name of `urls[0]`.
    InFile {
        /// Where the checksum file is.
        url: String,
        /// The algorithm, if it was named; else the digest's length tells.
        algorithm: Option<DigestAlgorithm>,
        /// Whether an MD5 digest is acceptable.
        md5_allowed: bool,
    },
}

/// A digest in lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Digest {
    /// The algorithm.
    pub algorithm: DigestAlgorithm,
    /// The digits as they were given: the comparison is case-sensitive (contract §14.2).
    pub hex: String,
}

/// The digest algorithms this agent computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DigestAlgorithm {
    /// MD5, only where the operator allows it.
    Md5,
    /// SHA-1, only by `os_hash_algo`.
    Sha1,
    /// SHA-224, only by `os_hash_algo`.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384, only by `os_hash_algo`.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// Proxies of one request (contract §14.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Proxies {
    /// For `http://` URLs.
    pub http: Option<String>,
    /// For `https://` URLs.
    pub https: Option<String>,
    /// Hosts that are reached directly, comma separated.
    pub no_proxy: Option<String>,
}

/// What the content of an image may be (contract §14.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImagePolicy {
    /// Format names that may be deployed.
    pub permitted_formats: Vec<String>,
    /// Whether the content is inspected and compared with the declared format.
    pub inspect: bool,
}

/// How long and how often a download is tried (contract §2.2, §14.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DownloadPolicy {
    /// Time to connect, and time between two pieces of the body.
    pub timeout: Duration,
    /// Retries after the first attempt.
    pub retries: u32,
    /// Pause before a retry.
    pub retry_interval: Duration,
    /// Limit of the whole download; `None`: no limit.
    pub max_duration: Option<Duration>,
    /// Whether TLS certificates are verified.
    pub verify_tls: bool,
    /// PEM file with the authorities to trust; `None`: the built-in ones.
    pub ca_file: Option<String>,
}

/// The config drive: the image itself, or where to fetch it.
///
/// It holds the instance's passwords and keys, so it prints as its size only.
#[derive(Clone, PartialEq, Eq)]
pub enum ConfigDrive {
    /// A file-system image, decoded.
    Image(Vec<u8>),
    /// An `http(s)` URL of the encoded text or of the raw bytes.
    Url(String),
}

impl fmt::Debug for ConfigDrive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigDrive::Image(bytes) => write!(f, "config drive of {} bytes", bytes.len()),
            ConfigDrive::Url(_) => f.write_str("config drive to fetch"),
        }
    }
}

impl Serialize for ConfigDrive {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{self:?}"))
    }
}

/// A text that is never printed: a token, a password, an authorization header.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text in.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Hands the text out; every call is a place to look at in a review.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("******")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("******")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_print() {
        let secret = Secret::new("Bearer abc");
        assert_eq!(format!("{secret:?}"), "******");
        assert_eq!(serde_json::to_string(&secret).expect("json"), "\"******\"");
        let drive = ConfigDrive::Image(b"password".to_vec());
        assert_eq!(format!("{drive:?}"), "config drive of 8 bytes");
    }
}
