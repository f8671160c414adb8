// SPDX-License-Identifier: Apache-2.0
//! The words that make links: `bond=`, `team=`, `vlan=`, and `ifname=`, which
//! names a card.

use bootconfig::MacAddr;

use super::parts::{interface, mac, mtu, split, wrong, wrong_word};
use super::problem::{Part, WordFault};
use crate::network::plan::{Bond, BondMode};

/// Options of the kernel's bonding driver besides the mode
/// (networking/bonding.rst).
const BOND_OPTIONS: &[&str] = &[
    "active_slave",
    "ad_actor_sys_prio",
    "ad_actor_system",
    "ad_select",
    "ad_user_port_key",
    "all_slaves_active",
    "arp_all_targets",
    "arp_interval",
    "arp_ip_target",
    "arp_missed_max",
    "arp_validate",
    "coupled_control",
    "downdelay",
    "fail_over_mac",
    "lacp_active",
    "lacp_rate",
    "lp_interval",
    "miimon",
    "min_links",
    "num_grat_arp",
    "num_unsol_na",
    "packets_per_slave",
    "peer_notif_delay",
    "primary",
    "primary_reselect",
    "resend_igmp",
    "tlb_dynamic_lb",
    "updelay",
    "use_carrier",
    "xmit_hash_policy",
];

/// How often the carrier of a bond's ports is looked at, in milliseconds, where
/// nobody says: the driver's own default is never, and the carrier is all that
/// shows a dead port.
const MIIMON: &str = "100";

/// A bond with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedBond {
    pub(super) name: String,
    pub(super) bond: Bond,
    pub(super) mtu: Option<u32>,
}

/// A VLAN with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedVlan {
    pub(super) name: String,
    pub(super) parent: String,
    pub(super) id: u16,
}

/// `bond=<name>[:<ports>[:<options>[:<mtu>]]]`. The manual also writes an empty
/// part between ports and options.
pub(super) fn bond(value: &str) -> Result<NamedBond, WordFault> {
    let parts = split(value);
    let part = |at: usize| parts.get(at).copied().unwrap_or_default();
    let gap = usize::from(part(2).is_empty() && part(3).contains('='));
    let (wanted, size) = (part(2 + gap), part(3 + gap));
    if parts.len() > 4 + gap {
        let form = "bond=<name>[:<ports>[:<options>[:<mtu>]]]";
        return Err(WordFault::TooLong { form });
    }
    let (mode, options) = options(wanted)?;
    Ok(NamedBond {
        name: name_or(part(0), "bond0")?,
        bond: Bond {
            mode,
            ports: ports(part(1))?,
            options,
        },
        mtu: match size {
            "" => None,
            size => Some(mtu(size)?),
        },
    })
}

/// `team=<name>:<ports>[:<runner>]`. The agent makes a bond of it: what a switch
/// sees of both is the same.
pub(super) fn team(value: &str) -> Result<NamedBond, WordFault> {
    const RUNNERS: [&str; 6] = [
        "activebackup",
        "roundrobin",
        "broadcast",
        "loadbalance",
        "random",
        "lacp",
    ];
    let parts = split(value);
    let part = |at: usize| parts.get(at).copied().unwrap_or_default();
    if parts.len() > 3 {
        let form = "team=<name>:<ports>[:<runner>]";
        return Err(WordFault::TooLong { form });
    }
    let mode = match part(2) {
        "" | "activebackup" => BondMode::ActiveBackup,
        "roundrobin" => BondMode::BalanceRr,
        "broadcast" => BondMode::Broadcast,
        "loadbalance" | "random" => BondMode::BalanceXor,
        "lacp" => BondMode::Lacp,
        other => return Err(wrong_word(Part::TeamRunner, other, &RUNNERS)),
    };
    Ok(NamedBond {
        name: name_or(part(0), "team0")?,
        bond: Bond {
            mode,
            ports: ports(part(1))?,
            options: with_miimon(vec![]),
        },
        mtu: None,
    })
}

fn name_or(text: &str, default: &str) -> Result<String, WordFault> {
    match text {
        "" => Ok(default.to_owned()),
        text => interface(text),
    }
}

/// Without any, the manual means the first two cards.
fn ports(text: &str) -> Result<Vec<String>, WordFault> {
    if text.is_empty() {
        return Ok(vec!["eth0".to_owned(), "eth1".to_owned()]);
    }
    let mut ports: Vec<String> = text.split(',').map(interface).collect::<Result<_, _>>()?;
    let mut seen = std::collections::BTreeSet::new();
    ports.retain(|port| seen.insert(port.clone()));
    Ok(ports)
}

fn options(text: &str) -> Result<(BondMode, Vec<(String, String)>), WordFault> {
    let mut mode = BondMode::BalanceRr;
    let mut options = Vec::new();
    for option in text.split(',').filter(|option| !option.is_empty()) {
        let (name, value) = option
            .split_once('=')
            .filter(|(_, value)| !value.is_empty())
            .ok_or_else(|| wrong(Part::BondOption, option))?;
        if name == "mode" {
            let names = BondMode::ALL.map(BondMode::name);
            mode =
                BondMode::parse(value).ok_or_else(|| wrong_word(Part::BondMode, value, &names))?;
        } else if BOND_OPTIONS.contains(&name) {
            // Several values have semicolons, because commas divide the options.
            options.push((name.to_owned(), value.replace(';', ",")));
        } else {
            return Err(wrong_word(Part::BondOption, name, BOND_OPTIONS));
        }
    }
    Ok((mode, with_miimon(options)))
}

fn with_miimon(mut options: Vec<(String, String)>) -> Vec<(String, String)> {
    let watched = |(name, _): &(String, String)| name == "miimon" || name == "arp_interval";
    if !options.iter().any(watched) {
        options.push(("miimon".to_owned(), MIIMON.to_owned()));
    }
    options
}

/// `vlan=<name>:<link>`; the digits at the end of the name are the number:
/// `vlan0005`, `vlan5`, `eth0.0005`, `eth0.5`.
pub(super) fn vlan(value: &str) -> Result<NamedVlan, WordFault> {
    let parts = split(value);
    let (name, parent) = match parts.as_slice() {
        [name, parent] => (*name, *parent),
        [name] => (*name, ""),
        _ => {
            let form = "vlan=<name>:<link>";
            return Err(WordFault::TooLong { form });
        }
    };
    let name = interface(name)?;
    let behind_dot = || name.rsplit_once('.').map(|(_, digits)| digits);
    let id = name
        .strip_prefix("vlan")
        .or_else(behind_dot)
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .filter(|id| (1..=4094).contains(id))
        .ok_or_else(|| wrong(Part::VlanName, &name))?;
    let parent = interface(parent)?;
    Ok(NamedVlan { name, parent, id })
}

/// `ifname=<name>:<MAC>`.
pub(super) fn ifname(value: &str) -> Result<(String, MacAddr), WordFault> {
    let parts = split(value);
    let (name, address) = match parts.as_slice() {
        [name, address @ ..] => (*name, address),
        [] => ("", &[][..]),
    };
    Ok((interface(name)?, mac(address)?))
}
