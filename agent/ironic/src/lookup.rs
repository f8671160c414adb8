// SPDX-License-Identifier: Apache-2.0
//! The answer to lookup (contract §7).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::secret::Token;

/// `GET /v1/lookup`, answered with success.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LookupAnswer {
    /// The node, as Ironic shows it to its agent.
    pub node: Map<String, Value>,
    /// What the agent shall do differently from its defaults.
    pub config: LookupConfig,
}

impl LookupAnswer {
    /// Reads the body. A body without `node.uuid` or `config` is no answer:
    /// the agent asks again.
    ///
    /// # Errors
    /// What is missing or malformed, in words.
    pub fn parse(body: &[u8]) -> Result<Self, String> {
        let answer: Self = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        if answer.uuid().is_empty() {
            return Err("node.uuid is missing".to_owned());
        }
        Ok(answer)
    }

    /// The node's identity.
    #[must_use]
    pub fn uuid(&self) -> &str {
        self.node
            .get("uuid")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

/// The `config` object. What the agent does not use is kept in `rest`, so that
/// the settings can read their own keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LookupConfig {
    /// Longest time between heartbeats, in seconds.
    pub heartbeat_timeout: u64,
    /// The token, once; afterwards `******`.
    #[serde(default)]
    pub agent_token: Option<Token>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_needs_a_uuid_and_a_config() {
        let good = br#"{"node": {"uuid": "u-1", "properties": {}}, "config": {"heartbeat_timeout": 300,
            "agent_token": "0123456789012345678901234567890123456789012", "agent_md5_checksum_enable": true}}"#;
        let answer = LookupAnswer::parse(good).expect("an answer");
        assert_eq!(
            (answer.uuid(), answer.config.heartbeat_timeout),
            ("u-1", 300)
        );
        assert_eq!(
            answer.config.rest.get("agent_md5_checksum_enable"),
            Some(&Value::Bool(true))
        );
        assert!(!format!("{answer:?}").contains("0123456789"));
        for bad in [
            &br#"{"node": {}, "config": {"heartbeat_timeout": 300}}"#[..],
            br#"{"node": {"uuid": "u"}}"#,
            br#"{"node": null}"#,
            b"",
        ] {
            assert!(LookupAnswer::parse(bad).is_err());
        }
    }
}
