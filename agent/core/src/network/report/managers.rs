// SPDX-License-Identifier: Apache-2.0
//! Which program configures the network, by the processes that run. The agent
//! itself tells it by what it writes down.

/// Names of processes as `/proc/PID/comm` has them (15 bytes at most), and the
/// programs. Those that manage the whole network come before those that only
/// ask for addresses and may be run by one of them.
const MANAGERS: &[(&str, &str)] = &[
    ("NetworkManager", "NetworkManager"),
    ("systemd-network", "systemd-networkd"),
    ("wickedd", "wicked"),
    ("connmand", "ConnMan"),
    ("netifd", "netifd"),
    ("dhcpcd", "dhcpcd"),
    ("dhclient", "dhclient"),
    ("udhcpc", "udhcpc"),
];

/// The program; nothing if none of those that are known runs.
#[must_use]
pub fn manager<'a>(processes: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    let found = processes.into_iter().filter_map(|process| {
        MANAGERS
            .iter()
            .position(|(name, _)| *name == process.trim_end())
    });
    found
        .min()
        .and_then(|at| MANAGERS.get(at))
        .map(|(_, program)| *program)
}
