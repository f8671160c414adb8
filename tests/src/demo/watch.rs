// SPDX-License-Identifier: Apache-2.0
//! Shows what a machine's console says, while the demo's story waits for Ironic.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::console_events::{ConsoleEvent, read};
use super::screen::Screen;
use super::seen::Seen;
use crate::console::Console;
use crate::ironic_api::IronicApi;

const POLL: Duration = Duration::from_millis(250);
/// A wait of the agent that is over sooner is not worth a line.
const SHORT_WAIT: Duration = Duration::from_secs(3);

/// A thread that follows a console. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    over: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Follows `console` of the machine that Ironic knows as `node`.
    #[must_use]
    pub(super) fn start(console: Console, screen: Screen, ironic: IronicApi, node: String) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut follower = Follower {
            console,
            screen,
            ironic,
            node,
            seen: Arc::clone(&seen),
            looks_for_agent: false,
            agent_url: String::new(),
            wait: None,
        };
        let end = Arc::clone(&over);
        let thread = thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                follower.look();
                thread::sleep(POLL);
            }
            follower.look();
        });
        Self {
            over,
            seen,
            thread: Some(thread),
        }
    }

    /// What was seen so far.
    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so itself.
            let _ended = thread.join();
        }
    }
}

struct Follower {
    console: Console,
    screen: Screen,
    ironic: IronicApi,
    node: String,
    seen: Arc<Mutex<Seen>>,
    /// The agent has told Ironic its address in this boot, and it was not shown yet.
    looks_for_agent: bool,
    agent_url: String,
    /// What the agent waits for and since when, as long as that was not shown.
    wait: Option<(Instant, String)>,
}

impl Follower {
    fn look(&mut self) {
        // A console that cannot be read now is read the next time.
        let lines = self.console.take_lines().unwrap_or_default();
        for event in lines.iter().filter_map(|line| read(line)) {
            self.seen
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .add(&event);
            self.show(event);
        }
        if self.looks_for_agent {
            self.show_agent();
        }
        if let Some((_, what)) = self
            .wait
            .take_if(|(since, _)| since.elapsed() >= SHORT_WAIT)
        {
            self.screen.tell("agent", &format!("waits: {what}"));
        }
    }

    fn show(&mut self, event: ConsoleEvent) {
        let screen = &self.screen;
        self.wait = None;
        match event {
            ConsoleEvent::Firmware(entry) => {
                screen.status("firmware");
                screen.tell("firmware", &format!("starts {entry}"));
            }
            ConsoleEvent::Kernel(version) => {
                self.looks_for_agent = false;
                screen.status("kernel");
                screen.tell("kernel", &format!("Linux {version}"));
            }
            ConsoleEvent::Phase(phase) => {
                screen.status(&format!("agent: {phase}"));
                screen.tell("agent", &format!("phase {phase}"));
            }
            ConsoleEvent::Waiting(what) => {
                let what_for = what.split(" [").next().unwrap_or_default();
                screen.status(&format!("agent waits: {what_for}"));
                self.wait = Some((Instant::now(), what));
            }
            ConsoleEvent::Reached { name, at_ms } => {
                self.looks_for_agent |= name == "heartbeat";
                screen.tell(
                    "agent",
                    &format!("{name}, {:.1} s after kernel start", seconds(at_ms)),
                );
            }
            ConsoleEvent::CommandStarted(name) => {
                screen.status(&format!("agent: {name}"));
                screen.tell("agent", &format!("{name} begins"));
            }
            ConsoleEvent::CommandEnded { name, how } => {
                screen.work_over();
                screen.tell("agent", &format!("{name} {how}"));
            }
            ConsoleEvent::Progress(progress) => screen.progress(&progress),
            ConsoleEvent::Failed(text) => screen.tell("agent", &format!("failed: {text}")),
            ConsoleEvent::Trouble(text) => screen.tell("kernel", &text),
            ConsoleEvent::System(text) => screen.tell("system", &text),
        }
    }

    /// Ironic knows the agent's address a moment after the first heartbeat.
    fn show_agent(&mut self) {
        let Ok(node) = self.ironic.node(&self.node) else {
            return;
        };
        let Some(url) = node["driver_internal_info"]["agent_url"].as_str() else {
            return;
        };
        self.looks_for_agent = false;
        if self.agent_url != url {
            self.agent_url = url.to_owned();
            self.screen.tell(
                "look at",
                &format!("agent API {url}/v1/status (while it runs)"),
            );
        }
    }
}

/// Milliseconds as seconds.
pub(super) fn seconds(milliseconds: u64) -> f64 {
    Duration::from_millis(milliseconds).as_secs_f64()
}
