// SPDX-License-Identifier: Apache-2.0
//! Which description of the network counts, where there are several.
//!
//! One source describes the whole network; two are never mixed, because half of
//! one plan and half of another is a network nobody has meant. The order is:
//!
//! 1. `osism-ipa-network`: the machine's own routing protocol; whoever sets it
//!    wants exactly that;
//! 2. `network_data.json` of virtual media: written for this one boot of this
//!    one machine by whoever boots it now;
//! 3. words on the kernel command line: often the same for a whole site;
//! 4. the iSCSI boot firmware table: what the firmware was set to once;
//! 5. the hardware profile: what a kind of machine usually needs;
//! 6. none: every port asks for addresses.
//!
//! A source that is there and cannot be used is told with all that is wrong
//! ([`Fault::NetworkDescription`]), and no later one steps in: it would bring
//! back what somebody meant to replace, such as an address that another machine
//! has by now. What happens instead is a setting
//! ([`NetworkFallback`], `ironseed.network_fallback`). By default every port
//! asks for addresses then: a machine that comes up and tells Ironic what is
//! wrong can be mended from afar, and asking for an address is what every agent
//! of Ironic does without a description. Where a port may lie in a tenant's
//! network and must not ask there, the setting says so, and the links are only
//! brought up.

use bootconfig::NetworkFallback;

use super::{DescribedDevice, Description, PortMatch, Source};
use crate::fault::Fault;
use crate::network::PortStatus;

/// What reading one source gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which source.
    pub source: Source,
    /// The description; nothing where the source is silent; or what is wrong
    /// with it, all of it.
    pub read: Result<Option<Description>, String>,
}

impl Found {
    /// What a reader gave; its error tells all problems in one line.
    #[must_use]
    pub fn new<E: std::error::Error>(source: Source, read: Result<Option<Description>, E>) -> Self {
        Self {
            source,
            read: read.map_err(|error| error.to_string()),
        }
    }
}

/// What the network shall be, and what to tell about it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// For [`crate::network::NetworkInputs::description`].
    pub description: Option<Description>,
    /// For [`crate::network::NetworkInputs::dhcp_fallback`].
    pub dhcp_fallback: bool,
    /// Every source that cannot be used, the most important first.
    pub faults: Vec<Fault>,
    /// Sources that have something to say and do not count.
    pub overruled: Vec<Source>,
}

/// Chooses among the sources, in whatever order they come.
#[must_use]
pub fn choose(mut found: Vec<Found>, fallback: NetworkFallback) -> Choice {
    found.sort_by_key(|one| rank(one.source));
    let mut choice = Choice::default();
    let mut decided = false;
    for Found { source, read } in found {
        match read {
            Ok(None) => continue,
            Ok(Some(_)) if decided => choice.overruled.push(source),
            Ok(Some(description)) => {
                let asks = fallback == NetworkFallback::Dhcp && !describes_all(source);
                choice.description = Some(description);
                choice.dhcp_fallback = asks;
            }
            Err(problem) => {
                choice.faults.push(Fault::NetworkDescription {
                    origin: source.to_string(),
                    problem,
                });
                if !decided && fallback == NetworkFallback::Nothing {
                    choice.description = Some(nothing(source));
                }
            }
        }
        decided = true;
    }
    choice
}

/// A description by which every link is only brought up, so that neighbours are
/// heard and nobody is asked.
#[must_use]
pub fn nothing(source: Source) -> Description {
    Description::of(source)
}

/// What is wrong where a description names ports and this machine has none of
/// them. A port inside a bond has the bond's address; that there is the bond
/// shows that there were ports, and the name is looked at, too.
#[must_use]
pub fn absent_ports(description: &Description, ports: &[PortStatus]) -> Option<String> {
    let wanted = description.links.iter().filter_map(|link| {
        let DescribedDevice::Port(port) = &link.device else {
            return None;
        };
        Some(port)
    });
    let wanted: Vec<&PortMatch> = wanted.collect();
    let is_there = |wanted: &PortMatch| {
        ports.iter().any(|port| match wanted {
            PortMatch::Mac(mac) => port.mac == Some(*mac),
            PortMatch::Name(name) => port.name == *name,
        })
    };
    if wanted.is_empty() || wanted.iter().any(|port| is_there(port)) {
        return None;
    }
    let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
    let found: Vec<String> = ports
        .iter()
        .map(|port| match port.mac {
            Some(mac) => format!("{} ({mac})", port.name),
            None => port.name.clone(),
        })
        .collect();
    Some(format!(
        "none of its ports is in this machine: wanted {}, found {}",
        wanted.join(", "),
        if found.is_empty() {
            "no port".to_owned()
        } else {
            found.join(", ")
        }
    ))
}

