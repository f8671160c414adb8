// SPDX-License-Identifier: Apache-2.0
//! Lives of a client, against a server that is a few lines of script.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::network::dhcp4::client::{Action, Client, Ignored, Moment, Outgoing, Received};
use crate::network::dhcp4::message::{BOOT_REPLY, Message, MessageType};
use crate::network::dhcp4::options::code;
use crate::network::{DhcpState, MacAddr};

const MAC: MacAddr = MacAddr([0x52, 0x54, 0, 0, 0, 1]);
const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const OTHER_SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 50);
const HARDWARE: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// A client with its clock; every call draws another random number.
struct Life {
    client: Client,
    now: Duration,
    drawn: u32,
    last: Option<Message>,
}

impl Life {
    fn new() -> Self {
        Self {
            client: Client::new(MAC),
            now: Duration::from_secs(100),
            drawn: 0,
            last: None,
        }
    }

    fn moment(&mut self) -> Moment {
        self.drawn += 1;
        Moment {
            now: self.now,
            random: self.drawn,
        }
    }

    /// Keeps the last message and shortens the actions to texts.
    fn note(&mut self, actions: Vec<Action>) -> Vec<String> {
        actions
            .into_iter()
            .map(|action| match action {
                Action::Send(outgoing) => {
                    let text = describe(&outgoing);
                    self.last = Some(outgoing.message);
                    text
                }
                Action::Bound(lease) => format!("bound {}", lease.address),
                Action::Lost(address) => format!("lost {address}"),
            })
            .collect()
    }

    fn carrier(&mut self, up: bool) -> Vec<String> {
        let moment = self.moment();
        let actions = self.client.carrier(up, moment);
        self.note(actions)
    }

    /// Lets the time go on to the deadline.
    fn timer(&mut self) -> Vec<String> {
        self.now = self.client.deadline().expect("something must be due");
        let moment = self.moment();
        let actions = self.client.timer(moment);
        self.note(actions)
    }

    fn reply(&mut self, reply: &Message) -> Vec<String> {
        let moment = self.moment();
        let payload = reply.encode();
        let received = Received {
            source: SERVER,
            hardware: HARDWARE,
            payload: &payload,
        };
        let actions = self.client.receive(&received, moment);
        self.note(actions)
    }

    /// The server's answer to the last message.
    fn answer(&self, kind: MessageType, server: Ipv4Addr) -> Message {
        let asked = self.last.as_ref().expect("a message was sent");
        let mut reply = Message::request(kind, asked.xid, asked.chaddr);
        reply.op = BOOT_REPLY;
        reply.options.set(code::SERVER_ID, server.octets());
        if kind != MessageType::Nak {
            reply.yiaddr = ADDRESS;
            reply.options.set(code::LEASE_TIME, 1000_u32.to_be_bytes());
            reply.options.set(code::SUBNET_MASK, [255, 255, 255, 0]);
        }
        reply
    }

    fn serve(&mut self, kind: MessageType) -> Vec<String> {
        let reply = self.answer(kind, SERVER);
        self.reply(&reply)
    }

    fn bound() -> Self {
        let mut life = Life::new();
        life.carrier(true);
        life.serve(MessageType::Offer);
        assert_eq!(life.serve(MessageType::Ack), ["bound 192.0.2.50"]);
        let bound = life.now;
        assert!(life.timer().is_empty(), "other servers are heard no more");
        life.now = bound;
        life
    }
}

fn describe(outgoing: &Outgoing) -> String {
    let message = &outgoing.message;
    let mut text = format!("{:?} to {}", message.kind, outgoing.destination);
    let wanted = message.options.address(code::REQUESTED_ADDRESS);
    let server = message.options.address(code::SERVER_ID);
    for (name, address) in [("for", wanted), ("of", server)] {
        if let Some(address) = address {
            text += &format!(" {name} {address}");
        }
    }
    if message.broadcast {
        text += " (broadcast)";
    }
    text
}

