// SPDX-License-Identifier: Apache-2.0
//! How the deployed system shall boot, as Ironic says it in the node
//! (contract §14.6).

use serde_json::{Map, Value};

use crate::node::Node;

/// Firmware that a system is booted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BootMode {
    /// UEFI.
    Uefi,
    /// BIOS, or UEFI that behaves so.
    Bios,
}

/// The first that says something: secure boot, `instance_info`, the capability
/// `boot_mode`, `driver_internal_info`, and at last how this system was booted.
pub(super) fn of(node: &Node, booted_by_uefi: bool) -> BootMode {
    let secure = capability(node, "secure_boot");
    if secure.is_some_and(|value| ["true", "1", "yes"].contains(&value.as_str())) {
        return BootMode::Uefi;
    }
    let named = |info: &Map<String, Value>| {
        let mode = info.get("deploy_boot_mode")?.as_str()?;
        Some(mode.to_ascii_lowercase())
    };
    let mode = named(&node.instance_info)
        .or_else(|| capability(node, "boot_mode"))
        .or_else(|| named(&node.driver_internal_info));
    match mode.as_deref() {
        Some("uefi") => BootMode::Uefi,
        Some("bios") => BootMode::Bios,
        _ if booted_by_uefi => BootMode::Uefi,
        _ => BootMode::Bios,
    }
}

/// A capability of the instance, else of the node, in lower case. Either may be
/// an object, its JSON as text, or `key:value,key:value`.
pub(super) fn capability(node: &Node, name: &str) -> Option<String> {
    [&node.instance_info, &node.properties]
        .into_iter()
        .filter_map(|info| info.get("capabilities"))
        .find_map(|value| match value {
            Value::Object(object) => in_object(object, name),
            Value::String(text) => in_text(text, name),
            _ => None,
        })
        .map(|value| value.trim().to_ascii_lowercase())
}

fn in_object(object: &Map<String, Value>, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

fn in_text(text: &str, name: &str) -> Option<String> {
    if let Ok(Value::Object(object)) = serde_json::from_str(text) {
        return in_object(&object, name);
    }
    text.split(',')
        .filter_map(|pair| pair.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_source_that_says_something_decides() {
        let cases = [
            (json!({}), true, BootMode::Uefi),
            (json!({}), false, BootMode::Bios),
            (
                json!({"driver_internal_info": {"deploy_boot_mode": "uefi"}}),
                false,
                BootMode::Uefi,
            ),
            (
                json!({"driver_internal_info": {"deploy_boot_mode": "uefi"},
                    "properties": {"capabilities": "cpu_hugepages:true, boot_mode:bios"}}),
                true,
                BootMode::Bios,
            ),
            (
                json!({"properties": {"capabilities": "boot_mode:bios"},
                    "instance_info": {"deploy_boot_mode": "UEFI"}}),
                false,
                BootMode::Uefi,
            ),
            (
                json!({"instance_info": {"deploy_boot_mode": "bios",
                    "capabilities": {"secure_boot": "true"}}}),
                false,
                BootMode::Uefi,
            ),
            (
                json!({"instance_info": {"capabilities": "{\"boot_mode\": \"uefi\", \"secure_boot\": false}"}}),
                false,
                BootMode::Uefi,
            ),
            (
                json!({"instance_info": {"deploy_boot_mode": 7, "capabilities": ["odd"]}}),
                true,
                BootMode::Uefi,
            ),
        ];
        for (node, booted_by_uefi, expected) in cases {
            let node: Node = serde_json::from_value(node).expect("a node");
            assert_eq!(of(&node, booted_by_uefi), expected, "{node:?}");
        }
    }
}
