// SPDX-License-Identifier: Apache-2.0
//! Names of classes (PCI Code and ID Assignment Specification) and of the
//! vendors that servers have.

/// Classes and subclasses that servers have.
const CLASSES: &[(&str, &str)] = &[
    ("0000", "Unclassified device"),
    ("0001", "VGA compatible unclassified device"),
    ("0100", "SCSI storage controller"),
    ("0101", "IDE interface"),
    ("0104", "RAID bus controller"),
    ("0105", "ATA controller"),
    ("0106", "SATA controller"),
    ("0107", "Serial Attached SCSI controller"),
    ("0108", "Non-volatile memory controller"),
    ("0180", "Mass storage controller"),
    ("0200", "Ethernet controller"),
    ("0207", "InfiniBand controller"),
    ("0208", "Fabric controller"),
    ("0280", "Network controller"),
    ("0300", "VGA compatible controller"),
    ("0302", "3D controller"),
    ("0380", "Display controller"),
    ("0401", "Multimedia audio controller"),
    ("0403", "Audio device"),
    ("0480", "Multimedia controller"),
    ("0500", "RAM memory"),
    ("0501", "Flash memory"),
    ("0502", "CXL memory device"),
    ("0580", "Memory controller"),
    ("0600", "Host bridge"),
    ("0601", "ISA bridge"),
    ("0604", "PCI bridge"),
    ("0609", "Semi-transparent PCI-to-PCI bridge"),
    ("0680", "Bridge"),
    ("0700", "Serial controller"),
    ("0703", "Modem"),
    ("0780", "Communication controller"),
    ("0800", "Interrupt controller"),
    ("0801", "DMA controller"),
    ("0802", "Timer"),
    ("0803", "Real-time clock"),
    ("0804", "PCI hotplug controller"),
    ("0805", "SD host controller"),
    ("0806", "IOMMU"),
    ("0807", "Root complex event collector"),
    ("0880", "System peripheral"),
    ("0b40", "Co-processor"),
    ("0c03", "USB controller"),
    ("0c04", "Fibre Channel controller"),
    ("0c05", "SMBus controller"),
    ("0c06", "InfiniBand controller"),
    ("0c07", "IPMI interface"),
    ("1000", "Network and computing encryption device"),
    ("1080", "Encryption controller"),
    ("1101", "Performance counters"),
    ("1180", "Signal processing controller"),
    ("1200", "Processing accelerator"),
    ("1300", "Non-essential instrumentation"),
];

/// Vendors of what is built into or plugged into servers.
const VENDORS: &[(&str, &str)] = &[
    ("1000", "Broadcom / LSI"),
    ("1002", "Advanced Micro Devices [AMD/ATI]"),
    ("1014", "IBM"),
    ("1022", "Advanced Micro Devices [AMD]"),
    ("1028", "Dell"),
    ("102b", "Matrox"),
    ("103c", "Hewlett-Packard"),
    ("1077", "QLogic"),
    ("108e", "Oracle / Sun Microsystems"),
    ("10b5", "PLX Technology"),
    ("10cf", "Fujitsu"),
    ("10de", "NVIDIA"),
    ("10df", "Emulex"),
    ("10ec", "Realtek"),
    ("10ee", "Xilinx"),
    ("1137", "Cisco Systems"),
    ("1166", "ServerWorks"),
    ("1170", "Inventec"),
    ("1172", "Altera"),
    ("117c", "ATTO Technology"),
    ("11f8", "Microsemi / PMC-Sierra"),
    ("1234", "QEMU"),
    ("1344", "Micron Technology"),
    ("1414", "Microsoft"),
    ("1425", "Chelsio Communications"),
    ("144d", "Samsung Electronics"),
    ("1458", "Gigabyte Technology"),
    ("14e4", "Broadcom"),
    ("1590", "Hewlett Packard Enterprise"),
    ("15ad", "VMware"),
    ("15b3", "Mellanox Technologies"),
    ("15b7", "SanDisk / Western Digital"),
    ("15d9", "Supermicro"),
    ("177d", "Cavium"),
    ("17aa", "Lenovo"),
    ("17cb", "Qualcomm"),
    ("1912", "Renesas Technology"),
    ("1924", "Solarflare Communications"),
    ("193d", "H3C"),
    ("19e5", "Huawei Technologies"),
    ("19ee", "Netronome Systems"),
    ("1a03", "ASPEED Technology"),
    ("1af4", "Red Hat (virtio)"),
    ("1b36", "Red Hat"),
    ("1b4b", "Marvell Technology"),
    ("1b96", "Western Digital"),
    ("1bb1", "Seagate Technology"),
    ("1bd4", "Inspur"),
    ("1c5c", "SK hynix"),
    ("1c5f", "Beijing Memblaze Technology"),
    ("1cc1", "ADATA Technology"),
    ("1d0f", "Amazon"),
    ("1d17", "Zhaoxin"),
    ("1d94", "Hygon"),
    ("1da3", "Habana Labs"),
    ("1dd8", "Pensando Systems"),
    ("1def", "Ampere Computing"),
    ("1e0f", "KIOXIA"),
    ("1e52", "Tenstorrent"),
    ("1f0f", "NebulaMatrix"),
    ("8086", "Intel"),
    ("9005", "Adaptec / Microchip"),
    ("c0a9", "Micron / Crucial"),
    ("cabc", "Cambricon Technologies"),
];

/// The name of a class by its first four digits.
pub(super) fn class_name(class: &str) -> Option<&'static str> {
    look_up(CLASSES, class.get(..4)?)
}

/// The name of a vendor by its id, without `0x`.
pub(in crate::hardware) fn vendor_name(id: &str) -> Option<&'static str> {
    look_up(VENDORS, id)
}

fn look_up(table: &[(&str, &'static str)], wanted: &str) -> Option<&'static str> {
    let at = table.binary_search_by(|(key, _)| (*key).cmp(wanted)).ok()?;
    table.get(at).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_names_are_found() {
        assert!(CLASSES.is_sorted_by(|a, b| a.0 < b.0));
        assert!(VENDORS.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(class_name("010802"), Some("Non-volatile memory controller"));
        assert_eq!(class_name("ffff00"), None);
        assert_eq!(class_name("01"), None);
        assert_eq!(vendor_name("15b3"), Some("Mellanox Technologies"));
        assert_eq!(vendor_name("dead"), None);
    }
}
