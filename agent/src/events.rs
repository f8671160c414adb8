// SPDX-License-Identifier: Apache-2.0
//! The one stream of events: every part of the agent hands its events in here,
//! and log, timeline and reports are made from it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ironseed_core::event::{Event, Level, Milestone};
use ironseed_machine::clock::Clock;

use crate::log_output::EVENTS;

/// Lines about progress are at least so far apart.
const BETWEEN_PROGRESS: Duration = Duration::from_secs(2);

/// A handle to the stream; clones feed the same one.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    clock: Arc<dyn Clock>,
    milestones: Arc<Mutex<Vec<Milestone>>>,
    /// When progress was last told, since the kernel started.
    progress_told: Arc<Mutex<Option<Duration>>>,
}

impl Events {
    /// A stream that begins with the milestones PID 1 has noted.
    pub(crate) fn new(clock: Arc<dyn Clock>, noted: Vec<(String, u64)>) -> Self {
        let milestones = noted
            .into_iter()
            .map(|(name, at_ms)| Milestone { name, at_ms })
            .collect();
        Self {
            clock,
            milestones: Arc::new(Mutex::new(milestones)),
            progress_told: Arc::default(),
        }
    }

    /// Takes an event in.
    pub(crate) fn emit(&self, event: &Event) {
        if let Event::Reached(milestone) = event {
            let mut list = self
                .milestones
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            list.push(milestone.clone());
        }
        if matches!(event, Event::Progress(_)) && !self.progress_is_due() {
            return;
        }
        let level = match event.level() {
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warning => log::Level::Warn,
            Level::Error => log::Level::Error,
        };
        log::log!(target: EVENTS, level, "{event}");
    }

    /// Whether the last line about progress is old enough for another one: a
    /// serial console carries 11 kB in a second.
    fn progress_is_due(&self) -> bool {
        let now = self.clock.since_boot();
        let mut told = self
            .progress_told
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let due = told.is_none_or(|at| now.saturating_sub(at) >= BETWEEN_PROGRESS);
        if due {
            *told = Some(now);
        }
        due
    }

    /// Notes that a point was reached now. Only the first time counts.
    pub(crate) fn reached(&self, name: &str) {
        let known = self
            .timeline()
            .iter()
            .any(|milestone| milestone.name == name);
        if !known {
            let at_ms = u64::try_from(self.clock.since_boot().as_millis()).unwrap_or(u64::MAX);
            self.emit(&Event::Reached(Milestone {
                name: name.to_owned(),
                at_ms,
            }));
        }
    }

    /// Something the reader wants to know.
    pub(crate) fn note(&self, text: impl Into<String>) {
        self.emit(&Event::Note(text.into()));
    }

    /// Something is odd but work goes on.
    pub(crate) fn warn(&self, text: impl Into<String>) {
        self.emit(&Event::Warning(text.into()));
    }

    /// Every milestone so far, in time order.
    pub(crate) fn timeline(&self) -> Vec<Milestone> {
        let mut list = self
            .milestones
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        list.sort_by_key(|milestone| milestone.at_ms);
        list
    }
}
