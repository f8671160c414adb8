// SPDX-License-Identifier: Apache-2.0
//! The client of one port as a state machine (RFC 2131 §4.4, figure 5).
//!
//! It is told when the carrier comes and goes, what arrives and that its
//! deadline has passed; it answers with what to send and with what has become
//! of the lease. It never gives up.

mod questions;

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::network::dhcp4::lease::{Lease, Unusable};
use crate::network::dhcp4::message::{BOOT_REPLY, Message, MessageType};
use crate::network::dhcp4::options::code;
use crate::network::dhcp4::retry;
use crate::network::{DhcpState, MacAddr};

const BROADCAST_HARDWARE: [u8; 6] = [0xff; 6];

/// What the client asks servers to tell. Classless routes come before the
/// router, as RFC 3442 wants.
const WANTED: [u8; 8] = [
    code::SUBNET_MASK,
    code::CLASSLESS_ROUTES,
    code::ROUTER,
    code::DNS_SERVER,
    code::DOMAIN_NAME,
    code::DOMAIN_SEARCH,
    code::INTERFACE_MTU,
    code::NTP_SERVER,
];

/// The longest message taken: an Ethernet packet without its headers.
const MAX_MESSAGE: u16 = 1472;

/// Who asks, for servers that answer firmware and agents differently.
const VENDOR_CLASS: &[u8] = b"ironseed";

/// How long offers of other servers are still heard after one was taken: a
/// second server on a network is a mistake that somebody wants to know of.
const LINGER: Duration = Duration::from_secs(2);

/// How many of them are remembered.
const MAX_OTHERS: usize = 4;

/// The pause after the second address in a row that somebody else has (RFC
/// 2131 §3.1 (5)). After the first one the server gives another.
const AFTER_DECLINE: Duration = Duration::from_secs(10);

/// When something happens, and a number nobody can guess.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Time since boot.
    pub now: Duration,
    /// For exchange numbers and jitter.
    pub random: u32,
}

/// A message that arrived on the port.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The sender's address.
    pub source: Ipv4Addr,
    /// The hardware address it came from.
    pub hardware: [u8; 6],
    /// The DHCP message.
    pub payload: &'a [u8],
}

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The message.
    pub message: Message,
    /// The port's address, or 0.0.0.0 while it has none.
    pub source: Ipv4Addr,
    /// The server's address, or everybody.
    pub destination: Ipv4Addr,
    /// The hardware address to send to.
    pub hardware: [u8; 6],
}

/// What the client wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send this.
    Send(Box<Outgoing>),
    /// This lease holds now: new, changed or prolonged.
    Bound(Box<Lease>),
    /// The lease is over: the address must not be used any more.
    Lost(Ipv4Addr),
}

/// Answers that were not used, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ignored {
    /// For another machine.
    pub other_client: u32,
    /// For an exchange this client does not have open.
    pub other_exchange: u32,
    /// Not a message, or without a usable address.
    pub malformed: u32,
    /// A kind of message that does not fit the state.
    pub unexpected: u32,
}

/// An answer without a usable address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Who answered.
    pub server: Ipv4Addr,
    /// What is wrong with it.
    pub reason: Unusable,
}

/// A message that waits for an answer.
#[derive(Debug, Clone, Copy)]
struct Exchange {
    xid: u32,
    /// How often it was sent.
    attempt: u32,
    /// When last.
    sent: Duration,
    /// When it is sent again.
    next: Duration,
}

#[derive(Debug, Clone)]
enum State {
    NoCarrier,
    /// A short pause after a refusal.
    Pausing {
        until: Duration,
    },
    Selecting(Exchange),
    Requesting(Exchange, Box<Lease>),
    Verifying(Exchange),
    Bound,
    Renewing(Exchange),
    Rebinding(Exchange),
}

#[derive(Debug, Clone)]
struct Held {
    lease: Lease,
    /// When it was asked for.
    since: Duration,
}

impl Held {
    fn expires(&self) -> Option<Duration> {
        self.lease.lifetime.map(|lifetime| self.since + lifetime)
    }
}

