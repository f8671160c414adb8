// SPDX-License-Identifier: Apache-2.0
//! The client of one port as a state machine (RFC 8415 §18.2).
//!
//! It is told when the port can speak IPv6 (carrier and a link-local address)
//! and when it cannot, what arrives, that its deadline has passed and that
//! somebody else has its address; it answers with what to send and with what
//! has become of the lease. It never gives up.

mod answers;
mod questions;

use std::net::Ipv6Addr;
use std::time::Duration;

use bootconfig::MacAddr;

use crate::network::dhcp4::client::{Ignored, Moment};
use crate::network::dhcp6::lease::{Information, Lease6, Unusable6};
use crate::network::dhcp6::message::{MAX_XID, Message, duid};
use crate::network::dhcp6::options::code;
use crate::network::dhcp6::retry;

/// What servers are asked to tell.
const WANTED: [u16; 6] = [
    code::DNS_SERVERS,
    code::DOMAIN_LIST,
    code::NTP_SERVER,
    code::SNTP_SERVERS,
    code::SOL_MAX_RT,
    code::INF_MAX_RT,
];

/// A server's own limit for waits counts within these bounds (RFC 8415
/// §21.24).
const MAX_RT: std::ops::RangeInclusive<u32> = 60..=86_400;

/// The pause after the second address in a row that somebody else has; the
/// standard of DHCPv4 asks for ten seconds (RFC 2131 §3.1) and that of DHCPv6
/// for nothing.
const AFTER_DECLINE: Duration = Duration::from_secs(10);

/// What the client is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// An address and everything else.
    #[default]
    Stateful,
    /// Everything but an address: flag O without flag M.
    Stateless,
}

/// What a DHCPv6 client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dhcp6State {
    /// It is not used on this port, or no router wants it.
    #[default]
    Off,
    /// It waits for the carrier or for the port's link-local address.
    NoLink,
    /// It asks whether there is a server.
    Soliciting {
        /// How often it has asked.
        attempts: u32,
    },
    /// It takes an offer.
    Requesting {
        /// Where the offer came from.
        server: Ipv6Addr,
    },
    /// The link was away; it asks whether its address fits the network.
    Confirming,
    /// It has an address.
    Bound,
    /// It asks its server to prolong the lease.
    Renewing,
    /// Its server does not answer; it asks any server.
    Rebinding,
    /// It tells its server that somebody else has the address.
    Declining,
    /// It asks for DNS and NTP servers only.
    Informing {
        /// How often it has asked.
        attempts: u32,
    },
    /// It knows them.
    Informed,
}

/// A message that arrived on the port.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The sender's address.
    pub source: Ipv6Addr,
    /// The DHCPv6 message.
    pub payload: &'a [u8],
}

/// What the client wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send this to all servers and relays, `ff02::1:2`.
    Send(Box<Message>),
    /// This lease holds now: new, changed or prolonged.
    Bound(Box<Lease6>),
    /// The lease is over: the address must not be used any more.
    Lost(Ipv6Addr),
    /// This is what a server tells without giving an address.
    Informed(Box<Information>),
}

/// An answer without a usable address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused6 {
    /// Who answered.
    pub server: Ipv6Addr,
    /// What is wrong with it.
    pub reason: Unusable6,
}

/// A message that waits for an answer.
#[derive(Debug, Clone, Copy)]
struct Exchange {
    xid: u32,
    /// How often it was sent.
    attempt: u32,
    /// When first.
    began: Duration,
    /// When it is sent again.
    next: Duration,
}

/// An ADVERTISE that may be taken.
#[derive(Debug, Clone)]
struct Offer {
    lease: Lease6,
    preference: u8,
}

#[derive(Debug, Clone)]
enum State {
    NoLink,
    /// A short pause after a refusal.
    Pausing {
        until: Duration,
    },
    Soliciting(Exchange, Option<Box<Offer>>),
    Requesting(Exchange, Box<Lease6>),
    Confirming(Exchange),
    Bound,
    Renewing(Exchange),
    Rebinding(Exchange),
    Declining(Exchange, Box<Lease6>),
    Informing(Exchange),
    Informed {
        refresh: Option<Duration>,
    },
}

