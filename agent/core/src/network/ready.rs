// SPDX-License-Identifier: Apache-2.0
//! When the agent may go on to talk to Ironic.
//!
//! "A timeout is not an error" (contract §6.5): a machine whose boot port gets
//! no address goes on with the address it has. Without any address it waits
//! for ever, and says for what ([`NetworkStatus::wait`]).

use std::time::Duration;

use crate::network::{Dhcp6State, DhcpState, NetworkStatus, PortStatus};

/// How long a boot port without carrier is waited for once another port has
/// an address. Ethernet negotiates in 2 to 6 s, ten-gigabit copper in up to
/// 10 s; a cable that is still dead then is not worth 60 s.
pub const DEAD_BOOT_PORT: Duration = Duration::from_secs(15);

/// What must be there before inspection starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitFor {
    /// Any address.
    FirstAddress,
    /// The preferred port's address, if a port is preferred or `BOOTIF` is
    /// set, but not longer than this after the first address.
    PreferredPort {
        /// `ipa-inspection-dhcp-wait-timeout`; 0: as [`WaitFor::FirstAddress`].
        timeout: Duration,
    },
    /// An address on every port that has carrier
    /// (`ipa-inspection-dhcp-all-interfaces`), but not longer than this after
    /// the first address.
    EveryPort {
        /// `ipa-inspection-dhcp-wait-timeout`.
        timeout: Duration,
    },
}

/// Whether the wait is over at `now`; else the time at which it must be asked
/// again even if nothing changes (never, if there is no address at all).
///
/// # Errors
///
/// Not a failure: the error is the wait that goes on.
pub fn ready(
    status: &NetworkStatus,
    wait_for: WaitFor,
    now: Duration,
) -> Result<(), Option<Duration>> {
    if let Some(routing) = &status.routing {
        // Its news come by themselves, the end of the metalbox's time too.
        return routing.wait().map_or(Ok(()), |_| Err(None));
    }
    let Some(first) = first_address(status) else {
        return Err(None);
    };
    let deadline = match wait_for {
        WaitFor::FirstAddress => return Ok(()),
        WaitFor::PreferredPort { timeout } => match preferred_deadline(status, timeout) {
            None => return Ok(()),
            Some(allowance) => first + allowance,
        },
        WaitFor::EveryPort { timeout } => {
            let mut alive = status
                .ports
                .iter()
                .filter(|port| port.carrier && !port.internal && gets_address(status, port));
            if alive.all(|port| port.address().is_some()) {
                return Ok(());
            }
            first + timeout
        }
    };
    if now >= deadline {
        Ok(())
    } else {
        Err(Some(deadline))
    }
}

/// Whether a port ever gets an address: not inside a bond, and in a described
/// network only where one is described.
fn gets_address(status: &NetworkStatus, port: &PortStatus) -> bool {
    let mut links = status.plan.links.iter();
    let described = links.any(|link| link.name == port.name && !link.addressing.is_empty())
        || port.dhcp != DhcpState::Off
        || port.dhcp6 != Dhcp6State::Off
        || port.planned.is_some();
    port.controller.is_none() && (status.plan.source.is_none() || described)
}

/// How long the preferred port is still waited for after the first address;
/// nothing if it has one, or if no port is preferred.
fn preferred_deadline(status: &NetworkStatus, timeout: Duration) -> Option<Duration> {
    let preferred = status.ports.iter().find(|port| port.preferred);
    match preferred {
        Some(port) if port.address().is_some() => None,
        Some(port) if port.carrier => Some(timeout),
        None if status.boot_mac.is_none() => None,
        _ => Some(timeout.min(DEAD_BOOT_PORT)),
    }
}

