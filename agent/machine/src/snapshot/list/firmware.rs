// SPDX-License-Identifier: Apache-2.0
//! Firmware: SMBIOS tables, EFI.

use super::Row;

pub(super) const ROWS: &[Row] = &[
    ("/sys/firmware", &["efi"]),
    ("/sys/firmware/efi", &["fw_platform_size"]),
    (
        "/sys/firmware/efi/efivars",
        &[
            "Boot*-8be4df61-93ca-11d2-aa0d-00e098032b8c",
            "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
            "SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c",
        ],
    ),
    ("/sys/firmware/dmi/tables", &["DMI", "smbios_entry_point"]),
    (
        "/sys/class/dmi/id",
        &[
            "bios_date",
            "bios_release",
            "bios_vendor",
            "bios_version",
            "board_asset_tag",
            "board_name",
            "board_serial",
            "board_vendor",
            "board_version",
            "chassis_asset_tag",
            "chassis_serial",
            "chassis_type",
            "chassis_vendor",
            "chassis_version",
            "ec_firmware_release",
            "product_family",
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
