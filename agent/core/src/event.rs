// SPDX-License-Identifier: Apache-2.0
//! The one stream of events that log, screen, step results and reports are
//! made from, and the named phases and waits of the agent.

mod wait;

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::image::rate;
use crate::image::spent::Spent;
use crate::image::transfer::TransferProfile;
use crate::profile::{Deviation, Severity};

pub use wait::Wait;

/// What the agent is doing. It is always in exactly one phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Settings are read, drivers load.
    Starting,
    /// Links come up, addresses are asked for.
    Network,
    /// The hardware is read.
    Discovery,
    /// The inventory is reported to Ironic.
    Inspection,
    /// Ironic is asked which node this is.
    Lookup,
    /// Registered; waiting for Ironic's commands.
    Serving,
    /// A command runs.
    Working,
    /// The machine powers off, reboots or is locked down.
    HandOff,
    /// Nothing more can be done without somebody's help; the last fault says why.
    Stopped,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Starting => "starting",
            Phase::Network => "network",
            Phase::Discovery => "discovery",
            Phase::Inspection => "inspection",
            Phase::Lookup => "lookup",
            Phase::Serving => "serving",
            Phase::Working => "working",
            Phase::HandOff => "hand-off",
            Phase::Stopped => "stopped",
        })
    }
}

/// A point in the life of this boot whose time is reported.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Milestone {
    /// `kernel`, `init`, `coldplug`, `agent`, `link`, `address`, `neighbours`, `inventory`,
    /// `inspection`, `lookup`, `heartbeat`, `download`, `write`, `boot-entry`, ….
    pub name: String,
    /// Time since the kernel started, in milliseconds.
    pub at_ms: u64,
}

/// Long work that is under way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Progress {
    /// What is done, as a gerund and its subject: `writing /dev/sda`.
    pub what: String,
    /// Bytes done.
    pub done: u64,
    /// Bytes in all, where known.
    pub total: Option<u64>,
    /// Time since this work began.
    pub elapsed: Duration,
    /// Bytes per second, smoothed.
    pub rate: u64,
    /// How long the rest will take, where the total is known and something moves.
    pub remaining: Option<Duration>,
    /// Where the time went so far, for transfers.
    pub spent: Option<Spent>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The agent entered a phase.
    Entered(Phase),
    /// It waits, and for what.
    Waiting(Wait),
    /// The wait is over.
    WaitOver,
    /// A point in time worth keeping was reached.
    Reached(Milestone),
    /// Something the reader wants to know.
    Note(String),
    /// Something is odd but work goes on.
    Warning(String),
    /// A command from Ironic began.
    CommandStarted {
        /// Short name, with the step's name where it is a step.
        name: String,
    },
    /// A command ended.
    CommandEnded {
        /// Short name, with the step's name where it is a step.
        name: String,
        /// How it ended.
        result: Result<(), Fault>,
        /// How long it took.
        took: Duration,
    },
    /// Long work moved on.
    Progress(Progress),
    /// An image is on a disk; this is how it came there.
    Transferred(TransferProfile),
    /// The machine is not as its profile expects.
    Deviation(Deviation),
    /// Something failed.
    Failed(Fault),
    /// Something was wrong, and the agent has put it right.
    Corrected(Fault),
}

/// How loud an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For those who look for details.
    Debug,
    /// What a reader of the console wants to see.
    Info,
    /// Odd, or a wait that may need somebody.
    Warning,
    /// A failure.
    Error,
}

