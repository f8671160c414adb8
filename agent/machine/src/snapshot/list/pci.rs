// SPDX-License-Identifier: Apache-2.0
//! Functions on PCI.

use super::Row;

pub(super) const ROWS: &[Row] = &[(
    "/sys/bus/pci/devices/*",
    &[
        "class",
        "device",
        "driver",
        "numa_node",
        "revision",
        "vendor",
    ],
)];
