// SPDX-License-Identifier: Apache-2.0
//! Sessions against each other and against odd neighbours.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::message;
use super::notification::Notification;
use super::session::{CONNECT_WAIT, HOLD_TIME, LONGEST_PAUSE, OPEN_WAIT};
use super::*;
use crate::network::dhcp4::Moment;

fn at(seconds: u64) -> Moment {
    Moment {
        now: Duration::from_secs(seconds),
        random: 0,
    }
}

fn machine_at() -> Ipv6Addr {
    "fe80::a".parse().expect("an address")
}

fn leaf_at() -> Ipv6Addr {
    "fe80::1".parse().expect("an address")
}

fn own4() -> IpAddr {
    IpAddr::from([10, 1, 2, 3])
}

fn machine() -> Speaker {
    Speaker {
        asn: 4_201_002_003,
        id: Ipv4Addr::new(10, 1, 2, 3),
        own: vec![own4(), "fd00::7".parse().expect("an address")],
        hosts: vec![IpAddr::from([10, 42, 0, 1])],
    }
}

/// A leaf announces default routes and much that nobody asked for.
fn leaf(id: u8) -> Speaker {
    let own = ["0.0.0.0", "::", "10.42.0.1", "192.0.2.1", "10.1.2.3"];
    Speaker {
        asn: 65001,
        id: Ipv4Addr::new(id, 0, 0, 1),
        own: own
            .iter()
            .map(|text| text.parse().expect("an address"))
            .collect(),
        hosts: vec!["fd00::7".parse().expect("an address")],
    }
}

/// Both ends of one cable: what one sends, the other gets, in order.
struct Cable {
    ends: [Session; 2],
    /// Connections that are there, by who opened them: 0 the machine.
    open: [bool; 2],
    /// What is on its way: to which end, on whose connection, bytes or the end.
    under_way: VecDeque<(usize, usize, Option<Vec<u8>>)>,
    now: u64,
}

impl Cable {
    fn new(speakers: [Speaker; 2]) -> Self {
        let ends = speakers.map(|speaker| {
            let mut session = Session::new(speaker);
            assert!(session.carrier(true).is_empty());
            session
        });
        Self {
            ends,
            open: [false; 2],
            under_way: VecDeque::new(),
            now: 0,
        }
    }

    /// The direction a connection has, seen from one end.
    fn seen(end: usize, opener: usize) -> Direction {
        if end == opener {
            Direction::Outgoing
        } else {
            Direction::Incoming
        }
    }

    /// A connection comes up; nothing of what is said on it has arrived yet.
    fn connect(&mut self, opener: usize) {
        self.open[opener] = true;
        let addresses = [machine_at(), leaf_at()];
        for end in [0, 1] {
            let direction = Self::seen(end, opener);
            let (local, remote) = (addresses[end], addresses[1 - end]);
            let actions = self.ends[end].connected(direction, local, remote, at(self.now));
            self.perform(end, actions);
        }
    }

    fn perform(&mut self, end: usize, actions: Vec<Action>) {
        let opener = |direction| match direction {
            Direction::Outgoing => end,
            Direction::Incoming => 1 - end,
        };
        for action in actions {
            match action {
                Action::Send(direction, bytes) => {
                    let opener = opener(direction);
                    self.under_way.push_back((1 - end, opener, Some(bytes)));
                }
                Action::Close(direction) => {
                    let opener = opener(direction);
                    if std::mem::take(&mut self.open[opener]) {
                        self.under_way.push_back((1 - end, opener, None));
                    }
                }
                Action::Connect(_) | Action::PathsChanged => {}
            }
        }
    }

    /// Until nothing is on its way.
    fn settle(&mut self) {
        while let Some((end, opener, bytes)) = self.under_way.pop_front() {
            let direction = Self::seen(end, opener);
            let now = at(self.now);
            let actions = match bytes {
                Some(bytes) => self.ends[end].received(direction, &bytes, now),
                None => self.ends[end].closed(direction, now),
            };
            self.perform(end, actions);
        }
    }

    fn heard(&mut self) {
        for (end, other) in [(0, leaf_at()), (1, machine_at())] {
            let actions = self.ends[end].heard(other, at(self.now));
            assert_eq!(actions, [Action::Connect(other)]);
        }
    }

    fn states(&self) -> [SessionState; 2] {
        [self.ends[0].state(), self.ends[1].state()]
    }
}

