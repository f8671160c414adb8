// SPDX-License-Identifier: Apache-2.0
//! How Ironic comes to know this machine: inspection, lookup, token
//! (contract §6–§8).

use std::time::Duration;

use super::{Backoff, Effect, Lifecycle, LookupFacts, Refusal, Timer};
use crate::event::{Event, Phase, Wait};
use crate::fault::Fault;
use crate::image_request::Secret;

/// The shortest token that is taken over (contract §8).
const MIN_TOKEN_LENGTH: usize = 32;

/// What Ironic sends in place of a token it has shown before.
const MASK: &str = "******";

/// Pauses after HTTP 409 to a lookup, before the ordinary back-off; the last
/// one repeats (contract §7).
const LOCKED_PAUSES: [Duration; 3] = [
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// How far the agent has come with Ironic.
#[derive(Debug, Default)]
pub(super) struct Registration {
    pub(super) token: Option<Secret>,
    pub(super) inspected: bool,
    pub(super) node_uuid: Option<String>,
    inspection_failures: u32,
    /// Lookup has begun; it does so once in a life.
    lookup_begun: bool,
    lookup_under_way: bool,
    lookup_failures: u32,
    lookup_locked: usize,
    pub(super) registered: bool,
    pub(super) heartbeat_timeout: Duration,
}

impl Registration {
    pub(super) fn new(token: Option<Secret>, inspected: bool, node_uuid: Option<String>) -> Self {
        Self {
            token,
            inspected,
            node_uuid,
            ..Self::default()
        }
    }
}

impl Lifecycle {
    pub(super) fn begin(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.settings.inspect && !self.registration.inspected {
            self.enter(Phase::Inspection, &mut effects);
            effects.push(Effect::Inspect);
            if self.settings.inspection_waits && self.settings.has_api {
                effects.extend(self.ask_lookup());
            }
        } else {
            self.after_inspection(&mut effects);
        }
        effects
    }

    pub(super) fn inspection_waits(&mut self, wait: Option<Wait>) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.inspection_wait(wait, &mut effects);
        effects
    }

    fn inspection_wait(&mut self, wait: Option<Wait>, effects: &mut Vec<Effect>) {
        self.inspection_wait = wait;
        self.tell_wait(effects);
    }

    pub(super) fn inspection_answered(
        &mut self,
        answer: Result<Option<String>, Refusal>,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        match answer {
            Ok(uuid) => {
                self.inspection_wait(None, &mut effects);
                self.registration.inspected = true;
                // Lookup knows better, if it was faster.
                if !self.registration.registered {
                    self.registration.node_uuid = uuid.or(self.registration.node_uuid.take());
                }
                effects.push(Effect::Emit(Event::Note(
                    "Ironic took the inspection data".to_owned(),
                )));
                effects.push(Effect::Save);
                self.after_inspection(&mut effects);
            }
            Err(refusal) if refusal.is_final() => {
                self.inspection_wait(None, &mut effects);
                let text = format!("Ironic refused the inspection data: {refusal}");
                effects.push(Effect::Emit(Event::Warning(text)));
                self.after_inspection(&mut effects);
            }
            Err(refusal) => {
                self.registration.inspection_failures += 1;
                let pause = self
                    .random
                    .spread(Backoff::INSPECTION, self.registration.inspection_failures);
                let pause = refusal.heed(pause, &mut self.random);
                self.inspection_wait(Some(refusal.wait()), &mut effects);
                effects.push(Effect::Arm(Timer::Inspection, pause));
            }
        }
        effects
    }

    fn after_inspection(&mut self, effects: &mut Vec<Effect>) {
        if self.registration.lookup_begun {
            self.inspected_beside_lookup(effects);
        } else if self.settings.has_api {
            self.enter(Phase::Lookup, effects);
            effects.extend(self.ask_lookup());
        } else if self.settings.inspect {
            // Managed inspection without fast track: Ironic powers the machine
            // off after it has the data, and wants neither lookup nor heartbeat.
            self.enter(Phase::Serving, effects);
            self.wait_for(Wait::PowerOffByIronic, effects);
        } else {
            self.wait_for(Wait::NoApiUrl, effects);
            effects.push(Effect::Listen);
        }
    }

    /// The data came after lookup had begun. A lookup that failed is repeated
    /// at once: Ironic may have known this machine only through the data, and
    /// may accept it in the state that follows inspection only.
    fn inspected_beside_lookup(&mut self, effects: &mut Vec<Effect>) {
        if self.phase == Phase::Inspection {
            self.enter(Phase::Lookup, effects);
        }
        effects.extend(self.ask_lookup_again());
    }

    pub(super) fn ask_lookup(&mut self) -> Vec<Effect> {
        self.registration.lookup_begun = true;
        self.registration.lookup_under_way = true;
        vec![Effect::Lookup {
            node_uuid: self.registration.node_uuid.clone(),
        }]
    }

    /// Asks again, unless Ironic has answered or is being asked.
    pub(super) fn ask_lookup_again(&mut self) -> Vec<Effect> {
        let state = &self.registration;
        let needless = state.registered || state.lookup_under_way || self.phase == Phase::Stopped;
        if needless {
            Vec::new()
        } else {
            self.ask_lookup()
        }
    }

    pub(super) fn lookup_answered(&mut self, answer: Result<LookupFacts, Refusal>) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.registration.lookup_under_way = false;
        match answer {
            Ok(facts) => self.registered(facts, &mut effects),
            Err(refusal) => {
                let pause = self.lookup_pause(&refusal);
                self.wait_for(refusal.wait(), &mut effects);
                effects.push(Effect::Arm(Timer::Lookup, pause));
            }
        }
        effects
    }

    fn lookup_pause(&mut self, refusal: &Refusal) -> Duration {
        let state = &mut self.registration;
        state.lookup_failures += 1;
        let locked = if refusal.status == Some(409) {
            let pause = LOCKED_PAUSES[state.lookup_locked.min(LOCKED_PAUSES.len() - 1)];
            state.lookup_locked += 1;
            pause
        } else {
            Duration::ZERO
        };
        let low = self.settings.lookup_interval;
        // Whoever is overloaded gets three doublings at once. And the contract's
        // first pause, one second for everybody, would bring those who failed
        // together back together.
        let failures = match refusal.is_overload() {
            true => state.lookup_failures.saturating_add(3),
            false => state.lookup_failures,
        };
        let high = Backoff::LOOKUP.pause(failures).max(low * 2);
        let pause = locked + self.random.between(low, high);
        refusal.heed(pause, &mut self.random)
    }

    fn registered(&mut self, facts: LookupFacts, effects: &mut Vec<Effect>) {
        self.wait_over(effects);
        if let Err(fault) = self.take_token(facts.token, effects) {
            effects.push(Effect::Emit(Event::Failed(fault)));
            self.enter(Phase::Stopped, effects);
            return;
        }
        self.commands.set_node(&facts.node);
        let uuid = self.commands.node.uuid.clone();
        effects.push(Effect::Emit(Event::Note(format!(
            "this machine is node {uuid}"
        ))));
        self.registration.node_uuid = Some(uuid);
        self.registration.heartbeat_timeout = facts.heartbeat_timeout;
        if !self.registration.registered {
            self.registration.registered = true;
            effects.push(Effect::Save);
            effects.push(Effect::Listen);
        }
    }

    /// Contract §8: a real token is adopted; a masked one is fine if there is
    /// one already, and the end of this life if there is none.
    fn take_token(
        &mut self,
        offered: Option<Secret>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Fault> {
        let Some(offered) = offered else {
            return Ok(());
        };
        if offered.expose() == MASK {
            return match self.registration.token {
                Some(_) => Ok(()),
                None => Err(Fault::TokenLost),
            };
        }
        if offered.expose().len() >= MIN_TOKEN_LENGTH {
            self.registration.token = Some(offered);
            effects.push(Effect::Save);
        }
        Ok(())
    }
}
