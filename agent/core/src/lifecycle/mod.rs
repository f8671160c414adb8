// SPDX-License-Identifier: Apache-2.0
//! The life of the agent between its first address and the hand-off, as a
//! state machine without effects.
//!
//! ```text
//! started ─ hardware read ─► inspection ─► lookup ─► serving ⇄ working ─► hand-off
//! ```
//!
//! An inspection whose data take their time (LLDP) does not hold lookup back:
//! both go side by side ([`LifecycleSettings::inspection_waits`]).
//!
//! [`Lifecycle::handle`] takes one [`Input`] at a time and answers with the
//! [`Effect`]s to carry out; each effect's result comes back as another input.
//! [`registration`] and [`heartbeat`] hold what is said to Ironic, [`refusal`]
//! what becomes of it when Ironic does not answer or says no, [`commands`] what
//! Ironic says to the agent, [`saved`] what survives an agent restart.

mod commands;
mod heartbeat;
mod refusal;
mod registration;
mod retry;
mod saved;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::{Map, Value};

pub use commands::{
    BootloaderRequest, Command, CommandError, CommandRecord, CommandState, Rejection, Work,
    WorkResult,
};
pub use retry::{Backoff, Random};
pub use saved::Saved;

use crate::event::{Event, Phase, Wait};
use crate::fault::Fault;
use crate::image_request::Secret;
use crate::node::Node;
use heartbeat::Beats;
use registration::Registration;

/// What the life cycle is told once, at its beginning.
#[derive(Debug, Clone)]
pub struct LifecycleSettings {
    /// Whether Ironic's API is known; without it there is no lookup.
    pub has_api: bool,
    /// Whether inspection data is to be posted.
    pub inspect: bool,
    /// Whether the inspection data wait for something that others send when
    /// they like to (LLDP neighbours). Lookup then does not wait for them.
    pub inspection_waits: bool,
    /// Smallest pause between two lookups.
    pub lookup_interval: Duration,
    /// The token that came with the boot, if one did.
    pub token: Option<Secret>,
    /// Whether a boot loader that cannot be installed is no failure.
    pub ignore_bootloader_failure: bool,
}

/// Something that happened outside.
#[derive(Debug)]
pub enum Input {
    /// The network has an address and the hardware has been read.
    Ready,
    /// What the inspection data wait for; nothing any more, if there is none.
    InspectionWaits(Option<Wait>),
    /// Ironic answered the inspection data.
    InspectionAnswered(Result<Option<String>, Refusal>),
    /// Ironic answered the lookup.
    LookupAnswered(Result<LookupFacts, Refusal>),
    /// There is no address yet that Ironic could be told, for this reason.
    NoCallbackAddress(String),
    /// The agent's API listens; again, whenever its address has changed.
    ApiListening {
        /// `scheme://host:port` as Ironic shall call it.
        callback_url: String,
        /// The certificate as PEM, with automatic TLS.
        certificate: Option<String>,
    },
    /// Ironic answered the heartbeat.
    HeartbeatAnswered(Result<(), Refusal>),
    /// Ironic read the command list.
    CommandsRead,
    /// A piece of work ended.
    WorkEnded {
        /// The command it belongs to.
        id: String,
        /// What it gave.
        result: Result<WorkResult, Fault>,
    },
    /// A timer that was armed has run out.
    TimerExpired(Timer),
}

/// What lookup told that the life cycle needs.
#[derive(Debug, Clone, PartialEq)]
pub struct LookupFacts {
    /// The node.
    pub node: Map<String, Value>,
    /// Longest time between heartbeats.
    pub heartbeat_timeout: Duration,
    /// The token field: a token, or `******`.
    pub token: Option<Secret>,
}

/// A call to Ironic that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What was asked for.
    pub url: String,
    /// The HTTP status; `None` if nothing answered.
    pub status: Option<u16>,
    /// Ironic's words, or the network's.
    pub text: String,
    /// Whether nothing answered because the name in the URL has no address.
    pub unresolved: bool,
    /// How long Ironic, or the proxy before it, asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// The timers of the life cycle. Arming one again replaces its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Timer {
    /// The next inspection attempt.
    Inspection,
    /// The next lookup attempt.
    Lookup,
    /// The next heartbeat.
    Heartbeat,
}

/// Something to do.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Tell the event stream.
    Emit(Event),
    /// Post the inspection data.
    Inspect,
    /// Ask Ironic which node this is.
    Lookup {
        /// The node inspection named.
        node_uuid: Option<String>,
    },
    /// Start the agent's API.
    Listen,
    /// Send a heartbeat.
    Heartbeat(HeartbeatFacts),
    /// Hand in [`Input::TimerExpired`] after this time.
    Arm(Timer, Duration),
    /// Carry out a command's work and hand in [`Input::WorkEnded`].
    Run {
        /// The command it belongs to.
        id: String,
        /// What to do.
        work: Work,
    },
    /// Keep [`Lifecycle::saved`] where it survives a restart of the process.
    Save,
}

