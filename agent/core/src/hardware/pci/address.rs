// SPDX-License-Identifier: Apache-2.0
//! Addresses of functions on PCI, and what hangs on what.

use crate::snapshot::Tree;

/// Whether a name is an address, `0000:3b:00.0`. Domains may have more than
/// four digits: those of Intel VMD begin with `10000`.
fn is_address(name: &str) -> bool {
    let digits = |text: &str, least: usize, most: usize| {
        (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let mut parts = name.split(':');
    let (Some(domain), Some(bus), Some(rest), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let Some((device, function)) = rest.split_once('.') else {
        return false;
    };
    digits(domain, 4, 8) && digits(bus, 2, 2) && digits(device, 2, 2) && digits(function, 1, 1)
}

/// The functions on the way to a canonical path, nearest first.
fn functions(path: &str) -> impl Iterator<Item = &str> {
    path.rsplit('/').filter(|part| is_address(part))
}

/// The bridge or port a function hangs on.
pub(super) fn parent(files: &Tree, path: &str) -> Option<String> {
    ancestors(files, path).into_iter().next()
}

/// The bridges and ports above a function, nearest first.
pub(super) fn ancestors(files: &Tree, path: &str) -> Vec<String> {
    let path = files.canonical(path).unwrap_or_default();
    functions(&path).skip(1).map(str::to_owned).collect()
}

/// The function that a device of any kind belongs to.
pub(in crate::hardware) fn function_above(files: &Tree, path: &str) -> Option<String> {
    let path = files.canonical(path)?;
    functions(&path).next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_names() {
        for name in ["0000:00:1f.2", "10000:e1:00.0", "0001:ff:1f.7"] {
            assert!(is_address(name), "{name}");
        }
        for name in [
            "pci0000:00",
            "0:2:0:0",
            "0000:00:1f",
            "000:00:00.0",
            "0000:00:00.0:1",
            "0000:0g:00.0",
            "0000:00:00.",
            "",
        ] {
            assert!(!is_address(name), "{name}");
        }
    }

    #[test]
    fn the_nearest_function_comes_first() {
        let path = "/sys/devices/pci0000:3a/0000:3a:00.0/0000:3b:00.0/host7/scsi_host/host7";
        let found: Vec<&str> = functions(path).collect();
        assert_eq!(found, ["0000:3b:00.0", "0000:3a:00.0"]);
    }
}
