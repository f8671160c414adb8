// SPDX-License-Identifier: Apache-2.0
//! The end of a run that leaves nothing behind: its processes end with the namespaces, and its
//! directory is removed, unless it failed and its logs are wanted.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, getpid};

use crate::error::Error;
use crate::files;
use crate::lab::LabOptions;
use crate::namespace;

/// What shells give a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;
/// A process that is being killed may still make a file while its directory is removed.
const REMOVAL_TRIES: u32 = 20;
const REMOVAL_PAUSE: Duration = Duration::from_millis(100);

/// The work of the first process of the namespaces: runs the lab, ends what is left of it, and
/// removes its directory if it went well or was interrupted.
///
/// # Errors
/// The set-up's or the lab's.
pub fn run_first_process(options: &LabOptions) -> Result<ExitCode, Error> {
    let result = namespace::run_first_process(&options.lab_dir);
    end_all_others();
    let interrupted = matches!(
        &result,
        Err(Error::Program { status, .. }) if status.signal().is_some_and(asked_to_end)
    );
    if interrupted {
        remove(options)?;
        options
            .narrator
            .say("Interrupted. Everything of the lab is gone.");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if result.as_ref().is_ok_and(|code| *code == ExitCode::SUCCESS) {
        remove(options)?;
    } else {
        options.narrator.say(format!(
            "The lab is gone; its logs are in {}",
            options.run_dir().display()
        ));
    }
    result
}

fn asked_to_end(signal: i32) -> bool {
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]
        .iter()
        .any(|one| *one as i32 == signal)
}

/// As the first process of a process namespace, `kill(-1)` reaches exactly the namespace.
fn end_all_others() {
    if getpid() != Pid::from_raw(1) {
        return;
    }
    // There may be nobody left.
    let _sent = kill(Pid::from_raw(-1), Signal::SIGKILL);
    while waitpid(None, None).is_ok() {}
}

fn remove(options: &LabOptions) -> Result<(), Error> {
    let directory = options.run_dir();
    for _ in 1..REMOVAL_TRIES {
        if files::remove_dir(&directory).is_ok() {
            return Ok(());
        }
        thread::sleep(REMOVAL_PAUSE);
    }
    files::remove_dir(&directory)
}
