// SPDX-License-Identifier: Apache-2.0
//! Lives of a client, against a server that is a few lines of script.

use std::net::Ipv6Addr;
use std::time::Duration;

use bootconfig::MacAddr;

use crate::network::dhcp4::client::{Ignored, Moment};
use crate::network::dhcp6::client::{Action, Client, Dhcp6State, Mode, Received};
use crate::network::dhcp6::message::{Message, MessageType, duid, iaid};
use crate::network::dhcp6::options::{Options, code};

const MAC: MacAddr = MacAddr([0x52, 0x54, 0, 0, 0, 1]);
const SERVER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const ADDRESS: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x50);

/// A client with its clock; every call draws another random number.
struct Life {
    client: Client,
    now: Duration,
    drawn: u32,
    last: Option<Message>,
}

impl Life {
    fn new(mode: Mode) -> Self {
        Self {
            client: Client::new(MAC, mode),
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
                Action::Send(message) => {
                    let text = describe(&message);
                    self.last = Some(*message);
                    text
                }
                Action::Bound(lease) => format!("bound {}", lease.address),
                Action::Lost(address) => format!("lost {address}"),
                Action::Informed(information) => format!("informed {:?}", information.dns),
            })
            .collect()
    }

    fn link(&mut self, ready: bool) -> Vec<String> {
        let moment = self.moment();
        let actions = self.client.link(ready, moment);
        self.note(actions)
    }

    /// Lets the time go on to the deadline.
    fn timer(&mut self) -> Vec<String> {
        self.now = self
            .now
            .max(self.client.deadline().expect("something is due"));
        let moment = self.moment();
        let actions = self.client.timer(moment);
        self.note(actions)
    }

    fn decline(&mut self, address: Ipv6Addr) -> Vec<String> {
        let moment = self.moment();
        let actions = self.client.decline(address, moment);
        self.note(actions)
    }

    fn reply(&mut self, reply: &Message) -> Vec<String> {
        let moment = self.moment();
        let payload = reply.encode();
        let received = Received {
            source: SERVER,
            payload: &payload,
        };
        let actions = self.client.receive(&received, moment);
        self.note(actions)
    }

    /// An answer of server `server` to the last message, still without
    /// addresses.
    fn answer(&self, kind: MessageType, server: u8) -> Message {
        let asked = self.last.as_ref().expect("a message was sent");
        let mut options = Options::default();
        options.push(code::CLIENT_ID, duid(MAC));
        options.push(code::SERVER_ID, [0, 3, 0, 1, 0, 0, 0, 0, 0, server]);
        Message {
            kind,
            xid: asked.xid,
            options,
        }
    }

    /// The same with an address for 1000 s, preferred for 500 s.
    fn with(&self, kind: MessageType, server: u8, address: Ipv6Addr) -> Message {
        let mut message = self.answer(kind, server);
        let mut value = address.octets().to_vec();
        value.extend(500_u32.to_be_bytes());
        value.extend(1000_u32.to_be_bytes());
        let mut inside = Options::default();
        inside.push(code::IA_ADDRESS, value);
        message.options.push(code::IA_NA, association(&inside));
        message
    }

    /// The same with a status instead of an address.
    fn status(&self, kind: MessageType, status: u8) -> Message {
        let mut message = self.answer(kind, 1);
        let mut inside = Options::default();
        inside.push(code::STATUS_CODE, [0, status]);
        message.options.push(code::IA_NA, association(&inside));
        message
    }

    fn serve(&mut self, kind: MessageType) -> Vec<String> {
        let reply = self.with(kind, 1, ADDRESS);
        self.reply(&reply)
    }

    fn bound() -> Self {
        let mut life = Life::new(Mode::Stateful);
        life.link(true);
        assert!(life.serve(MessageType::Advertise).is_empty());
        assert_eq!(life.timer(), ["Request of 1 for 2001:db8::50"]);
        assert_eq!(life.serve(MessageType::Reply), ["bound 2001:db8::50"]);
        life
    }
}

fn association(inside: &Options) -> Vec<u8> {
    let mut bytes = iaid(MAC).to_vec();
    bytes.extend([0; 8]);
    bytes.extend(inside.write());
    bytes
}

fn describe(message: &Message) -> String {
    assert_eq!(
        message.options.get(code::CLIENT_ID),
        Some(duid(MAC).as_slice())
    );
    let mut text = format!("{:?}", message.kind);
    if let Some([.., server]) = message.options.get(code::SERVER_ID) {
        text += &format!(" of {server}");
    }
    let association = message.options.get(code::IA_NA);
    let inside = association.and_then(|bytes| Options::read(&bytes[12..]).ok());
    if let Some(address) = inside.and_then(|inside| Some(inside.get(code::IA_ADDRESS)?.to_vec())) {
        let octets: [u8; 16] = address[..16].try_into().expect("sixteen bytes");
        text += &format!(" for {}", Ipv6Addr::from(octets));
    }
    text
}

