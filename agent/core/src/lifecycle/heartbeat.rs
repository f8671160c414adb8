// SPDX-License-Identifier: Apache-2.0
//! Heartbeats: when the next one is due, and what it says (contract §10).

use std::time::Duration;

use super::{Backoff, Effect, HeartbeatFacts, Lifecycle, Refusal, Timer};
use crate::event::{Event, Phase, Wait};

/// Two heartbeats are never closer than this, forced ones included.
///
/// Upstream waits for 5 s. A shorter pause makes every step faster, and
/// [`FORCED_AGAIN`] covers the beat that Ironic skips because it still holds
/// the node's lock from handing out the step.
const MIN_BETWEEN_BEATS: Duration = Duration::from_secs(1);

/// Pauses between forced heartbeats until Ironic has read the command list.
const FORCED_AGAIN: Backoff = Backoff {
    first: Duration::from_secs(3),
    growth: 2.0,
    at_least: Duration::from_secs(3),
    at_most: Duration::from_secs(30),
};

/// After so many accepted forced heartbeats without a look at the list, the
/// ordinary rhythm is good enough.
const FORCED_AT_MOST: u32 = 8;

/// Pauses after a heartbeat that was not accepted (contract §10).
const AFTER_REFUSAL: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(10));

/// So many heartbeats in a row are repeated at the contract's pace; a trouble
/// that lasts longer is asked about less often, and one that is an overload is
/// so from the second time on.
///
/// The contract's pace is upstream's. Kept up for an hour by ten thousand
/// machines it is more than a thousand requests a second for an Ironic that is
/// just coming back, and gains nothing: Ironic expects the next heartbeat after
/// 90 to 180 s.
const AT_CONTRACT_PACE: u32 = 4;

/// The state of the heartbeats.
#[derive(Debug, Default)]
pub(super) struct Beats {
    pub(super) callback_url: Option<String>,
    pub(super) certificate: Option<String>,
    last: Option<Duration>,
    under_way: bool,
    accepted_once: bool,
    failures: u32,
    /// Accepted heartbeats since a command ended whose result Ironic has not
    /// read yet; `None` if it has read everything. Heartbeats that Ironic did
    /// not take do not count, or an outage would use them up.
    forced: Option<u32>,
    /// The heartbeat under way was sent when the newest result was there, and
    /// says the newest address.
    current: bool,
}

impl Beats {
    /// `results`: there are commands from the process before. Whether Ironic
    /// has read how they ended is not known, so it is made to look.
    pub(super) fn new(results: bool) -> Self {
        Self {
            forced: results.then_some(0),
            ..Self::default()
        }
    }
}

impl Lifecycle {
    pub(super) fn no_callback_address(&mut self, problem: String) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.wait_for(Wait::NoCallbackAddress { problem }, &mut effects);
        effects
    }

    /// The API listens, for the first time or at another address. Ironic is
    /// told at once: until then it calls where nobody is.
    pub(super) fn api_listening(
        &mut self,
        now: Duration,
        callback_url: String,
        certificate: Option<String>,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        if matches!(self.wait, Some(Wait::NoCallbackAddress { .. })) {
            self.wait_over(&mut effects);
        }
        if self.beats.callback_url.is_none() {
            self.enter(Phase::Serving, &mut effects);
        }
        let text = match &self.beats.callback_url {
            Some(before) => {
                format!("the agent's API listens at {callback_url} instead of {before}")
            }
            None => format!("the agent's API listens at {callback_url}"),
        };
        effects.push(Effect::Emit(Event::Note(text)));
        self.beats.callback_url = Some(callback_url);
        self.beats.certificate = certificate;
        self.beats.current = false;
        effects.extend(self.beat(now));
        effects
    }

    /// Sends a heartbeat now, or as soon as the smallest pause allows.
    pub(super) fn beat(&mut self, now: Duration) -> Vec<Effect> {
        let (state, beats) = (&self.registration, &mut self.beats);
        let (Some(node_uuid), Some(callback_url), true) =
            (&state.node_uuid, &beats.callback_url, state.registered)
        else {
            return Vec::new();
        };
        if beats.under_way {
            return Vec::new();
        }
        let rested = beats
            .last
            .map_or(MIN_BETWEEN_BEATS, |last| now.saturating_sub(last));
        if rested < MIN_BETWEEN_BEATS {
            return vec![Effect::Arm(Timer::Heartbeat, MIN_BETWEEN_BEATS - rested)];
        }
        let facts = HeartbeatFacts {
            node_uuid: node_uuid.clone(),
            callback_url: callback_url.clone(),
            token: state.token.clone(),
            certificate: beats.certificate.clone(),
        };
        beats.under_way = true;
        beats.current = true;
        vec![Effect::Heartbeat(facts)]
    }

    pub(super) fn heartbeat_answered(
        &mut self,
        now: Duration,
        answer: Result<(), Refusal>,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.beats.under_way = false;
        self.beats.last = Some(now);
        let pause = match answer {
            Ok(()) => self.accepted(&mut effects),
            Err(refusal) => {
                self.wait_for(refusal.heartbeat_wait(), &mut effects);
                let pause = self.pause_after_refusal(&refusal);
                match self.beats.current {
                    true => refusal.heed(pause, &mut self.random),
                    // What was refused is not what would be said now.
                    false => MIN_BETWEEN_BEATS,
                }
            }
        };
        effects.push(Effect::Arm(Timer::Heartbeat, pause));
        effects
    }

    fn accepted(&mut self, effects: &mut Vec<Effect>) -> Duration {
        self.wait_over(effects);
        self.beats.failures = 0;
        if !self.beats.accepted_once {
            self.beats.accepted_once = true;
            effects.push(Effect::Emit(Event::Note(
                "Ironic accepted the first heartbeat".to_owned(),
            )));
        }
        if !self.beats.current {
            return MIN_BETWEEN_BEATS;
        }
        self.beats.forced = self.beats.forced.map(|accepted| accepted + 1);
        match self.beats.forced {
            Some(accepted) if accepted < FORCED_AT_MOST => {
                self.random.spread(FORCED_AGAIN, accepted)
            }
            _ => {
                let limit = self.registration.heartbeat_timeout;
                self.random.between(limit.mul_f64(0.3), limit.mul_f64(0.6))
            }
        }
    }

    fn pause_after_refusal(&mut self, refusal: &Refusal) -> Duration {
        // A lock is short, and Ironic waits for this very heartbeat.
        if refusal.status == Some(409) {
            return self.random.between(AFTER_REFUSAL.0, AFTER_REFUSAL.1);
        }
        self.beats.failures = self.beats.failures.saturating_add(1);
        let at_pace = match refusal.is_overload() {
            true => 1,
            false => AT_CONTRACT_PACE,
        };
        let lasting = self.beats.failures.saturating_sub(at_pace);
        let low = Backoff::HEARTBEAT.pause(lasting + 1);
        self.random.between(low, low * 2)
    }

    /// An asynchronous command ended: Ironic shall look now.
    pub(super) fn force_beat(&mut self, now: Duration) -> Vec<Effect> {
        self.beats.forced = Some(0);
        self.beats.current = false;
        self.beat(now)
    }

    /// Ironic looked: no heartbeat has to be forced any more.
    pub(super) fn commands_read(&mut self) -> Vec<Effect> {
        if self.beats.forced.is_some() && !self.commands.is_working() {
            self.beats.forced = None;
        }
        Vec::new()
    }
}
