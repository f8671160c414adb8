// SPDX-License-Identifier: Apache-2.0
//! The BGP session of one port, as a state machine (RFC 4271 §8).
//!
//! Both sides connect and both accept; which of two connections stays is
//! decided by the identifiers (§6.8). Besides the RFC's states there are two
//! before them: no carrier, and no neighbour heard yet. "Idle" and "Active" are
//! one here: a retry is due, and a connection is accepted meanwhile.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::message::{self, Message, Open, Update};
use super::notification::Notification;
use super::prefix::Prefix;
use super::problem::Problem;
use super::rib::Path;
use super::status::SessionState;
use crate::network::dhcp4::Moment;

/// Seconds without a message after which the neighbour counts as gone; the
/// smaller one of both sides' is used. FRR proposes 180 or, with its profile
/// for data centres, 9. A dead switch is noticed by the carrier; this time is
/// for one that hangs, and must not end a session only because an image is
/// written at full speed.
pub const HOLD_TIME: u16 = 30;

/// How long the neighbour may take to introduce itself.
pub const OPEN_WAIT: Duration = Duration::from_secs(30);

/// How long a connection may take to come up.
pub const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// Pause before the second attempt; it doubles up to [`LONGEST_PAUSE`].
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause between two attempts, that of OSISM's image.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A session that lasted so long ends the doubling of pauses.
const PROVEN: Duration = Duration::from_secs(30);

/// What all sessions of this machine have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaker {
    /// Our autonomous system.
    pub asn: u32,
    /// Our identifier.
    pub id: Ipv4Addr,
    /// The addresses that are announced.
    pub own: Vec<IpAddr>,
    /// Addresses whose networks are imported beside default routes.
    pub hosts: Vec<IpAddr>,
}

impl Speaker {
    /// Whether a route to this network is wanted: a default route, or one that
    /// leads to an address the settings name. A fabric announces every host of
    /// a data centre; nothing of that would help this machine.
    #[must_use]
    pub fn wants(&self, prefix: Prefix) -> bool {
        let leads_home = self.own.iter().any(|own| Prefix::host(*own) == prefix);
        let named = self.hosts.iter().any(|host| prefix.contains(*host));
        !leads_home && (prefix.is_default() || named)
    }
}

/// Who opened a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// We did.
    Outgoing,
    /// The neighbour did.
    Incoming,
}

impl Direction {
    fn other(self) -> Self {
        match self {
            Self::Outgoing => Self::Incoming,
            Self::Incoming => Self::Outgoing,
        }
    }
}

/// What shall be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Open a connection to the neighbour; one that is being opened is given
    /// up.
    Connect(Ipv6Addr),
    /// Send these bytes.
    Send(Direction, Vec<u8>),
    /// Close this connection, or stop opening it.
    Close(Direction),
    /// [`Session::paths`] has changed.
    PathsChanged,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    OpenSent,
    OpenConfirm,
    Established { since: Duration },
}

#[derive(Debug, Clone)]
struct Connection {
    state: State,
    /// Our address on it.
    local: Ipv6Addr,
    stream: Vec<u8>,
    peer: Option<Open>,
    /// Both are never, if the hold time was agreed to be 0.
    hold: Option<Duration>,
    keepalive: Option<Duration>,
}

/// One port's session.
#[derive(Debug, Clone)]
pub struct Session {
    speaker: Speaker,
    carrier: bool,
    neighbour: Option<Ipv6Addr>,
    connections: BTreeMap<Direction, Connection>,
    /// Until when a connection may take to come up.
    connecting: Option<Duration>,
    /// When the next attempt is due.
    retry: Option<Duration>,
    /// Attempts in a row that came to nothing.
    failures: u32,
    paths: BTreeMap<Prefix, Path>,
    problem: Option<Problem>,
}

impl Session {
    /// A session on a port without carrier.
    #[must_use]
    pub fn new(speaker: Speaker) -> Self {
        Self {
            speaker,
            carrier: false,
            neighbour: None,
            connections: BTreeMap::new(),
            connecting: None,
            retry: None,
            failures: 0,
            paths: BTreeMap::new(),
            problem: None,
        }
    }

