// SPDX-License-Identifier: Apache-2.0
//! The one stream of events: every part of the agent hands its events in here,
//! and log, timeline and reports are made from it.

use std::sync::{Arc, Mutex, PoisonError};

use ironseed_core::event::{Event, Level, Milestone};
use ironseed_machine::clock::Clock;

/// A handle to the stream; clones feed the same one.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    clock: Arc<dyn Clock>,
    milestones: Arc<Mutex<Vec<Milestone>>>,
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
        match event.level() {
            Level::Debug => log::debug!("{event}"),
            Level::Info => log::info!("{event}"),
            Level::Warning => log::warn!("{event}"),
            Level::Error => log::error!("{event}"),
        }
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
