// SPDX-License-Identifier: Apache-2.0
//! The machine's network ports, in depth.
//!
//! Only hardware: bonds, VLANs and other links without a device are left out.

mod link;
mod rdma;
mod sriov;
mod transceiver;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Absences, Source};
use crate::inventory::pci_address;
use crate::snapshot::{NetworkLink, Tree};

pub use link::{Duplex, Fec, LinkModes};
pub use rdma::{RdmaDevice, RdmaPort};
pub use sriov::Sriov;
pub use transceiver::{Diagnostics, Lane, Medium, Reach, Transceiver};

/// A network port.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NetworkPort {
    /// Name, `eno1`.
    pub name: String,
    /// Further names the kernel knows it by.
    pub alternative_names: Vec<String>,
    /// Address it was made with.
    pub permanent_mac: Option<String>,
    /// Address it has now; that of a bond if it is part of one.
    pub mac: Option<String>,
    /// PCI address, `0000:3b:00.0`.
    pub pci_address: Option<String>,
    /// Name of the port as its driver gives it, `p0`.
    pub physical_port_name: Option<String>,
    /// Number of the switch the port belongs to, the same for all its ports.
    pub switch_id: Option<String>,
    /// Name of the driver.
    pub driver: Option<String>,
    /// Version of the driver; for drivers of the kernel often that of the kernel.
    pub driver_version: Option<String>,
    /// Version of the firmware, as the driver writes it.
    pub firmware_version: Option<String>,
    /// Kind of port as it is used now, `TP`, `FIBRE`, `DA`, `Backplane`.
    pub port_type: Option<String>,
    /// Whether the driver sees a carrier; absent while the port is down.
    pub carrier: Option<bool>,
    /// How often the carrier came or went since the driver was loaded.
    pub carrier_changes: Option<u32>,
    /// Speed of the link now, in Mbit/s.
    pub speed_mbps: Option<u32>,
    /// The highest speed the port supports, in Mbit/s.
    pub max_speed_mbps: Option<u32>,
    /// The highest speed the link partner advertises, in Mbit/s.
    pub partner_max_speed_mbps: Option<u32>,
    /// Whether it sends and receives at the same time.
    pub duplex: Option<Duplex>,
    /// Whether the speed is negotiated with the link partner.
    pub autonegotiation: Option<bool>,
    /// Largest packet, in bytes.
    pub mtu: Option<u32>,
    /// Forward error correction.
    pub fec: Option<Fec>,
    /// Link modes, as the kernel names them.
    pub link_modes: LinkModes,
    /// The module in the port; absent where there is none, or none can be read.
    pub transceiver: Option<Transceiver>,
    /// Virtual functions, where the port can have them.
    pub sriov: Option<Sriov>,
    /// Whether the port is itself a virtual function.
    pub is_virtual_function: bool,
    /// RDMA devices of the same hardware.
    pub rdma: Vec<RdmaDevice>,
}

/// Reads every port, in name order.
pub(super) fn read(source: &Source<'_>, absent: &mut Absences) -> Vec<NetworkPort> {
    let files = source.files;
    let names = files.names("/sys/class/net");
    names
        .into_iter()
        .filter(|name| files.exists(&format!("/sys/class/net/{name}/device")))
        .map(|name| {
            let links = &source.snapshot.links;
            let link = links.iter().find(|link| link.name == name);
            port(files, name, link, absent)
        })
        .collect()
}

fn port(
    files: &Tree,
    name: &str,
    link: Option<&NetworkLink>,
    absent: &mut Absences,
) -> NetworkPort {
    let path = format!("/sys/class/net/{name}");
    let file = |attribute: &str| {
        files
            .text(&format!("{path}/{attribute}"))
            .map(str::to_owned)
    };
    let number = |attribute: &str| files.number::<u32>(&format!("{path}/{attribute}"));
    let link = absent.expect(
        link,
        name,
        "link",
        "the kernel did not list it over netlink",
    );
    let driver = link.and_then(|link| link.driver.as_ref());
    let told = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let settings = link.and_then(|link| link.settings.as_ref());
    NetworkPort {
        name: name.to_owned(),
        alternative_names: link.map_or_else(Vec::new, |link| link.alternative_names.clone()),
        permanent_mac: link.and_then(|link| address(&link.permanent_address)),
        mac: link
            .and_then(|link| address(&link.address))
            .or_else(|| file("address").filter(|text| text.bytes().any(|b| !b":0".contains(&b)))),
        pci_address: pci_address(files, &path),
        physical_port_name: file("phys_port_name"),
        switch_id: file("phys_switch_id"),
        driver: files
            .link_name(&format!("{path}/device/driver"))
            .map(str::to_owned)
            .or_else(|| driver.and_then(|driver| told(&driver.driver))),
        driver_version: driver.and_then(|driver| told(&driver.version)),
        firmware_version: driver.and_then(|driver| firmware(&driver.firmware_version)),
        port_type: settings.and_then(link::port_type),
        carrier: number("carrier").map(|carrier| carrier != 0),
        carrier_changes: number("carrier_changes"),
        speed_mbps: link.and_then(|link| link.speed_mbps),
        max_speed_mbps: link.and_then(|link| link.max_speed_mbps),
        partner_max_speed_mbps: settings.and_then(link::partner_speed),
        duplex: settings.and_then(link::duplex),
        autonegotiation: settings.and_then(link::autonegotiation),
        mtu: number("mtu"),
        fec: link.and_then(|link| link.fec).and_then(link::fec),
        link_modes: settings.map(LinkModes::of).unwrap_or_default(),
        transceiver: link.and_then(|link| module(link, absent)),
        sriov: sriov::read(files, &path),
        is_virtual_function: files.exists(&format!("{path}/device/physfn")),
        rdma: rdma::read(files, &path),
    }
}

/// Drivers without a firmware say so in several ways.
fn firmware(text: &str) -> Option<String> {
    (!matches!(text, "" | "N/A" | "n/a")).then(|| text.to_owned())
}

/// An address as text; `None` for none and for zeroes.
fn address(bytes: &[u8]) -> Option<String> {
    let usable = bytes.iter().any(|byte| *byte != 0);
    usable.then(|| {
        let parts: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        parts.join(":")
    })
}

/// The module, and why it or a part of it could not be read.
fn module(link: &NetworkLink, absent: &mut Absences) -> Option<Transceiver> {
    let Some(module) = &link.module else {
        if link.settings.as_ref().is_some_and(link::takes_modules) {
            let reason = "the driver has no way to read modules";
            absent.note(&link.name, "transceiver", reason);
        }
        return None;
    };
    if let Some(reason) = &module.error {
        absent.note(&link.name, "transceiver", reason);
    }
    transceiver::decode(module)
}

#[cfg(test)]
mod tests;