    /// How far it is.
    #[must_use]
    pub fn state(&self) -> SessionState {
        let furthest = self.connections.values().map(|connection| connection.state);
        let furthest = furthest.max_by_key(|state| match state {
            State::OpenSent => 0,
            State::OpenConfirm => 1,
            State::Established { .. } => 2,
        });
        match furthest {
            _ if !self.carrier => SessionState::NoCarrier,
            Some(State::Established { .. }) => SessionState::Established,
            Some(State::OpenConfirm) => SessionState::OpenConfirm,
            Some(State::OpenSent) => SessionState::OpenSent,
            None if self.neighbour.is_none() => SessionState::NoNeighbour,
            None if self.connecting.is_some() => SessionState::Connect,
            None => SessionState::Active,
        }
    }

    /// The neighbour's link-local address, once it was heard.
    #[must_use]
    pub fn neighbour(&self) -> Option<Ipv6Addr> {
        self.neighbour
    }

    /// What the neighbour said of itself, while the session is established.
    #[must_use]
    pub fn peer(&self) -> Option<Open> {
        let established = self.connections.values().find(|one| one.is_established());
        established.and_then(|connection| connection.peer)
    }

    /// The ways it gave us.
    #[must_use]
    pub fn paths(&self) -> &BTreeMap<Prefix, Path> {
        &self.paths
    }

    /// Why the last attempt came to nothing; nothing while the session is
    /// established.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }

    /// When [`Session::timer`] must be called at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let of_connections = self
            .connections
            .values()
            .flat_map(|connection| [connection.hold, connection.keepalive]);
        of_connections
            .chain([self.connecting, self.retry])
            .flatten()
            .min()
    }

    /// The carrier came or went. Without it everything that was heard is gone
    /// at once.
    pub fn carrier(&mut self, up: bool) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.carrier != up {
            self.carrier = up;
            self.neighbour = None;
            self.problem = None;
            self.failures = 0;
            self.drop_everything(&mut actions);
        }
        actions
    }

    /// An advertisement came from this address. A neighbour that is talked to
    /// stays; otherwise the latest one counts.
    pub fn heard(&mut self, address: Ipv6Addr, moment: Moment) -> Vec<Action> {
        let known = self.neighbour == Some(address);
        if !self.carrier || known || !self.connections.is_empty() {
            return Vec::new();
        }
        self.neighbour = Some(address);
        self.failures = 0;
        self.connect(moment)
    }

    /// A connection is up, between these addresses. One from anybody but the
    /// neighbour is closed.
    pub fn connected(
        &mut self,
        direction: Direction,
        local: Ipv6Addr,
        remote: Ipv6Addr,
        moment: Moment,
    ) -> Vec<Action> {
        let heard = *self.neighbour.get_or_insert(remote);
        let busy = self.connections.contains_key(&direction) || self.is_established();
        if !self.carrier || heard != remote || busy {
            return vec![Action::Close(direction)];
        }
        if direction == Direction::Outgoing {
            self.connecting = None;
        }
        self.retry = None;
        let connection = Connection {
            state: State::OpenSent,
            local,
            stream: Vec::new(),
            peer: None,
            hold: Some(moment.now + OPEN_WAIT),
            keepalive: None,
        };
        self.connections.insert(direction, connection);
        let mut actions = Vec::new();
        let open = message::open(self.speaker.asn, self.speaker.id, HOLD_TIME);
        self.send(direction, open, moment, &mut actions);
        actions
    }

    /// Our attempt to connect failed.
    pub fn connect_failed(&mut self, problem: Problem, moment: Moment) -> Vec<Action> {
        if self.connecting.take().is_some() {
            self.failed(problem, moment);
        }
        Vec::new()
    }

    /// Says better why the last attempt came to nothing.
    pub fn explain(&mut self, problem: Problem) {
        if self.problem.is_some() {
            self.problem = Some(problem);
        }
    }

    /// The other end closed a connection, or TCP gave up.
    pub fn closed(&mut self, direction: Direction, moment: Moment) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.connections.contains_key(&direction) {
            self.end(direction, Problem::Closed, moment, &mut actions);
        }
        actions
    }

    /// Bytes arrived.
    pub fn received(&mut self, direction: Direction, bytes: &[u8], moment: Moment) -> Vec<Action> {
        let mut actions = Vec::new();
        if let Some(connection) = self.connections.get_mut(&direction) {
            connection.stream.extend_from_slice(bytes);
        }
        while let Some(connection) = self.connections.get_mut(&direction) {
            match message::first(&mut connection.stream) {
                Ok(Some(bytes)) => {
                    let read = message::read(&bytes);
                    self.message(direction, read, moment, &mut actions);
                }
                Ok(None) => break,
                Err(refusal) => self.refuse(direction, refusal, moment, &mut actions),
            }
        }
        actions
    }

    /// Does what is due.
    pub fn timer(&mut self, moment: Moment) -> Vec<Action> {
        let now = moment.now;
        let due = |at: Option<Duration>| at.is_some_and(|at| at <= now);
        let mut actions = Vec::new();
        for direction in [Direction::Outgoing, Direction::Incoming] {
            let Some(connection) = self.connections.get_mut(&direction) else {
                continue;
            };
            if due(connection.hold) {
                let refusal = Notification::new(Notification::HOLD_TIME);
                self.refuse(direction, refusal, moment, &mut actions);
            } else if due(connection.keepalive) {
                connection.keepalive = connection.interval().map(|interval| now + interval);
                actions.push(Action::Send(direction, message::keepalive()));
            }
        }
        if due(self.connecting) {
            self.connecting = None;
            actions.push(Action::Close(Direction::Outgoing));
            self.failed(Problem::Unanswered, moment);
        }
        if due(self.retry) {
            actions.extend(self.connect(moment));
        }
        actions
    }

    /// This machine goes away, and says so.
    pub fn stop(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        let shutdown = Notification::new(Notification::SHUTDOWN);
        for direction in self.connections.keys() {
            actions.push(Action::Send(*direction, message::notification(&shutdown)));
        }
        self.carrier = false;
        self.drop_everything(&mut actions);
        actions
    }

    fn is_established(&self) -> bool {
        self.connections.values().any(Connection::is_established)
    }

    fn connect(&mut self, moment: Moment) -> Vec<Action> {
        self.retry = None;
        let Some(neighbour) = self.neighbour else {
            return Vec::new();
        };
        self.connecting = Some(moment.now + CONNECT_WAIT);
        vec![Action::Connect(neighbour)]
    }

    fn drop_everything(&mut self, actions: &mut Vec<Action>) {
        if self.connecting.take().is_some() {
            actions.push(Action::Close(Direction::Outgoing));
        }
        let open = std::mem::take(&mut self.connections);
        actions.extend(open.into_keys().map(Action::Close));
        self.retry = None;
        self.forget_paths(actions);
    }

    fn forget_paths(&mut self, actions: &mut Vec<Action>) {
        if !self.paths.is_empty() {
            self.paths.clear();
            actions.push(Action::PathsChanged);
        }
    }

    /// Notes why an attempt came to nothing and when the next one is due.
    fn failed(&mut self, problem: Problem, moment: Moment) {
        self.problem = Some(problem);
        if self.connections.is_empty() && self.connecting.is_none() {
            let doubled = FIRST_PAUSE.saturating_mul(1 << self.failures.min(10));
            let pause = jittered(doubled.min(LONGEST_PAUSE), moment.random);
            self.failures = self.failures.saturating_add(1);
            self.retry = Some(moment.now + pause);
        }
    }

    /// A connection is over.
    fn end(
        &mut self,
        direction: Direction,
        problem: Problem,
        moment: Moment,
        actions: &mut Vec<Action>,
    ) {
        actions.push(Action::Close(direction));
        let Some(connection) = self.connections.remove(&direction) else {
            return;
        };
        if let State::Established { since } = connection.state {
            if moment.now.saturating_sub(since) >= PROVEN {
                self.failures = 0;
            }
            self.forget_paths(actions);
        }
        self.failed(problem, moment);
    }

    /// Ends a connection and says why.
    fn refuse(
        &mut self,
        direction: Direction,
        refusal: Notification,
        moment: Moment,
        actions: &mut Vec<Action>,
    ) {
        let bytes = message::notification(&refusal);
        actions.push(Action::Send(direction, bytes));
        self.end(direction, Problem::Sent(refusal), moment, actions);
    }

    /// Sends a message, or ends the connection if it could not be written.
    fn send(
        &mut self,
        direction: Direction,
        message: Result<Vec<u8>, String>,
        moment: Moment,
        actions: &mut Vec<Action>,
    ) {
        match message {
            Ok(bytes) => actions.push(Action::Send(direction, bytes)),
            Err(words) => self.end(direction, Problem::Unwritable(words), moment, actions),
        }
    }

    fn message(
        &mut self,
        direction: Direction,
        read: Result<Message, Notification>,
        moment: Moment,
        actions: &mut Vec<Action>,
    ) {
        let Some(connection) = self.connections.get_mut(&direction) else {
            return;
        };
        let misplaced = match connection.state {
            State::OpenSent => Notification::NOT_IN_OPEN_SENT,
            State::OpenConfirm => Notification::NOT_IN_OPEN_CONFIRM,
            State::Established { .. } => Notification::NOT_IN_ESTABLISHED,
        };
        match (connection.state, read) {
            (_, Err(refusal)) => self.refuse(direction, refusal, moment, actions),
            (_, Ok(Message::Notification(reason))) => {
                self.end(direction, Problem::Received(reason), moment, actions);
            }
            (State::OpenSent, Ok(Message::Open(open))) => {
                self.opened(direction, open, moment, actions);
            }
            (State::OpenConfirm, Ok(Message::Keepalive)) => {
                connection.state = State::Established { since: moment.now };
                connection.heard_at(moment.now);
                self.establish(direction, moment, actions);
            }
            (State::Established { .. }, Ok(Message::Keepalive)) => {
                connection.heard_at(moment.now);
            }
            (State::Established { .. }, Ok(Message::Update(update))) => {
                connection.heard_at(moment.now);
                let remote = self.neighbour;
                if self.learn(update, remote) {
                    actions.push(Action::PathsChanged);
                }
            }
            (State::Established { .. }, Ok(Message::RouteRefresh)) => {
                connection.heard_at(moment.now);
                self.announce(direction, moment, actions);
            }
            (_, Ok(_)) => {
                let refusal = Notification::new(misplaced);
                self.refuse(direction, refusal, moment, actions);
            }
        }
    }

    /// The neighbour has introduced itself.
    fn opened(
        &mut self,
        direction: Direction,
        open: Open,
        moment: Moment,
        actions: &mut Vec<Action>,
    ) {
        if let Some(refusal) = self.objection(&open) {
            return self.refuse(direction, refusal, moment, actions);
        }
        if let Some(loser) = self.loser(direction, &open) {
            let collision = Notification::new(Notification::COLLISION);
            actions.push(Action::Send(loser, message::notification(&collision)));
            actions.push(Action::Close(loser));
            self.connections.remove(&loser);
            if loser == direction {
                return;
            }
        }
        let Some(connection) = self.connections.get_mut(&direction) else {
            return;
        };
        connection.peer = Some(open);
        connection.state = State::OpenConfirm;
        connection.heard_at(moment.now);
        connection.keepalive = connection.interval().map(|interval| moment.now + interval);
        actions.push(Action::Send(direction, message::keepalive()));
    }

    /// Why we do not speak with such a neighbour.
    fn objection(&self, open: &Open) -> Option<Notification> {
        const FOUR_OCTETS: u8 = 65;
        let asn = self.speaker.asn.to_be_bytes();
        if !open.four_octets {
            // Our number has no two-octet form, and every switch made since
            // 2012 knows the long one.
            let [a, b, c, d] = asn;
            let capability = [FOUR_OCTETS, 4, a, b, c, d];
            let missing = Notification::MISSING_CAPABILITY;
            return Some(Notification::with(missing, &capability));
        }
        if open.asn == self.speaker.asn || open.asn == 0 {
            let theirs = open.asn.to_be_bytes();
            return Some(Notification::with(Notification::BAD_PEER_AS, &theirs));
        }
        if open.id == self.speaker.id {
            let theirs = open.id.octets();
            return Some(Notification::with(Notification::BAD_IDENTIFIER, &theirs));
        }
        None
    }

    /// Of two connections with the same neighbour, the one to close: an
    /// established one stays, else the one opened by the side with the larger
    /// identifier (RFC 4271 §6.8).
    fn loser(&self, direction: Direction, open: &Open) -> Option<Direction> {
        let other = self.connections.get(&direction.other())?;
        match other.state {
            State::OpenSent => None,
            State::Established { .. } => Some(direction),
            State::OpenConfirm if self.speaker.id > open.id => Some(Direction::Incoming),
            State::OpenConfirm => Some(Direction::Outgoing),
        }
    }

    fn establish(&mut self, direction: Direction, moment: Moment, actions: &mut Vec<Action>) {
        let other = direction.other();
        if self.connections.remove(&other).is_some() {
            let collision = Notification::new(Notification::COLLISION);
            actions.push(Action::Send(other, message::notification(&collision)));
            actions.push(Action::Close(other));
        }
        if self.connecting.take().is_some() {
            actions.push(Action::Close(Direction::Outgoing));
        }
        self.retry = None;
        self.problem = None;
        self.announce(direction, moment, actions);
    }

    fn announce(&mut self, direction: Direction, moment: Moment, actions: &mut Vec<Action>) {
        for own in self.speaker.own.clone() {
            let Some(connection) = self.connections.get(&direction) else {
                return;
            };
            let understood = connection.peer.is_some_and(|peer| match own {
                IpAddr::V4(_) => peer.ipv4,
                IpAddr::V6(_) => peer.ipv6,
            });
            if understood {
                let update = message::announce(self.speaker.asn, own, connection.local);
                self.send(direction, update, moment, actions);
            }
        }
    }

    /// Takes routes in. Says whether anything is different now.
    fn learn(&mut self, update: Update, neighbour: Option<Ipv6Addr>) -> bool {
        let before = self.paths.clone();
        for prefix in update.withdrawn {
            self.paths.remove(&prefix);
        }
        let numbers = || update.path.iter().flat_map(|segment| &segment.numbers);
        let looped = numbers().any(|number| *number == self.speaker.asn);
        let length = update.path.iter().fold(0_u32, |length, segment| {
            let counts = if segment.set {
                1
            } else {
                segment.numbers.len()
            };
            length.saturating_add(u32::try_from(counts).unwrap_or(u32::MAX))
        });
        for (prefix, next_hop) in update.reached {
            // On a cable with two ends the next hop can only be the neighbour.
            match next_hop.or(neighbour) {
                Some(next_hop) if !looped && self.speaker.wants(prefix) => {
                    self.paths.insert(prefix, Path { length, next_hop });
                }
                // A new way replaces the old one even if it is of no use.
                _ => {
                    self.paths.remove(&prefix);
                }
            }
        }
        before != self.paths
    }
}

impl Connection {
    fn is_established(&self) -> bool {
        matches!(self.state, State::Established { .. })
    }

    /// The agreed hold time; nothing if it is 0.
    fn hold_time(&self) -> Option<Duration> {
        let theirs = self.peer.map_or(HOLD_TIME, |peer| peer.hold_time);
        let agreed = theirs.min(HOLD_TIME);
        (agreed > 0).then(|| Duration::from_secs(agreed.into()))
    }

    /// The pause between two KEEPALIVEs (RFC 4271 §4.4).
    fn interval(&self) -> Option<Duration> {
        self.hold_time().map(|hold| hold / 3)
    }

    fn heard_at(&mut self, now: Duration) {
        self.hold = self.hold_time().map(|hold| now + hold);
    }
}

/// Up to a quarter less (RFC 4271 §10).
#[must_use]
pub fn jittered(pause: Duration, random: u32) -> Duration {
    let part = pause / 4;
    let share = f64::from(random) / f64::from(u32::MAX);
    pause - part.mul_f64(share)
}