#[test]
fn two_ends_find_each_other_and_take_only_what_they_want() {
    for opener in [0, 1] {
        let mut cable = Cable::new([machine(), leaf(192)]);
        assert_eq!(cable.states(), [SessionState::NoNeighbour; 2]);
        cable.heard();
        assert_eq!(cable.states(), [SessionState::Connect; 2]);
        cable.connect(opener);
        cable.settle();
        assert_eq!(cable.states(), [SessionState::Established; 2]);
        // The leaf's 0.0.0.0/32 is not a default route; its other hosts are
        // neither asked for, nor is the way to ourselves.
        let paths = cable.ends[0].paths();
        let known: Vec<String> = paths.keys().map(Prefix::to_string).collect();
        assert_eq!(known, ["10.42.0.1/32"]);
        assert!(
            paths
                .values()
                .all(|path| path.next_hop == leaf_at() && path.length == 1)
        );
        let paths = cable.ends[1].paths();
        let known: Vec<String> = paths.keys().map(Prefix::to_string).collect();
        assert_eq!(known, ["fd00::7/128"]);
        assert_eq!(cable.ends[0].peer().map(|peer| peer.asn), Some(65001));
        assert_eq!(cable.ends[0].problem(), None);
    }
}

#[test]
fn of_two_connections_one_stays() {
    // The leaf's identifier is larger, then smaller.
    for id in [192, 9] {
        for order in [[0, 1], [1, 0]] {
            let mut cable = Cable::new([machine(), leaf(id)]);
            cable.heard();
            // Both are up before a word was said.
            for opener in order {
                cable.connect(opener);
            }
            cable.settle();
            assert_eq!(
                cable.states(),
                [SessionState::Established; 2],
                "{id} {order:?}"
            );
            assert_eq!(cable.open.iter().filter(|open| **open).count(), 1);
            assert_eq!(cable.ends[0].paths().len(), 1);
        }
    }
}

#[test]
fn a_carrier_that_goes_takes_everything_with_it() {
    let mut cable = Cable::new([machine(), leaf(192)]);
    cable.heard();
    cable.connect(0);
    cable.settle();
    let actions = cable.ends[0].carrier(false);
    assert_eq!(
        actions,
        [Action::Close(Direction::Outgoing), Action::PathsChanged]
    );
    assert_eq!(cable.ends[0].state(), SessionState::NoCarrier);
    assert!(cable.ends[0].paths().is_empty());
    assert_eq!(cable.ends[0].deadline(), None);
    assert!(cable.ends[0].heard(leaf_at(), at(1)).is_empty());
    assert!(cable.ends[0].carrier(false).is_empty());
    cable.ends[0].carrier(true);
    let again = cable.ends[0].heard(leaf_at(), at(2));
    assert_eq!(again, [Action::Connect(leaf_at())]);
}

#[test]
fn silence_ends_the_session_and_keepalives_prevent_it() {
    let mut cable = Cable::new([machine(), leaf(192)]);
    cable.heard();
    cable.connect(0);
    cable.settle();
    let hold = u64::from(HOLD_TIME);
    // For an hour nothing happens but keepalives.
    while cable.now < 3600 {
        let next = cable.ends.iter().filter_map(Session::deadline).min();
        cable.now = next.expect("keepalives are due").as_secs();
        for end in [0, 1] {
            let actions = cable.ends[end].timer(at(cable.now));
            cable.perform(end, actions);
        }
        cable.settle();
        assert_eq!(
            cable.states(),
            [SessionState::Established; 2],
            "{}",
            cable.now
        );
    }
    // Then the leaf hangs.
    let mut machine = cable.ends[0].clone();
    let mut last = vec![];
    for second in cable.now..=cable.now + hold {
        last = machine.timer(at(second));
        if machine.state() != SessionState::Established {
            break;
        }
    }
    let expired = Notification::new(Notification::HOLD_TIME);
    let told = Action::Send(Direction::Outgoing, message::notification(&expired));
    assert_eq!(
        last,
        [
            told,
            Action::Close(Direction::Outgoing),
            Action::PathsChanged
        ]
    );
    assert_eq!(machine.problem(), Some(&Problem::Sent(expired)));
    assert_eq!(machine.state(), SessionState::Active);
}

