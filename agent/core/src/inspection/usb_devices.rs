// SPDX-License-Identifier: Apache-2.0
//! Collector `usb-devices`: what hangs on USB and is none of the kinds that
//! are reported elsewhere, as Ironic's own agent takes it from `lshw`.
//!
//! `lshw` calls a device generic if neither the device nor an interface of it
//! has a class it knows; keyboards, hubs, disks, network and sound are not in
//! the list. What is in it are vendor specific devices such as dongles, smart
//! card readers and the management controllers' odder functions. Ironic's own
//! agent misses a generic device that has a generic sibling on the same hub,
//! because `lshw` then numbers their names; here both are told.

use serde_json::{Map, Value, json};

use super::Collected;
use crate::snapshot::Tree;

const DEVICES: &str = "/sys/bus/usb/devices";

/// Classes that `lshw` gives a kind of their own (USB-IF defined class codes):
/// audio, communication, human interface, printer, mass storage, hub, video,
/// wireless.
const KNOWN_KINDS: [u8; 8] = [0x01, 0x02, 0x03, 0x07, 0x08, 0x09, 0x0e, 0xe0];

pub(super) fn collect(
    collected: &Collected<'_>,
    payload: &mut Map<String, Value>,
) -> Result<(), String> {
    let files = &collected.snapshot.files;
    let mut devices: Vec<(u32, u32, Value)> = files
        .names(DEVICES)
        .into_iter()
        .filter(|name| is_generic(files, name))
        .filter_map(|name| device(files, name))
        .collect();
    devices.sort_by_key(|(bus, number, _)| (*bus, *number));
    let devices = devices.into_iter().map(|(_, _, device)| device).collect();
    payload.insert("usb_devices".into(), Value::Array(devices));
    Ok(())
}

/// Whether a name is that of a device below a hub, and it is of no known kind.
/// Interfaces are named after their device, `1-14.3:1.0`; root hubs `usb1`.
fn is_generic(files: &Tree, name: &str) -> bool {
    if name.contains(':') || name.starts_with("usb") {
        return false;
    }
    let known = |path: String| {
        files
            .text(&path)
            .and_then(|class| u8::from_str_radix(class, 16).ok())
            .is_some_and(|class| KNOWN_KINDS.contains(&class))
    };
    let interfaces = format!("{name}:");
    let has_known_interface = files
        .names(DEVICES)
        .into_iter()
        .filter(|other| other.starts_with(&interfaces))
        .any(|interface| known(format!("{DEVICES}/{interface}/bInterfaceClass")));
    !has_known_interface && !known(format!("{DEVICES}/{name}/bDeviceClass"))
}

/// Bus, number and what is told. What a device does not say of itself is an
/// empty string.
fn device(files: &Tree, name: &str) -> Option<(u32, u32, Value)> {
    let path = |attribute: &str| format!("{DEVICES}/{name}/{attribute}");
    let bus = files.number(&path("busnum"))?;
    let number = files.number(&path("devnum"))?;
    let said = |attribute: &str| files.text(&path(attribute)).unwrap_or_default();
    let device = json!({
        "product": said("product"),
        "vendor": said("manufacturer"),
        "handle": format!("USB:{bus}:{number}"),
    });
    Some((bus, number, device))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspection::tests::payload_of;
    use crate::snapshot::{Bytes, Entry, Snapshot};

    /// Name, bus, number, class of the device, classes of its interfaces.
    type Device = (
        &'static str,
        u32,
        u32,
        &'static str,
        &'static [&'static str],
    );

    fn snapshot(devices: &[Device]) -> Snapshot {
        let mut snapshot = Snapshot::default();
        let mut put = |path: String, text: &str| {
            let entry = Entry::File(Bytes::from(text));
            snapshot.files.insert(format!("{DEVICES}/{path}"), entry);
        };
        for (name, bus, number, class, interfaces) in devices {
            put(format!("{name}/busnum"), &format!("{bus}\n"));
            put(format!("{name}/devnum"), &format!("{number}\n"));
            put(format!("{name}/bDeviceClass"), &format!("{class}\n"));
            put(format!("{name}/product"), &format!("Product {name}\n"));
            for (index, class) in interfaces.iter().enumerate() {
                let path = format!("{name}:1.{index}/bInterfaceClass");
                put(path, &format!("{class}\n"));
            }
        }
        put("3-1/manufacturer".into(), "Aladdin\n");
        snapshot
    }

    #[test]
    fn generic_devices_are_told_as_lshw_tells_them() {
        let payload = payload_of(
            "usb-devices",
            &snapshot(&[
                ("usb1", 1, 1, "09", &[]),
                ("1-14", 1, 2, "09", &["09"]),
                ("1-14.1", 1, 10, "00", &["08"]),
                ("1-14.2", 1, 4, "00", &["03", "03"]),
                // The iDRAC's network interface, and its composite parent.
                ("1-14.3", 1, 5, "02", &["02", "0a"]),
                // A dongle, a smart card reader, a composite device with video.
                ("3-1", 3, 2, "ff", &["ff"]),
                ("1-2", 1, 11, "00", &["0b"]),
                ("1-3", 1, 12, "ef", &["ff", "0e"]),
                ("1-4", 1, 6, "ef", &["fe", "ff"]),
            ]),
        );
        assert_eq!(
            payload["usb_devices"],
            json!([
                {"product": "Product 1-4", "vendor": "", "handle": "USB:1:6"},
                {"product": "Product 1-2", "vendor": "", "handle": "USB:1:11"},
                {"product": "Product 3-1", "vendor": "Aladdin", "handle": "USB:3:2"},
            ])
        );
    }

    #[test]
    fn a_machine_without_usb_has_none() {
        let payload = payload_of("usb-devices", &Snapshot::default());
        assert_eq!(payload["usb_devices"], json!([]));
        assert_eq!(payload["error"], Value::Null);
    }
}
