// SPDX-License-Identifier: Apache-2.0
//! The heartbeat's body (contract §10).

use serde::Serialize;

use crate::secret::Token;
use crate::version::ApiVersion;

/// What a heartbeat can say; which parts are sent depends on the API version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// The node's identity.
    pub node_uuid: String,
    /// `scheme://host:port` of the agent's API, no trailing slash.
    pub callback_url: String,
    /// The shared secret.
    pub token: Option<Token>,
    /// Version of this agent.
    pub agent_version: String,
    /// The certificate of the agent's API as PEM, with automatic TLS.
    pub verify_ca: Option<String>,
}

/// The JSON object on the wire.
#[derive(Debug, Serialize)]
pub struct HeartbeatBody<'a> {
    callback_url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_token: Option<&'a Token>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_verify_ca: Option<&'a str>,
}

impl Heartbeat {
    /// The body an API of this version understands.
    #[must_use]
    pub fn body(&self, version: ApiVersion) -> HeartbeatBody<'_> {
        HeartbeatBody {
            callback_url: &self.callback_url,
            agent_token: self.token.as_ref().filter(|_| version >= ApiVersion::TOKEN),
            agent_version: (version >= ApiVersion::AGENT_VERSION)
                .then_some(self.agent_version.as_str()),
            agent_verify_ca: self
                .verify_ca
                .as_deref()
                .filter(|_| version >= ApiVersion::VERIFY_CA),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn old_apis_get_fewer_fields() {
        let beat = Heartbeat {
            node_uuid: "u".into(),
            callback_url: "https://192.0.2.1:9999".into(),
            token: Some(Token::new("t")),
            agent_version: "0.1.0".into(),
            verify_ca: Some("PEM".into()),
        };
        let cases = [
            (31, json!({"callback_url": "https://192.0.2.1:9999"})),
            (
                36,
                json!({"callback_url": "https://192.0.2.1:9999", "agent_version": "0.1.0"}),
            ),
            (
                62,
                json!({"callback_url": "https://192.0.2.1:9999", "agent_version": "0.1.0", "agent_token": "t"}),
            ),
            (
                68,
                json!({"callback_url": "https://192.0.2.1:9999", "agent_version": "0.1.0", "agent_token": "t",
                "agent_verify_ca": "PEM"}),
            ),
        ];
        for (minor, expected) in cases {
            let body = serde_json::to_value(beat.body(ApiVersion(minor))).expect("json");
            assert_eq!(body, expected);
        }
    }
}
