// SPDX-License-Identifier: Apache-2.0
//! Collector `default`: the inventory, and what Ironic keeps beside it.

use serde_json::{Map, Value, json};

use super::Collected;

/// Who collected, in the words Ironic knows (contract §6.6).
const MANAGER: (&str, &str) = ("generic_hardware_manager", "1.2");

pub(super) fn collect(
    collected: &Collected<'_>,
    payload: &mut Map<String, Value>,
) -> Result<(), String> {
    let value = |found: serde_json::Result<Value>| found.map_err(|error| error.to_string());
    let inventory = value(serde_json::to_value(&collected.inventory))?;
    payload.insert("inventory".into(), inventory);
    // Without a suitable disk the key is left out.
    if let Some(disk) = &collected.root_disk {
        payload.insert("root_disk".into(), value(serde_json::to_value(disk))?);
    }
    payload.insert(
        "boot_interface".into(),
        json!(collected.inventory.boot.pxe_interface),
    );
    let (name, version) = MANAGER;
    payload.insert(
        "configuration".into(),
        json!({
            "collectors": collected.wanted.collectors,
            "managers": [{"name": name, "version": version}],
        }),
    );
    Ok(())
}
