// SPDX-License-Identifier: Apache-2.0
//! Switches off the LLDP agents in the firmware of cards, which keep the
//! frames from the kernel, and puts back at the end what was found
//! ([`ironseed_core::lldp::FirmwareAgent`] says why).
//!
//! Each port is asked in a thread of its own, because the firmware of a card
//! can take its time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ironseed_core::lldp::{FirmwareAgent, firmware_agent};
use thiserror::Error;
use tokio::task::JoinSet;

use super::private_flags::PrivateFlags;
use crate::root::Root;

/// How long cards may take at the end before the machine goes on without them.
const PATIENCE: Duration = Duration::from_secs(3);

/// An agent that could not be switched.
#[derive(Debug, Error)]
#[error(
    "{port}: the LLDP agent in the firmware of this {driver} card could not be switched {wanted} \
     ({source}); next: look at the kernel's messages about {port} and for an LLDP setting of the \
     card in the machine's setup, and update the card's firmware"
)]
pub struct FirmwareAgentError {
    /// Name of the port.
    pub port: String,
    /// Its driver.
    pub driver: &'static str,
    /// `off`, or at the end `on`.
    pub wanted: &'static str,
    /// The kernel's words.
    pub source: io::Error,
}

/// An agent that was switched off.
#[derive(Debug, Clone)]
pub(super) struct Switched {
    pub(super) port: String,
    pub(super) agent: FirmwareAgent,
}

/// What became of one port: its index, and the agent if there was one to be
/// switched off.
pub(super) type Outcome = (u32, Result<Option<Switched>, FirmwareAgentError>);

/// The agents of all ports.
#[derive(Debug)]
pub(super) struct FirmwareAgents {
    flags: Arc<dyn PrivateFlags>,
    root: Root,
    asked: JoinSet<Outcome>,
    switched: Vec<Switched>,
}

impl FirmwareAgents {
    pub(super) fn new(flags: Arc<dyn PrivateFlags>, root: Root) -> Self {
        Self {
            flags,
            root,
            asked: JoinSet::new(),
            switched: Vec::new(),
        }
    }

    /// A port has appeared. Only drivers whose cards can have an agent are
    /// asked. Must be called inside a tokio runtime.
    pub(super) fn port(&mut self, index: u32, name: &str) {
        let Some(agent) = self.driver(name).as_deref().and_then(firmware_agent) else {
            return;
        };
        let (flags, port) = (Arc::clone(&self.flags), name.to_owned());
        self.asked
            .spawn_blocking(move || (index, switch_off(&*flags, &port, agent)));
    }

    fn driver(&self, name: &str) -> Option<String> {
        let link = format!("/sys/class/net/{name}/device/driver");
        let target = self.root.read_link(&link).ok()?;
        Some(target.rsplit('/').next()?.to_owned())
    }

    /// What became of the next port; nothing if none is being asked.
    pub(super) async fn next(&mut self) -> Option<Outcome> {
        // A task that panicked has said so itself.
        let outcome = self.asked.join_next().await?.ok()?;
        if let (_, Ok(Some(switched))) = &outcome {
            self.switched.push(switched.clone());
        }
        Some(outcome)
    }

    /// Switches on again what was switched off.
    pub(super) async fn put_back(&mut self) {
        let all = async {
            while !self.asked.is_empty() {
                self.next().await;
            }
            let mut back = JoinSet::new();
            for switched in self.switched.drain(..) {
                let flags = Arc::clone(&self.flags);
                back.spawn_blocking(move || switch_on(&*flags, switched));
            }
            while let Some(done) = back.join_next().await {
                if let Ok(Err(error)) = done {
                    log::warn!("{error}");
                }
            }
        };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            let seconds = PATIENCE.as_secs();
            log::warn!(
                "LLDP agents of cards could not be switched on again within {seconds} s; \
                 next: compare 'ethtool --show-priv-flags' with what the machine had before"
            );
        }
    }
}

fn switch_off(
    flags: &dyn PrivateFlags,
    port: &str,
    agent: FirmwareAgent,
) -> Result<Option<Switched>, FirmwareAgentError> {
    let switch = || {
        if !agent.runs(&flags.flags(port)?) {
            return Ok(false);
        }
        flags.set(port, agent.flag, agent.off)?;
        // A driver may only warn when its card refuses.
        match agent.runs(&flags.flags(port)?) {
            true => Err(io::Error::other("the card kept its agent")),
            false => Ok(true),
        }
    };
    match switch() {
        Ok(false) => Ok(None),
        Ok(true) => Ok(Some(Switched {
            port: port.to_owned(),
            agent,
        })),
        Err(source) => Err(failed(port, agent, "off", source)),
    }
}

fn switch_on(flags: &dyn PrivateFlags, switched: Switched) -> Result<(), FirmwareAgentError> {
    let Switched { port, agent } = switched;
    let set = flags.set(&port, agent.flag, !agent.off);
    set.map_err(|source| failed(&port, agent, "on", source))
}

fn failed(
    port: &str,
    agent: FirmwareAgent,
    wanted: &'static str,
    source: io::Error,
) -> FirmwareAgentError {
    FirmwareAgentError {
        port: port.to_owned(),
        driver: agent.driver,
        wanted,
        source,
    }
}

#[cfg(test)]
#[path = "firmware_agents_tests.rs"]
mod tests;
