// SPDX-License-Identifier: Apache-2.0
//! NUMA nodes as the kernel shows them (kernel documentation,
//! `ABI/stable/sysfs-devices-node`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kernel_list;
use crate::snapshot::Tree;

const NODES: &str = "/sys/devices/system/node";

/// One NUMA node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NumaNode {
    /// Number of the node.
    pub node: u32,
    /// Logical processors that are online in it, as the kernel lists them: `0-19,40-59`;
    /// empty for a node of memory alone.
    pub cpus: String,
    /// Memory the kernel has in this node, in KiB; 0 for a node of processors alone.
    pub memory_kib: Option<u64>,
    /// Distance to each node that is online, in the order of their numbers; 10 is the node itself.
    pub distances: Vec<u32>,
}

/// Every node, in order.
pub(crate) fn nodes(files: &Tree) -> Vec<NumaNode> {
    let mut numbers: Vec<u32> = files
        .names(NODES)
        .into_iter()
        .filter_map(|name| name.strip_prefix("node")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers.into_iter().map(|node| read(files, node)).collect()
}

fn read(files: &Tree, node: u32) -> NumaNode {
    let text = |name: &str| files.text(&format!("{NODES}/node{node}/{name}"));
    NumaNode {
        node,
        cpus: text("cpulist").unwrap_or_default().to_owned(),
        memory_kib: text("meminfo").and_then(mem_total_kib),
        distances: text("distance")
            .map(|row| row.split_whitespace().map(str::parse).collect())
            .and_then(Result::ok)
            .unwrap_or_default(),
    }
}

/// `Node 0 MemTotal:       98304000 kB`.
fn mem_total_kib(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find(|line| line.contains("MemTotal:"))?;
    let (_, value) = line.split_once(':')?;
    value.trim().strip_suffix("kB")?.trim().parse().ok()
}

impl NumaNode {
    /// The numbers of its logical processors.
    pub(crate) fn cpu_numbers(&self) -> Vec<u32> {
        kernel_list::numbers(&self.cpus).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Bytes, Entry};

    #[test]
    fn nodes_with_and_without_processors_are_read() {
        let mut files = Tree::default();
        for (path, text) in [
            ("node0/cpulist", "0-19,40-59\n"),
            (
                "node0/meminfo",
                "Node 0 MemTotal:       98304000 kB\nNode 0 MemFree:  1 kB\n",
            ),
            ("node0/distance", "10 21 17\n"),
            ("node10/cpulist", "\n"),
            ("node10/meminfo", "Node 10 MemTotal: lots\n"),
            ("node10/distance", "17 x\n"),
            ("node2/cpulist", "20-39\n"),
            ("possible", "0-1\n"),
        ] {
            files.insert(format!("{NODES}/{path}"), Entry::File(Bytes::from(text)));
        }
        let found = nodes(&files);
        assert_eq!(
            found.iter().map(|node| node.node).collect::<Vec<_>>(),
            [0, 2, 10]
        );
        assert_eq!(found[0].memory_kib, Some(98_304_000));
        assert_eq!(found[0].distances, [10, 21, 17]);
        assert_eq!(found[0].cpu_numbers().len(), 40);
        assert_eq!(found[2].cpus, "");
        assert_eq!((found[2].memory_kib, found[2].distances.len()), (None, 0));
        assert!(nodes(&Tree::default()).is_empty());
    }
}
