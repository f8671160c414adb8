// SPDX-License-Identifier: Apache-2.0
//! Collector `lldp`: the TLVs of the first neighbour of each interface
//! (contract §6.6), and the neighbours inside the interfaces for
//! `ipa-collect-lldp`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Collected;
use crate::inventory::Inventory;
use crate::lldp::{RawTlv, raw};
use crate::snapshot::Snapshot;

/// Name of the collector.
pub(super) const NAME: &str = "lldp";

/// Whether a report with these settings says anything of LLDP, so that it has
/// to wait until the neighbours had their time to speak.
#[must_use]
pub fn wants_lldp(collectors: &[String], collect_lldp: bool) -> bool {
    collect_lldp || collectors.iter().any(|name| name == NAME)
}

/// Puts the TLVs into the records of the interfaces (`ipa-collect-lldp`).
/// Interfaces that nobody listened on stay without.
pub(super) fn add_lldp(inventory: &mut Inventory, snapshot: &Snapshot) {
    for interface in &mut inventory.interfaces {
        if snapshot.lldp.contains_key(&interface.name) {
            interface.lldp = Some(raw(&snapshot.lldp, &interface.name));
        }
    }
}

pub(super) fn collect(
    collected: &Collected<'_>,
    payload: &mut Map<String, Value>,
) -> Result<(), String> {
    let ports = &collected.snapshot.lldp;
    // An interface that is no port of the machine, such as a bond, hears
    // nothing itself, but hooks look for its name.
    let interfaces = collected.inventory.interfaces.iter();
    let names = interfaces.map(|interface| &interface.name);
    let all: BTreeMap<&String, Vec<RawTlv>> = names
        .chain(ports.keys())
        .map(|name| (name, raw(ports, name)))
        .collect();
    payload.insert("lldp_raw".into(), json!(all));
    Ok(())
}

#[cfg(test)]
mod tests {
    use hardware_profiles::ProfileSet;

    use super::*;
    use crate::inspection::{Wanted, report};
    use crate::inventory::Facts;
    use crate::profile::recognise;
    use crate::snapshot::{Entry, LldpFrame, LldpPort};

    const FRAME: &[u8] = b"\x01\x80\xc2\0\0\x0e\x44\x4c\xa8\x01\x02\x03\x88\xcc\
        \x02\x05\x07leaf\x04\x05\x05eth4\x06\x02\0\x78\0\0";

    fn machine() -> Snapshot {
        let mut snapshot = Snapshot::default();
        for name in ["eno1", "eno2", "bond0"] {
            let path = format!("/sys/class/net/{name}");
            snapshot.files.insert(
                format!("{path}/address"),
                Entry::File("52:54:00:00:00:01\n".into()),
            );
            let attribute = if name == "bond0" { "bonding" } else { "device" };
            snapshot
                .files
                .insert(format!("{path}/{attribute}"), Entry::Directory);
        }
        snapshot
    }

    fn listen(snapshot: &mut Snapshot) {
        let heard = LldpFrame {
            heard_ms: 5000,
            frame: FRAME.to_vec().into(),
        };
        for (name, frames) in [("eno1", vec![heard]), ("eno2", vec![])] {
            let port = LldpPort {
                listened_ms: Some(30_000),
                frames,
                problem: None,
            };
            snapshot.lldp.insert(name.into(), port);
        }
    }

    fn reported(snapshot: &Snapshot, collect_lldp: bool) -> Value {
        let wanted = Wanted {
            collectors: &["default".into(), "lldp".into()],
            collect_lldp,
            ..Wanted::default()
        };
        let machine = recognise(ProfileSet::builtin(), snapshot, &Facts::default());
        report(snapshot, &machine, &wanted)
    }

    #[test]
    fn every_interface_is_named_and_the_silent_ones_are_empty() {
        let mut snapshot = machine();
        listen(&mut snapshot);
        let expected = json!([[1, "076c656166"], [2, "0565746834"], [3, "0078"], [0, ""]]);
        let payload = reported(&snapshot, false);
        assert_eq!(payload["error"], Value::Null);
        assert_eq!(
            payload["lldp_raw"],
            json!({"bond0": [], "eno1": expected, "eno2": []})
        );
        assert_eq!(payload["inventory"]["interfaces"][1]["lldp"], Value::Null);

        let payload = reported(&snapshot, true);
        let lldp = |index: usize| payload["inventory"]["interfaces"][index]["lldp"].clone();
        assert_eq!(
            (lldp(0), lldp(1), lldp(2)),
            (Value::Null, expected, json!([]))
        );
    }

    #[test]
    fn interfaces_that_cannot_be_listened_on_are_no_failure() {
        let payload = reported(&machine(), true);
        assert_eq!(payload["error"], Value::Null);
        assert_eq!(
            payload["lldp_raw"],
            json!({"bond0": [], "eno1": [], "eno2": []})
        );
        assert_eq!(payload["inventory"]["interfaces"][1]["lldp"], Value::Null);
    }

    #[test]
    fn the_report_waits_only_if_it_says_anything_of_lldp() {
        let chosen = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            (wants_lldp(&names, false), wants_lldp(&names, true))
        };
        assert_eq!(chosen(&["default", "logs"]), (false, true));
        assert_eq!(chosen(&["default", "lldp"]), (true, true));
    }
}
