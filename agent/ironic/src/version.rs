// SPDX-License-Identifier: Apache-2.0
//! API versions and which features each switches on (contract §3).

use std::fmt;

/// The header that asks for a version.
pub const VERSION_HEADER: &str = "X-OpenStack-Ironic-API-Version";

/// A version `1.minor` of Ironic's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion(pub u32);

impl ApiVersion {
    /// Assumed when Ironic does not tell its version.
    pub const FALLBACK: ApiVersion = ApiVersion(31);
    /// From here on heartbeats carry `agent_version`.
    pub const AGENT_VERSION: ApiVersion = ApiVersion(36);
    /// From here on heartbeats carry the token; the highest that lookup uses.
    pub const TOKEN: ApiVersion = ApiVersion(62);
    /// From here on heartbeats carry the certificate; the highest that heartbeat uses.
    pub const VERIFY_CA: ApiVersion = ApiVersion(68);

    /// Reads `1.68`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let minor = text.trim().strip_prefix("1.")?;
        minor.parse().ok().map(Self)
    }

    /// Reads the answer to `GET /`: `default_version.version` is the highest
    /// supported one.
    #[must_use]
    pub fn from_root(body: &[u8]) -> Option<Self> {
        let root: serde_json::Value = serde_json::from_slice(body).ok()?;
        Self::parse(root.get("default_version")?.get("version")?.as_str()?)
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_root_document() {
        let cases: [(&[u8], Option<u32>); 4] = [
            (
                br#"{"default_version": {"version": "1.115", "id": "v1"}}"#,
                Some(115),
            ),
            (br#"{"default_version": {"version": "2.0"}}"#, None),
            (br#"{"versions": []}"#, None),
            (b"<html>", None),
        ];
        for (body, minor) in cases {
            assert_eq!(ApiVersion::from_root(body), minor.map(ApiVersion));
        }
    }
}
