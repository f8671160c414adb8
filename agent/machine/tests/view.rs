// SPDX-License-Identifier: Apache-2.0
//! The view of the kernel's network, in a network namespace of its own.
//!
//! Needs root and the programs `ip`, `unshare`, `nsenter` and `setpriv` (Debian
//! packages iproute2, util-linux); without them the test fails and says what is
//! missing.

#![expect(clippy::unwrap_used, reason = "a test panics on purpose")]

#[expect(dead_code, reason = "other tests use the rest of it")]
mod wires;

use std::time::Instant;

use ironseed_core::network::report::{KernelView, Sources, report};
use ironseed_machine::net::view;

use wires::{PATIENCE, Wires};

/// A view, once it is as described.
fn until(wires: &Wires, reached: impl Fn(&KernelView) -> bool) -> KernelView {
    let asked = Instant::now();
    loop {
        let seen = view(&wires.root()).unwrap();
        if reached(&seen) {
            return seen;
        }
        assert!(asked.elapsed() < PATIENCE, "{seen:#?}");
        std::thread::yield_now();
    }
}

/// `c0` has an address, two routers for one default route and a DNS server;
/// the IPv6 address it shall have is another machine's. `c1` is up without a cable.
#[test]
fn links_addresses_ways_and_duplicates() {
    let wires = Wires::enter(&[]);
    wires.cable(0);
    wires.cable(1);
    wires.far_ip(&["address", "add", "2001:db8::7/64", "dev", "s0", "nodad"]);
    wires.plug(0);
    for arguments in [
        &["link", "set", "c0", "up"][..],
        &["link", "set", "c1", "up"],
        &["address", "add", "192.0.2.9/24", "dev", "c0"],
        &["address", "add", "2001:db8::7/64", "dev", "c0"],
    ] {
        wires.ip(arguments);
    }
    wires.ip(&[
        "route",
        "add",
        "default",
        "metric",
        "100",
        "nexthop",
        "via",
        "192.0.2.1",
        "dev",
        "c0",
        "nexthop",
        "via",
        "192.0.2.2",
        "dev",
        "c0",
    ]);
    std::fs::write(
        wires.directory().join("etc/resolv.conf"),
        "nameserver 192.0.2.53\n",
    )
    .unwrap();

    // Whether an address is a duplicate is known once its holder has answered.
    let seen = until(&wires, |seen| {
        seen.addresses.iter().any(|one| one.duplicate)
    });
    let told = report(&Sources {
        kernel: seen,
        ..Sources::default()
    });
    assert_eq!(told.address.as_deref(), Some("192.0.2.9"));
    assert_eq!(told.dns_servers, ["192.0.2.53"]);
    let ways: Vec<&str> = told
        .routes
        .iter()
        .filter(|route| route.destination == "default")
        .filter_map(|route| route.gateway.as_deref())
        .collect();
    assert_eq!(ways, ["192.0.2.1", "192.0.2.2"]);
    let states: Vec<(&str, &str)> = told
        .links
        .iter()
        .map(|link| (link.name.as_str(), link.state.as_str()))
        .collect();
    assert!(
        states.contains(&("c0", "up")) && states.contains(&("c1", "no link")),
        "{states:?}"
    );
    let codes: Vec<&str> = told.missing.iter().map(|lack| lack.code.as_str()).collect();
    assert_eq!(codes, ["duplicate-address"]);
}
