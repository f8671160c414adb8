// SPDX-License-Identifier: Apache-2.0
//! Functions on PCI. Of their configuration spaces only what is wanted is read,
//! by `snapshot::pci`.

use super::Row;

pub(super) const ROWS: &[Row] = &[
    (
        "/sys/bus/pci/devices/*",
        &[
            "acpi_index",
            "aer_dev_correctable",
            "aer_dev_fatal",
            "aer_dev_nonfatal",
            "class",
            "current_link_speed",
            "current_link_width",
            "device",
            "driver",
            "index",
            "iommu_group",
            "label",
            "max_link_speed",
            "max_link_width",
            "numa_node",
            "physfn",
            "resource",
            "revision",
            "sriov_numvfs",
            "sriov_totalvfs",
            "subsystem_device",
            "subsystem_vendor",
            "vendor",
        ],
    ),
    ("/sys/bus/pci/slots/*", &["address"]),
];