/// What a heartbeat says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeartbeatFacts {
    /// The node's identity.
    pub node_uuid: String,
    /// Where Ironic reaches the agent.
    pub callback_url: String,
    /// The shared secret.
    pub token: Option<Secret>,
    /// The certificate of the agent's API as PEM.
    pub certificate: Option<String>,
}

/// The state machine.
#[derive(Debug)]
pub struct Lifecycle {
    settings: LifecycleSettings,
    random: Random,
    phase: Phase,
    /// What registration waits for.
    wait: Option<Wait>,
    /// What inspection waits for while registration goes on beside it.
    inspection_wait: Option<Wait>,
    /// The wait that was told last.
    told: Option<Wait>,
    registration: Registration,
    beats: Beats,
    commands: commands::Commands,
}

impl Lifecycle {
    /// A new life, or the continuation of one whose process ended.
    ///
    /// `seed` makes the jitter; any number will do.
    #[must_use]
    pub fn new(settings: LifecycleSettings, restored: Option<Saved>, seed: u64) -> Self {
        let saved = restored.unwrap_or_default();
        let token = settings.token.clone().or(saved.token());
        Self {
            random: Random::new(seed),
            phase: Phase::Starting,
            wait: None,
            inspection_wait: None,
            told: None,
            registration: Registration::new(token, saved.inspected, saved.node_uuid.clone()),
            beats: Beats::new(!saved.commands.is_empty()),
            commands: commands::Commands::restored(saved.commands, saved.written),
            settings,
        }
    }

    /// Takes in what happened at time `now` (since the kernel started).
    pub fn handle(&mut self, now: Duration, input: Input) -> Vec<Effect> {
        match input {
            Input::Ready => self.begin(),
            Input::InspectionWaits(wait) => self.inspection_waits(wait),
            Input::InspectionAnswered(answer) => self.inspection_answered(answer),
            Input::LookupAnswered(answer) => self.lookup_answered(answer),
            Input::NoCallbackAddress(problem) => self.no_callback_address(problem),
            Input::ApiListening {
                callback_url,
                certificate,
            } => self.api_listening(now, callback_url, certificate),
            Input::HeartbeatAnswered(answer) => self.heartbeat_answered(now, answer),
            Input::CommandsRead => self.commands_read(),
            Input::WorkEnded { id, result } => self.work_ended(now, &id, result),
            Input::TimerExpired(timer) => self.timer_expired(now, timer),
        }
    }

    /// The phase the agent is in.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// What it waits for, if it waits: what keeps Ironic from talking to this
    /// machine comes before what the inspection data lack.
    #[must_use]
    pub fn wait(&self) -> Option<&Wait> {
        self.wait.as_ref().or(self.inspection_wait.as_ref())
    }

    /// The token that commands must bring.
    #[must_use]
    pub fn token(&self) -> Option<&Secret> {
        self.registration.token.as_ref()
    }

    /// The node as Ironic described it last.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.commands.node
    }

    /// What must survive a restart of the process.
    #[must_use]
    pub fn saved(&self) -> Saved {
        Saved::new(&self.registration, &self.commands)
    }

    fn timer_expired(&mut self, now: Duration, timer: Timer) -> Vec<Effect> {
        match timer {
            Timer::Inspection => vec![Effect::Inspect],
            Timer::Lookup => self.ask_lookup_again(),
            Timer::Heartbeat => self.beat(now),
        }
    }

    fn enter(&mut self, phase: Phase, effects: &mut Vec<Effect>) {
        if self.phase != phase {
            self.phase = phase;
            effects.push(Effect::Emit(Event::Entered(phase)));
        }
    }

    fn wait_for(&mut self, wait: Wait, effects: &mut Vec<Effect>) {
        self.wait = Some(wait);
        self.tell_wait(effects);
    }

    fn wait_over(&mut self, effects: &mut Vec<Effect>) {
        self.wait = None;
        self.tell_wait(effects);
    }

    /// Names the wait once; a repetition of the same one stays silent.
    fn tell_wait(&mut self, effects: &mut Vec<Effect>) {
        let now = self.wait().cloned();
        if now == self.told {
            return;
        }
        effects.push(Effect::Emit(match &now {
            Some(wait) => Event::Waiting(wait.clone()),
            None => Event::WaitOver,
        }));
        self.told = now;
    }
}
