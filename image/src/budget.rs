// SPDX-License-Identifier: Apache-2.0
//! Where the bytes go: the parts of kernel and initramfs by size, against the limit.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::closure::Closure;
use crate::cpio::Entry;
use crate::firmware::Collected;
use crate::kernel::Kernel;
use crate::layout::{AGENT, INIT};
use crate::platform::Platform;

/// The sizes of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// Kernel and initramfs, in bytes.
    pub total: u64,
    /// What they may weigh, in bytes.
    pub limit: u64,
    /// All parts, the largest first; they add up to the total.
    pub parts: Vec<Part>,
}

/// A part of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What it is.
    pub name: String,
    /// Its share of the files, in bytes.
    pub bytes: u64,
}

/// The lines of the table that people see.
const SHOWN: usize = 12;

/// Weighs an image: `plain_len` is the length of its first segment, `system` what is
/// in the second. Parts of the compressed segment get their share of its size.
#[must_use]
pub fn weigh(
    platform: &Platform,
    kernel: &Kernel,
    (closure, firmware): (&Closure, &Collected),
    system: &[Entry],
    (plain_len, initramfs_len): (usize, usize),
) -> Budget {
    let mut parts: BTreeMap<String, u64> = BTreeMap::new();
    let mut add = |name: String, bytes: u64| *parts.entry(name).or_default() += bytes;
    add("kernel".to_owned(), kernel.image.len() as u64);
    let mut plain = plain_len as u64;
    for (name, chosen) in &closure.modules {
        let bytes = kernel.file(name).map_or(0, <[u8]>::len) as u64;
        plain = plain.saturating_sub(bytes);
        add(format!("modules {}", directory(&chosen.module.path)), bytes);
    }
    for blob in firmware.blobs.values() {
        let bytes = blob.xz.len() as u64;
        plain = plain.saturating_sub(bytes);
        add(format!("firmware {}", blob.driver), bytes);
    }
    add("archive headers".to_owned(), plain);
    for (name, bytes) in shares(system, (initramfs_len - plain_len) as u64) {
        add(name.to_owned(), bytes);
    }
    let mut parts: Vec<Part> = parts
        .into_iter()
        .map(|(name, bytes)| Part { name, bytes })
        .collect();
    parts.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    Budget {
        total: parts.iter().map(|part| part.bytes).sum(),
        limit: platform.budget,
        parts,
    }
}

/// Divides the compressed size among its content by unpacked size. The remainder of
/// the division goes to the last one, so that the sum is exact.
fn shares(system: &[Entry], compressed: u64) -> Vec<(&'static str, u64)> {
    let size = |wanted: &str| -> u64 {
        system
            .iter()
            .filter(|entry| kind(&entry.path) == wanted)
            .map(|entry| entry.content.len() as u64)
            .sum()
    };
    let (init, agent, rest) = (size("init"), size("agent"), size(CONFIGURATION));
    let all = (init + agent + rest).max(1);
    let (init, agent) = (compressed * init / all, compressed * agent / all);
    vec![
        ("init", init),
        ("agent", agent),
        (CONFIGURATION, compressed - init - agent),
    ]
}

const CONFIGURATION: &str = "index and configuration";

fn kind(path: &str) -> &'static str {
    match path {
        INIT => "init",
        AGENT => "agent",
        _ => CONFIGURATION,
    }
}

/// The kernel's directory that a module belongs to: the vendor for NICs, the
/// subsystem for everything else.
fn directory(path: &str) -> &str {
    let path = path.strip_prefix("kernel/").unwrap_or(path);
    let depth = if path.starts_with("drivers/net/ethernet/") {
        4
    } else {
        2
    };
    let (directory, _) = path.rsplit_once('/').unwrap_or((path, ""));
    directory
        .match_indices('/')
        .nth(depth - 1)
        .map_or(directory, |(at, _)| &directory[..at])
}

impl fmt::Display for Budget {
    #[expect(
        clippy::cast_precision_loss,
        reason = "sizes for people, in hundredths of a megabyte"
    )]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        let row = |f: &mut fmt::Formatter<'_>, name: &str, bytes| {
            writeln!(f, "{:>8.2} MB  {name}", megabytes(bytes))
        };
        for part in self.parts.iter().take(SHOWN) {
            row(f, &part.name, part.bytes)?;
        }
        let rest = self.parts.iter().skip(SHOWN);
        if rest.len() > 0 {
            let name = format!("{} smaller parts", rest.len());
            row(f, &name, rest.map(|part| part.bytes).sum())?;
        }
        write!(
            f,
            "{:>8.2} MB  kernel + initramfs (limit {:.2} MB)",
            megabytes(self.total),
            megabytes(self.limit)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_of_modules() {
        for (path, expected) in [
            (
                "kernel/drivers/net/ethernet/intel/ice/ice.ko.xz",
                "drivers/net/ethernet/intel",
            ),
            ("kernel/drivers/net/phy/realtek.ko.xz", "drivers/net"),
            ("kernel/fs/ext4/ext4.ko.xz", "fs/ext4"),
            ("kernel/crypto/xts.ko.xz", "crypto"),
            ("odd.ko.xz", "odd.ko.xz"),
        ] {
            assert_eq!(directory(path), expected, "{path}");
        }
    }

    #[test]
    fn shares_add_up() {
        let system = [
            Entry::file(INIT, 0o755, vec![0; 100]),
            Entry::file(AGENT, 0o755, vec![0; 700]),
            Entry::file("etc/hosts", 0o644, vec![0; 200]),
        ];
        let expected = vec![("init", 33), ("agent", 233), (CONFIGURATION, 67)];
        assert_eq!(shares(&system, 333), expected);
        assert_eq!(
            shares(&[], 10),
            vec![("init", 0), ("agent", 0), (CONFIGURATION, 10)]
        );
    }

    #[test]
    fn the_table() {
        let part = |name: &str, bytes| Part {
            name: name.to_owned(),
            bytes,
        };
        let mut parts = vec![
            part("kernel", 12_085_184),
            part("modules drivers/scsi", 2_500_000),
        ];
        parts.extend((0..12).map(|number| part(&format!("small {number}"), 10_000)));
        let budget = Budget {
            total: 14_705_184,
            limit: 34_000_000,
            parts,
        };
        let table = budget.to_string();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines.len(), SHOWN + 2);
        assert_eq!(lines[0], "   12.09 MB  kernel");
        assert_eq!(lines[SHOWN], "    0.02 MB  2 smaller parts");
        assert_eq!(
            lines[SHOWN + 1],
            "   14.71 MB  kernel + initramfs (limit 34.00 MB)"
        );
    }
}
