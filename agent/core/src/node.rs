// SPDX-License-Identifier: Apache-2.0
//! The node as Ironic describes it: what lookup answers and what each step
//! command brings along (contract §7, §12).
//!
//! Only what decisions need is typed. Objects whose grammar belongs to
//! somebody else (hints, RAID configuration) stay JSON and are read by the
//! file that owns their grammar.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A bare-metal node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Node {
    /// The node's identity in Ironic.
    pub uuid: String,
    /// What is true of the hardware: `root_device`, `capabilities`, `skip_block_devices`.
    #[serde(deserialize_with = "object_or_null")]
    pub properties: Map<String, Value>,
    /// What is wanted of this deployment: `root_device`, `image_source`, ….
    #[serde(deserialize_with = "object_or_null")]
    pub instance_info: Map<String, Value>,
    /// What Ironic tells its agent: the `agent_*` erase settings of §21.1.
    #[serde(deserialize_with = "object_or_null")]
    pub driver_internal_info: Map<String, Value>,
    /// What the operator tells the driver.
    #[serde(deserialize_with = "object_or_null")]
    pub driver_info: Map<String, Value>,
}

fn object_or_null<'de, D>(deserializer: D) -> Result<Map<String, Value>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    Ok(Option::<Map<String, Value>>::deserialize(deserializer)?.unwrap_or_default())
}

impl Node {
    /// The root device hints: of the instance, else of the node (contract §16).
    #[must_use]
    pub fn root_device_hints(&self) -> Option<&Map<String, Value>> {
        [&self.instance_info, &self.properties]
            .into_iter()
            .find_map(|info| info.get("root_device")?.as_object())
            .filter(|hints| !hints.is_empty())
    }

    /// A whole number among the settings Ironic hands to its agent.
    #[must_use]
    pub fn internal_number(&self, key: &str) -> Option<u64> {
        let value = self.driver_internal_info.get(key)?;
        value
            .as_u64()
            .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
    }

    /// A truth value among the settings Ironic hands to its agent.
    #[must_use]
    pub fn internal_bool(&self, key: &str) -> Option<bool> {
        let value = self.driver_internal_info.get(key)?;
        value
            .as_bool()
            .or_else(|| match value.as_str()?.to_ascii_lowercase().as_str() {
                "true" | "1" | "on" | "yes" => Some(true),
                "false" | "0" | "off" | "no" => Some(false),
                _ => None,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn hints_of_the_instance_win_and_empty_ones_do_not_count() {
        let node = |value: Value| serde_json::from_value::<Node>(value).expect("a node");
        let both = node(
            json!({"uuid": "u", "properties": {"root_device": {"size": 10}},
            "instance_info": {"root_device": {"name": "/dev/sdb"}}}),
        );
        assert_eq!(
            both.root_device_hints().and_then(|h| h.get("name")),
            Some(&json!("/dev/sdb"))
        );
        let empty =
            node(json!({"uuid": "u", "properties": {"root_device": {}}, "instance_info": null}));
        assert_eq!(empty.root_device_hints(), None);
    }

    #[test]
    fn internal_settings_are_read_as_json_or_text() {
        let node: Node = serde_json::from_value(json!({"driver_internal_info": {
            "agent_erase_devices_iterations": "3", "agent_erase_devices_zeroize": "False", "x": 4}}))
        .expect("a node");
        assert_eq!(
            node.internal_number("agent_erase_devices_iterations"),
            Some(3)
        );
        assert_eq!(
            node.internal_bool("agent_erase_devices_zeroize"),
            Some(false)
        );
        assert_eq!(node.internal_number("x"), Some(4));
        assert_eq!(node.internal_number("y"), None);
    }
}
