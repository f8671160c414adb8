// SPDX-License-Identifier: Apache-2.0
//! What a bond and its ports say about the switch (IEEE 802.1AX, LACP), and
//! what that means for whoever looks after the switch.
//!
//! Without a partner the bonding driver makes one of the ports work alone: each
//! port becomes an aggregator of its own, the best of them is the active one
//! and carries the traffic, the others are kept as spares (the kernel's
//! networking/bonding.rst, `ad_select`, and `drivers/net/bonding/bond_3ad.c`,
//! where the defaulted partner counts as in sync). So a machine whose switch
//! has no LACP yet is on the network all the same, after the three seconds for
//! which LACP waits for a partner.

use std::fmt;
use std::time::Duration;

use bootconfig::MacAddr;

use crate::network::plan::BondMode;

/// The port is in sync with the aggregation (`SYNCHRONIZATION`).
const SYNCHRONIZATION: u8 = 0x08;
/// Frames are taken from the port (`COLLECTING`).
const COLLECTING: u8 = 0x10;
/// Frames are sent through the port (`DISTRIBUTING`).
const DISTRIBUTING: u8 = 0x20;
/// Nothing was heard of a partner, so what it wants is assumed (`DEFAULTED`).
const DEFAULTED: u8 = 0x40;
/// Nothing was heard of the partner for a while (`EXPIRED`).
const EXPIRED: u8 = 0x80;

/// How a bond is (`IFLA_INFO_DATA` of kind `bond`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BondState {
    /// How its ports share the work; none if this program does not know the
    /// mode.
    pub mode: Option<BondMode>,
    /// The aggregator that carries the traffic, in mode 802.3ad.
    pub aggregator: Option<u16>,
    /// The switch's LACP system address; none: there is no partner.
    pub partner: Option<MacAddr>,
    /// Index of the port that carries the traffic, in modes with one such port.
    pub active_port: Option<u32>,
}

/// How a port of a bond takes part (`IFLA_INFO_SLAVE_DATA`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BondPort {
    /// Whether the bonding driver finds that it has link.
    pub link: bool,
    /// Whether it carries traffic; else it is a spare.
    pub active: bool,
    /// Its aggregator, in mode 802.3ad.
    pub aggregator: Option<u16>,
    /// The flags this machine sends in LACP (802.1AX, Actor_State).
    pub actor: Option<u8>,
    /// The flags the partner sends (Partner_State).
    pub partner: Option<u8>,
    /// Whether the kernel finds that the partner cannot make up its mind
    /// (churn); kernels before 6.18 do not tell.
    pub churned: bool,
}

/// What LACP has come to on one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LacpState {
    /// The port has no link.
    NoLink,
    /// The first LACP frames are waited for; that takes three seconds.
    Negotiating,
    /// It carries traffic together with the switch.
    Aggregated,
    /// The switch speaks no LACP on it; it carries the traffic alone.
    Alone,
    /// The switch speaks no LACP on it; another port carries the traffic.
    NoPartner,
    /// The switch speaks LACP, but does not let traffic through this port.
    Blocked,
    /// Its partner is not the one of the other ports.
    OtherAggregator,
    /// The partner keeps changing its mind.
    Churned,
    /// The port is in no bond, and the switch speaks LACP on it.
    SwitchExpectsLacp,
}

impl LacpState {
    /// Whether traffic passes.
    #[must_use]
    pub fn works(self) -> bool {
        matches!(self, Self::Aggregated | Self::Alone)
    }

    /// Whether it is for somebody to put right: a port that only waits, or has
    /// no link, is not.
    #[must_use]
    pub fn is_fault(self) -> bool {
        !matches!(self, Self::Aggregated | Self::Negotiating | Self::NoLink)
    }

    /// What to do about it.
    #[must_use]
    pub fn next(self) -> &'static str {
        match self {
            Self::Aggregated | Self::Negotiating => "nothing",
            Self::NoLink => "check the cable",
            Self::Alone | Self::NoPartner => {
                "configure LACP on the switch port, or describe a bond of another mode"
            }
            Self::Blocked => {
                "check that the switch port is in the right channel group and not suspended"
            }
            Self::OtherAggregator => {
                "check that all cables of the bond lead to ports of one channel group (of one switch, or of an MLAG pair)"
            }
            Self::Churned => "compare the LACP settings of the switch ports",
            Self::SwitchExpectsLacp => {
                "describe a bond of mode 802.3ad, or let the switch forward without LACP (LACP fallback)"
            }
        }
    }
}

impl fmt::Display for LacpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoLink => "no link",
            Self::Negotiating => "LACP is being negotiated",
            Self::Aggregated => "aggregated with the switch",
            Self::Alone => "the switch has no LACP here; the port works alone",
            Self::NoPartner => "the switch has no LACP here; the port is not used",
            Self::Blocked => "the switch speaks LACP and blocks the port",
            Self::OtherAggregator => "the port leads to another LACP partner than the active ones",
            Self::Churned => "the LACP partner keeps changing its mind",
            Self::SwitchExpectsLacp => "the switch expects LACP",
        })
    }
}