#[test]
fn who_cannot_be_spoken_with_is_told_why() {
    let id = Ipv4Addr::new(192, 0, 0, 1);
    let open = |asn, id| message::open(asn, id, 90).expect("written");
    // Without the capability for long numbers.
    let short = [
        &[0xff; 16][..],
        &[0, 29, 1, 4, 0xfd, 0xe9, 0, 90, 192, 0, 0, 1, 0],
    ]
    .concat();
    let cases = [
        (
            open(4_201_002_003, id),
            Notification::BAD_PEER_AS,
            4_201_002_003_u32.to_be_bytes().to_vec(),
        ),
        (
            open(65001, Ipv4Addr::new(10, 1, 2, 3)),
            Notification::BAD_IDENTIFIER,
            vec![10, 1, 2, 3],
        ),
        (
            short,
            Notification::MISSING_CAPABILITY,
            [&[65, 4][..], &4_201_002_003_u32.to_be_bytes()].concat(),
        ),
        (message::keepalive(), Notification::NOT_IN_OPEN_SENT, vec![]),
        (b"SSH-2.0".to_vec(), Notification::NOT_SYNCHRONISED, vec![]),
    ];
    for (bytes, numbers, data) in cases {
        let mut session = Session::new(machine());
        session.carrier(true);
        session.heard(leaf_at(), at(0));
        session.connected(Direction::Outgoing, machine_at(), leaf_at(), at(0));
        let actions = session.received(Direction::Outgoing, &bytes, at(0));
        let refusal = Notification::with(numbers, &data);
        let told = Action::Send(Direction::Outgoing, message::notification(&refusal));
        assert_eq!(actions, [told, Action::Close(Direction::Outgoing)]);
        assert_eq!(session.problem(), Some(&Problem::Sent(refusal)));
        assert_eq!(session.state(), SessionState::Active);
    }
}

#[test]
fn attempts_become_rarer_and_are_told_apart() {
    let mut session = Session::new(machine());
    session.carrier(true);
    let connect = [Action::Connect(leaf_at())];
    assert_eq!(session.heard(leaf_at(), at(0)), connect);
    let mut now = CONNECT_WAIT;
    let mut pauses = vec![];
    for _ in 0..8 {
        let moment = Moment { now, random: 0 };
        assert_eq!(session.timer(moment), [Action::Close(Direction::Outgoing)]);
        assert_eq!(session.problem(), Some(&Problem::Unanswered));
        assert_eq!(session.state(), SessionState::Active);
        let due = session.deadline().expect("another attempt");
        pauses.push((due - now).as_secs());
        let moment = Moment {
            now: due,
            random: 0,
        };
        assert_eq!(session.timer(moment), connect);
        now = due + CONNECT_WAIT;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 30]);

    session.connect_failed(
        Problem::Password,
        Moment {
            now,
            random: u32::MAX,
        },
    );
    let due = session.deadline().expect("another attempt");
    assert_eq!(due - now, LONGEST_PAUSE * 3 / 4);
    // A new neighbour is not made to pay for the old one.
    let other = "fe80::2".parse().expect("an address");
    let moment = Moment { now, random: 0 };
    assert_eq!(session.heard(other, moment), [Action::Connect(other)]);
    assert_eq!(session.heard(other, moment), []);
}

#[test]
fn strangers_and_second_callers_are_sent_away() {
    let mut session = Session::new(machine());
    let away = [Action::Close(Direction::Incoming)];
    let incoming = |session: &mut Session, from, second| {
        session.connected(Direction::Incoming, machine_at(), from, at(second))
    };
    assert_eq!(incoming(&mut session, leaf_at(), 0), away, "no carrier");
    session.carrier(true);
    session.heard(leaf_at(), at(0));
    let stranger = "fe80::bad".parse().expect("an address");
    assert_eq!(incoming(&mut session, stranger, 0), away);
    assert_eq!(incoming(&mut session, leaf_at(), 0).len(), 1, "our OPEN");
    assert_eq!(incoming(&mut session, leaf_at(), 0), away, "a second one");
    // Whoever connects and says nothing is let go.
    assert_eq!(session.state(), SessionState::OpenSent);
    let actions = session.timer(Moment {
        now: OPEN_WAIT,
        random: 0,
    });
    assert!(actions.contains(&away[0]), "{actions:?}");
}

#[test]
fn a_reason_is_kept_and_a_goodbye_is_said() {
    let mut cable = Cable::new([machine(), leaf(192)]);
    cable.heard();
    cable.connect(1);
    cable.settle();
    let goodbye = cable.ends[1].stop();
    cable.perform(1, goodbye);
    cable.settle();
    assert_eq!(
        cable.states(),
        [SessionState::Active, SessionState::NoCarrier]
    );
    let shutdown = Notification::new(Notification::SHUTDOWN);
    assert_eq!(cable.ends[0].problem(), Some(&Problem::Received(shutdown)));
    assert!(cable.ends[0].paths().is_empty());
}

