// SPDX-License-Identifier: Apache-2.0
//! How values are written for a person.

use serde_json::Value;

/// A text or number as it is; `yes` and `no`; the items of a list with commas.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(entries) => entries
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| format!("{key} {}", plain(value)))
            .collect::<Vec<_>>()
            .join(", "),
        Value::Null => String::new(),
        Value::Number(number) => number.to_string(),
    }
}

/// Milliseconds as seconds.
pub(crate) fn seconds(value: &Value) -> String {
    value
        .as_u64()
        .map(|ms| format!("{}.{:03}", ms / 1000, ms % 1000))
        .unwrap_or_default()
}

/// KiB of memory, in binary units.
pub(crate) fn kib(value: &Value) -> String {
    scaled(value, 1024, 1024, &["B", "KiB", "MiB", "GiB", "TiB"])
}

/// MiB, in binary units.
pub(crate) fn mib(value: &Value) -> String {
    scaled(value, 1 << 20, 1024, &["B", "KiB", "MiB", "GiB", "TiB"])
}

/// Bytes of a disk, in the decimal units that are printed on it.
pub(crate) fn disk_bytes(value: &Value) -> String {
    scaled(value, 1, 1000, &["B", "kB", "MB", "GB", "TB", "PB"])
}

/// Mbit/s.
pub(crate) fn mbps(value: &Value) -> String {
    scaled(value, 1, 1000, &["Mbit/s", "Gbit/s", "Tbit/s"])
}

fn scaled(value: &Value, factor: u64, step: u64, units: &[&str]) -> String {
    let Some(number) = value.as_u64().and_then(|number| number.checked_mul(factor)) else {
        return plain(value);
    };
    let mut divisor = 1;
    let mut unit = 0;
    while number / divisor >= step && unit + 1 < units.len() {
        divisor *= step;
        unit += 1;
    }
    let (whole, tenth) = (number / divisor, number % divisor * 10 / divisor);
    let name = units.get(unit).copied().unwrap_or_default();
    if tenth == 0 || whole >= 100 {
        format!("{whole} {name}")
    } else {
        format!("{whole}.{tenth} {name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sizes_have_the_unit_people_use() {
        for (show, value, expected) in [
            (kib as fn(&Value) -> String, json!(196_608_000), "187 GiB"),
            (mib, json!(16_384), "16 GiB"),
            (disk_bytes, json!(479_559_942_144_u64), "479 GB"),
            (disk_bytes, json!(1_920_383_410_176_u64), "1.9 TB"),
            (mbps, json!(25_000), "25 Gbit/s"),
            (mbps, json!(2_500), "2.5 Gbit/s"),
            (mbps, json!("unknown"), "unknown"),
            (seconds, json!(12_034), "12.034"),
            (plain, json!([true, "a", 3]), "yes, a, 3"),
        ] {
            assert_eq!(show(&value), expected, "{value}");
        }
    }
}
