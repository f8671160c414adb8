// SPDX-License-Identifier: Apache-2.0
//! RDMA devices (InfiniBand, RoCE, iWARP) of the hardware a port belongs to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::snapshot::Tree;

/// An RDMA device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RdmaDevice {
    /// Name, `mlx5_0`.
    pub name: String,
    /// Number that identifies it in the fabric, `b859:9f03:0020:0bbe`.
    pub node_guid: Option<String>,
    /// Version of the firmware.
    pub firmware_version: Option<String>,
    /// Kind of adapter, `MT4119`.
    pub adapter_type: Option<String>,
    /// Kind of board as its maker names it, `MT_0000000008`.
    pub board_id: Option<String>,
    /// Its ports. A card whose ports share one PCI function lists all of them.
    pub ports: Vec<RdmaPort>,
}

/// A port of an RDMA device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RdmaPort {
    /// Number of the port, from 1.
    pub number: u32,
    /// State, `ACTIVE`, `DOWN`.
    pub state: Option<String>,
    /// Rate as the kernel writes it, `100 Gb/sec (4X EDR)`.
    pub rate: Option<String>,
    /// What it speaks: `Ethernet`, `InfiniBand`.
    pub link_layer: Option<String>,
}

pub(super) fn read(files: &Tree, port: &str) -> Vec<RdmaDevice> {
    let devices = format!("{port}/device/infiniband");
    let names = files.names(&devices).into_iter();
    names
        .map(|name| device(files, &format!("{devices}/{name}"), name))
        .collect()
}

fn device(files: &Tree, path: &str, name: &str) -> RdmaDevice {
    let file = |name: &str| files.text(&format!("{path}/{name}")).map(str::to_owned);
    let ports = files.names(&format!("{path}/ports"));
    let mut ports: Vec<RdmaPort> = ports
        .into_iter()
        .filter_map(|number| port(files, &format!("{path}/ports/{number}"), number))
        .collect();
    ports.sort_by_key(|port| port.number);
    RdmaDevice {
        name: name.to_owned(),
        // All zeroes until the driver knows it.
        node_guid: file("node_guid").filter(|guid| guid.bytes().any(|b| !b":0".contains(&b))),
        firmware_version: file("fw_ver"),
        adapter_type: file("hca_type"),
        board_id: file("board_id"),
        ports,
    }
}

fn port(files: &Tree, path: &str, number: &str) -> Option<RdmaPort> {
    let file = |name: &str| files.text(&format!("{path}/{name}")).map(str::to_owned);
    Some(RdmaPort {
        number: number.parse().ok()?,
        // The kernel writes the number before the word: `4: ACTIVE`.
        state: file("state").map(|state| match state.split_once(": ") {
            Some((_, word)) => word.to_owned(),
            None => state,
        }),
        rate: file("rate"),
        link_layer: file("link_layer"),
    })
}
