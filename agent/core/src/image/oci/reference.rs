// SPDX-License-Identifier: Apache-2.0
//! Which manifest of which registry a URL names.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{OciError, digest};

/// The longest tag (distribution specification, "pulling manifests").
const TAG: usize = 128;

/// A manifest in a registry. Its parts are checked: they can be put into a
/// path as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    plain: bool,
    registry: String,
    repository: String,
    manifest: String,
}

impl Reference {
    /// Reads `oci://registry/repository:tag` or `…@digest`. A tag before a
    /// digest is a comment.
    ///
    /// # Errors
    /// [`OciError::Reference`] says what is wrong.
    pub fn parse(url: &str) -> Result<Self, OciError> {
        let wrong = OciError::Reference;
        let (scheme, rest) = url.split_once("://").ok_or(wrong("it has no scheme"))?;
        let asked_plain = match scheme.to_ascii_lowercase().as_str() {
            "oci" => false,
            "oci+http" => true,
            _ => return Err(wrong("the scheme is neither oci nor oci+http")),
        };
        let (registry, rest) = rest.split_once('/').ok_or(wrong("it has no repository"))?;
        if !is_registry(registry) {
            return Err(wrong(
                "the registry must be a host with or without a port; logins belong into image_request_authorization",
            ));
        }
        let (name, by_digest) = match rest.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (rest, None),
        };
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (name, None),
        };
        if !is_repository(repository) {
            return Err(wrong(
                "the repository has characters that no repository has",
            ));
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(wrong("the tag has characters that no tag has"));
        }
        if by_digest.is_some_and(|text| digest(text).is_none()) {
            return Err(wrong("the digest is neither sha256 nor sha512"));
        }
        let manifest = by_digest
            .or(tag)
            .ok_or(wrong("it has no tag and no digest"))?;
        Ok(Self {
            plain: asked_plain || is_loopback(registry),
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            manifest: manifest.to_owned(),
        })
    }

    /// Whether the registry is asked without TLS: it is on this machine, or
    /// the URL says so.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.plain
    }

    /// The tag or the digest of the manifest.
    #[must_use]
    pub fn manifest(&self) -> &str {
        &self.manifest
    }

    /// Where the manifest with this tag or digest is.
    #[must_use]
    pub fn manifest_url(&self, manifest: &str) -> String {
        format!("{}/manifests/{manifest}", self.base())
    }

    /// Where the blob with this digest is.
    #[must_use]
    pub fn blob_url(&self, digest: &str) -> String {
        format!("{}/blobs/{digest}", self.base())
    }

    /// What a token must allow, where the registry does not say.
    #[must_use]
    pub fn scope(&self) -> String {
        format!("repository:{}:pull", self.repository)
    }

    fn base(&self) -> String {
        let scheme = if self.plain { "http" } else { "https" };
        format!("{scheme}://{}/v2/{}", self.registry, self.repository)
    }
}

/// A host with or without a port.
fn is_registry(text: &str) -> bool {
    let sound = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    !text.is_empty() && text.chars().all(sound)
}

/// Parts of lower-case letters and digits, with separators inside only.
fn is_repository(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.split('/').all(|part| {
        part.starts_with(plain)
            && part.ends_with(plain)
            && part.chars().all(|c| plain(c) || "._-".contains(c))
            && !part.contains("..")
    })
}

fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.starts_with(word) && text.len() <= TAG && text.chars().all(|c| word(c) || ".-".contains(c))
}

fn is_loopback(registry: &str) -> bool {
    if let Some(rest) = registry.strip_prefix('[') {
        let host = rest.split(']').next().unwrap_or(rest);
        return host
            .parse()
            .is_ok_and(|address: Ipv6Addr| address.is_loopback());
    }
    let host = registry.split(':').next().unwrap_or(registry);
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse()
            .is_ok_and(|address: Ipv4Addr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    #[test]
    fn urls_name_manifests() {
        let digested = format!("oci://h/a/b@{DIGEST}");
        let both = format!("oci://h/a/b:tag@{DIGEST}");
        let manifest = format!("https://h/v2/a/b/manifests/{DIGEST}");
        let cases = [
            ("oci://h/r:t", "https://h/v2/r/manifests/t"),
            (
                "OCI://h:5000/a/b-c/d_e:1.2",
                "https://h:5000/v2/a/b-c/d_e/manifests/1.2",
            ),
            (digested.as_str(), manifest.as_str()),
            (both.as_str(), manifest.as_str()),
            ("oci+http://h/r:t", "http://h/v2/r/manifests/t"),
            (
                "oci://localhost:5000/r:t",
                "http://localhost:5000/v2/r/manifests/t",
            ),
            ("oci://127.1.2.3/r:t", "http://127.1.2.3/v2/r/manifests/t"),
            ("oci://[::1]:5000/r:t", "http://[::1]:5000/v2/r/manifests/t"),
            (
                "oci://[fd00::1]:5000/r:t",
                "https://[fd00::1]:5000/v2/r/manifests/t",
            ),
            (
                "oci://localhost.example/r:t",
                "https://localhost.example/v2/r/manifests/t",
            ),
        ];
        for (url, expected) in cases {
            let reference = Reference::parse(url).expect(url);
            assert_eq!(reference.manifest_url(reference.manifest()), expected);
            assert_eq!(reference.is_plain(), expected.starts_with("http:"));
        }
        let reference = Reference::parse(&digested).expect("a reference");
        assert_eq!(
            reference.blob_url(DIGEST),
            format!("https://h/v2/a/b/blobs/{DIGEST}")
        );
        assert_eq!(reference.scope(), "repository:a/b:pull");
    }

    #[test]
    fn other_urls_are_refused() {
        let cases = [
            "oci:h/r:t",
            "http://h/r:t",
            "oci://h",
            "oci:///r:t",
            "oci://user:hush@h/r:t",
            "oci://h?x/r:t",
            "oci://h/r",
            "oci://h/:t",
            "oci://h/R:t",
            "oci://h/a//b:t",
            "oci://h/../b:t",
            "oci://h/a/..b:t",
            "oci://h/a..b:t",
            "oci://h/r:",
            "oci://h/r:t?x",
            "oci://h/r:-t",
            "oci://h/r:t/u",
            "oci://h/r@sha256:00",
            "oci://h/r@md5:098f6bcd4621d373cade4e832627b4f6",
            "oci://h/r@",
        ];
        for url in cases {
            let found = Reference::parse(url);
            assert!(
                matches!(found, Err(OciError::Reference(_))),
                "{url}: {found:?}"
            );
        }
        let long = format!("oci://h/r:{}", "t".repeat(129));
        assert!(Reference::parse(&long).is_err());
    }
}