#[test]
fn an_address_is_asked_for_when_the_link_is_ready_and_not_before() {
    let mut life = Life::new(Mode::Stateful);
    assert_eq!(life.client.deadline(), None);
    assert_eq!(life.link(true), ["Solicit"]);
    let asked = life.last.clone().expect("a message");
    assert_eq!(asked.options.get(code::RAPID_COMMIT), Some(&[][..]));
    assert_eq!(asked.options.get(code::ELAPSED_TIME), Some(&[0, 0][..]));
    assert!(life.link(true).is_empty(), "told twice");
    let before = life.now;
    assert!(life.serve(MessageType::Advertise).is_empty());
    assert_eq!(life.timer(), ["Request of 1 for 2001:db8::50"]);
    assert_eq!(
        (life.now - before).as_millis(),
        100,
        "a better one could come"
    );
    assert_eq!(
        life.client.state(),
        Dhcp6State::Requesting { server: SERVER }
    );
    assert_eq!(life.serve(MessageType::Reply), ["bound 2001:db8::50"]);
    assert_eq!(life.client.state(), Dhcp6State::Bound);
    assert!(!life.client.listens());
    // T1 is half of the preferred lifetime.
    let since = life.now;
    assert_eq!(
        life.client.deadline(),
        Some(since + Duration::from_secs(250))
    );
}

#[test]
fn a_server_that_commits_at_once_saves_two_messages() {
    let mut life = Life::new(Mode::Stateful);
    life.link(true);
    assert!(
        life.serve(MessageType::Reply).is_empty(),
        "nobody asked it to"
    );
    let mut reply = life.with(MessageType::Reply, 1, ADDRESS);
    reply.options.push(code::RAPID_COMMIT, []);
    assert_eq!(life.reply(&reply), ["bound 2001:db8::50"]);
}

#[test]
fn the_preferred_server_is_taken() {
    let offer = |life: &Life, server: u8, preference: Option<u8>| {
        let mut message = life.with(MessageType::Advertise, server, ADDRESS);
        if let Some(preference) = preference {
            message.options.push(code::PREFERENCE, [preference]);
        }
        message
    };
    let cases = [
        (vec![(1, None), (2, Some(9)), (3, Some(9))], 2),
        (vec![(1, Some(0)), (2, None)], 1),
        (vec![(1, Some(8)), (2, Some(255))], 2),
    ];
    for (offers, expected) in cases {
        let mut life = Life::new(Mode::Stateful);
        life.link(true);
        let mut sent = vec![];
        for (server, preference) in &offers {
            let offer = offer(&life, *server, *preference);
            sent.extend(life.reply(&offer));
        }
        if sent.is_empty() {
            sent = life.timer();
        }
        let expected = format!("Request of {expected} for 2001:db8::50");
        assert_eq!(sent, [expected], "{offers:?}");
    }
}

#[test]
fn a_silent_network_is_asked_for_ever_and_a_server_may_slow_it_down() {
    let mut life = Life::new(Mode::Stateful);
    life.link(true);
    for _ in 0..50 {
        assert_eq!(life.timer(), ["Solicit"]);
    }
    let wait = |life: &Life| life.client.deadline().expect("goes on") - life.now;
    assert!(wait(&life) <= Duration::from_secs(10));
    let elapsed = life
        .last
        .as_ref()
        .and_then(|last| last.options.get(code::ELAPSED_TIME));
    assert!(elapsed.is_some_and(|bytes| bytes[0] > 0), "{elapsed:?}");
    let mut none_left = life.status(MessageType::Advertise, 2);
    none_left
        .options
        .push(code::SOL_MAX_RT, 600_u32.to_be_bytes());
    assert!(life.reply(&none_left).is_empty());
    let refused = life.client.refused().expect("the reason is kept");
    assert_eq!(
        refused.reason.to_string(),
        "the server answers NoAddrsAvail"
    );
    life.timer();
    assert!(wait(&life) > Duration::from_secs(500), "{:?}", wait(&life));
    // The server has got one meanwhile.
    assert!(life.serve(MessageType::Advertise).is_empty());
    life.timer();
    life.serve(MessageType::Reply);
    assert_eq!(life.client.refused(), None);
}

