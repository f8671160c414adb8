// SPDX-License-Identifier: Apache-2.0
//! What the client makes of a server's answer, by state.

use std::net::Ipv6Addr;
use std::time::Duration;

use super::{AFTER_DECLINE, Action, Client, Held, MAX_RT, Mode, Offer, Refused6, State, first};
use crate::network::dhcp4::client::Moment;
use crate::network::dhcp4::retry::after_nak;
use crate::network::dhcp6::lease::{Information, Lease6, Unusable6};
use crate::network::dhcp6::message::{Message, MessageType, StatusCode, iaid};
use crate::network::dhcp6::options::{Options, code};
use crate::network::dhcp6::retry;

impl Client {
    pub(super) fn answer(
        &mut self,
        message: &Message,
        server: Ipv6Addr,
        moment: Moment,
    ) -> Vec<Action> {
        self.obey_limit(&message.options);
        let rapid = message.options.get(code::RAPID_COMMIT).is_some();
        match (self.state.clone(), message.kind) {
            (State::Soliciting(..), MessageType::Advertise) => {
                self.advertised(message, server, moment)
            }
            (State::Soliciting(..), MessageType::Reply) if rapid => {
                self.replied(message, server, moment)
            }
            (State::Requesting(..), MessageType::Reply) => self.replied(message, server, moment),
            (State::Renewing(_) | State::Rebinding(_), MessageType::Reply) => {
                self.prolonged(message, server, moment)
            }
            (State::Confirming(_), MessageType::Reply) => self.confirmed(message, moment),
            (State::Declining(..), MessageType::Reply) => {
                self.pause_after_decline(moment);
                vec![]
            }
            (State::Informing(_), MessageType::Reply) => self.informed(message, moment),
            _ => {
                self.ignored.unexpected = self.ignored.unexpected.saturating_add(1);
                vec![]
            }
        }
    }

    /// The first offer is taken a moment later, unless a better one comes
    /// until then; one that wants to be taken at once (preference 255) is.
    pub(super) fn advertised(
        &mut self,
        message: &Message,
        server: Ipv6Addr,
        moment: Moment,
    ) -> Vec<Action> {
        let Some(lease) = self.usable(message, server) else {
            return vec![];
        };
        if self.shunned.as_ref() == Some(&lease.server_id) {
            self.ignored.unexpected = self.ignored.unexpected.saturating_add(1);
            return vec![];
        }
        let preference = message.options.byte(code::PREFERENCE).unwrap_or(0);
        if preference == u8::MAX {
            return vec![self.request(first(moment), Box::new(lease), moment)];
        }
        if let State::Soliciting(exchange, best) = &mut self.state {
            if best.is_none() {
                exchange.next = moment.now + retry::BETTER_OFFER;
            }
            if best
                .as_ref()
                .is_none_or(|best| preference > best.preference)
            {
                *best = Some(Box::new(Offer { lease, preference }));
            }
        }
        vec![]
    }

    /// The answer to a REQUEST, or to a SOLICIT whose server commits at once.
    pub(super) fn replied(
        &mut self,
        message: &Message,
        server: Ipv6Addr,
        moment: Moment,
    ) -> Vec<Action> {
        if let Some(lease) = self.usable(message, server) {
            return self.bound(lease, moment);
        }
        let id = message.options.get(code::SERVER_ID).unwrap_or_default();
        self.shunned = Some(id.to_vec());
        self.start_again(moment)
    }

