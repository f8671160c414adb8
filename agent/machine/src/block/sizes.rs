// SPDX-License-Identifier: Apache-2.0
//! How large the disks are that have appeared so far: enough to wait for one,
//! and hundreds of files cheaper than a snapshot.

use crate::root::Root;

/// `/sys/block/*/size` counts sectors of 512 bytes, whatever the disk's own
/// sector size is (the kernel's `Documentation/ABI/stable/sysfs-block`).
const SECTOR: u64 = 512;

/// Size in bytes of each disk that has a device behind it. Optical drives,
/// loop devices and RAM disks are not among them.
#[must_use]
pub fn disk_sizes(root: &Root) -> Vec<u64> {
    let names = root.names("/sys/block").unwrap_or_default();
    names
        .iter()
        .filter(|name| !name.starts_with("sr") && !name.starts_with("fd"))
        .filter(|name| root.exists(&format!("/sys/block/{name}/device")))
        .filter_map(|name| root.read_text(&format!("/sys/block/{name}/size")).ok())
        .filter_map(|sectors| sectors.parse::<u64>().ok()?.checked_mul(SECTOR))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_disks_with_a_device_count() {
        let tree = tempfile::tempdir().expect("a directory");
        let put = |path: &str, text: &str| {
            let path = tree.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            std::fs::write(path, text).expect("written");
        };
        put("sys/block/nvme0n1/size", "12582912\n");
        put("sys/block/nvme0n1/device/model", "x");
        put("sys/block/loop0/size", "99999999\n");
        put("sys/block/sr0/size", "2097151\n");
        put("sys/block/sr0/device/model", "x");
        put("sys/block/sda/size", "odd\n");
        put("sys/block/sda/device/model", "x");
        let root = Root::open(tree.path()).expect("a root");
        assert_eq!(disk_sizes(&root), [6 << 30]);
    }
}
