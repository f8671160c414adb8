// SPDX-License-Identifier: Apache-2.0
//! What is simulated.

use std::time::Duration;

use super::herd::Scenario;
use super::herd::ironic::Ironic;

/// Lookups a second of the modelled Ironic: a few API processes on one
/// controller with a database beside it.
pub(crate) const CAPACITY: f64 = 200.0;

/// Away for an hour.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// When Ironic goes away.
pub(crate) const GOES: Duration = Duration::from_secs(1200);

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn base() -> Scenario {
    Scenario {
        name: "power cut, power back within 10 s, mixed firmware",
        agents: 10_000,
        power: seconds(10),
        firmware: seconds(80)..seconds(200),
        inspect: false,
        ironic: Ironic::new(CAPACITY),
        until: seconds(1800),
    }
}

/// All power is back within ten seconds; machines of several kinds.
pub(crate) fn at_once() -> Scenario {
    base()
}

/// Power strips switch on one after the other.
pub(crate) fn staggered() -> Scenario {
    Scenario {
        name: "power cut, power back within 120 s, mixed firmware",
        power: seconds(120),
        ..base()
    }
}

/// The worst case: one kind of machine, equal to the second.
pub(crate) fn identical() -> Scenario {
    Scenario {
        name: "power cut, power back within 10 s, identical machines",
        firmware: seconds(120)..seconds(122),
        ..base()
    }
}

/// Every machine reports its inventory first.
pub(crate) fn inspecting() -> Scenario {
    Scenario {
        name: "power cut, power back within 120 s, every machine is inspected",
        power: seconds(120),
        inspect: true,
        ..base()
    }
}

/// Ironic goes away while all are registered.
pub(crate) fn away_while_registered() -> Scenario {
    Scenario {
        name: "Ironic away for an hour, all registered before",
        ironic: Ironic::new(CAPACITY).away(GOES, HOUR),
        until: GOES + HOUR + seconds(1800),
        ..base()
    }
}

/// Ironic is away when power comes back, and for an hour.
pub(crate) fn away_at_boot() -> Scenario {
    Scenario {
        name: "power cut takes Ironic along, which is back an hour later",
        ironic: Ironic::new(CAPACITY).away(Duration::ZERO, HOUR),
        inspect: true,
        until: HOUR + seconds(1800),
        ..base()
    }
}
