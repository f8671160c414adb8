// SPDX-License-Identifier: Apache-2.0
//! Programs that the lab runs: to the end ([`run`]), or for as long as the lab lives ([`Service`]).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::error::Error;

/// How much of a failed program's error output goes into the error.
const ERROR_LINES: usize = 20;

/// Runs a program to its end and returns its standard output.
///
/// # Errors
/// [`Error::Start`] or [`Error::Program`].
pub fn run(command: &mut Command) -> Result<String, Error> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Start {
            program: name_of(command),
            source,
        })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = errors.lines().collect();
    Err(Error::Program {
        command: shown(command),
        status: output.status,
        output: lines[lines.len().saturating_sub(ERROR_LINES)..].join("\n"),
    })
}

fn name_of(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn shown(command: &Command) -> String {
    let mut text = name_of(command);
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

/// A program that runs until it is dropped. Its output goes to a log.
#[derive(Debug)]
pub struct Service {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts `command` with its output in `LOG_DIR/NAME.log`.
    ///
    /// # Errors
    /// [`Error::File`] for the log, [`Error::Start`] for the program.
    pub fn start(name: &str, command: &mut Command, log_dir: &Path) -> Result<Self, Error> {
        let log = log_dir.join(format!("{name}.log"));
        let failed = |source| Error::File {
            doing: "create",
            path: log.clone(),
            source,
        };
        let out = File::create(&log).map_err(failed)?;
        let errors = out.try_clone().map_err(failed)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(errors)
            .spawn()
            .map_err(|source| Error::Start {
                program: name_of(command),
                source,
            })?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
        })
    }

    /// Fails if the program has ended.
    ///
    /// # Errors
    /// [`Error::Died`].
    pub fn check(&mut self) -> Result<(), Error> {
        match self.child.try_wait() {
            Ok(Some(status)) => Err(Error::Died {
                name: self.name.clone(),
                status,
                log: self.log.clone(),
            }),
            // The state of a child cannot be unknown; the next look decides.
            Ok(None) | Err(_) => Ok(()),
        }
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// [`Error::Kernel`] if it is not there.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        let failed = |source| Error::Kernel {
            doing: format!("send {signal} to {}", self.name),
            source,
        };
        let pid = i32::try_from(self.child.id()).map_err(|_| failed(nix::errno::Errno::ESRCH))?;
        signal::kill(Pid::from_raw(pid), signal).map_err(failed)
    }

    /// Where its output goes.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Nothing the lab's programs could tidy up survives the lab's namespaces anyway.
        if self.child.kill().is_ok() {
            let _ended = self.child.wait();
        }
    }
}
