// SPDX-License-Identifier: Apache-2.0
//! The messages the client sends, each with the state it brings.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::{
    Action, BROADCAST_HARDWARE, Client, Exchange, MAX_MESSAGE, Moment, Outgoing, State,
    VENDOR_CLASS, WANTED, first,
};
use crate::network::dhcp4::lease::Lease;
use crate::network::dhcp4::message::{Message, MessageType};
use crate::network::dhcp4::options::code;
use crate::network::dhcp4::retry;

impl Client {
    pub(super) fn discover(&mut self, exchange: Exchange, moment: Moment) -> Action {
        let exchange = exchange.again(moment);
        self.linger = None;
        if exchange.attempt == 1 {
            self.others.clear();
        }
        if exchange.attempt > 2 {
            // Nobody else answered: better a slow server than none.
            self.shunned = None;
        }
        let mut message = self.message(MessageType::Discover, exchange, moment);
        message.broadcast = exchange.attempt >= retry::BROADCAST_FROM;
        self.state = State::Selecting(exchange);
        broadcast(message, Ipv4Addr::UNSPECIFIED)
    }

    pub(super) fn request(
        &mut self,
        exchange: Exchange,
        offer: Box<Lease>,
        moment: Moment,
    ) -> Action {
        let exchange = exchange.again(moment);
        let mut message = self.message(MessageType::Request, exchange, moment);
        message.broadcast = exchange.attempt >= retry::BROADCAST_FROM;
        message
            .options
            .set(code::REQUESTED_ADDRESS, offer.address.octets());
        message.options.set(code::SERVER_ID, offer.server.octets());
        self.state = State::Requesting(exchange, offer);
        broadcast(message, Ipv4Addr::UNSPECIFIED)
    }

    pub(super) fn verify(&mut self, exchange: Exchange, moment: Moment) -> Action {
        let exchange = exchange.again(moment);
        let mut message = self.message(MessageType::Request, exchange, moment);
        if let Some(held) = &self.held {
            let address = held.lease.address.octets();
            message.options.set(code::REQUESTED_ADDRESS, address);
        }
        self.state = State::Verifying(exchange);
        broadcast(message, Ipv4Addr::UNSPECIFIED)
    }

    /// Asks the own server until T2, then any server until the lease ends.
    pub(super) fn prolong(&mut self, exchange: Exchange, moment: Moment) -> Action {
        let Some(held) = self.held.clone() else {
            return self.discover(first(moment), moment);
        };
        let rebind_at = held.since + held.lease.rebind_after;
        let rebinding = moment.now >= rebind_at;
        let limit = if rebinding {
            held.expires().unwrap_or(Duration::MAX)
        } else {
            rebind_at
        };
        let mut exchange = exchange.again(moment);
        exchange.next = moment.now + retry::renewal(moment.now, limit);
        let mut message = self.message(MessageType::Request, exchange, moment);
        message.ciaddr = held.lease.address;
        if rebinding {
            self.state = State::Rebinding(exchange);
            return broadcast(message, held.lease.address);
        }
        self.state = State::Renewing(exchange);
        Action::Send(Box::new(Outgoing {
            message,
            source: held.lease.address,
            destination: held.lease.server,
            hardware: held.lease.server_hardware,
        }))
    }

    /// Says that somebody else has the address (RFC 2131 §4.4.4, table 5).
    pub(super) fn refuse(&self, lease: &Lease, moment: Moment) -> Action {
        let mut message = Message::request(MessageType::Decline, moment.random, self.mac);
        let options = &mut message.options;
        options.set(code::REQUESTED_ADDRESS, lease.address.octets());
        options.set(code::SERVER_ID, lease.server.octets());
        broadcast(message, Ipv4Addr::UNSPECIFIED)
    }

    pub(super) fn message(&self, kind: MessageType, exchange: Exchange, moment: Moment) -> Message {
        let mut message = Message::request(kind, exchange.xid, self.mac);
        message.options.set(code::VENDOR_CLASS, VENDOR_CLASS);
        let seconds = moment.now.saturating_sub(self.began).as_secs();
        message.secs = u16::try_from(seconds).unwrap_or(u16::MAX);
        message.options.set(code::PARAMETER_LIST, WANTED);
        message
            .options
            .set(code::MAX_SIZE, MAX_MESSAGE.to_be_bytes());
        message
    }
}

impl Exchange {
    /// The same exchange with its message sent once more.
    fn again(self, moment: Moment) -> Self {
        let attempt = self.attempt.saturating_add(1);
        Self {
            xid: self.xid,
            attempt,
            sent: moment.now,
            next: moment.now + retry::after(attempt, moment.random),
        }
    }
}

fn broadcast(message: Message, source: Ipv4Addr) -> Action {
    Action::Send(Box::new(Outgoing {
        message,
        source,
        destination: Ipv4Addr::BROADCAST,
        hardware: BROADCAST_HARDWARE,
    }))
}