/// The client of one port.
#[derive(Debug, Clone)]
pub struct Client {
    mac: MacAddr,
    state: State,
    held: Option<Held>,
    /// When the search for an address began, for `secs`.
    began: Duration,
    naks: u32,
    /// A server that offered and then kept silent; others go first.
    shunned: Option<Ipv4Addr>,
    ignored: Ignored,
    refused: Option<Refused>,
    /// Servers whose offers were not taken.
    others: Vec<Ipv4Addr>,
    /// The number of the exchange that brought the lease, and until when other
    /// answers to it are heard.
    linger: Option<(u32, Duration)>,
    /// Addresses in a row that somebody else had.
    declined: u32,
}

impl Client {
    /// A client that waits for the carrier.
    #[must_use]
    pub fn new(mac: MacAddr) -> Self {
        Self {
            mac,
            state: State::NoCarrier,
            held: None,
            began: Duration::ZERO,
            naks: 0,
            shunned: None,
            ignored: Ignored::default(),
            refused: None,
            others: vec![],
            linger: None,
            declined: 0,
        }
    }

    /// What it does, for the status.
    #[must_use]
    pub fn state(&self) -> DhcpState {
        match &self.state {
            State::NoCarrier => DhcpState::NoCarrier,
            State::Pausing { .. } => DhcpState::Discovering { attempts: 0 },
            State::Selecting(exchange) => DhcpState::Discovering {
                attempts: exchange.attempt,
            },
            State::Requesting(_, offer) => DhcpState::Requesting {
                server: offer.server,
            },
            State::Verifying(_) => DhcpState::Verifying,
            State::Bound => DhcpState::Bound,
            State::Renewing(_) => DhcpState::Renewing,
            State::Rebinding(_) => DhcpState::Rebinding,
        }
    }

    /// Answers it did not use.
    #[must_use]
    pub fn ignored(&self) -> Ignored {
        self.ignored
    }

    /// The last answer without a usable address; nothing once there is one.
    #[must_use]
    pub fn refused(&self) -> Option<Refused> {
        self.refused
    }

    /// Servers that offered an address besides the one whose offer was taken.
    #[must_use]
    pub fn others(&self) -> &[Ipv4Addr] {
        &self.others
    }

    /// The lease it is about to get, else the one it has; nothing without a
    /// carrier.
    #[must_use]
    pub fn candidate(&self) -> Option<&Lease> {
        match &self.state {
            State::NoCarrier => None,
            State::Requesting(_, offer) => Some(offer),
            _ => self.lease(),
        }
    }

    /// The lease it has.
    #[must_use]
    pub fn lease(&self) -> Option<&Lease> {
        self.held.as_ref().map(|held| &held.lease)
    }

    /// Whether it waits for an answer, so that the port must listen.
    #[must_use]
    pub fn listens(&self) -> bool {
        self.exchange().is_some() || self.linger.is_some()
    }