/// When the first routable address was there. An address nobody leased (a
/// network that is only observed) counts from the start.
fn first_address(status: &NetworkStatus) -> Option<Duration> {
    status
        .ports
        .iter()
        .filter(|port| port.address().is_some())
        .map(PortStatus::first_address)
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::description::Source;
    use crate::network::status::samples::port;
    use crate::network::{Answered, MacAddr, NetworkPlan};

    const MINUTE: Duration = Duration::from_secs(60);

    fn preferred(mut port: PortStatus) -> PortStatus {
        port.preferred = true;
        port
    }

    #[test]
    fn the_wait_ends_with_the_right_port_or_the_time() {
        // The first address of the samples is there at 5 s.
        let answered = || port(2, "eno1", true, Some(([192, 0, 2, 1], 0)));
        let silent = || port(3, "eno2", true, None);
        let dead = || port(3, "eno2", false, None);
        let bmc = || {
            let mut port = port(9, "usb0", true, Some(([16, 1, 15, 2], 0)));
            port.internal = true;
            port
        };
        let boot = WaitFor::PreferredPort { timeout: MINUTE };
        let every = WaitFor::EveryPort { timeout: MINUTE };
        let at = |seconds| Err(Some(Duration::from_secs(seconds)));
        let cases = [
            (vec![silent()], WaitFor::FirstAddress, 99, Err(None)),
            (vec![answered(), silent()], WaitFor::FirstAddress, 5, Ok(())),
            (vec![answered(), silent()], boot, 5, Ok(())),
            (vec![preferred(answered()), silent()], boot, 5, Ok(())),
            (vec![answered(), preferred(silent())], boot, 6, at(65)),
            (vec![answered(), preferred(silent())], boot, 65, Ok(())),
            (vec![answered(), preferred(dead())], boot, 6, at(20)),
            (vec![answered(), preferred(dead())], boot, 20, Ok(())),
            (vec![answered(), silent()], every, 6, at(65)),
            (vec![answered(), dead()], every, 6, Ok(())),
            (vec![answered(), bmc()], every, 6, Ok(())),
            (vec![bmc()], WaitFor::FirstAddress, 99, Err(None)),
            (vec![preferred(silent())], boot, 600, Err(None)),
        ];
        for (ports, wait_for, now, expected) in cases {
            let status = NetworkStatus {
                ports,
                ..NetworkStatus::default()
            };
            let got = ready(&status, wait_for, Duration::from_secs(now));
            assert_eq!(got, expected, "{wait_for:?} at {now}: {status:?}");
        }
    }

    /// IPv6 addresses count from when they were first there, link-local ones
    /// not at all.
    #[test]
    fn an_ipv6_address_ends_the_wait_as_well() {
        let six = |address: &str| {
            let mut port = port(2, "eno1", true, None);
            let address = address.parse().expect("an address");
            port.addresses.push((address, 64));
            port.answered = Some(Answered {
                at: Duration::from_secs(7),
                order: 0,
            });
            port
        };
        let dead = preferred(port(3, "eno2", false, None));
        let boot = WaitFor::PreferredPort { timeout: MINUTE };
        let status = |ports: Vec<PortStatus>| NetworkStatus {
            ports,
            ..NetworkStatus::default()
        };
        let only = status(vec![six("2001:db8::5")]);
        let now = Duration::from_secs(8);
        assert_eq!(ready(&only, WaitFor::FirstAddress, now), Ok(()));
        let both = status(vec![six("2001:db8::5"), dead]);
        let deadline = Err(Some(Duration::from_secs(22)));
        assert_eq!(ready(&both, boot, now), deadline);
        let link_local = status(vec![six("fe80::5")]);
        assert_eq!(ready(&link_local, WaitFor::FirstAddress, now), Err(None));
    }

    #[test]
    fn ports_that_get_no_address_are_not_waited_for() {
        let answered = || port(2, "eno1", true, Some(([192, 0, 2, 1], 0)));
        let in_bond = PortStatus {
            controller: Some("bond0".into()),
            ..port(3, "eno2", true, None)
        };
        let asking = PortStatus {
            dhcp: DhcpState::Discovering { attempts: 1 },
            ..port(3, "eno2", true, None)
        };
        let every = WaitFor::EveryPort { timeout: MINUTE };
        let waits = Err(Some(Duration::from_secs(65)));
        for (source, other, expected) in [
            (None, port(3, "eno2", true, None), waits),
            (None, in_bond, Ok(())),
            (
                Some(Source::NetworkData),
                port(3, "eno2", true, None),
                Ok(()),
            ),
            (Some(Source::NetworkData), asking, waits),
        ] {
            let status = NetworkStatus {
                plan: NetworkPlan {
                    source,
                    ..NetworkPlan::default()
                },
                ports: vec![answered(), other],
                ..NetworkStatus::default()
            };
            let got = ready(&status, every, Duration::from_secs(6));
            assert_eq!(got, expected, "{status:?}");
        }
    }

    #[test]
    fn a_boot_port_that_has_not_appeared_is_waited_for_shortly() {
        let status = NetworkStatus {
            ports: vec![port(2, "eno1", true, Some(([192, 0, 2, 1], 0)))],
            boot_mac: Some(MacAddr([2, 0, 0, 0, 0, 9])),
            ..NetworkStatus::default()
        };
        let boot = WaitFor::PreferredPort { timeout: MINUTE };
        let early = ready(&status, boot, Duration::from_secs(6));
        assert_eq!(early, Err(Some(Duration::from_secs(20))));
        assert_eq!(ready(&status, boot, Duration::from_secs(20)), Ok(()));
    }
}
