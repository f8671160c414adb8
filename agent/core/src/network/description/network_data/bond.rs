// SPDX-License-Identifier: Apache-2.0
//! A bond and the options of the bonding driver (the kernel's
//! networking/bonding.rst).

use super::json::{Object, shown};
use super::links::ReadBond;
use super::problem::{Problem, Reading, Warning};
use crate::network::plan::BondMode;

/// How an option is written.
enum Value {
    /// A whole number.
    Number,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The id of one of the bond's ports.
    Port,
    /// Addresses, separated by commas.
    Addresses,
}

const YES_NO: Value = Value::Word(&["0", "1", "off", "on"]);

/// The options that a file can give, by the driver's names, and how they are
/// written. In the file they begin with `bond_`.
const OPTIONS: [(&str, Value); 20] = [
    ("ad_actor_sys_prio", Value::Number),
    (
        "ad_select",
        Value::Word(&["stable", "bandwidth", "count", "0", "1", "2"]),
    ),
    ("ad_user_port_key", Value::Number),
    ("all_slaves_active", YES_NO),
    ("arp_interval", Value::Number),
    ("arp_ip_target", Value::Addresses),
    (
        "arp_validate",
        Value::Word(&[
            "none",
            "active",
            "backup",
            "all",
            "filter",
            "filter_active",
            "filter_backup",
        ]),
    ),
    ("downdelay", Value::Number),
    (
        "fail_over_mac",
        Value::Word(&["none", "active", "follow", "0", "1", "2"]),
    ),
    ("lacp_rate", Value::Word(&["slow", "fast", "0", "1"])),
    ("lp_interval", Value::Number),
    ("miimon", Value::Number),
    ("min_links", Value::Number),
    ("num_grat_arp", Value::Number),
    ("num_unsol_na", Value::Number),
    ("packets_per_slave", Value::Number),
    ("primary", Value::Port),
    (
        "primary_reselect",
        Value::Word(&["always", "better", "failure", "0", "1", "2"]),
    ),
    ("updelay", Value::Number),
    (
        "xmit_hash_policy",
        Value::Word(&[
            "layer2",
            "layer2+3",
            "layer3+4",
            "encap2+3",
            "encap3+4",
            "vlan+srcmac",
        ]),
    ),
];

/// How often the driver looks whether a port's carrier is there, in
/// milliseconds, where the file does not say how a dead port shall be noticed.
/// Without any it would never be (networking/bonding.rst, `miimon`).
const MIIMON: &str = "100";

const MODES: &str = "balance-rr, active-backup, balance-xor, broadcast, 802.3ad, balance-tlb, balance-alb or their numbers 0 to 6";

/// Reads what makes a link a bond.
pub(super) fn read(object: &Object<'_>, reading: &mut Reading) -> Option<ReadBond> {
    let mode = match object.required("bond_mode", MODES, reading) {
        Some(_) => object.parsed("bond_mode", MODES, reading, BondMode::parse),
        None => None,
    };
    let wanted = "the ids of its ports";
    let before = reading.problems.len();
    let ports = object.texts("bond_links", wanted, reading);
    if ports.is_empty() && reading.problems.len() == before {
        reading.problem(Problem::Absent {
            at: object.key("bond_links"),
            wanted,
        });
    }
    let options = options(object, &ports, reading);
    let name = object.text("name", "the name of the bond", reading);
    Some(ReadBond {
        name,
        mode: mode?,
        ports,
        options,
    })
}

fn options(
    object: &Object<'_>,
    ports: &[(String, String)],
    reading: &mut Reading,
) -> Vec<(String, String)> {
    let mut options = Vec::new();
    for key in object.keys() {
        let Some(name) = key.strip_prefix("bond_") else {
            continue;
        };
        if name == "mode" || name == "links" || object.get(key).is_none() {
            continue;
        }
        let Some((name, kind)) = OPTIONS.iter().find(|(known, _)| *known == name) else {
            reading.warn(Warning::BondOption {
                at: object.key(&shown(key)),
            });
            continue;
        };
        if let Some(value) = option(object, key, kind, ports, reading) {
            options.push(((*name).to_owned(), value));
        }
    }
    let notices = |name: &str| options.iter().any(|(known, _)| known == name);
    if !notices("miimon") && !notices("arp_interval") {
        options.push(("miimon".to_owned(), MIIMON.to_owned()));
    }
    options.sort();
    options
}

fn option(
    object: &Object<'_>,
    key: &str,
    kind: &Value,
    ports: &[(String, String)],
    reading: &mut Reading,
) -> Option<String> {
    match kind {
        Value::Number => {
            let number = object.number(key, "a whole number", 0..=u32::MAX, reading)?;
            Some(number.to_string())
        }
        Value::Word(words) => object.parsed(key, "a word of the bonding driver", reading, |text| {
            words.contains(&text).then(|| text.to_owned())
        }),
        Value::Port => object.parsed(key, "the id of one of the bond's ports", reading, |text| {
            let own = ports.iter().any(|(_, port)| port == text);
            own.then(|| text.to_owned())
        }),
        Value::Addresses => {
            object.parsed(key, "IPv4 addresses separated by commas", reading, |text| {
                let each = |address: &str| address.trim().parse::<std::net::Ipv4Addr>().is_ok();
                text.split(',').all(each).then(|| text.replace(' ', ""))
            })
        }
    }
}
