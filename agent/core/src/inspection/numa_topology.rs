// SPDX-License-Identifier: Apache-2.0
//! Collector `numa-topology`: memory, cores and network ports of each NUMA node
//! (contract §6.6).
//!
//! Ironic's own agent drops the whole key if one attribute is missing, and
//! takes cores of two packages in one node for siblings if they have the same
//! number. Here what is missing is left out and siblings are of one package.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Collected;
use crate::hardware::numa::{NumaNode, nodes};
use crate::hardware::topology::CPUS;
use crate::snapshot::Tree;

const LINKS: &str = "/sys/class/net";

pub(super) fn collect(
    collected: &Collected<'_>,
    payload: &mut Map<String, Value>,
) -> Result<(), String> {
    let files = &collected.snapshot.files;
    let nodes = nodes(files);
    // A kernel without NUMA has nothing to tell, which is no error.
    if !nodes.is_empty() {
        payload.insert(
            "numa_topology".into(),
            json!({"ram": ram(&nodes), "cpus": cores(files, &nodes), "nics": nics(files)}),
        );
    }
    Ok(())
}

fn ram(nodes: &[NumaNode]) -> Vec<Value> {
    nodes
        .iter()
        .filter_map(|node| Some(json!({"numa_node": node.node, "size_kb": node.memory_kib?})))
        .collect()
}

/// `cpu` is the number of the core, `thread_siblings` are its logical processors.
fn cores(files: &Tree, nodes: &[NumaNode]) -> Vec<Value> {
    let mut cores: BTreeMap<(u32, i64, i64), Vec<u32>> = BTreeMap::new();
    for node in nodes {
        for cpu in node.cpu_numbers() {
            let topology = |name: &str| files.number(&format!("{CPUS}/cpu{cpu}/topology/{name}"));
            let Some(core) = topology("core_id") else {
                continue;
            };
            let package = topology("physical_package_id").unwrap_or(-1);
            cores
                .entry((node.node, package, core))
                .or_default()
                .push(cpu);
        }
    }
    cores
        .into_iter()
        .map(|((node, _, core), threads)| {
            json!({"cpu": core, "numa_node": node, "thread_siblings": threads})
        })
        .collect()
}

/// Ports of devices. Of those behind a bus of their own, such as virtio, the
/// kernel does not tell the node.
fn nics(files: &Tree) -> Vec<Value> {
    files
        .names(LINKS)
        .into_iter()
        .filter_map(|name| {
            let node: i64 = files.number(&format!("{LINKS}/{name}/device/numa_node"))?;
            Some(json!({"name": name, "numa_node": node}))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspection::tests::payload_of;
    use crate::snapshot::{Bytes, Entry, Snapshot};

    #[test]
    fn nodes_cores_and_ports_have_the_contracts_types() {
        let mut snapshot = Snapshot::default();
        for (path, text) in [
            ("devices/system/node/node0/cpulist", "0-1,4\n"),
            (
                "devices/system/node/node0/meminfo",
                "Node 0 MemTotal: 98304000 kB\n",
            ),
            ("devices/system/node/node1/cpulist", "2-3\n"),
            ("devices/system/cpu/cpu0/topology/core_id", "0\n"),
            (
                "devices/system/cpu/cpu0/topology/physical_package_id",
                "0\n",
            ),
            ("devices/system/cpu/cpu1/topology/core_id", "0\n"),
            (
                "devices/system/cpu/cpu1/topology/physical_package_id",
                "0\n",
            ),
            ("devices/system/cpu/cpu2/topology/core_id", "0\n"),
            ("devices/system/cpu/cpu4/topology/core_id", "0\n"),
            (
                "devices/system/cpu/cpu4/topology/physical_package_id",
                "1\n",
            ),
            ("class/net/eno1/device/numa_node", "-1\n"),
            ("class/net/eno2/device/numa_node", "1\n"),
            ("class/net/eth0/device/vendor", "0x1af4\n"),
            ("class/net/lo/address", "00:00:00:00:00:00\n"),
        ] {
            let file = Entry::File(Bytes::from(text));
            snapshot.files.insert(format!("/sys/{path}"), file);
        }
        assert_eq!(
            payload_of("numa-topology", &snapshot)["numa_topology"],
            json!({
                "ram": [{"numa_node": 0, "size_kb": 98_304_000}],
                "cpus": [
                    {"cpu": 0, "numa_node": 0, "thread_siblings": [0, 1]},
                    {"cpu": 0, "numa_node": 0, "thread_siblings": [4]},
                    {"cpu": 0, "numa_node": 1, "thread_siblings": [2]},
                ],
                "nics": [
                    {"name": "eno1", "numa_node": -1},
                    {"name": "eno2", "numa_node": 1},
                ],
            })
        );
    }

    #[test]
    fn a_kernel_without_numa_has_no_key() {
        let found = payload_of("numa-topology", &Snapshot::default());
        assert!(found.get("numa_topology").is_none());
    }
}