#[derive(Debug, Clone)]
struct Held {
    lease: Lease6,
    /// When it was asked for.
    since: Duration,
}

impl Held {
    fn at(&self, after: Option<Duration>) -> Option<Duration> {
        after.map(|after| self.since.saturating_add(after))
    }

    fn expires(&self) -> Option<Duration> {
        self.at(self.lease.valid)
    }
}

/// The client of one port.
#[derive(Debug, Clone)]
pub struct Client {
    mac: MacAddr,
    mode: Mode,
    state: State,
    held: Option<Held>,
    /// Refusals in a row.
    refusals: u32,
    /// Addresses in a row that somebody else had.
    declined: u32,
    /// A server that advertised and then did not give; others go first.
    shunned: Option<Vec<u8>>,
    /// The longest wait a server allows.
    limit: Option<Duration>,
    ignored: Ignored,
    refused: Option<Refused6>,
}

impl Client {
    /// A client that waits for the link.
    #[must_use]
    pub fn new(mac: MacAddr, mode: Mode) -> Self {
        Self {
            mac,
            mode,
            state: State::NoLink,
            held: None,
            refusals: 0,
            declined: 0,
            shunned: None,
            limit: None,
            ignored: Ignored::default(),
            refused: None,
        }
    }

    /// What it does, for the status.
    #[must_use]
    pub fn state(&self) -> Dhcp6State {
        match &self.state {
            State::NoLink => Dhcp6State::NoLink,
            State::Pausing { .. } => Dhcp6State::Soliciting { attempts: 0 },
            State::Soliciting(exchange, _) => Dhcp6State::Soliciting {
                attempts: exchange.attempt,
            },
            State::Requesting(_, offer) => Dhcp6State::Requesting {
                server: offer.server,
            },
            State::Confirming(_) => Dhcp6State::Confirming,
            State::Bound => Dhcp6State::Bound,
            State::Renewing(_) => Dhcp6State::Renewing,
            State::Rebinding(_) => Dhcp6State::Rebinding,
            State::Declining(..) => Dhcp6State::Declining,
            State::Informing(exchange) => Dhcp6State::Informing {
                attempts: exchange.attempt,
            },
            State::Informed { .. } => Dhcp6State::Informed,
        }
    }

    /// Answers it did not use.
    #[must_use]
    pub fn ignored(&self) -> Ignored {
        self.ignored
    }

    /// The last answer without a usable address; nothing once there is one.
    #[must_use]
    pub fn refused(&self) -> Option<Refused6> {
        self.refused
    }

    /// Whether it waits for an answer, so that the port must listen.
    #[must_use]
    pub fn listens(&self) -> bool {
        self.exchange().is_some()
    }