fn rank(source: Source) -> u8 {
    match source {
        Source::Osism => 0,
        Source::NetworkData => 1,
        Source::CommandLine => 2,
        Source::Ibft => 3,
        Source::Profile => 4,
    }
}

/// Whether a source means the whole network, so that ports it does not mention
/// shall be silent. The firmware table knows only the port it booted from, and
/// a profile only what is special.
fn describes_all(source: Source) -> bool {
    match source {
        Source::Osism | Source::NetworkData | Source::CommandLine => true,
        Source::Ibft | Source::Profile => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(source: Source) -> Found {
        Found {
            source,
            read: Ok(Some(nothing(source))),
        }
    }

    fn silent(source: Source) -> Found {
        Found {
            source,
            read: Ok(None),
        }
    }

    fn bad(source: Source) -> Found {
        Found {
            source,
            read: Err("nonsense".into()),
        }
    }

    fn fault(source: Source) -> Fault {
        Fault::NetworkDescription {
            origin: source.to_string(),
            problem: "nonsense".into(),
        }
    }

    #[test]
    fn the_most_particular_source_counts_whatever_the_order() {
        use Source::{CommandLine, Ibft, NetworkData, Osism, Profile};
        let order = [Osism, NetworkData, CommandLine, Ibft, Profile];
        for first in 0..order.len() {
            let mut found: Vec<Found> = order[first..].iter().copied().map(good).collect();
            found.reverse();
            found.extend(order[..first].iter().copied().map(silent));
            let choice = choose(found, NetworkFallback::Dhcp);
            assert_eq!(choice.description.map(|one| one.source), Some(order[first]));
            assert_eq!(choice.overruled, order[first + 1..]);
            assert!(choice.faults.is_empty());
            assert_eq!(
                choice.dhcp_fallback,
                matches!(order[first], Ibft | Profile),
                "{}",
                order[first]
            );
        }
        let found = vec![good(Ibft)];
        assert!(!choose(found, NetworkFallback::Nothing).dhcp_fallback);
    }

    #[test]
    fn a_description_of_another_machine_is_noticed() {
        use std::time::Duration;

        use bootconfig::MacAddr;

        use crate::network::description::DescribedLink;

        let mac = |last: u8| MacAddr([2, 0, 0, 0, 0, last]);
        let port = |device: PortMatch| DescribedLink {
            name: "a".into(),
            device: DescribedDevice::Port(device),
            mac: None,
            mtu: None,
            addressing: vec![],
            routes: vec![],
        };
        let description = Description {
            links: vec![
                port(PortMatch::Mac(mac(1))),
                port(PortMatch::Name("eno9".into())),
            ],
            ..nothing(Source::NetworkData)
        };
        let is = |index: u8, name: &str| PortStatus {
            mac: Some(mac(index)),
            ..PortStatus::new(index.into(), name, Duration::ZERO)
        };
        assert_eq!(absent_ports(&description, &[is(1, "eno1")]), None);
        assert_eq!(absent_ports(&description, &[is(7, "eno9")]), None);
        assert_eq!(absent_ports(&nothing(Source::NetworkData), &[]), None);
        assert_eq!(
            absent_ports(&description, &[is(7, "eno7"), is(8, "eno8")]).as_deref(),
            Some(
                "none of its ports is in this machine: wanted 02:00:00:00:00:01, eno9, found eno7 (02:00:00:00:00:07), eno8 (02:00:00:00:00:08)"
            )
        );
    }

    #[test]
    fn nobody_says_anything() {
        for fallback in [NetworkFallback::Dhcp, NetworkFallback::Nothing] {
            assert_eq!(choose(vec![], fallback), Choice::default());
            let found = vec![silent(Source::NetworkData), silent(Source::Ibft)];
            assert_eq!(choose(found, fallback), Choice::default());
        }
    }

    #[test]
    fn a_bad_source_is_told_and_no_other_steps_in() {
        let found = || vec![good(Source::CommandLine), bad(Source::NetworkData)];
        let asked = choose(found(), NetworkFallback::Dhcp);
        assert_eq!(asked.description, None);
        assert_eq!(asked.faults, [fault(Source::NetworkData)]);
        assert_eq!(asked.overruled, [Source::CommandLine]);
        let quiet = choose(found(), NetworkFallback::Nothing);
        assert_eq!(quiet.description, Some(nothing(Source::NetworkData)));
        assert!(!quiet.dhcp_fallback);
    }

    #[test]
    fn a_bad_source_below_a_good_one_is_told_and_does_no_harm() {
        let found = vec![bad(Source::Profile), good(Source::NetworkData)];
        for fallback in [NetworkFallback::Dhcp, NetworkFallback::Nothing] {
            let choice = choose(found.clone(), fallback);
            assert_eq!(choice.description, Some(nothing(Source::NetworkData)));
            assert_eq!(choice.faults, [fault(Source::Profile)]);
        }
    }
}
