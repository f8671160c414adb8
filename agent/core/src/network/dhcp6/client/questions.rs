// SPDX-License-Identifier: Apache-2.0
//! The messages the client sends, each with the state it brings.

use std::net::Ipv6Addr;
use std::time::Duration;

use super::{Action, Client, Exchange, Mode, State, WANTED, first};
use crate::network::dhcp4::client::Moment;
use crate::network::dhcp6::lease::Lease6;
use crate::network::dhcp6::message::{Message, MessageType, duid, iaid};
use crate::network::dhcp6::options::{Options, code};
use crate::network::dhcp6::retry;

impl Client {
    pub(super) fn begin(&mut self, moment: Moment) -> Action {
        match self.mode {
            Mode::Stateful => self.solicit(first(moment), moment),
            Mode::Stateless => self.inform(first(moment), moment),
        }
    }

    pub(super) fn solicit(&mut self, exchange: Exchange, moment: Moment) -> Action {
        let exchange = self.again(exchange, moment);
        if exchange.attempt > 2 {
            // Nobody else answered: better a slow server than none.
            self.shunned = None;
        }
        let mut options = self.question(exchange, moment);
        options.push(code::RAPID_COMMIT, []);
        options.push(code::IA_NA, self.association(None));
        self.state = State::Soliciting(exchange, None);
        send(MessageType::Solicit, exchange, options)
    }

    pub(super) fn request(
        &mut self,
        exchange: Exchange,
        offer: Box<Lease6>,
        moment: Moment,
    ) -> Action {
        let exchange = self.again(exchange, moment);
        let mut options = self.question(exchange, moment);
        options.push(code::SERVER_ID, offer.server_id.clone());
        options.push(code::IA_NA, self.association(Some(offer.address)));
        self.state = State::Requesting(exchange, offer);
        send(MessageType::Request, exchange, options)
    }

    pub(super) fn request_again(
        &mut self,
        exchange: Exchange,
        offer: Box<Lease6>,
        moment: Moment,
    ) -> Action {
        if exchange.attempt < retry::REQUEST_ATTEMPTS {
            return self.request(exchange, offer, moment);
        }
        self.shunned = Some(offer.server_id);
        self.solicit(first(moment), moment)
    }

    pub(super) fn confirm(&mut self, exchange: Exchange, moment: Moment) -> Action {
        let exchange = self.again(exchange, moment);
        let mut options = self.options(exchange, moment);
        let address = self.held.as_ref().map(|held| held.lease.address);
        options.push(code::IA_NA, self.association(address));
        self.state = State::Confirming(exchange);
        send(MessageType::Confirm, exchange, options)
    }

    /// Asks the own server until T2, then any server until the lease ends.
    pub(super) fn prolong(&mut self, exchange: Exchange, moment: Moment) -> Action {
        let Some(held) = self.held.clone() else {
            return self.begin(moment);
        };
        let rebind_at = held.at(held.lease.rebind_after);
        let rebinding = rebind_at.is_some_and(|at| moment.now >= at);
        // REBIND is an exchange of its own.
        let exchange = match self.state {
            State::Renewing(_) if rebinding => first(moment),
            _ => exchange,
        };
        let mut exchange = self.again(exchange, moment);
        let limit = if rebinding { held.expires() } else { rebind_at };
        let left = limit.map_or(Duration::MAX, |limit| limit.saturating_sub(moment.now));
        exchange.next =
            moment
                .now
                .saturating_add(retry::renewal(exchange.attempt, left, moment.random));
        let mut options = self.question(exchange, moment);
        if !rebinding {
            options.push(code::SERVER_ID, held.lease.server_id);
        }
        options.push(code::IA_NA, self.association(Some(held.lease.address)));
        let (state, kind) = match rebinding {
            true => (State::Rebinding(exchange), MessageType::Rebind),
            false => (State::Renewing(exchange), MessageType::Renew),
        };
        self.state = state;
        send(kind, exchange, options)
    }

    pub(super) fn refuse(
        &mut self,
        exchange: Exchange,
        lease: Box<Lease6>,
        moment: Moment,
    ) -> Action {
        let exchange = self.again(exchange, moment);
        let mut options = self.options(exchange, moment);
        options.push(code::SERVER_ID, lease.server_id.clone());
        options.push(code::IA_NA, self.association(Some(lease.address)));
        self.state = State::Declining(exchange, lease);
        send(MessageType::Decline, exchange, options)
    }

    pub(super) fn inform(&mut self, exchange: Exchange, moment: Moment) -> Action {
        let exchange = self.again(exchange, moment);
        let options = self.question(exchange, moment);
        self.state = State::Informing(exchange);
        send(MessageType::InformationRequest, exchange, options)
    }

    /// The same exchange with its message sent once more.
    pub(super) fn again(&self, exchange: Exchange, moment: Moment) -> Exchange {
        let attempt = exchange.attempt.saturating_add(1);
        Exchange {
            attempt,
            next: moment.now + retry::after(attempt, self.limit, moment.random),
            ..exchange
        }
    }

    /// What every message of this client has that asks for more than a yes.
    pub(super) fn question(&self, exchange: Exchange, moment: Moment) -> Options {
        let mut options = self.options(exchange, moment);
        let mut wanted: Vec<u8> = WANTED.iter().flat_map(|code| code.to_be_bytes()).collect();
        if self.mode == Mode::Stateless {
            wanted.extend(code::INFORMATION_REFRESH_TIME.to_be_bytes());
        }
        options.push(code::OPTION_REQUEST, wanted);
        options
    }

    /// What every message of this client has.
    pub(super) fn options(&self, exchange: Exchange, moment: Moment) -> Options {
        let mut options = Options::default();
        options.push(code::CLIENT_ID, duid(self.mac));
        let hundredths = moment.now.saturating_sub(exchange.began).as_millis() / 10;
        let hundredths = u16::try_from(hundredths).unwrap_or(u16::MAX);
        options.push(code::ELAPSED_TIME, hundredths.to_be_bytes());
        options
    }

    /// The port's IA_NA, with an address in it or empty. Times are the
    /// server's business and so zero (RFC 8415 §21.4).
    pub(super) fn association(&self, address: Option<Ipv6Addr>) -> Vec<u8> {
        let mut bytes = iaid(self.mac).to_vec();
        bytes.extend([0; 8]);
        if let Some(address) = address {
            let mut value = address.octets().to_vec();
            value.extend([0; 8]);
            let mut inside = Options::default();
            inside.push(code::IA_ADDRESS, value);
            bytes.extend(inside.write());
        }
        bytes
    }
}

fn send(kind: MessageType, exchange: Exchange, options: Options) -> Action {
    Action::Send(Box::new(Message {
        kind,
        xid: exchange.xid,
        options,
    }))
}
