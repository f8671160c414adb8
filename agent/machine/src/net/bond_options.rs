// SPDX-License-Identifier: Apache-2.0
//! The bonding driver's options by its own names (the kernel's
//! networking/bonding.rst), as netlink attributes.

use std::str::FromStr;

use netlink_packet_route::link::InfoBond;

/// An option that cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BondOptionError {
    /// The driver has no such option, or it cannot be set here.
    #[error("the bonding driver has no option {0}")]
    Unknown(String),
    /// The value is not one of the option's.
    #[error("{name}={value} is not a value of that bonding option")]
    Value {
        /// Name of the option.
        name: String,
        /// The value.
        value: String,
    },
}

/// How often a bond looks at the links of its ports, in milliseconds, if
/// nothing is said about it. Without it a bond does not notice a pulled cable.
const MIIMON_MS: u32 = 100;

/// The attributes for these options; with link monitoring, if they have none.
pub(super) fn attributes(options: &[(String, String)]) -> Result<Vec<InfoBond>, BondOptionError> {
    let mut attributes = options
        .iter()
        .map(|(name, value)| attribute(name, value))
        .collect::<Result<Vec<_>, _>>()?;
    let monitors = |name: &str| name == "miimon" || name == "arp_interval";
    if !options.iter().any(|(name, _)| monitors(name)) {
        attributes.push(InfoBond::MiiMon(MIIMON_MS));
    }
    Ok(attributes)
}

fn attribute(name: &str, text: &str) -> Result<InfoBond, BondOptionError> {
    let value = Value { name, text };
    Ok(match name {
        "miimon" => InfoBond::MiiMon(value.parse()?),
        "updelay" => InfoBond::UpDelay(value.parse()?),
        "downdelay" => InfoBond::DownDelay(value.parse()?),
        "peer_notif_delay" => InfoBond::PeerNotifDelay(value.parse()?),
        "use_carrier" => InfoBond::UseCarrier(value.flag()?),
        "arp_interval" => InfoBond::ArpInterval(value.parse()?),
        "arp_ip_target" => InfoBond::ArpIpTarget(value.list()?),
        "ns_ip6_target" => InfoBond::NsIp6Target(value.list()?),
        "arp_validate" => InfoBond::ArpValidate(value.parse()?),
        "arp_all_targets" => InfoBond::ArpAllTargets(value.parse()?),
        "arp_missed_max" | "missed_max" => InfoBond::MissedMax(value.parse()?),
        "primary_reselect" => InfoBond::PrimaryReselect(value.parse()?),
        "fail_over_mac" => InfoBond::FailOverMac(value.parse()?),
        "xmit_hash_policy" => InfoBond::XmitHashPolicy(value.parse()?),
        "resend_igmp" => InfoBond::ResendIgmp(value.parse()?),
        "num_grat_arp" | "num_unsol_na" | "num_peer_notif" => {
            InfoBond::NumPeerNotif(value.parse()?)
        }
        "all_slaves_active" => InfoBond::AllPortsActive(value.parse()?),
        "min_links" => InfoBond::MinLinks(value.parse()?),
        "lp_interval" => InfoBond::LpInterval(value.parse()?),
        "packets_per_slave" => InfoBond::PacketsPerPort(value.parse()?),
        "lacp_rate" => InfoBond::AdLacpRate(value.parse()?),
        "lacp_active" => InfoBond::AdLacpActive(value.flag()?),
        "ad_select" => InfoBond::AdSelect(value.parse()?),
        "ad_actor_sys_prio" => InfoBond::AdActorSysPrio(value.parse()?),
        "ad_user_port_key" => InfoBond::AdUserPortKey(value.parse()?),
        "ad_actor_system" => InfoBond::AdActorSystem(value.parse::<bootconfig::MacAddr>()?.0),
        "tlb_dynamic_lb" => InfoBond::TlbDynamicLb(value.flag()?),
        _ => return Err(BondOptionError::Unknown(name.to_owned())),
    })
}

/// The text of an option.
#[derive(Clone, Copy)]
struct Value<'a> {
    name: &'a str,
    text: &'a str,
}

impl Value<'_> {
    fn wrong(self) -> BondOptionError {
        BondOptionError::Value {
            name: self.name.to_owned(),
            value: self.text.to_owned(),
        }
    }

    fn parse<T: FromStr>(self) -> Result<T, BondOptionError> {
        self.text.trim().parse().map_err(|_| self.wrong())
    }

    /// Several addresses with commas between them.
    fn list<T: FromStr>(self) -> Result<Vec<T>, BondOptionError> {
        let parts = self.text.split(',').map(|part| part.trim().parse());
        parts
            .collect::<Result<_, _>>()
            .map_err(|_: T::Err| self.wrong())
    }

    fn flag(self) -> Result<bool, BondOptionError> {
        match self.text.trim() {
            "1" | "on" => Ok(true),
            "0" | "off" => Ok(false),
            _ => Err(self.wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use netlink_packet_route::link::{BondAdSelect, BondLacpRate, BondXmitHashPolicy};

    use super::*;

    fn read(options: &[(&str, &str)]) -> Result<Vec<InfoBond>, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let options: Vec<(String, String)> = options.iter().map(owned).collect();
        attributes(&options).map_err(|error| error.to_string())
    }

    #[test]
    fn options_by_name() {
        let targets = vec![Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)];
        let cases = [
            (vec![], Ok(vec![InfoBond::MiiMon(100)])),
            (
                vec![
                    ("miimon", "50"),
                    ("lacp_rate", "fast"),
                    ("xmit_hash_policy", "layer3+4"),
                    ("ad_select", "bandwidth"),
                ],
                Ok(vec![
                    InfoBond::MiiMon(50),
                    InfoBond::AdLacpRate(BondLacpRate::Fast),
                    InfoBond::XmitHashPolicy(BondXmitHashPolicy::Layer34),
                    InfoBond::AdSelect(BondAdSelect::Bandwidth),
                ]),
            ),
            (
                vec![
                    ("arp_interval", "200"),
                    ("arp_ip_target", "192.0.2.1, 192.0.2.2"),
                ],
                Ok(vec![
                    InfoBond::ArpInterval(200),
                    InfoBond::ArpIpTarget(targets),
                ]),
            ),
            (
                vec![("lacp_rate", "quick")],
                Err("lacp_rate=quick is not a value of that bonding option".into()),
            ),
            (
                vec![("max_bonds", "1")],
                Err("the bonding driver has no option max_bonds".into()),
            ),
        ];
        for (options, expected) in cases {
            assert_eq!(read(&options), expected);
        }
    }
}
