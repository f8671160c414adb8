// SPDX-License-Identifier: Apache-2.0
//! Starting PID 1's three processes, and the pipes between them.
//!
//! PID 1 keeps both ends of both pipes, so that a process that dies loses nothing for the others.
//! The agent goes through the stage `init agent`, because only the new process itself can undo
//! what PID 1 did to its signals.

use std::convert::Infallible;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::SigSet;
use nix::unistd::{Pid, dup2_stderr, pipe2, setsid};

use super::service::Kind;

const AGENT: &str = "/usr/bin/ironseed-agent";
const SELF: &str = "/proc/self/exe";
const ENVIRONMENT: [(&str, &str); 3] = [
    ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/root"),
    ("TERM", "linux"),
];

/// A process that could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its pipes or its program.
    #[error("starting {program}")]
    Spawn {
        /// Which.
        program: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// The pipes to the console process.
#[derive(Debug)]
pub struct Pipes {
    agent: (OwnedFd, OwnedFd),
    init: (OwnedFd, OwnedFd),
}

impl Pipes {
    /// Makes the pipes, and makes init's the standard error of this process (see [`crate::say`]).
    ///
    /// # Errors
    /// Out of file descriptors or memory.
    pub fn make() -> nix::Result<Self> {
        let agent = pipe2(OFlag::O_CLOEXEC)?;
        fcntl(&agent.0, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let init = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        dup2_stderr(&init.1)?;
        Ok(Self { agent, init })
    }
}

/// Starts one of the three.
///
/// # Errors
/// [`StartError`]. That the agent's file is missing shows later, as the end of its stage.
pub fn start(kind: Kind, pipes: &Pipes) -> Result<Pid, StartError> {
    let (program, result) = match kind {
        Kind::Agent => ("init agent", start_agent(pipes)),
        Kind::Console => ("init console", start_console(pipes)),
        Kind::Modules => ("init modules", start_modules(pipes)),
    };
    result.map_err(|source| StartError::Spawn { program, source })
}

fn start_agent(pipes: &Pipes) -> io::Result<Pid> {
    let output = pipes.agent.1.try_clone()?;
    spawn(stage("agent").stdout(output.try_clone()?).stderr(output))
}

fn start_console(pipes: &Pipes) -> io::Result<Pid> {
    // Its own trouble cannot go through itself.
    let trouble = std::fs::OpenOptions::new().write(true).open("/dev/kmsg")?;
    spawn(
        stage("console")
            .stdin(pipes.agent.0.try_clone()?)
            .stdout(pipes.init.0.try_clone()?)
            .stderr(trouble),
    )
}

fn start_modules(pipes: &Pipes) -> io::Result<Pid> {
    spawn(stage("modules").stderr(pipes.init.1.try_clone()?))
}

fn stage(name: &str) -> Command {
    let mut command = Command::new(SELF);
    command
        .arg0("init")
        .arg(name)
        .env_clear()
        .envs(ENVIRONMENT)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

fn spawn(command: &mut Command) -> io::Result<Pid> {
    // The handle is let go: PID 1 reaps everybody in one place.
    let child = command.spawn()?;
    i32::try_from(child.id())
        .map(Pid::from_raw)
        .map_err(io::Error::other)
}

/// The stage `init agent`: a session of its own, no signal blocked, then the agent in its place.
///
/// # Errors
/// Always, if it comes back: the agent could not be executed.
pub fn become_agent() -> Result<Infallible, StartError> {
    // Fails only for a leader of a process group, which a new process is not.
    let _ = setsid();
    let _ = SigSet::empty().thread_set_mask();
    Err(StartError::Spawn {
        program: AGENT,
        source: Command::new(AGENT).arg("run").exec(),
    })
}