    /// When [`Client::timer`] must be called; nothing: not before something
    /// else happens.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let own = match &self.state {
            State::NoCarrier => None,
            State::Pausing { until } => Some(*until),
            State::Bound => self.held.as_ref().and_then(|held| {
                // A lease without end needs no renewal.
                held.expires().map(|_| held.since + held.lease.renew_after)
            }),
            _ => self.exchange().map(|exchange| exchange.next),
        };
        let expiry = self.held.as_ref().and_then(Held::expires);
        let linger = self.linger.map(|(_, until)| until);
        own.into_iter().chain(expiry).chain(linger).min()
    }

    /// The carrier came or went. After it came back the old address is asked
    /// for again, since the port may be on another network now; it stays in
    /// use until a server refuses it or gives another.
    pub fn carrier(&mut self, up: bool, moment: Moment) -> Vec<Action> {
        let was_up = !matches!(self.state, State::NoCarrier);
        if up == was_up {
            return vec![];
        }
        self.linger = None;
        if !up {
            self.state = State::NoCarrier;
            return vec![];
        }
        self.began = moment.now;
        self.naks = 0;
        let mut actions = self.expire(moment.now);
        actions.push(if self.held.is_some() {
            self.verify(first(moment), moment)
        } else {
            self.discover(first(moment), moment)
        });
        actions
    }

    /// Somebody else has the address: the server is told, and another one is
    /// asked for. An offered address counts as well: the server reads the
    /// REQUEST before the DECLINE, so it knows what is declined.
    pub fn decline(&mut self, address: Ipv4Addr, moment: Moment) -> Vec<Action> {
        let held = self.held.take_if(|held| held.lease.address == address);
        let lost = held.as_ref().map(|held| Action::Lost(held.lease.address));
        let offered = match &self.state {
            State::Requesting(_, offer) if offer.address == address => Some((**offer).clone()),
            _ => None,
        };
        let Some(lease) = offered.or(held.map(|held| held.lease)) else {
            return vec![];
        };
        let mut actions: Vec<Action> = lost.into_iter().collect();
        if matches!(self.state, State::NoCarrier) {
            return actions;
        }
        self.declined = self.declined.saturating_add(1);
        let pause = match self.declined {
            1 => Duration::ZERO,
            _ => AFTER_DECLINE,
        };
        self.state = State::Pausing {
            until: moment.now + pause,
        };
        actions.push(self.refuse(&lease, moment));
        actions
    }

    /// The deadline has passed.
    pub fn timer(&mut self, moment: Moment) -> Vec<Action> {
        self.linger = self.linger.filter(|(_, until)| *until > moment.now);
        let mut actions = self.expire(moment.now);
        if self.deadline().is_none_or(|deadline| deadline > moment.now) {
            return actions;
        }
        actions.push(match self.state.clone() {
            State::NoCarrier => return actions,
            State::Pausing { .. } => self.discover(first(moment), moment),
            State::Selecting(exchange) => self.discover(exchange, moment),
            State::Requesting(exchange, offer) => {
                if exchange.attempt < retry::REQUEST_ATTEMPTS {
                    self.request(exchange, offer, moment)
                } else {
                    self.shunned = Some(offer.server);
                    self.discover(first(moment), moment)
                }
            }
            State::Verifying(exchange) => {
                if exchange.attempt < retry::VERIFY_ATTEMPTS {
                    self.verify(exchange, moment)
                } else {
                    self.discover(first(moment), moment)
                }
            }
            State::Bound => self.prolong(first(moment), moment),
            State::Renewing(exchange) | State::Rebinding(exchange) => {
                self.prolong(exchange, moment)
            }
        });
        actions
    }

    /// A message arrived. What is not for this client, or makes no sense, is
    /// counted and changes nothing.
    pub fn receive(&mut self, received: &Received<'_>, moment: Moment) -> Vec<Action> {
        let Ok(message) = Message::decode(received.payload) else {
            self.ignored.malformed = self.ignored.malformed.saturating_add(1);
            return vec![];
        };
        let counter = if message.chaddr != self.mac {
            &mut self.ignored.other_client
        } else if message.op != BOOT_REPLY {
            &mut self.ignored.unexpected
        } else if message.kind == MessageType::Offer
            && self.linger.is_some_and(|(xid, _)| xid == message.xid)
        {
            self.note_other(&message, received.source);
            &mut self.ignored.unexpected
        } else if self.exchange().map(|exchange| exchange.xid) != Some(message.xid) {
            &mut self.ignored.other_exchange
        } else {
            return self.answer(&message, received, moment);
        };
        *counter = counter.saturating_add(1);
        vec![]
    }

    fn answer(
        &mut self,
        message: &Message,
        received: &Received<'_>,
        moment: Moment,
    ) -> Vec<Action> {
        let fits = match (&self.state, message.kind) {
            (State::Selecting(_), kind) => kind == MessageType::Offer,
            (State::Requesting(_, offer), MessageType::Nak) => {
                let server = message.options.address(code::SERVER_ID);
                server.unwrap_or(received.source) == offer.server
            }
            (_, kind) => matches!(kind, MessageType::Ack | MessageType::Nak),
        };
        if !fits {
            if message.kind == MessageType::Offer {
                self.note_other(message, received.source);
            }
            self.ignored.unexpected = self.ignored.unexpected.saturating_add(1);
            return vec![];
        }
        if message.kind == MessageType::Nak {
            return self.start_again(moment);
        }
        let lease = match Lease::read(message, received.source, received.hardware) {
            Ok(lease) => lease,
            Err(reason) => {
                let server = message.options.address(code::SERVER_ID);
                let server = server.unwrap_or(received.source);
                self.refused = Some(Refused { server, reason });
                self.ignored.malformed = self.ignored.malformed.saturating_add(1);
                return vec![];
            }
        };
        if message.kind == MessageType::Ack {
            vec![self.bound(lease, moment)]
        } else {
            self.offered(lease, moment)
        }
    }

    fn offered(&mut self, offer: Lease, moment: Moment) -> Vec<Action> {
        if self.shunned == Some(offer.server) {
            self.ignored.unexpected = self.ignored.unexpected.saturating_add(1);
            return vec![];
        }
        let xid = self
            .exchange()
            .map_or(moment.random, |exchange| exchange.xid);
        let exchange = Exchange {
            xid,
            ..first(moment)
        };
        vec![self.request(exchange, Box::new(offer), moment)]
    }

    /// Remembers a server whose offer is not taken.
    fn note_other(&mut self, message: &Message, source: Ipv4Addr) {
        let server = message.options.address(code::SERVER_ID).unwrap_or(source);
        let taken = match &self.state {
            State::Requesting(_, offer) => Some(offer.server),
            _ => self.held.as_ref().map(|held| held.lease.server),
        };
        if taken != Some(server) && !self.others.contains(&server) && self.others.len() < MAX_OTHERS
        {
            self.others.push(server);
        }
    }

    fn bound(&mut self, lease: Lease, moment: Moment) -> Action {
        if let State::Requesting(exchange, _) = &self.state {
            self.linger = Some((exchange.xid, moment.now + LINGER));
        }
        self.refused = None;
        let since = self.exchange().map_or(moment.now, |exchange| exchange.sent);
        self.naks = 0;
        self.shunned = None;
        self.state = State::Bound;
        self.held = Some(Held {
            lease: lease.clone(),
            since,
        });
        Action::Bound(Box::new(lease))
    }

    /// A server says no: the address, if any, is gone, and the search begins
    /// anew.
    fn start_again(&mut self, moment: Moment) -> Vec<Action> {
        let in_use = !matches!(self.state, State::Requesting(..));
        let lost = self.held.take_if(|_| in_use);
        self.naks = self.naks.saturating_add(1);
        self.state = State::Pausing {
            until: moment.now + retry::after_nak(self.naks, moment.random),
        };
        lost.map(|held| Action::Lost(held.lease.address))
            .into_iter()
            .collect()
    }

    /// Drops a lease that has ended.
    fn expire(&mut self, now: Duration) -> Vec<Action> {
        let ended = |held: &mut Held| held.expires().is_some_and(|end| end <= now);
        let Some(held) = self.held.take_if(ended) else {
            return vec![];
        };
        if matches!(
            self.state,
            State::Bound | State::Renewing(_) | State::Rebinding(_) | State::Verifying(_)
        ) {
            self.began = now;
            self.state = State::Pausing { until: now };
        }
        vec![Action::Lost(held.lease.address)]
    }

    fn exchange(&self) -> Option<&Exchange> {
        match &self.state {
            State::Selecting(exchange)
            | State::Requesting(exchange, _)
            | State::Verifying(exchange)
            | State::Renewing(exchange)
            | State::Rebinding(exchange) => Some(exchange),
            State::NoCarrier | State::Pausing { .. } | State::Bound => None,
        }
    }
}

/// A new exchange, nothing sent yet.
fn first(moment: Moment) -> Exchange {
    Exchange {
        xid: moment.random,
        attempt: 0,
        sent: moment.now,
        next: moment.now,
    }
}