#[test]
fn our_own_number_on_the_way_is_a_loop() {
    let default_route = |asn: u32| {
        // MP_REACH_NLRI for ::/0, origin, a path of one number.
        let hop = leaf_at().octets();
        let reach = [&[0x80, 14, 22, 0, 2, 1, 16][..], &hop, &[0, 0]].concat();
        let path = [&[0x40, 2, 6, 2, 1][..], &asn.to_be_bytes()].concat();
        let attributes = [&reach[..], &[0x40, 1, 1, 0], &path].concat();
        let length = u8::try_from(attributes.len()).expect("short");
        let body = [&[0, 0, 0, length][..], &attributes].concat();
        [&[0xff; 16][..], &[0, 23 + length, 2], &body[..]].concat()
    };
    let mut cable = Cable::new([machine(), leaf(192)]);
    cable.heard();
    cable.connect(0);
    cable.settle();
    let session = &mut cable.ends[0];
    let changed = [Action::PathsChanged];
    let direction = Direction::Outgoing;
    assert_eq!(
        session.received(direction, &default_route(65001), at(1)),
        changed
    );
    assert!(session.paths().contains_key(&Prefix::DEFAULT6));
    // The same again changes nothing; one with a loop takes it away.
    assert_eq!(
        session.received(direction, &default_route(65001), at(1)),
        []
    );
    let looped = default_route(4_201_002_003);
    assert_eq!(session.received(direction, &looped, at(1)), changed);
    assert!(!session.paths().contains_key(&Prefix::DEFAULT6));
}

/// What FRR 8.4 sent to an unnumbered neighbour, captured: OPEN, KEEPALIVE,
/// default routes, the ends of both tables, and a shutdown with its reason.
const FRR: &str = "\
    ffffffffffffffffffffffffffffffff007a0104fe4e00b4c00002025d0206010400010001020805\
    060001000100020206010400020001020280000202020002024600020641040000fe4e0202060002\
    0a450800010101000201010205490301620002044002c0780210470e000101800000000002018000\
    0000ffffffffffffffffffffffffffffffff001304ffffffffffffffffffffffffffffffff005602\
    0000003f900e002600010120fe80000000000000c88c6dfffe3bbd23fe80000000000000c88c6dff\
    fe3bbd230000400101005002000602010000fe4e80040400000000ffffffffffffffffffffffffff\
    ffffff0056020000003f900e002600020120fe80000000000000c88c6dfffe3bbd23fe8000000000\
    0000c88c6dfffe3bbd230000400101005002000602010000fe4e80040400000000ffffffffffffff\
    ffffffffffffffffff00170200000000ffffffffffffffffffffffffffffffff001d020000000680\
    0f03000201ffffffffffffffffffffffffffffffff002303060906020b6d61696e74656e616e6365";

#[test]
fn a_real_switch_is_understood() {
    let digits: Vec<u8> = FRR.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).expect("digits");
        u8::from_str_radix(text, 16).expect("a byte")
    };
    let stream: Vec<u8> = digits.chunks(2).map(byte).collect();
    let frr: Ipv6Addr = "fe80::c88c:6dff:fe3b:bd23".parse().expect("an address");
    let mut session = Session::new(machine());
    let direction = Direction::Incoming;
    session.carrier(true);
    session.heard(frr, at(0));
    session.connected(direction, machine_at(), frr, at(0));
    // Everything but the goodbye, byte by byte.
    let (words, goodbye) = stream.split_at(stream.len() - 35);
    let mut said = vec![];
    for byte in words {
        said.extend(session.received(direction, &[*byte], at(1)));
    }
    assert_eq!(session.state(), SessionState::Established);
    let peer = session.peer().expect("introduced");
    assert_eq!((peer.asn, peer.hold_time), (65102, 180));
    assert!(peer.ipv4 && peer.ipv6 && peer.four_octets);
    let defaults: Vec<Prefix> = session.paths().keys().copied().collect();
    assert_eq!(defaults, [Prefix::DEFAULT4, Prefix::DEFAULT6]);
    for path in session.paths().values() {
        assert_eq!((path.length, path.next_hop), (1, frr));
    }
    // The answer to OPEN, our two addresses, and two changes of routes; our own
    // connection was still being opened.
    let sent = |action: &&Action| matches!(action, Action::Send(..));
    assert_eq!(said.iter().filter(sent).count(), 3);
    let changed = |action: &&Action| **action == Action::PathsChanged;
    assert_eq!(said.iter().filter(changed).count(), 2);

    let actions = session.received(direction, goodbye, at(2));
    assert_eq!(actions, [Action::Close(direction), Action::PathsChanged]);
    let problem = session.problem().expect("a reason").to_string();
    assert_eq!(
        problem,
        "the neighbour says: hard reset (6/9): administrative shutdown (6/2): \"maintenance\""
    );
}