#[test]
fn a_server_that_advertises_and_keeps_silent_is_given_up_for_another() {
    let mut life = Life::new(Mode::Stateful);
    life.link(true);
    life.serve(MessageType::Advertise);
    let mut requests = 0;
    while !matches!(life.client.state(), Dhcp6State::Soliciting { attempts: 1 }) || requests == 0 {
        requests += usize::from(life.timer()[0].starts_with("Request"));
    }
    assert_eq!(requests, 4);
    assert!(life.serve(MessageType::Advertise).is_empty());
    let other = life.with(MessageType::Advertise, 2, ADDRESS);
    life.reply(&other);
    assert_eq!(life.timer(), ["Request of 2 for 2001:db8::50"]);
}

#[test]
fn a_refused_request_starts_again_and_slows_down() {
    let mut life = Life::new(Mode::Stateful);
    life.link(true);
    let mut pauses = vec![];
    for server in [1, 2, 3] {
        let offer = life.with(MessageType::Advertise, server, ADDRESS);
        life.reply(&offer);
        life.timer();
        let no = life.status(MessageType::Reply, 2);
        assert!(life.reply(&no).is_empty());
        let before = life.now;
        assert_eq!(life.timer(), ["Solicit"]);
        pauses.push((life.now - before).as_millis());
    }
    assert_eq!(pauses, [0, 375, 750]);
}

#[test]
fn a_lease_is_prolonged_with_its_server_then_with_any() {
    let mut life = Life::bound();
    let start = life.now;
    assert_eq!(life.timer(), ["Renew of 1 for 2001:db8::50"]);
    assert_eq!((life.now - start).as_secs(), 250);
    assert_eq!(life.serve(MessageType::Reply), ["bound 2001:db8::50"]);
    let start = life.now;
    let mut kinds = vec![];
    loop {
        let actions = life.timer();
        if actions[0].starts_with("lost") {
            assert_eq!(actions, ["lost 2001:db8::50", "Solicit"]);
            break;
        }
        kinds.push((actions[0].clone(), (life.now - start).as_secs()));
    }
    assert_eq!((life.now - start).as_secs(), 1000);
    let renews = kinds
        .iter()
        .filter(|(text, _)| text == "Renew of 1 for 2001:db8::50");
    let rebinds = kinds
        .iter()
        .filter(|(text, _)| text == "Rebind for 2001:db8::50");
    assert!(
        renews.clone().all(|(_, at)| (250..400).contains(at)),
        "{kinds:?}"
    );
    assert!(
        rebinds.clone().all(|(_, at)| (400..1000).contains(at)),
        "{kinds:?}"
    );
    assert!(renews.count() >= 3 && rebinds.count() >= 4, "{kinds:?}");
}

#[test]
fn what_the_server_says_to_a_renewal_counts() {
    // It has forgotten: asked for anew, the address stays meanwhile.
    let mut life = Life::bound();
    life.timer();
    let forgotten = life.status(MessageType::Reply, 3);
    assert_eq!(life.reply(&forgotten), ["Request of 1 for 2001:db8::50"]);
    assert_eq!(life.serve(MessageType::Reply), ["bound 2001:db8::50"]);
    // Another address replaces the old one.
    life.timer();
    let other = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x51);
    let reply = life.with(MessageType::Reply, 1, other);
    assert_eq!(
        life.reply(&reply),
        ["lost 2001:db8::50", "bound 2001:db8::51"]
    );
    // Not on this network any more.
    life.timer();
    let wrong = life.status(MessageType::Reply, 4);
    assert_eq!(life.reply(&wrong), ["lost 2001:db8::51"]);
    assert_eq!(life.timer(), ["Solicit"]);
}

#[test]
fn a_link_that_comes_back_asks_whether_its_address_fits() {
    let confirm = ["Confirm for 2001:db8::50"];
    let mut life = Life::bound();
    assert!(life.link(false).is_empty());
    life.now += Duration::from_secs(10);
    assert_eq!(life.link(true), confirm);
    assert_eq!(life.client.state(), Dhcp6State::Confirming);
    let yes = life.answer(MessageType::Reply, 1);
    assert!(life.reply(&yes).is_empty());
    assert_eq!(life.client.state(), Dhcp6State::Bound);
    // Nobody answers: it is kept.
    life.link(false);
    life.link(true);
    for _ in 1..4 {
        assert_eq!(life.timer(), confirm);
    }
    assert!(life.timer().is_empty());
    assert_eq!(life.client.state(), Dhcp6State::Bound);
    // It does not fit.
    life.link(false);
    life.link(true);
    let mut no = life.answer(MessageType::Reply, 1);
    no.options.push(code::STATUS_CODE, [0, 4]);
    assert_eq!(life.reply(&no), ["lost 2001:db8::50"]);
    assert_eq!(life.timer(), ["Solicit"]);
    // It ended while the cable was out.
    let mut life = Life::bound();
    life.link(false);
    assert_eq!(life.timer(), ["lost 2001:db8::50"]);
    assert_eq!(life.link(true), ["Solicit"]);
}

