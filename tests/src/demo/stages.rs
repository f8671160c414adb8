// SPDX-License-Identifier: Apache-2.0
//! The stages of the demo and how long each took.

use std::time::{Duration, Instant};

use super::screen::Screen;
use super::table;
use crate::error::Error;

/// A stage that has ended.
#[derive(Clone, Debug)]
struct Stage {
    name: String,
    took: Duration,
    detail: String,
}

/// The stages so far.
#[derive(Debug)]
pub(super) struct Stages {
    screen: Screen,
    done: Vec<Stage>,
}

impl Stages {
    /// None yet.
    #[must_use]
    pub(super) fn new(screen: Screen) -> Self {
        Self {
            screen,
            done: Vec::new(),
        }
    }

    /// Runs a stage. `work` returns its result and a remark for the summary.
    ///
    /// # Errors
    /// Those of `work`.
    pub(super) fn run<T>(
        &mut self,
        name: &str,
        title: &str,
        work: impl FnOnce() -> Result<(T, String), Error>,
    ) -> Result<T, Error> {
        self.screen.begin(title);
        let start = Instant::now();
        let result = work();
        let took = start.elapsed();
        self.screen.end();
        let (value, detail) = result?;
        self.screen
            .tell("==", &format!("{name}: {:.1} s", took.as_secs_f64()));
        self.done.push(Stage {
            name: name.to_owned(),
            took,
            detail,
        });
        Ok(value)
    }

    /// The table of all stages.
    #[must_use]
    pub(super) fn table(&self) -> String {
        let mut rows = vec![table::row(["stage", "seconds", "what took the time"])];
        for stage in &self.done {
            rows.push(row(&stage.name, stage.took, &stage.detail));
        }
        let total = self.done.iter().map(|stage| stage.took).sum();
        rows.push(row("in all", total, ""));
        table::render(&rows, &[false, true])
    }
}

fn row(name: &str, took: Duration, detail: &str) -> Vec<String> {
    table::row([name, &format!("{:.1}", took.as_secs_f64()), detail])
}
