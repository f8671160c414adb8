// SPDX-License-Identifier: Apache-2.0
//! Devices on USB and their interfaces.

use super::Row;

pub(super) const ROWS: &[Row] = &[(
    "/sys/bus/usb/devices/*",
    &[
        "bDeviceClass",
        "bInterfaceClass",
        "busnum",
        "devnum",
        "driver",
        "idProduct",
        "idVendor",
        "manufacturer",
        "product",
        "serial",
        "speed",
    ],
)];
