// SPDX-License-Identifier: Apache-2.0
//! Firmware: SMBIOS tables, EFI.

use super::Row;

pub(super) const ROWS: &[Row] = &[
    ("/sys/firmware", &["efi"]),
    ("/sys/firmware/efi", &["fw_platform_size"]),
    ("/sys/firmware/dmi/tables", &["DMI", "smbios_entry_point"]),
    (
        "/sys/class/dmi/id",
        &[
            "bios_date",
            "bios_vendor",
            "bios_version",
            "board_name",
            "board_serial",
            "board_vendor",
            "chassis_type",
            "product_name",
            "product_serial",
            "product_sku",
            "product_uuid",
            "product_version",
            "sys_vendor",
        ],
    ),
    ("/sys/hypervisor", &["type"]),
];