impl Event {
    /// How loud the event is.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Event::WaitOver => Level::Debug,
            Event::Waiting(
                Wait::Drivers | Wait::PowerOffByIronic | Wait::LldpNeighbours { .. },
            ) => Level::Info,
            Event::Waiting(_) | Event::Warning(_) | Event::Corrected(_) => Level::Warning,
            Event::Failed(_) | Event::CommandEnded { result: Err(_), .. } => Level::Error,
            Event::Deviation(deviation) => match deviation.severity {
                Severity::Info => Level::Info,
                Severity::Warning => Level::Warning,
                Severity::Error => Level::Error,
            },
            _ => Level::Info,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Entered(phase) => write!(f, "phase: {phase}"),
            Event::Waiting(wait) => write!(
                f,
                "waiting: {wait} [{}]; next: {}",
                wait.code(),
                wait.next()
            ),
            Event::WaitOver => f.write_str("the wait is over"),
            Event::Reached(milestone) => {
                write!(f, "reached: {} at {} ms", milestone.name, milestone.at_ms)
            }
            Event::Note(text) => f.write_str(text),
            Event::Warning(text) => write!(f, "warning: {text}"),
            Event::CommandStarted { name } => write!(f, "command {name}: started"),
            Event::CommandEnded {
                name,
                result: Ok(()),
                took,
            } => {
                write!(
                    f,
                    "command {name}: succeeded after {:.1} s",
                    took.as_secs_f64()
                )
            }
            Event::CommandEnded {
                name,
                result: Err(fault),
                took,
            } => {
                write!(
                    f,
                    "command {name}: failed after {:.1} s: {fault} [{}]; next: {}",
                    took.as_secs_f64(),
                    fault.code(),
                    fault.next()
                )
            }
            Event::Progress(progress) => write!(f, "{progress}"),
            Event::Transferred(profile) => write!(f, "transferred: {profile}"),
            Event::Deviation(deviation) => write!(f, "not as its profile expects: {deviation}"),
            Event::Failed(fault) => write!(
                f,
                "failed: {fault} [{}]; next: {}",
                fault.code(),
                fault.next()
            ),
            Event::Corrected(fault) => write!(
                f,
                "corrected: {fault} [{}]; next: {}",
                fault.code(),
                fault.next()
            ),
        }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes >> 20;
        write!(f, "progress: {}: {} MiB", self.what, mib(self.done))?;
        if let Some(total) = self.total.filter(|total| *total > 0) {
            let percent = u128::from(self.done) * 100 / u128::from(total);
            write!(f, " of {} MiB, {percent} %", mib(total))?;
        }
        write!(f, ", {}", rate::megabytes(self.rate))?;
        if let Some(remaining) = self.remaining {
            write!(f, ", {} s left", remaining.as_secs())?;
        }
        if let Some(spent) = self.spent {
            write!(f, " ({})", spent.in_percent(self.elapsed))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lldp::Cabling;

    #[test]
    fn events_read_as_sentences() {
        let cases = [
            (Event::Entered(Phase::HandOff), "phase: hand-off"),
            (
                Event::Waiting(Wait::NoLink {
                    ports: vec!["eno1".into(), "eno2".into()],
                }),
                "waiting: no link on eno1, eno2 [no-link]; next: check the cables and the switch ports",
            ),
            (
                Event::Waiting(Wait::LldpNeighbours {
                    ports: vec!["eno1".into()],
                }),
                "waiting: no LLDP neighbour yet on eno1 [lldp-neighbours]; next: nothing, the wait ends by itself; if nothing is ever heard, check that the switch sends LLDP on these ports",
            ),
            (
                Event::Waiting(Wait::NeighboursMissing {
                    wanted: 2,
                    cabling: Cabling::default(),
                }),
                "waiting: 0 of 2 LLDP neighbours heard: no ports [neighbours-missing]; next: check the cables of these ports, and that their switches send LLDP; the report goes without them after ipa-lldp-timeout",
            ),
            (
                Event::Progress(Progress {
                    what: "writing /dev/sda".into(),
                    done: 50 << 20,
                    total: Some(200 << 20),
                    elapsed: Duration::from_secs(2),
                    rate: 26_214_400,
                    remaining: None,
                    spent: None,
                }),
                "progress: writing /dev/sda: 50 MiB of 200 MiB, 25 %, 26.2 MB/s",
            ),
            (
                Event::Progress(Progress {
                    what: "writing x to /dev/sda".into(),
                    done: 50 << 20,
                    total: Some(200 << 20),
                    elapsed: Duration::from_secs(2),
                    rate: 26_214_400,
                    remaining: Some(Duration::from_millis(6900)),
                    spent: Some(Spent {
                        network: Duration::from_millis(1400),
                        disk: Duration::from_millis(200),
                        ..Spent::default()
                    }),
                }),
                "progress: writing x to /dev/sda: 50 MiB of 200 MiB, 25 %, 26.2 MB/s, 6 s left (network 70 %, hash 0 %, disk 10 %)",
            ),
        ];
        for (event, text) in cases {
            assert_eq!(event.to_string(), text);
        }
    }
}
