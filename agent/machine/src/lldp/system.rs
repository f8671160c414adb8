// SPDX-License-Identifier: Apache-2.0
//! What the machine knows of itself, for those who hear it.

use ironseed_core::lldp::{System, SystemFacts};

use crate::root::Root;

/// The machine as it introduces itself; `agent` is the name of the program
/// with its version. Where the firmware has no SMBIOS, the device tree may
/// know.
#[must_use]
pub fn system(root: &Root, agent: &str) -> System {
    let first = |paths: &[&str]| paths.iter().find_map(|path| root.read_text(path).ok());
    let facts = SystemFacts {
        host_name: first(&["/proc/sys/kernel/hostname"]),
        manufacturer: first(&["/sys/class/dmi/id/sys_vendor"]),
        product: first(&["/sys/class/dmi/id/product_name", "/proc/device-tree/model"]),
        serial_number: first(&[
            "/sys/class/dmi/id/product_serial",
            "/proc/device-tree/serial-number",
        ]),
    };
    System::new(&facts, agent)
}
