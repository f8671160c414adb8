// SPDX-License-Identifier: Apache-2.0
//! The link of a PCI Express function: how fast it runs, and how fast it could.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pci_config::Express;
use crate::snapshot::Tree;

/// The link of a PCI Express function.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PciLink {
    /// Speed now, in million transfers per second and lane: 8000 is 8 GT/s, generation 3.
    pub speed_mts: Option<u32>,
    /// Lanes in use now.
    pub width: Option<u8>,
    /// The highest speed of the device, in million transfers per second and lane.
    pub speed_max_mts: Option<u32>,
    /// The most lanes the device can use.
    pub width_max: Option<u8>,
    /// The highest speed of the port above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_speed_max_mts: Option<u32>,
    /// The most lanes of the port above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_width_max: Option<u8>,
}

/// From sysfs, else from the configuration space (kernels before 4.13 do not
/// show links in sysfs).
pub(super) fn read(files: &Tree, path: &str, express: Option<Express>) -> Option<PciLink> {
    let express = express.unwrap_or_default();
    // sysfs shows a link of 2.5 GT/s even where there is none.
    if express.integrated {
        return None;
    }
    let speed = |name: &str| speed_mts(files.text(&format!("{path}/{name}"))?);
    let width = |name: &str| lanes(files.text(&format!("{path}/{name}"))?);
    let link = PciLink {
        speed_mts: speed("current_link_speed").or(express.now.speed_mts),
        width: width("current_link_width").or(express.now.width),
        speed_max_mts: speed("max_link_speed").or(express.most.speed_mts),
        width_max: width("max_link_width").or(express.most.width),
        port_speed_max_mts: speed("../max_link_speed"),
        port_width_max: width("../max_link_width"),
    };
    // Without a configuration space such functions show themselves by these.
    let has_link = link.speed_mts.is_some() || link.width_max.is_some();
    has_link.then_some(link)
}

/// `8.0 GT/s PCIe`, `2.5 GT/s`, `16 GT/s`, `Unknown`.
fn speed_mts(text: &str) -> Option<u32> {
    let (number, unit) = text.split_once(' ')?;
    if !unit.starts_with("GT/s") {
        return None;
    }
    let (whole, tenths) = number.split_once('.').unwrap_or((number, "0"));
    let whole: u32 = whole.parse().ok()?;
    let tenths: u32 = tenths.parse().ok().filter(|tenths| *tenths < 10)?;
    whole.checked_mul(1000)?.checked_add(tenths * 100)
}

/// 0 says that no link is up, 255 that the width is not known.
fn lanes(text: &str) -> Option<u8> {
    text.parse().ok().filter(|lanes| (1..=32).contains(lanes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_and_widths_are_read_as_the_kernel_writes_them() {
        for (text, expected) in [
            ("2.5 GT/s PCIe", Some(2_500)),
            ("5.0 GT/s PCIe", Some(5_000)),
            ("8.0 GT/s PCIe", Some(8_000)),
            ("16.0 GT/s PCIe", Some(16_000)),
            ("32.0 GT/s PCIe", Some(32_000)),
            ("64.0 GT/s PCIe", Some(64_000)),
            ("8 GT/s", Some(8_000)),
            ("Unknown", None),
            ("Unknown speed", None),
            ("66 MHz PCI-X", None),
            ("4294967295 GT/s", None),
            ("2.55 GT/s", None),
            ("", None),
        ] {
            assert_eq!(speed_mts(text), expected, "{text:?}");
        }
        for (text, expected) in [
            ("16", Some(16)),
            ("1", Some(1)),
            ("0", None),
            ("255", None),
            ("x4", None),
        ] {
            assert_eq!(lanes(text), expected, "{text:?}");
        }
    }
}
