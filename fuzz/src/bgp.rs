// SPDX-License-Identifier: Apache-2.0
//! What a BGP neighbour sends, from the first byte to routes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ironseed_core::network::bgp::message::first;
use ironseed_core::network::bgp::{Action, Direction, Session, SessionState, Speaker};
use ironseed_core::network::dhcp4::Moment;

const MACHINE: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xa);
const LEAF: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// The first byte says after how many bytes the stream is cut; the rest is the
/// stream.
///
/// # Panics
/// If the session takes in a route that was not asked for, keeps routes when
/// it is over, or says something that is not a message.
pub fn run(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else {
        return;
    };
    let speaker = Speaker {
        asn: 4_201_002_003,
        id: Ipv4Addr::new(10, 1, 2, 3),
        own: vec![IpAddr::from([10, 1, 2, 3]), Ipv6Addr::LOCALHOST.into()],
        hosts: vec![IpAddr::from([10, 42, 0, 1])],
    };
    let moment = Moment {
        now: Duration::ZERO,
        random: 0,
    };
    let mut session = Session::new(speaker.clone());
    let direction = Direction::Outgoing;
    session.carrier(true);
    session.heard(LEAF, moment);
    session.connected(direction, MACHINE, LEAF, moment);
    let cut = usize::from(*cut).max(1);
    for bytes in [stream.get(..cut), stream.get(cut..)].into_iter().flatten() {
        for action in session.received(direction, bytes, moment) {
            if let Action::Send(_, mut said) = action {
                assert!(matches!(first(&mut said), Ok(Some(_))), "no message");
                assert!(said.is_empty(), "more than a message");
            }
        }
        let paths = session.paths();
        assert!(
            paths.keys().all(|prefix| speaker.wants(*prefix)),
            "{paths:?}"
        );
        assert!(paths.is_empty() || session.state() == SessionState::Established);
    }
}
