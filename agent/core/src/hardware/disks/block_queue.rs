// SPDX-License-Identifier: Apache-2.0
//! What the kernel knows of a disk's requests: sizes, discard, cache, zones
//! (kernel documentation, `ABI/stable/sysfs-block`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::snapshot::Tree;

/// Sizes of requests, bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Sizes {
    /// The smallest unit that can be addressed.
    pub logical_bytes: Option<u32>,
    /// The smallest unit that is written without reading first.
    pub physical_bytes: Option<u32>,
    /// The smallest request that performs well.
    pub minimum_io_bytes: Option<u32>,
    /// The size of request that performs best; absent if the disk does not say.
    pub optimal_io_bytes: Option<u32>,
}

/// How blocks are given back and zeroed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Discard {
    /// Whether it takes discards (TRIM, UNMAP, Deallocate).
    pub supported: bool,
    /// Unit of a discard, bytes.
    pub granularity_bytes: Option<u64>,
    /// The largest discard, bytes.
    pub max_bytes: Option<u64>,
    /// Whether a discarded block reads as zeroes afterwards, by the drive's word.
    pub reads_zeroes: Option<bool>,
    /// The largest request to write zeroes without sending them, bytes; absent
    /// if it cannot.
    pub write_zeroes_max_bytes: Option<u64>,
}

/// The volatile write cache.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WriteCache {
    /// Whether it has one.
    pub present: Option<bool>,
    /// Whether it is on.
    pub enabled: Option<bool>,
    /// How the kernel treats the disk: `write back` or `write through`.
    pub kernel: Option<String>,
}

/// A disk's `queue` directory.
pub(super) struct Queue<'a> {
    files: &'a Tree,
    directory: String,
}

impl<'a> Queue<'a> {
    pub(super) fn of(files: &'a Tree, name: &str) -> Self {
        Self {
            files,
            directory: format!("/sys/class/block/{name}/queue"),
        }
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.files.text(&format!("{}/{name}", self.directory))
    }

    /// A number other than 0, which stands for "not told".
    fn number<T: std::str::FromStr + Default + PartialEq>(&self, name: &str) -> Option<T> {
        let number = self.text(name)?.parse().ok();
        number.filter(|number| *number != T::default())
    }

    pub(super) fn sizes(&self) -> Sizes {
        Sizes {
            logical_bytes: self.number("logical_block_size"),
            physical_bytes: self.number("physical_block_size"),
            minimum_io_bytes: self.number("minimum_io_size"),
            optimal_io_bytes: self.number("optimal_io_size"),
        }
    }

    /// `None` if the kernel does not say.
    pub(super) fn discard(&self) -> Option<Discard> {
        self.text("discard_max_bytes")?;
        let max_bytes = self.number("discard_max_bytes");
        Some(Discard {
            supported: max_bytes.is_some(),
            granularity_bytes: max_bytes.and_then(|_| self.number("discard_granularity")),
            max_bytes,
            reads_zeroes: None,
            write_zeroes_max_bytes: self.number("write_zeroes_max_bytes"),
        })
    }

    pub(super) fn write_cache(&self) -> WriteCache {
        WriteCache {
            kernel: self.text("write_cache").map(str::to_owned),
            ..WriteCache::default()
        }
    }

    /// `host-aware` or `host-managed`; `None` for ordinary disks.
    pub(super) fn zoned(&self) -> Option<String> {
        let model = self.text("zoned")?;
        (model != "none").then(|| model.to_owned())
    }

    /// Whether it has no moving parts. The kernel calls every disk rotational
    /// that does not say otherwise, so only `Some(true)` is knowledge.
    pub(super) fn solid_state(&self) -> Option<bool> {
        (self.text("rotational")? == "0").then_some(true)
    }
}
