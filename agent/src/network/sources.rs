// SPDX-License-Identifier: Apache-2.0
//! What each source says of the network; which of them counts is
//! `ironseed_core::network::description::choice`.

use bootconfig::virtual_media::expected_publisher;
use bootconfig::{MacAddr, RawSources, Settings};
use hardware_profiles::{Profile, ProfileSet};
use ironseed_core::inventory::Facts;
use ironseed_core::network::NetworkStatus;
use ironseed_core::network::bgp::on_board::oob_port;
use ironseed_core::network::bgp::{Routing, RoutingPlan, routing};
use ironseed_core::network::description::choice::{Choice, choose, nothing};
use ironseed_core::network::description::{Found, Source, dracut, ibft, profile};
use ironseed_core::profile::recognise;
use ironseed_machine::boot_sources;
use ironseed_machine::net::seats;
use ironseed_machine::root::Root;
use ironseed_machine::snapshot::{Reach, take};

use crate::boot::Boot;

/// What the network shall be from the start, before a driver is loaded and a
/// medium is read. Where a medium may still describe it, links are brought up
/// and neighbours heard, but nobody is asked for an address: the ports may be
/// where they must not ask. In every other case nothing is delayed.
pub(crate) fn first(sources: &RawSources, settings: &Settings) -> Choice {
    let found = vec![osism(settings, None), words(sources, settings)];
    let choice = choose(found, settings.network_fallback.value);
    let is_osism = |source: Source| source == Source::Osism;
    let decided = choice.description.as_ref().map(|one| one.source);
    match expected_publisher(&sources.cmdline) {
        Some(_) if !decided.is_some_and(is_osism) => Choice {
            description: Some(nothing(Source::NetworkData)),
            ..Choice::default()
        },
        _ => choice,
    }
}

/// The routing that OSISM's words ask for. What is wrong with them is told with
/// the descriptions.
pub(crate) fn bgp(settings: &Settings) -> Option<RoutingPlan> {
    match routing(settings) {
        Ok(Routing::Bgp(plan)) => Some(*plan),
        Ok(Routing::Oob(_) | Routing::NotAsked) | Err(_) => None,
    }
}

/// What every source says that is on this machine, once its drivers are loaded.
/// The profile is asked only if nobody else has anything to say, because for
/// that the machine must be read.
pub(crate) async fn all(
    boot: &Boot,
    sources: &RawSources,
    media: Found,
    settings: &Settings,
    status: &NetworkStatus,
) -> Vec<Found> {
    let table = ibft::read(&boot_sources::ibft(&boot.root));
    let mut found = vec![
        osism(settings, Some(lowest_port(&boot.root, status))),
        media,
        words(sources, settings),
        Found::new(Source::Ibft, table),
    ];
    if found.iter().all(|one| one.read == Ok(None)) {
        found.extend(of_profile(boot).await);
    }
    found
}

/// Name and hardware address of the lowest on-board port.
type LowestPort = Option<(String, MacAddr)>;

fn lowest_port(root: &Root, status: &NetworkStatus) -> LowestPort {
    let ports = status.ports.iter().filter(|port| !port.internal);
    let seats = seats(root, ports.map(|port| (port.index, port.name.as_str())));
    let lowest = oob_port(&seats)?;
    let port = status.ports.iter().find(|port| port.index == lowest)?;
    Some((port.name.clone(), port.mac?))
}

/// What OSISM's words say. `port` is absent as long as the drivers are not
/// loaded: then the ports are only brought up.
pub(super) fn osism(settings: &Settings, port: Option<LowestPort>) -> Found {
    let read = match (routing(settings), port) {
        (Ok(Routing::NotAsked), _) => Ok(None),
        (Ok(Routing::Bgp(plan)), _) => Ok(Some(plan.description())),
        (Ok(Routing::Oob(_)), None) => Ok(Some(nothing(Source::Osism))),
        (Ok(Routing::Oob(plan)), Some(Some((name, mac)))) => {
            Ok(Some(plan.description(&name, plan.address.address(mac))))
        }
        (Ok(Routing::Oob(_)), Some(None)) => Err(
            "osism-ipa-network=OOB: this machine has no port that could have the address".into(),
        ),
        (Err(error), _) => Err(error.to_string()),
    };
    let source = Source::Osism;
    Found { source, read }
}

pub(super) fn words(sources: &RawSources, settings: &Settings) -> Found {
    let boot_mac = settings.bootif.value.as_ref().map(|boot| boot.mac);
    let read = dracut::read(&sources.network_words(), boot_mac);
    Found::new(Source::CommandLine, read)
}

async fn of_profile(boot: &Boot) -> Option<Found> {
    let root = boot.root.clone();
    let asked = tokio::task::spawn_blocking(move || {
        let (set, _) = ProfileSet::with(&boot_sources::profiles(&root));
        let makes_links = |profile: &Profile| {
            let layout = profile.layout.network.as_ref();
            layout.is_some_and(|layout| layout.agent)
        };
        if !set.profiles().iter().any(makes_links) {
            // The machine need not be read to know the answer.
            return None;
        }
        let snapshot = take(&root, Reach::Live);
        let recognised = recognise(&set, &snapshot, &Facts::default());
        let layout = recognised.selection.profile.layout.network.as_ref()?;
        let read = profile::read(layout, &recognised.hardware);
        Some(Found::new(Source::Profile, read))
    });
    asked.await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use bootconfig::resolve;

    use super::*;

    fn told(cmdline: &str) -> (RawSources, Settings) {
        let sources = RawSources {
            cmdline: cmdline.as_bytes().to_vec(),
            ..RawSources::default()
        };
        let settings = resolve(&sources).expect("good words");
        (sources, settings)
    }

    #[test]
    fn only_a_boot_whose_medium_may_describe_the_network_waits() {
        let cases = [
            ("BOOTIF=01-52-54-00-00-00-01", None),
            ("boot_method=vmedia", None),
            ("ir_pub_id=a", None),
            ("boot_method=vmedia ir_pub_id=a", Some(Source::NetworkData)),
            (
                "boot_method=vmedia ir_pub_id=a ip=dhcp",
                Some(Source::NetworkData),
            ),
            ("ip=dhcp", Some(Source::CommandLine)),
            ("osism-ipa-ipv4=10.1.2.3 ip=dhcp", Some(Source::Osism)),
            (
                "boot_method=vmedia ir_pub_id=a osism-ipa-ipv4=10.1.2.3",
                Some(Source::Osism),
            ),
            ("osism-ipa-network=OOB", Some(Source::Osism)),
        ];
        for (cmdline, expected) in cases {
            let (sources, settings) = told(cmdline);
            let choice = first(&sources, &settings);
            let source = choice.description.as_ref().map(|one| one.source);
            assert_eq!(source, expected, "{cmdline}");
            let waits = source == Some(Source::NetworkData);
            let empty = choice.description.is_none_or(|one| one.links.is_empty());
            assert!(!waits || empty, "{cmdline}");
        }
    }

    #[test]
    fn the_address_out_of_band_is_on_the_lowest_port() {
        let (_, settings) = told("osism-ipa-network=OOB");
        let mac = MacAddr([0x52, 0x54, 0, 0, 0, 1]);
        let found = osism(&settings, Some(Some(("eth1".into(), mac))));
        let description = found.read.expect("sound").expect("a description");
        assert_eq!(description.links[0].name, "eth1");
        assert!(osism(&settings, Some(None)).read.is_err());
        let early = osism(&settings, None).read.expect("sound");
        assert!(early.is_some_and(|one| one.links.is_empty()));
    }
}
