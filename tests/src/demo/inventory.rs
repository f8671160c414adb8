// SPDX-License-Identifier: Apache-2.0
//! What Ironic has learned about a machine, for people.

use serde_json::Value;

/// Name and value of everything worth a line.
#[must_use]
pub fn lines(inventory: &Value) -> Vec<(String, String)> {
    let mut lines = vec![
        ("system".to_owned(), system(&inventory["system_vendor"])),
        ("processor".to_owned(), processor(&inventory["cpu"])),
        ("memory".to_owned(), memory(&inventory["memory"])),
        (
            "boot mode".to_owned(),
            text(&inventory["boot"]["current_boot_mode"]),
        ),
        ("BMC address".to_owned(), address(&inventory["bmc_address"])),
    ];
    lines.extend(items(&inventory["disks"]).map(disk));
    lines.extend(items(&inventory["interfaces"]).map(interface));
    lines.retain(|(_, value)| !value.is_empty());
    lines
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A BMC without an address says 0.0.0.0.
fn address(value: &Value) -> String {
    match value.as_str() {
        Some("0.0.0.0") => "a BMC is there, it has no address".to_owned(),
        _ => text(value),
    }
}

/// The parts that are there, with commas.
fn joined(parts: impl IntoIterator<Item = String>) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

fn labelled(label: &str, value: &Value) -> String {
    let value = text(value);
    if value.is_empty() {
        value
    } else {
        format!("{label} {value}")
    }
}

fn system(vendor: &Value) -> String {
    joined([
        text(&vendor["manufacturer"]),
        text(&vendor["product_name"]),
        labelled("serial number", &vendor["serial_number"]),
    ])
}

fn processor(cpu: &Value) -> String {
    joined([
        text(&cpu["count"]),
        text(&cpu["model_name"]),
        text(&cpu["architecture"]),
    ])
}

fn memory(memory: &Value) -> String {
    let usable = memory["total"]
        .as_u64()
        .map(|bytes| format!("{} MiB usable", bytes >> 20))
        .unwrap_or_default();
    let fitted = memory["physical_mb"]
        .as_u64()
        .map(|mib| format!("{mib} MiB"))
        .unwrap_or_default();
    joined([fitted, usable])
}

fn disk(disk: &Value) -> (String, String) {
    let size = disk["size"].as_u64().map(gigabytes).unwrap_or_default();
    let kind = match disk["rotational"].as_bool() {
        Some(true) => "rotating",
        Some(false) => "solid state",
        None => "",
    };
    let value = joined([
        text(&disk["name"]),
        size,
        text(&disk["model"]).trim().to_owned(),
        labelled("serial number", &disk["serial"]),
        kind.to_owned(),
    ]);
    ("disk".to_owned(), value)
}

fn interface(interface: &Value) -> (String, String) {
    let link = match interface["has_carrier"].as_bool() {
        Some(true) => "link",
        Some(false) => "no link",
        None => "",
    };
    let speed = interface["speed_mbps"]
        .as_u64()
        .map(|speed| format!("{speed} Mbit/s"))
        .unwrap_or_default();
    let value = joined([
        text(&interface["name"]),
        text(&interface["mac_address"]),
        text(&interface["ipv4_address"]),
        link.to_owned(),
        speed,
    ]);
    ("network".to_owned(), value)
}

/// A size in GB (10⁹ bytes), as disks are sold.
fn gigabytes(bytes: u64) -> String {
    format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_inventory_becomes_lines() {
        let inventory = json!({
            "cpu": {"model_name": "QEMU TCG CPU", "count": 2, "architecture": "x86_64"},
            "memory": {"total": 1_020_000_000_u64, "physical_mb": 1024},
            "bmc_address": "0.0.0.0",
            "boot": {"current_boot_mode": "uefi"},
            "system_vendor": {"manufacturer": "Ironseed", "product_name": "", "serial_number": "x1"},
            "disks": [{"name": "/dev/nvme0n1", "size": 6_442_450_944_u64, "rotational": false,
                       "model": "QEMU NVMe Ctrl ", "serial": "DEMO-ROOT"}],
            "interfaces": [{"name": "eth0", "mac_address": "52:54:00:16:01:01",
                            "ipv4_address": "172.22.0.101", "has_carrier": true}],
        });
        let found = lines(&inventory);
        let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (&**a, &**b)).collect();
        let expected = [
            ("system", "Ironseed, serial number x1"),
            ("processor", "2, QEMU TCG CPU, x86_64"),
            ("memory", "1024 MiB, 972 MiB usable"),
            ("boot mode", "uefi"),
            ("BMC address", "a BMC is there, it has no address"),
            (
                "disk",
                "/dev/nvme0n1, 6.4 GB, QEMU NVMe Ctrl, serial number DEMO-ROOT, solid state",
            ),
            ("network", "eth0, 52:54:00:16:01:01, 172.22.0.101, link"),
        ];
        assert_eq!(found, expected);
        assert!(lines(&json!(null)).is_empty());
        assert!(lines(&json!({"disks": 3, "cpu": [], "memory": "x"})).is_empty());
    }
}