    pub(super) fn prolonged(
        &mut self,
        message: &Message,
        server: Ipv6Addr,
        moment: Moment,
    ) -> Vec<Action> {
        let read = Lease6::read(message, server, iaid(self.mac));
        match (read, self.held.clone()) {
            (Ok(lease), _) => self.bound(lease, moment),
            // The server has forgotten the address: it is asked for anew
            // (RFC 8415 §18.2.10.1).
            (Err(Unusable6::Refused(StatusCode::NoBinding)), Some(held)) => {
                let id = message.options.get(code::SERVER_ID).unwrap_or_default();
                let lease = Lease6 {
                    server,
                    server_id: id.to_vec(),
                    ..held.lease
                };
                vec![self.request(first(moment), Box::new(lease), moment)]
            }
            // No time left: the server takes it back.
            (Err(reason @ Unusable6::NoTime(address)), Some(held))
                if held.lease.address == address =>
            {
                self.refused = Some(Refused6 { server, reason });
                self.give_up(moment)
            }
            (Err(reason @ Unusable6::Refused(StatusCode::NotOnLink)), Some(_)) => {
                self.refused = Some(Refused6 { server, reason });
                self.give_up(moment)
            }
            (Err(reason), _) => {
                self.refused = Some(Refused6 { server, reason });
                vec![]
            }
        }
    }

    pub(super) fn confirmed(&mut self, message: &Message, moment: Moment) -> Vec<Action> {
        if StatusCode::of(&message.options) == StatusCode::NotOnLink {
            return self.give_up(moment);
        }
        self.state = State::Bound;
        vec![]
    }

    pub(super) fn informed(&mut self, message: &Message, moment: Moment) -> Vec<Action> {
        let information = Information::read(&message.options);
        let refresh = information.refresh_after;
        self.state = State::Informed {
            refresh: refresh.map(|after| moment.now.saturating_add(after)),
        };
        vec![Action::Informed(Box::new(information))]
    }

    /// The lease of an answer; without one the reason is kept.
    pub(super) fn usable(&mut self, message: &Message, server: Ipv6Addr) -> Option<Lease6> {
        match Lease6::read(message, server, iaid(self.mac)) {
            Ok(lease) => Some(lease),
            Err(reason) => {
                self.refused = Some(Refused6 { server, reason });
                self.ignored.malformed = self.ignored.malformed.saturating_add(1);
                None
            }
        }
    }

    pub(super) fn bound(&mut self, lease: Lease6, moment: Moment) -> Vec<Action> {
        let asked = self
            .exchange()
            .map_or(moment.now, |exchange| exchange.began);
        let before = self.held.as_ref().map(|held| held.lease.address);
        self.refusals = 0;
        self.shunned = None;
        self.refused = None;
        self.state = State::Bound;
        self.held = Some(Held {
            lease: lease.clone(),
            since: asked,
        });
        let lost = before.filter(|before| *before != lease.address);
        lost.map(Action::Lost)
            .into_iter()
            .chain([Action::Bound(Box::new(lease))])
            .collect()
    }

    /// The address is gone, and the search begins anew.
    pub(super) fn give_up(&mut self, moment: Moment) -> Vec<Action> {
        let lost = self.held.take();
        let mut actions: Vec<Action> = lost
            .map(|held| Action::Lost(held.lease.address))
            .into_iter()
            .collect();
        actions.extend(self.start_again(moment));
        actions
    }

    /// A server says no. An address that is held is kept until it ends.
    pub(super) fn start_again(&mut self, moment: Moment) -> Vec<Action> {
        self.refusals = self.refusals.saturating_add(1);
        self.state = State::Pausing {
            until: moment.now + after_nak(self.refusals, moment.random),
        };
        vec![]
    }

    pub(super) fn pause_after_decline(&mut self, moment: Moment) {
        let pause = match self.declined {
            0 | 1 => Duration::ZERO,
            _ => AFTER_DECLINE,
        };
        self.state = State::Pausing {
            until: moment.now + pause,
        };
    }

    pub(super) fn obey_limit(&mut self, options: &Options) {
        let wanted = match self.mode {
            Mode::Stateful => code::SOL_MAX_RT,
            Mode::Stateless => code::INF_MAX_RT,
        };
        if let Some(seconds) = options
            .word(wanted)
            .filter(|seconds| MAX_RT.contains(seconds))
        {
            self.limit = Some(Duration::from_secs(seconds.into()));
        }
    }
}
