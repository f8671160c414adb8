// SPDX-License-Identifier: Apache-2.0
//! What a report waits for before it tells of the neighbours.

use std::time::Duration;

use super::cabling::Cabling;
use super::table::Table;
use crate::event::Wait;

/// What a report still waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// Names of the ports on which nothing was heard yet.
    pub ports: Vec<String>,
    /// Where the cables lead, if that is to fewer neighbours than this machine
    /// is expected to have.
    pub too_few: Option<Cabling>,
    /// When to look again, if nothing changes; time since boot.
    pub until: Duration,
}

/// How long and for what a report waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For how long at most, for each port from its carrier on.
    pub allowance: Duration,
    /// How many different neighbours the machine is expected to have.
    pub neighbours: u64,
    /// When the report was wanted; time since boot.
    pub asked: Duration,
}

/// What a report waits for at `now`: the ports with carrier on which nothing
/// was heard yet, each for at most one allowance after its carrier came; and
/// as many different neighbours as the machine is expected to have, for one
/// allowance after the report was wanted, with carrier or without. A carrier
/// that comes and goes holds the report back no longer than that.
#[must_use]
pub fn awaited(table: &Table, patience: &Patience, now: Duration) -> Option<Awaited> {
    let until = |since: Duration| since.min(patience.asked).saturating_add(patience.allowance);
    let silent = table.silent().map(|(port, since)| (port, until(since)));
    let silent: Vec<(&str, Duration)> = silent.filter(|(_, until)| now < *until).collect();
    let last = patience.asked.saturating_add(patience.allowance);
    let cabling = Cabling::of(&table.heard(now));
    let too_few = (now < last && cabling.neighbours() < patience.neighbours).then_some(cabling);
    let until = silent.iter().map(|(_, until)| *until);
    let until = until.chain(too_few.as_ref().map(|_| last)).min()?;
    let mut ports: Vec<String> = silent.iter().map(|(name, _)| (*name).to_owned()).collect();
    ports.sort();
    Some(Awaited {
        ports,
        too_few,
        until,
    })
}

impl Awaited {
    /// As it is told. `wanted` is the number of neighbours the machine is
    /// expected to have.
    #[must_use]
    pub fn wait(self, wanted: u64) -> Option<Wait> {
        match self.too_few {
            Some(cabling) => Some(Wait::NeighboursMissing { wanted, cabling }),
            None if self.ports.is_empty() => None,
            None => Some(Wait::LldpNeighbours { ports: self.ports }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::samples::{self, link};
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_report_waits_for_silent_ports_with_carrier_only() {
        let mut table = Table::default();
        let patience = Patience {
            allowance: seconds(30),
            neighbours: 0,
            asked: seconds(9),
        };
        let at = |table: &Table, now: u64| awaited(table, &patience, seconds(now));
        let waits = |ports: &[&str], until: u64| {
            Some(Awaited {
                ports: ports.iter().map(|name| (*name).to_owned()).collect(),
                too_few: None,
                until: seconds(until),
            })
        };
        assert_eq!(at(&table, 10), None);
        table.link(seconds(2), &link(1, true, 1));
        table.link(seconds(4), &link(2, true, 1));
        table.link(seconds(4), &link(3, false, 0));
        assert_eq!(at(&table, 10), waits(&["eno1", "eno2"], 32));
        table.frame(seconds(11), 1, &samples::minimal(1, 120));
        assert_eq!(at(&table, 11), waits(&["eno2"], 34));
        assert_eq!(at(&table, 34), None);
        // A late carrier is waited for, but not longer than one allowance.
        table.link(seconds(20), &link(3, true, 1));
        assert_eq!(at(&table, 34), waits(&["eno3"], 39));
        table.link(seconds(38), &link(3, true, 2));
        assert_eq!(at(&table, 39), None);
    }

    #[test]
    fn a_machine_with_too_few_neighbours_is_waited_for_and_not_for_ever() {
        let patience = Patience {
            allowance: seconds(30),
            neighbours: 2,
            asked: seconds(9),
        };
        let at = |table: &Table, now: u64| awaited(table, &patience, seconds(now));
        let told = |table: &Table, now: u64| {
            let wait = at(table, now).and_then(|awaited| awaited.wait(2));
            wait.map(|wait| wait.to_string())
        };
        let mut table = Table::default();
        // Not even a port is there.
        assert_eq!(at(&table, 10).map(|found| found.until), Some(seconds(39)));
        table.link(seconds(2), &link(1, true, 1));
        table.link(seconds(2), &link(2, true, 1));
        table.link(seconds(2), &link(3, false, 0));
        assert_eq!(at(&table, 10).map(|found| found.until), Some(seconds(32)));
        let first = samples::minimal(1, 120);
        assert!(table.frame(seconds(11), 1, &first));
        assert!(table.frame(seconds(11), 2, &first));
        assert_eq!(
            told(&table, 33).as_deref(),
            Some(
                "1 of 2 LLDP neighbours heard: eno1 leads to 44:4c:a8:00:00:01 Ethernet1, \
                 eno2 leads to 44:4c:a8:00:00:01 Ethernet1, no link on eno3"
            )
        );
        assert_eq!(at(&table, 39), None, "the allowance is over");
        table.link(seconds(34), &link(3, true, 1));
        assert!(table.frame(seconds(35), 3, &samples::minimal(2, 120)));
        assert_eq!(at(&table, 35), None, "there are two");
    }
}