#[test]
fn an_address_is_asked_for_when_the_carrier_comes_and_not_before() {
    let mut life = Life::new();
    assert_eq!(life.client.deadline(), None);
    assert!(!life.client.listens());
    assert_eq!(life.carrier(true), ["Discover to 255.255.255.255"]);
    assert!(life.carrier(true).is_empty(), "told twice");
    assert_eq!(
        life.serve(MessageType::Offer),
        ["Request to 255.255.255.255 for 192.0.2.50 of 192.0.2.1"]
    );
    assert_eq!(
        life.client.state(),
        DhcpState::Requesting { server: SERVER }
    );
    assert_eq!(life.serve(MessageType::Ack), ["bound 192.0.2.50"]);
    assert_eq!(life.client.state(), DhcpState::Bound);
    assert!(life.client.listens(), "other servers may speak up");
    assert!(life.timer().is_empty());
    assert!(!life.client.listens());
    assert_eq!(life.client.deadline(), Some(Duration::from_secs(600)));
}

#[test]
fn a_silent_network_is_asked_for_ever_and_asked_to_broadcast() {
    let mut life = Life::new();
    life.carrier(true);
    let xid = life.last.as_ref().map(|message| message.xid);
    let plain = ["Discover to 255.255.255.255"];
    let broadcast = ["Discover to 255.255.255.255 (broadcast)"];
    assert_eq!(life.timer(), plain);
    for _ in 0..50 {
        assert_eq!(life.timer(), broadcast);
    }
    assert_eq!(life.last.as_ref().map(|message| message.xid), xid);
    assert_eq!(life.client.state(), DhcpState::Discovering { attempts: 52 });
    let waited = life.client.deadline().expect("goes on") - life.now;
    assert!(waited <= Duration::from_secs(10), "{waited:?}");
    // An answer that took its time still counts.
    assert_eq!(life.serve(MessageType::Offer).len(), 1);
}

#[test]
fn an_offer_that_leads_nowhere_is_given_up_for_another() {
    let mut life = Life::new();
    life.carrier(true);
    life.serve(MessageType::Offer);
    let mut requests = 1;
    while matches!(life.client.state(), DhcpState::Requesting { .. }) {
        life.timer();
        requests += 1;
    }
    assert_eq!(requests, 5, "four requests, then a DISCOVER");
    // The silent server's next offer loses against another server's.
    assert!(life.serve(MessageType::Offer).is_empty());
    let reply = life.answer(MessageType::Offer, OTHER_SERVER);
    assert_eq!(
        life.reply(&reply),
        ["Request to 255.255.255.255 for 192.0.2.50 of 192.0.2.2"]
    );
}

#[test]
fn a_server_that_was_silent_is_taken_if_there_is_no_other() {
    let mut life = Life::new();
    life.carrier(true);
    life.serve(MessageType::Offer);
    while matches!(life.client.state(), DhcpState::Requesting { .. }) {
        life.timer();
    }
    life.timer();
    assert!(life.serve(MessageType::Offer).is_empty());
    life.timer();
    assert_eq!(life.serve(MessageType::Offer).len(), 1);
}

#[test]
fn a_refusal_starts_again_and_slows_down() {
    let mut life = Life::new();
    life.carrier(true);
    let mut pauses = vec![];
    for _ in 0..4 {
        life.serve(MessageType::Offer);
        let foreign = life.answer(MessageType::Nak, OTHER_SERVER);
        assert!(life.reply(&foreign).is_empty(), "another server's refusal");
        assert!(life.serve(MessageType::Nak).is_empty(), "nothing was held");
        let before = life.now;
        assert_eq!(life.timer(), ["Discover to 255.255.255.255"]);
        pauses.push((life.now - before).as_millis());
    }
    assert_eq!(pauses, [0, 375, 750, 1500]);
}

