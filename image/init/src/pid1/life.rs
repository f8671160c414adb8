// SPDX-License-Identifier: Apache-2.0
//! PID 1 from its first instruction to the end of the machine's power.

use std::convert::Infallible;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

use super::children::{self, Pipes};
use super::ended::{Ended, reap};
use super::request::Request;
use super::service::{Kind, Service};
use super::{panic, prepare, shutdown};
use crate::clock;
use crate::cmdline::CommandLine;
use crate::console::control::FromInit;
use crate::say::{Priority, kernel_log, say, say_error};
use crate::timeline;

/// A deployed rescue user must not be disturbed by an agent that starts over.
const RESCUED: &str = "/etc/.rescued";

/// PID 1 could not set itself up. Tried again after a while: it must not end.
#[derive(Debug, thiserror::Error)]
pub enum LifeError {
    /// No signals.
    #[error("receiving signals")]
    Signals(#[source] nix::Error),
    /// No pipes.
    #[error("making pipes")]
    Pipes(#[source] nix::Error),
}

/// Runs PID 1. Comes back only if it could not be set up.
///
/// # Errors
/// [`LifeError`].
pub fn run(arguments: &[String]) -> Result<Infallible, LifeError> {
    let began = clock::boottime();
    // All signals are kept for the signalfd, in this thread, which is the only one.
    SigSet::all().thread_block().map_err(LifeError::Signals)?;
    let lives = panic::lives_before(arguments);
    panic::install_hook(lives);
    if lives > 0 {
        panic::clean_up(lives);
    }
    let mut errors = prepare::mount();
    let mounted = clock::boottime();
    let words = std::fs::read_to_string("/proc/cmdline").unwrap_or_default();
    errors.extend(prepare::settings(&CommandLine::parse(&words)));
    let signals = SignalFd::with_flags(
        &SigSet::all(),
        SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC,
    )
    .map_err(LifeError::Signals)?;
    let mut init = Init {
        signals,
        pipes: Pipes::make().map_err(LifeError::Pipes)?,
        services: [Kind::Agent, Kind::Console, Kind::Modules].map(Service::new),
        lives,
        stopping: false,
    };
    greet(lives);
    for error in &errors {
        say_error(error);
    }
    if lives == 0 {
        record("init", began);
        record("mounts", mounted);
    }
    init.keep_running()
}

fn greet(lives: u32) {
    say(&format!(
        "Ironseed init {} up{}",
        env!("CARGO_PKG_VERSION"),
        if lives > 0 {
            " again after a panic of its own"
        } else {
            ""
        }
    ));
}

fn record(event: &str, time: Duration) {
    if let Err(error) = timeline::record_at(event, time) {
        say_error(&error);
    }
}

/// What PID 1 holds.
#[derive(Debug)]
pub(super) struct Init {
    signals: SignalFd,
    pipes: Pipes,
    services: [Service; 3],
    /// How often PID 1 began before.
    lives: u32,
    /// The machine goes down: what ends does not start again.
    stopping: bool,
}

impl Init {
    fn keep_running(&mut self) -> ! {
        loop {
            self.start_due();
            let until = self.services.iter().filter_map(Service::due).min();
            for request in self.wait(until) {
                match request {
                    Request::Kexec => say("kexec was requested: not supported yet, nothing done"),
                    request => shutdown::shut_down(self, request),
                }
            }
        }
    }

    fn start_due(&mut self) {
        for service in &mut self.services {
            let now = clock::boottime();
            if service.due().is_none_or(|due| due > now) {
                continue;
            }
            match children::start(service.kind, &self.pipes) {
                Ok(pid) => {
                    service.started(pid, now);
                    if service.kind == Kind::Agent {
                        let first = self.lives == 0 && service.starts() == 1;
                        record(if first { "agent" } else { "agent-restart" }, now);
                    }
                }
                Err(error) => {
                    service.ended(now);
                    say_error(&error);
                }
            }
        }
    }

    /// Waits for signals up to a time, reaps, and gives what was requested meanwhile.
    pub(super) fn wait(&mut self, until: Option<Duration>) -> Vec<Request> {
        let timeout = until.map_or(PollTimeout::NONE, |until| {
            let left = until.saturating_sub(clock::boottime()) + Duration::from_millis(1);
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
        });
        let mut fds = [PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        // Whatever ended the wait, what there is to do is looked up below.
        let _ = poll(&mut fds, timeout);
        let mut requests = Vec::new();
        while let Ok(Some(signal)) = self.signals.read_signal() {
            if let Some(request) = Request::from_signal(signal.ssi_signo) {
                let by = match signal.ssi_pid {
                    0 => "Ctrl-Alt-Del".to_owned(),
                    pid => format!("process {pid}"),
                };
                say(&format!("{} requested by {by}", request.name()));
                requests.push(request);
            }
        }
        while let Some(ended) = reap() {
            self.child_ended(&ended);
        }
        requests
    }

    fn child_ended(&mut self, ended: &Ended) {
        for service in &mut self.services {
            let Some(pid) = service.pid() else { continue };
            if ended.pid.map_or_else(|| is_gone(pid), |ended| ended == pid) {
                let (life, wait) = service.ended(clock::boottime());
                let rescued = service.kind == Kind::Agent && Path::new(RESCUED).exists();
                if self.stopping {
                    service.stay_away();
                    say(&format!("{} ended: {}", service.kind.name(), ended.how));
                } else {
                    if rescued {
                        service.stay_away();
                    }
                    tell(service, &ended.how, life, wait);
                }
            }
        }
    }

    /// From now on nothing is started again.
    pub(super) fn stop_restarting(&mut self) {
        self.stopping = true;
    }

    /// The process id of one of the three while it runs.
    pub(super) fn pid(&self, kind: Kind) -> Option<Pid> {
        self.services
            .iter()
            .find(|service| service.kind == kind)
            .and_then(Service::pid)
    }
}

fn is_gone(pid: Pid) -> bool {
    nix::sys::signal::kill(pid, None).is_err()
}

/// Says that a process ended and what comes next.
fn tell(service: &Service, how: &str, life: Duration, wait: Duration) {
    let next = match service.due() {
        Some(_) => format!("it starts again in {} s", wait.as_secs()),
        None => format!("{RESCUED} is there, so it does not start again"),
    };
    let name = service.kind.name();
    let text = format!(
        "{name} ended after {:.1} s: {how}; {next}",
        life.as_secs_f64()
    );
    match service.kind {
        Kind::Agent => say(&FromInit::AgentEnded(&text).line()),
        // It cannot announce its own death: the kernel does.
        Kind::Console => kernel_log(Priority::Error, &text),
        Kind::Modules => say(&text),
    }
}
