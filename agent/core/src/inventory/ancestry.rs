// SPDX-License-Identifier: Apache-2.0
//! The chain of devices above a device in sysfs: how it is attached.

use crate::snapshot::Tree;

/// One device of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ancestor<'a> {
    /// Canonical sysfs path.
    pub(super) path: String,
    /// The bus or class it belongs to; directories that are no device have none.
    pub(super) subsystem: Option<&'a str>,
}

impl Ancestor<'_> {
    /// The device's name: the last part of its path.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    pub(super) fn is(&self, subsystem: &str) -> bool {
        self.subsystem == Some(subsystem)
    }

    /// Whether this is a SCSI device, `host:channel:target:lun`.
    pub(super) fn is_scsi_device(&self) -> bool {
        self.is("scsi") && hctl(self.name()).is_some()
    }
}

/// The four numbers of a SCSI device's name.
pub(super) fn hctl(name: &str) -> Option<[u64; 4]> {
    let mut parts = name.split(':').map(|part| part.parse().ok());
    let numbers = [
        parts.next()??,
        parts.next()??,
        parts.next()??,
        parts.next()??,
    ];
    parts.next().is_none().then_some(numbers)
}

/// The device at a canonical path and every directory above it, nearest first.
pub(super) fn chain<'a>(files: &'a Tree, path: &str) -> Vec<Ancestor<'a>> {
    let mut found = Vec::new();
    let mut path = path.to_owned();
    while path.starts_with("/sys/devices/") {
        found.push(Ancestor {
            subsystem: files.link_name(&format!("{path}/subsystem")),
            path: path.clone(),
        });
        path.truncate(path.rfind('/').unwrap_or(0));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scsi_names_have_four_numbers() {
        assert_eq!(hctl("0:2:10:0"), Some([0, 2, 10, 0]));
        for wrong in ["host0", "0:2:1", "0:2:1:0:1", "target0:0:0", ""] {
            assert_eq!(hctl(wrong), None, "{wrong}");
        }
    }
}
