// SPDX-License-Identifier: Apache-2.0
//! Collector `pci-devices`: the functions on PCI, with the keys that Ironic's
//! hook `pci_devices` matches aliases against (contract §6.6, §6.7).
//!
//! A machine without PCI has an empty list. Ironic's own agent fails the whole
//! inspection there.

use serde_json::{Map, Value, json};

use super::Collected;
use crate::snapshot::Tree;

const DEVICES: &str = "/sys/bus/pci/devices";

pub(super) fn collect(
    collected: &Collected<'_>,
    payload: &mut Map<String, Value>,
) -> Result<(), String> {
    let files = &collected.snapshot.files;
    let devices: Vec<Value> = files
        .names(DEVICES)
        .into_iter()
        .filter_map(|address| device(files, address))
        .collect();
    payload.insert("pci_devices".into(), Value::Array(devices));
    Ok(())
}

/// A function without ids or class is left out, as it cannot match anything.
fn device(files: &Tree, address: &str) -> Option<Value> {
    let text = |name: &str| files.text(&format!("{DEVICES}/{address}/{name}"));
    // sysfs shows `0x8086`; Ironic wants the digits.
    let digits = |name: &str| text(name)?.split_once("0x").map(|(_, digits)| digits);
    Some(json!({
        "vendor_id": digits("vendor")?,
        "product_id": digits("device")?,
        "class": digits("class")?,
        "revision": digits("revision"),
        "bus": address,
        // As it is: -1 says that the firmware did not tell.
        "numa_node_id": text("numa_node"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspection::tests::payload_of;
    use crate::snapshot::{Bytes, Entry, Snapshot};

    fn snapshot(files: &[(&str, &str)]) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for (path, text) in files {
            let path = format!("{DEVICES}/{path}");
            snapshot.files.insert(path, Entry::File(Bytes::from(*text)));
        }
        snapshot
    }

    #[test]
    fn functions_have_the_contracts_keys() {
        let payload = payload_of(
            "pci-devices",
            &snapshot(&[
                ("0000:3b:00.0/vendor", "0x8086\n"),
                ("0000:3b:00.0/device", "0x1572\n"),
                ("0000:3b:00.0/class", "0x020000\n"),
                ("0000:3b:00.0/revision", "0x02\n"),
                ("0000:3b:00.0/numa_node", "0\n"),
                ("0000:00:00.0/vendor", "0x8086\n"),
                ("0000:00:00.0/device", "0x2020\n"),
                ("0000:00:00.0/class", "0x060000\n"),
                ("0000:00:00.0/numa_node", "-1\n"),
                ("0000:01:00.0/vendor", "8086\n"),
                ("0000:01:00.0/device", "0x2020\n"),
                ("0000:01:00.0/class", "0x060000\n"),
                ("0000:02:00.0/vendor", "0x8086\n"),
                ("0000:02:00.0/class", "0x060000\n"),
            ]),
        );
        assert_eq!(
            payload["pci_devices"],
            json!([
                {"vendor_id": "8086", "product_id": "2020", "class": "060000", "revision": null,
                 "bus": "0000:00:00.0", "numa_node_id": "-1"},
                {"vendor_id": "8086", "product_id": "1572", "class": "020000", "revision": "02",
                 "bus": "0000:3b:00.0", "numa_node_id": "0"},
            ])
        );
        assert_eq!(payload["error"], Value::Null);
    }

    #[test]
    fn a_machine_without_pci_has_none() {
        let payload = payload_of("pci-devices", &Snapshot::default());
        assert_eq!(payload["pci_devices"], json!([]));
        assert_eq!(payload["error"], Value::Null);
    }
}