    /// When [`Client::timer`] must be called; nothing: not before something
    /// else happens.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let own = match &self.state {
            State::NoLink => None,
            State::Pausing { until } => Some(*until),
            State::Bound => {
                let held = self.held.as_ref();
                held.and_then(|held| held.at(held.lease.renew_after))
            }
            State::Informed { refresh } => *refresh,
            _ => self.exchange().map(|exchange| exchange.next),
        };
        let expiry = self.held.as_ref().and_then(Held::expires);
        own.into_iter().chain(expiry).min()
    }

    /// The port can speak IPv6 now, or cannot any more. Afterwards it is asked
    /// whether the old address fits the network (CONFIRM), since the port may
    /// be on another one; it stays in use meanwhile.
    pub fn link(&mut self, ready: bool, moment: Moment) -> Vec<Action> {
        let was_ready = !matches!(self.state, State::NoLink);
        if ready == was_ready {
            return vec![];
        }
        if !ready {
            self.state = State::NoLink;
            return vec![];
        }
        self.refusals = 0;
        let mut actions = self.expire(moment.now);
        actions.push(if self.held.is_some() {
            self.confirm(first(moment), moment)
        } else {
            self.begin(moment)
        });
        actions
    }

    /// Changes what the client is for, as router advertisements say. A lease is
    /// kept when no address is wanted any more: its own times end it.
    pub fn set_mode(&mut self, mode: Mode, moment: Moment) -> Vec<Action> {
        if mode == self.mode || self.held.is_some() {
            self.mode = mode;
            return vec![];
        }
        self.mode = mode;
        match self.state {
            State::NoLink => vec![],
            _ => vec![self.begin(moment)],
        }
    }

    /// Somebody else has the address: the server is told, and another one is
    /// asked for.
    pub fn decline(&mut self, address: Ipv6Addr, moment: Moment) -> Vec<Action> {
        let Some(held) = self.held.take_if(|held| held.lease.address == address) else {
            return vec![];
        };
        let mut actions = vec![Action::Lost(address)];
        if !matches!(self.state, State::NoLink) {
            self.declined = self.declined.saturating_add(1);
            actions.push(self.refuse(first(moment), Box::new(held.lease), moment));
        }
        actions
    }

    /// The deadline has passed.
    pub fn timer(&mut self, moment: Moment) -> Vec<Action> {
        let mut actions = self.expire(moment.now);
        if self.deadline().is_none_or(|deadline| deadline > moment.now) {
            return actions;
        }
        actions.extend(match self.state.clone() {
            State::NoLink => None,
            State::Pausing { .. } | State::Informed { .. } => Some(self.begin(moment)),
            State::Soliciting(exchange, None) => Some(self.solicit(exchange, moment)),
            State::Soliciting(_, Some(offer)) => {
                Some(self.request(first(moment), Box::new(offer.lease), moment))
            }
            State::Requesting(exchange, offer) => Some(self.request_again(exchange, offer, moment)),
            State::Confirming(exchange) if exchange.attempt < retry::CONFIRM_ATTEMPTS => {
                Some(self.confirm(exchange, moment))
            }
            State::Confirming(_) => {
                self.state = State::Bound;
                None
            }
            State::Bound => Some(self.prolong(first(moment), moment)),
            State::Renewing(exchange) | State::Rebinding(exchange) => {
                Some(self.prolong(exchange, moment))
            }
            State::Declining(exchange, lease) if exchange.attempt < retry::DECLINE_ATTEMPTS => {
                Some(self.refuse(exchange, lease, moment))
            }
            State::Declining(..) => {
                self.pause_after_decline(moment);
                None
            }
            State::Informing(exchange) => Some(self.inform(exchange, moment)),
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
        let own = duid(self.mac);
        let counter = if message.options.get(code::CLIENT_ID) != Some(own.as_slice()) {
            &mut self.ignored.other_client
        } else if self.exchange().map(|exchange| exchange.xid) != Some(message.xid) {
            &mut self.ignored.other_exchange
        } else if message
            .options
            .get(code::SERVER_ID)
            .is_none_or(<[u8]>::is_empty)
        {
            &mut self.ignored.malformed
        } else {
            return self.answer(&message, received.source, moment);
        };
        *counter = counter.saturating_add(1);
        vec![]
    }

    /// Drops a lease that has ended.
    fn expire(&mut self, now: Duration) -> Vec<Action> {
        let ended = |held: &mut Held| held.expires().is_some_and(|end| end <= now);
        let Some(held) = self.held.take_if(ended) else {
            return vec![];
        };
        if matches!(
            self.state,
            State::Bound | State::Renewing(_) | State::Rebinding(_) | State::Confirming(_)
        ) {
            self.state = State::Pausing { until: now };
        }
        vec![Action::Lost(held.lease.address)]
    }

    fn exchange(&self) -> Option<&Exchange> {
        match &self.state {
            State::Soliciting(exchange, _)
            | State::Requesting(exchange, _)
            | State::Confirming(exchange)
            | State::Renewing(exchange)
            | State::Rebinding(exchange)
            | State::Declining(exchange, _)
            | State::Informing(exchange) => Some(exchange),
            State::NoLink | State::Pausing { .. } | State::Bound | State::Informed { .. } => None,
        }
    }
}

/// A new exchange, nothing sent yet.
fn first(moment: Moment) -> Exchange {
    Exchange {
        xid: moment.random & MAX_XID,
        attempt: 0,
        began: moment.now,
        next: moment.now,
    }
}