#[test]
fn a_lease_is_prolonged_with_its_server_then_with_any() {
    let mut life = Life::bound();
    assert_eq!(life.timer(), ["Request to 192.0.2.1"]);
    let asked = life.last.clone().expect("a request");
    assert_eq!((asked.ciaddr, life.now.as_secs()), (ADDRESS, 600));
    assert_eq!(life.serve(MessageType::Ack), ["bound 192.0.2.50"]);
    assert_eq!(life.client.deadline(), Some(Duration::from_secs(1100)));

    // The server went away: T1 is 1100 s, T2 1475 s, the end 1600 s.
    let mut seen = vec![];
    while life.client.state() != (DhcpState::Discovering { attempts: 1 }) {
        let actions = life.timer();
        seen.push((life.now.as_secs(), actions.join("; ")));
    }
    let renew = "Request to 192.0.2.1";
    let rebind = "Request to 255.255.255.255";
    let expected = [
        (1100, renew),
        (1287, renew),
        (1381, renew),
        (1441, renew),
        (1475, rebind),
        (1537, rebind),
        (1597, rebind),
        (1600, "lost 192.0.2.50; Discover to 255.255.255.255"),
    ];
    let expected: Vec<_> = expected
        .map(|(at, text)| (at, text.to_owned()))
        .into_iter()
        .collect();
    assert_eq!(seen, expected);
}

#[test]
fn a_refused_renewal_loses_the_address_at_once() {
    let mut life = Life::bound();
    life.timer();
    assert_eq!(life.serve(MessageType::Nak), ["lost 192.0.2.50"]);
    assert_eq!(life.timer(), ["Discover to 255.255.255.255"]);
}

#[test]
fn a_link_that_comes_back_asks_for_its_old_address() {
    let verify = ["Request to 255.255.255.255 for 192.0.2.50"];
    let mut life = Life::bound();
    assert!(life.carrier(false).is_empty());
    life.now += Duration::from_secs(30);
    assert_eq!(life.carrier(true), verify);
    assert_eq!(life.client.state(), DhcpState::Verifying);
    assert_eq!(life.serve(MessageType::Ack), ["bound 192.0.2.50"]);

    // On a network whose server does not know it and keeps silent.
    life.carrier(false);
    assert_eq!(life.carrier(true), verify);
    assert_eq!(life.timer(), verify);
    assert_eq!(life.timer(), ["Discover to 255.255.255.255"]);
    life.serve(MessageType::Offer);
    assert_eq!(life.serve(MessageType::Ack), ["bound 192.0.2.50"]);

    // On one that refuses it.
    life.carrier(false);
    life.carrier(true);
    assert_eq!(life.serve(MessageType::Nak), ["lost 192.0.2.50"]);

    // After it ended while the cable was out.
    let mut life = Life::bound();
    life.carrier(false);
    assert_eq!(life.timer(), ["lost 192.0.2.50"]);
    assert_eq!(life.carrier(true), ["Discover to 255.255.255.255"]);
}

#[test]
fn a_lease_without_end_is_kept_without_asking() {
    let mut life = Life::new();
    life.carrier(true);
    life.serve(MessageType::Offer);
    let mut ack = life.answer(MessageType::Ack, SERVER);
    ack.options.set(code::LEASE_TIME, [255; 4]);
    assert_eq!(life.reply(&ack), ["bound 192.0.2.50"]);
    assert!(life.timer().is_empty());
    assert_eq!(life.client.deadline(), None);
}

#[test]
fn what_is_not_for_this_client_is_counted_and_changes_nothing() {
    let mut life = Life::new();
    life.carrier(true);
    let good = life.answer(MessageType::Offer, SERVER);
    let mut other_client = good.clone();
    other_client.chaddr = MacAddr([9; 6]);
    let mut other_exchange = good.clone();
    other_exchange.xid ^= 1;
    let mut from_a_client = good.clone();
    from_a_client.op = 1;
    let mut no_time = good.clone();
    no_time.options.set(code::LEASE_TIME, [0; 4]);
    let early_ack = life.answer(MessageType::Ack, SERVER);
    for reply in [
        other_client,
        other_exchange,
        from_a_client,
        no_time,
        early_ack,
    ] {
        assert!(life.reply(&reply).is_empty(), "{reply:?}");
    }
    let moment = life.moment();
    let garbage = Received {
        source: SERVER,
        hardware: HARDWARE,
        payload: &[0xff; 400],
    };
    assert!(life.client.receive(&garbage, moment).is_empty());
    assert_eq!(
        life.client.ignored(),
        Ignored {
            other_client: 1,
            other_exchange: 1,
            malformed: 2,
            unexpected: 2,
        }
    );
    assert_eq!(life.reply(&good).len(), 1, "the real answer still counts");
}

