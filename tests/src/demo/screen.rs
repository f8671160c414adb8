// SPDX-License-Identifier: Apache-2.0
//! What the demo shows: lines with their time and source, the stage that runs, and a bar for long
//! work. Without a terminal the same as plain lines.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::console_events::Progress;
use crate::narrate::{Narrate, Narrator};

const TICK: Duration = Duration::from_millis(150);
/// Without a terminal, progress is told when another part of this many percent is done.
const PLAIN_STEP: u64 = 25;

/// The demo's screen; clones are the same one.
#[derive(Clone, Debug)]
pub struct Screen(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    start: Instant,
    /// Lines of the lab that begin with this name are about Ironic's node.
    machine: &'static str,
    view: View,
}

#[derive(Debug)]
enum View {
    /// What progress was told last, so that not every line of the agent is repeated.
    Plain(Mutex<Option<(String, u64)>>),
    Terminal {
        bars: MultiProgress,
        shown: Mutex<Shown>,
    },
}

#[derive(Debug, Default)]
struct Shown {
    stage: Option<ProgressBar>,
    work: Option<(String, ProgressBar)>,
}

impl Screen {
    /// A screen on the standard output, with its time beginning now.
    #[must_use]
    pub fn new(machine: &'static str) -> Self {
        let view = if std::io::stdout().is_terminal() {
            View::Terminal {
                bars: MultiProgress::with_draw_target(ProgressDrawTarget::stdout()),
                shown: Mutex::default(),
            }
        } else {
            View::Plain(Mutex::default())
        };
        Self(Arc::new(Inner {
            start: Instant::now(),
            machine,
            view,
        }))
    }

    /// A narrator that tells everything to this screen.
    #[must_use]
    pub fn narrator(&self) -> Narrator {
        Narrator::new(self.clone())
    }

    /// A line without time and source.
    pub fn print(&self, line: &str) {
        // Nobody looks if the standard output is closed, and that is no failure of the demo.
        let write = || drop(writeln!(std::io::stdout().lock(), "{line}"));
        match &self.0.view {
            View::Plain(_) => write(),
            View::Terminal { bars, .. } => bars.suspend(write),
        }
    }

    /// A line of `source` with the time.
    pub fn tell(&self, source: &str, text: &str) {
        let seconds = self.0.start.elapsed().as_secs_f64();
        self.print(&format!("[{seconds:7.1}] {source:<9} {text}"));
    }

    /// A stage begins.
    pub fn begin(&self, title: &str) {
        self.end();
        self.print("");
        self.tell("==", title);
        if let View::Terminal { bars, shown } = &self.0.view {
            let bar = bars.add(ProgressBar::new_spinner());
            bar.set_style(style("{spinner} {prefix}, {elapsed} {wide_msg}"));
            bar.set_prefix(title.to_owned());
            bar.enable_steady_tick(TICK);
            lock(shown).stage = Some(bar);
        }
    }

    /// What the machine does right now, beside the stage.
    pub fn status(&self, text: &str) {
        if let View::Terminal { shown, .. } = &self.0.view
            && let Some(bar) = &lock(shown).stage
        {
            bar.set_message(format!("({text})"));
        }
    }

    /// Long work moved on.
    pub fn progress(&self, progress: &Progress) {
        match &self.0.view {
            View::Plain(told) => self.plain_progress(progress, told),
            View::Terminal { bars, shown } => {
                let mut shown = lock(shown);
                let same = matches!(&shown.work, Some((what, _)) if *what == progress.what);
                if !same {
                    remove(bars, &mut shown.work);
                    shown.work = Some((progress.what.clone(), work_bar(bars, progress)));
                }
                if let Some((_, bar)) = &shown.work {
                    bar.set_position(progress.done_mib);
                    bar.set_message(progress.rate.clone());
                }
            }
        }
    }

    fn plain_progress(&self, progress: &Progress, told: &Mutex<Option<(String, u64)>>) {
        let part = progress.percent().unwrap_or_default() / PLAIN_STEP;
        let now = Some((progress.what.clone(), part));
        let mut told = lock(told);
        if *told == now {
            return;
        }
        *told = now;
        let total = progress
            .total_mib
            .map(|total| format!(" of {total}"))
            .unwrap_or_default();
        self.tell(
            "agent",
            &format!(
                "{}: {}{total} MiB, {}",
                progress.what, progress.done_mib, progress.rate
            ),
        );
    }

    /// The long work has ended.
    pub fn work_over(&self) {
        match &self.0.view {
            View::Plain(told) => *lock(told) = None,
            View::Terminal { bars, shown } => remove(bars, &mut lock(shown).work),
        }
    }

    /// The stage has ended: nothing moves on the screen any more.
    pub fn end(&self) {
        self.work_over();
        if let View::Terminal { bars, shown } = &self.0.view
            && let Some(bar) = lock(shown).stage.take()
        {
            bar.finish_and_clear();
            bars.remove(&bar);
        }
    }
}

impl Narrate for Screen {
    fn say(&self, line: &str) {
        let about_node = line
            .strip_prefix(self.0.machine)
            .and_then(|rest| rest.strip_prefix(": "));
        match about_node {
            Some(rest) => self.tell("Ironic", rest),
            None => self.tell("lab", line),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The templates are constants; one with a mistake shows as indicatif's own.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn work_bar(bars: &MultiProgress, progress: &Progress) -> ProgressBar {
    let bar = match progress.total_mib {
        Some(total) => ProgressBar::new(total)
            .with_style(style("  {prefix} [{bar:32}] {pos} of {len} MiB, {msg}")),
        None => ProgressBar::no_length().with_style(style("  {prefix}: {pos} MiB, {msg}")),
    };
    bars.add(bar.with_prefix(progress.what.clone()))
}

fn remove(bars: &MultiProgress, work: &mut Option<(String, ProgressBar)>) {
    if let Some((_, bar)) = work.take() {
        bar.finish_and_clear();
        bars.remove(&bar);
    }
}