/// What LACP has come to on a port; nothing if its bond does not use LACP.
#[must_use]
pub fn lacp_state(bond: &BondState, port: &BondPort) -> Option<LacpState> {
    if bond.mode != Some(BondMode::Lacp) {
        return None;
    }
    let (actor, partner) = (port.actor.unwrap_or(0), port.partner.unwrap_or(0));
    let passes = COLLECTING | DISTRIBUTING;
    let in_active = port.aggregator.is_some() && port.aggregator == bond.aggregator;
    Some(if !port.link {
        LacpState::NoLink
    } else if actor & EXPIRED != 0 {
        LacpState::Negotiating
    } else if actor & DEFAULTED != 0 {
        match in_active && port.active {
            true => LacpState::Alone,
            false => LacpState::NoPartner,
        }
    } else if in_active && actor & passes == passes && partner & passes == passes {
        LacpState::Aggregated
    } else if port.churned {
        LacpState::Churned
    } else if partner & SYNCHRONIZATION == 0 {
        LacpState::Blocked
    } else if in_active {
        LacpState::Negotiating
    } else {
        LacpState::OtherAggregator
    })
}

/// EtherType of the slow protocols (IEEE 802.3, Annex 57A), of which LACP is one.
pub const SLOW_PROTOCOLS: u16 = 0x8809;

/// The group address that slow protocols are sent to.
pub const SLOW_PROTOCOLS_GROUP: [u8; 6] = [0x01, 0x80, 0xc2, 0x00, 0x00, 0x02];

/// For how long a LACP frame counts as news: the long timeout of 802.1AX, three
/// slow intervals.
pub const LACP_IS_RECENT: Duration = Duration::from_secs(90);

/// Whether a frame of a slow protocol, from the byte behind the EtherType on,
/// is LACP (subtype 1).
#[must_use]
pub fn is_lacp(payload: &[u8]) -> bool {
    matches!(payload, [1, version, ..] if *version != 0)
}

/// What LACP has come to on a port that is in no bond: nothing, unless the
/// switch speaks it and nobody else is heard through the port. `heard` is when
/// the last LACP frame came; times are since boot.
#[must_use]
pub fn plain_port(heard: Option<Duration>, now: Duration, has_address: bool) -> Option<LacpState> {
    let recent = heard.is_some_and(|at| now.saturating_sub(at) <= LACP_IS_RECENT);
    (recent && !has_address).then_some(LacpState::SwitchExpectsLacp)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first five are flags of Debian's kernel 6.1 in these situations, as
    /// the tests of `ironseed-machine` with a bonding partner report them.
    #[test]
    fn the_flags_say_what_is_wrong() {
        let bond = BondState {
            mode: Some(BondMode::Lacp),
            aggregator: Some(1),
            ..BondState::default()
        };
        let port = |aggregator, active, actor, partner| BondPort {
            link: true,
            active,
            aggregator: Some(aggregator),
            actor: Some(actor),
            partner: Some(partner),
            churned: false,
        };
        let cases = [
            (port(1, true, 0x3f, 0x3f), LacpState::Aggregated),
            (port(1, true, 0x4d, 0x00), LacpState::Alone),
            (port(2, false, 0x45, 0x00), LacpState::NoPartner),
            (port(1, false, 0x0f, 0x07), LacpState::Blocked),
            (port(2, false, 0x07, 0x0f), LacpState::OtherAggregator),
            (port(1, true, 0xc7, 0x03), LacpState::Negotiating),
            (port(1, true, 0x0f, 0x0f), LacpState::Negotiating),
            (
                BondPort {
                    churned: true,
                    ..port(1, true, 0x0f, 0x07)
                },
                LacpState::Churned,
            ),
            (
                BondPort {
                    link: false,
                    ..port(1, true, 0x3f, 0x3f)
                },
                LacpState::NoLink,
            ),
        ];
        for (port, expected) in cases {
            assert_eq!(lacp_state(&bond, &port), Some(expected), "{port:?}");
        }
        let other = BondState {
            mode: Some(BondMode::ActiveBackup),
            ..bond
        };
        assert_eq!(lacp_state(&other, &port(1, true, 0x3f, 0x3f)), None);
    }

    #[test]
    fn a_plain_port_on_a_channel_group_is_recognised() {
        let at = Duration::from_secs;
        let blocked = Some(LacpState::SwitchExpectsLacp);
        for (heard, now, has_address, expected) in [
            (None, 5, false, None),
            (Some(5), 5, false, blocked),
            (Some(5), 95, false, blocked),
            (Some(5), 96, false, None),
            (Some(5), 6, true, None),
        ] {
            let got = plain_port(heard.map(at), at(now), has_address);
            assert_eq!(got, expected, "{heard:?} {now}");
        }
        assert!(is_lacp(&[1, 1, 1, 20]));
        assert!(!is_lacp(&[2, 1]) && !is_lacp(&[1]) && !is_lacp(&[1, 0]));
    }
}
