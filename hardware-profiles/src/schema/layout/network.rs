// SPDX-License-Identifier: Apache-2.0
//! `[layout.network]`: bonds and VLANs.

use serde::Deserialize;
use toml::Spanned;

use super::Checker;
use crate::error::ProfileError;
use crate::layout::{Bond, NetworkLayout, PortSelector, Vlan};

/// Modes of the kernel's bonding driver (kernel documentation, networking/bonding).
const BOND_MODES: &[&str] = &[
    "balance-rr",
    "active-backup",
    "balance-xor",
    "broadcast",
    "802.3ad",
    "balance-tlb",
    "balance-alb",
];

/// `IFNAMSIZ` without the closing NUL.
const LONGEST_NAME: usize = 15;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NetworkTable {
    agent: Option<Spanned<bool>>,
    bonds: Vec<BondTable>,
    vlans: Vec<VlanTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BondTable {
    name: Spanned<String>,
    mode: Spanned<String>,
    ports: Vec<Spanned<PortTable>>,
    lacp_rate: Option<Spanned<String>>,
    mtu: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PortTable {
    name: Option<Spanned<String>>,
    pci: Option<Spanned<String>>,
    slot: Option<Spanned<String>>,
    port: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VlanTable {
    link: Spanned<String>,
    id: Spanned<u64>,
    mtu: Option<Spanned<u64>>,
}

impl Checker<'_> {
    pub(super) fn network(&self, table: &NetworkTable) -> Result<NetworkLayout, ProfileError> {
        let mut layout = NetworkLayout {
            agent: table.agent.as_ref().is_some_and(|agent| *agent.get_ref()),
            ..NetworkLayout::default()
        };
        if let Some(at) = &table.agent
            && layout.agent
            && table.bonds.is_empty()
            && table.vlans.is_empty()
        {
            return Err(self.schema("needs bonds or vlans for the agent to make", at));
        }
        for row in &table.bonds {
            let bond = self.bond(row)?;
            if layout.bonds.iter().any(|other| other.name == bond.name) {
                return Err(self.value("is the name of another bond", &row.name));
            }
            let taken =
                |port: &PortSelector| layout.bonds.iter().any(|other| other.ports.contains(port));
            if let Some(at) = bond.ports.iter().position(taken) {
                let at = row.ports.get(at).map_or(row.name.span(), Spanned::span);
                return Err(self.schema("is a port of another bond", &Spanned::new(at, ())));
            }
            layout.bonds.push(bond);
        }
        for row in &table.vlans {
            let vlan = self.vlan(row, &layout.bonds)?;
            let same = |other: &Vlan| (&other.link, other.id) == (&vlan.link, vlan.id);
            if layout.vlans.iter().any(same) {
                return Err(self.schema("is there twice on this link", &row.id));
            }
            layout.vlans.push(vlan);
        }
        Ok(layout)
    }

    fn bond(&self, row: &BondTable) -> Result<Bond, ProfileError> {
        let mut ports: Vec<PortSelector> = Vec::new();
        for at in &row.ports {
            let port = self.port(at)?;
            if ports.contains(&port) {
                return Err(self.schema("is listed twice", at));
            }
            ports.push(port);
        }
        if ports.len() < 2 {
            return Err(self.schema("a bond needs two ports or more", &row.name));
        }
        let mode = self.one_of(&row.mode, BOND_MODES, "is not a mode of the kernel's bonds")?;
        let lacp_rate = self.optional(row.lacp_rate.as_ref(), |checker, rate| {
            checker.one_of(rate, &["slow", "fast"], "must be slow or fast")
        })?;
        match &row.lacp_rate {
            Some(rate) if mode != "802.3ad" => {
                Err(self.value("goes with the mode 802.3ad only", rate))
            }
            _ => Ok(Bond {
                name: self.interface(&row.name)?,
                mode,
                ports,
                lacp_rate,
                mtu: self.mtu(row.mtu.as_ref())?,
            }),
        }
    }

    fn port(&self, at: &Spanned<PortTable>) -> Result<PortSelector, ProfileError> {
        let table = at.get_ref();
        let port = PortSelector {
            name: self.optional(table.name.as_ref(), Self::interface)?,
            pci: self.optional(table.pci.as_ref(), Self::pci_address)?,
            slot: self.optional(table.slot.as_ref(), Self::sentence)?,
            port: table.port,
        };
        match (&port.name, &port.pci, &port.slot, port.port) {
            (Some(_), None, None, None)
            | (None, Some(_), None, None)
            | (None, None, Some(_), None | Some(1..)) => Ok(port),
            (None, None, Some(_), Some(0)) => Err(self.schema("the first port is 1", at)),
            (_, _, None, Some(_)) => Err(self.schema("port goes with slot only", at)),
            _ => Err(self.schema("needs exactly one of name, pci and slot", at)),
        }
    }

    fn vlan(&self, row: &VlanTable, bonds: &[Bond]) -> Result<Vlan, ProfileError> {
        let link = self.interface(&row.link)?;
        let mtu = self.mtu(row.mtu.as_ref())?;
        let below = bonds
            .iter()
            .find(|bond| bond.name == link)
            .and_then(|bond| bond.mtu);
        if let (Some(at), Some(own), Some(below)) = (&row.mtu, mtu, below)
            && own > below
        {
            let problem = format!("is more than the {below} of {link}");
            return Err(self.schema(&problem, at));
        }
        let id = self.number(&row.id, 1..=4094)?;
        Ok(Vlan {
            link,
            id: u16::try_from(id).unwrap_or_default(),
            mtu,
        })
    }

    fn interface(&self, text: &Spanned<String>) -> Result<String, ProfileError> {
        let name = self.word(text)?;
        if name.len() > LONGEST_NAME {
            return Err(self.value("is longer than the kernel's 15 characters", text));
        }
        Ok(name)
    }

    fn pci_address(&self, text: &Spanned<String>) -> Result<String, ProfileError> {
        let lower = text.get_ref().to_ascii_lowercase();
        let fits = lower.len() == 12
            && lower.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b':',
                10 => byte == b'.',
                11 => (b'0'..=b'7').contains(&byte),
                _ => byte.is_ascii_hexdigit(),
            });
        if !fits {
            return Err(self.value("must be a PCI address such as 0000:3b:00.0", text));
        }
        Ok(lower)
    }

    /// IPv6 needs 1280 bytes.
    fn mtu(&self, mtu: Option<&Spanned<u64>>) -> Result<Option<u32>, ProfileError> {
        let mtu = self.optional(mtu, |checker, mtu| checker.number(mtu, 1280..=65_535))?;
        Ok(mtu.and_then(|mtu| u32::try_from(mtu).ok()))
    }
}