#[test]
fn an_address_somebody_else_has_is_declined() {
    let decline = "Decline to 255.255.255.255 for 192.0.2.50 of 192.0.2.1".to_owned();
    let mut life = Life::bound();
    let moment = life.moment();
    assert!(life.client.decline(SERVER, moment).is_empty(), "not ours");
    let actions = life.client.decline(ADDRESS, moment);
    assert_eq!(
        life.note(actions),
        ["lost 192.0.2.50".to_owned(), decline.clone()]
    );
    assert_eq!(life.timer(), ["Discover to 255.255.255.255"]);
    // The next one is known to be taken before the server has granted it.
    life.serve(MessageType::Offer);
    let moment = life.moment();
    let actions = life.client.decline(ADDRESS, moment);
    assert_eq!(life.note(actions), [decline]);
    let late = life.answer(MessageType::Ack, SERVER);
    assert!(life.reply(&late).is_empty());
    let before = life.now;
    assert_eq!(life.timer(), ["Discover to 255.255.255.255"]);
    assert_eq!((life.now - before).as_secs(), 10);
}

#[test]
fn other_servers_are_remembered_and_bad_answers_explained() {
    let mut life = Life::new();
    life.carrier(true);
    let mut zero = life.answer(MessageType::Offer, OTHER_SERVER);
    zero.options.set(code::LEASE_TIME, [0; 4]);
    life.reply(&zero);
    let refused = life.client.refused().expect("the reason is kept");
    assert_eq!(refused.server, OTHER_SERVER);
    assert_eq!(
        refused.reason.to_string(),
        "the server does not say for how long"
    );
    life.serve(MessageType::Offer);
    let second = life.answer(MessageType::Offer, OTHER_SERVER);
    assert!(life.reply(&second).is_empty());
    let third = life.answer(MessageType::Offer, Ipv4Addr::new(192, 0, 2, 3));
    life.serve(MessageType::Ack);
    assert_eq!(life.client.refused(), None);
    assert!(life.reply(&third).is_empty());
    let again = life.answer(MessageType::Offer, SERVER);
    assert!(life.reply(&again).is_empty());
    assert_eq!(
        life.client.others(),
        [OTHER_SERVER, Ipv4Addr::new(192, 0, 2, 3)]
    );
}

/// Random events in random order: the client never panics, never stops asking
/// while there is carrier, and never holds an address it has declared lost.
#[test]
fn no_order_of_events_brings_it_to_a_halt() {
    let mut seed = 0x1234_5678_9abc_def0_u64;
    let mut draw = move |limit: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % limit
    };
    let mut life = Life::new();
    let (mut up, mut bound) = (false, 0);
    for step in 0..50_000 {
        let kinds = [MessageType::Offer, MessageType::Ack, MessageType::Nak];
        let actions = match draw(8) {
            0 => {
                up = !up;
                life.carrier(up)
            }
            1..=2 if life.client.deadline().is_some() => {
                let now = life.now;
                let actions = life.timer();
                life.now = life.now.max(now);
                actions
            }
            3 => {
                life.now += Duration::from_millis(draw(900_000));
                let moment = life.moment();
                let actions = life.client.timer(moment);
                life.note(actions)
            }
            _ if life.last.is_some() => life.serve(kinds[usize::try_from(draw(3)).unwrap_or(0)]),
            _ => vec![],
        };
        bound += actions
            .iter()
            .filter(|text| text.starts_with("bound"))
            .count();
        if up && life.client.state() != DhcpState::Bound {
            assert!(life.client.deadline().is_some(), "stuck at step {step}");
        }
    }
    assert!(bound > 500, "the walk must reach leases: {bound}");
}