#[test]
fn an_address_somebody_else_has_is_declined() {
    let mut life = Life::bound();
    assert!(life.decline(SERVER).is_empty(), "not ours");
    let decline = "Decline of 1 for 2001:db8::50".to_owned();
    assert_eq!(
        life.decline(ADDRESS),
        ["lost 2001:db8::50".to_owned(), decline.clone()]
    );
    let seen = life.answer(MessageType::Reply, 1);
    assert!(life.reply(&seen).is_empty());
    assert_eq!(life.timer(), ["Solicit"]);
    // Once more, and the server keeps silent.
    life.serve(MessageType::Advertise);
    life.timer();
    life.serve(MessageType::Reply);
    life.decline(ADDRESS);
    for _ in 1..3 {
        assert_eq!(life.timer().join("; "), decline);
    }
    assert!(life.timer().is_empty());
    let before = life.now;
    assert_eq!(life.timer(), ["Solicit"]);
    assert_eq!((life.now - before).as_secs(), 10);
}

#[test]
fn without_flag_m_only_information_is_asked_for() {
    let mut life = Life::new(Mode::Stateless);
    assert_eq!(life.link(true), ["InformationRequest"]);
    let mut reply = life.answer(MessageType::Reply, 1);
    reply.options.push(code::DNS_SERVERS, ADDRESS.octets());
    assert_eq!(life.reply(&reply), ["informed [2001:db8::50]"]);
    assert_eq!(life.client.state(), Dhcp6State::Informed);
    let before = life.now;
    assert_eq!(life.timer(), ["InformationRequest"]);
    assert_eq!((life.now - before).as_secs(), 86_400);
    // A router sets flag M.
    let moment = life.moment();
    let actions = life.client.set_mode(Mode::Stateful, moment);
    assert_eq!(life.note(actions), ["Solicit"]);
}

#[test]
fn what_is_not_for_this_client_is_counted_and_changes_nothing() {
    let mut life = Life::new(Mode::Stateful);
    life.link(true);
    let good = life.with(MessageType::Advertise, 1, ADDRESS);
    let other_exchange = Message {
        xid: good.xid ^ 1,
        ..good.clone()
    };
    let mut other_client = good.clone();
    other_client.options = Options::default();
    other_client.options.push(code::CLIENT_ID, [9; 10]);
    let mut nobody = good.clone();
    nobody.options = Options::default();
    nobody.options.push(code::CLIENT_ID, duid(MAC));
    let early = life.with(MessageType::Reply, 1, ADDRESS);
    for message in [other_exchange, other_client, nobody, early] {
        assert!(life.reply(&message).is_empty(), "{message:?}");
    }
    let expected = Ignored {
        other_client: 1,
        other_exchange: 1,
        malformed: 1,
        unexpected: 1,
    };
    assert_eq!(life.client.ignored(), expected);
    life.reply(&good);
    assert_eq!(life.timer().len(), 1, "the real answer still counts");
}

/// Random events in random order: the client never panics, never stops asking
/// while there is a link, and never holds an address it has declared lost.
#[test]
fn no_order_of_events_brings_it_to_a_halt() {
    let mut seed = 0x1234_5678_9abc_def0_u64;
    let mut draw = move |limit: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % limit
    };
    let mut life = Life::new(Mode::Stateful);
    let (mut up, mut bound) = (false, 0);
    let mut held = false;
    for step in 0..50_000 {
        let actions = match draw(10) {
            0 => {
                up = !up;
                life.link(up)
            }
            1..=3 if life.client.deadline().is_some() => life.timer(),
            4 => life.decline(ADDRESS),
            5 => {
                life.now += Duration::from_millis(draw(900_000));
                let moment = life.moment();
                let actions = life.client.timer(moment);
                life.note(actions)
            }
            6 if life.last.is_some() => {
                let status = u8::try_from(draw(7)).unwrap_or(0);
                let reply = life.status(MessageType::Reply, status);
                life.reply(&reply)
            }
            7 if life.last.is_some() => life.serve(MessageType::Reply),
            _ if life.last.is_some() => life.serve(MessageType::Advertise),
            _ => vec![],
        };
        for text in &actions {
            if text.starts_with("lost") {
                assert!(held, "lost twice at step {step}");
                held = false;
            }
            if text.starts_with("bound") {
                held = true;
                bound += 1;
            }
        }
        if up && life.client.state() != Dhcp6State::Bound {
            assert!(life.client.deadline().is_some(), "stuck at step {step}");
        }
    }
    assert!(bound > 300, "the walk must reach leases: {bound}");
}
