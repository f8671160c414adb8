// SPDX-License-Identifier: Apache-2.0
//! Power off and reboot (contract §18).
//!
//! PID 1 is asked first, by the signals that systemd defines and our own init
//! understands too, so that it can stop services and unmount. If the machine
//! still runs when the time is up, the kernel is told directly.

use std::io;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::unistd::{Pid, sync};

use crate::root::Root;

/// `SIGRTMIN+4` and `SIGRTMIN+5` as systemd on glibc counts (systemd(1)). The
/// numbers are fixed: the C library of this program may reserve another number
/// of signals (musl's `SIGRTMIN` is 35, glibc's 34), and then `SIGRTMIN+4`
/// would reboot a machine that shall be off.
pub const POWER_OFF_SIGNAL: i32 = 34 + 4;
/// See [`POWER_OFF_SIGNAL`].
pub const REBOOT_SIGNAL: i32 = 34 + 5;

/// How long PID 1 has. systemd gives services 90 s, but nothing that matters
/// runs beside the agent.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// What shall become of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerAction {
    /// Off.
    PowerOff,
    /// Start again.
    Reboot,
}

impl PowerAction {
    fn signal(self) -> i32 {
        match self {
            PowerAction::PowerOff => POWER_OFF_SIGNAL,
            PowerAction::Reboot => REBOOT_SIGNAL,
        }
    }

    /// The command for `/proc/sysrq-trigger` (the kernel's
    /// admin-guide/sysrq.rst).
    fn sysrq(self) -> &'static [u8] {
        match self {
            PowerAction::PowerOff => b"o",
            PowerAction::Reboot => b"b",
        }
    }
}

/// Why the machine is still on.
#[derive(Debug, thiserror::Error)]
pub enum PowerError {
    /// PID 1 did not react and the kernel could not be told.
    #[error("cannot write to /proc/sysrq-trigger")]
    Sysrq(#[source] io::Error),
    /// Everything was tried.
    #[error("the machine still runs {} s after it was told to stop", .0.as_secs())]
    StillRunning(Duration),
}

/// The machine's power switch.
#[derive(Debug, Clone)]
pub struct Power {
    root: Root,
    first_process: Pid,
    deadline: Duration,
}

impl Power {
    /// The switch of the machine whose files are below `root`.
    #[must_use]
    pub fn new(root: Root) -> Self {
        Self {
            root,
            first_process: Pid::from_raw(1),
            deadline: DEADLINE,
        }
    }

    /// Writes everything to the disks, then switches the machine off or starts
    /// it again. Does not return if it works.
    ///
    /// # Errors
    ///
    /// [`PowerError`] if the machine still runs after PID 1 and the kernel were
    /// told.
    pub async fn switch(&self, action: PowerAction) -> Result<(), PowerError> {
        // A disk that hangs must not keep the machine on.
        let written = tokio::task::spawn_blocking(sync);
        let _ = tokio::time::timeout(self.deadline, written).await;
        if signal(self.first_process, action.signal()).is_ok() {
            tokio::time::sleep(self.deadline).await;
        }
        self.root
            .write("/proc/sysrq-trigger", action.sysrq())
            .map_err(PowerError::Sysrq)?;
        tokio::time::sleep(self.deadline).await;
        Err(PowerError::StillRunning(self.deadline * 2))
    }
}

/// Real-time signals have no names in `nix`, so `kill` is called directly.
fn signal(process: Pid, number: i32) -> nix::Result<()> {
    #[expect(unsafe_code, reason = "kill(2) takes two numbers and no memory")]
    // SAFETY: no pointer is passed; any numbers are allowed.
    let result = unsafe { libc::kill(process.as_raw(), number) };
    Errno::result(result).map(drop)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Child, Command};

    use super::*;

    /// A power switch of a machine whose PID 1 is a sleeping program, and the
    /// directory that holds its sysrq trigger.
    fn machine(deadline: Duration) -> (Power, Child, tempfile::TempDir) {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(directory.path().join("proc")).expect("proc");
        let child = Command::new("sleep").arg("1000").spawn().expect("sleep");
        let id = i32::try_from(child.id()).expect("a process number");
        let power = Power {
            root: Root::open(directory.path()).expect("open"),
            first_process: Pid::from_raw(id),
            deadline,
        };
        (power, child, directory)
    }

    #[tokio::test]
    async fn the_first_process_is_asked_then_the_kernel() {
        let cases = [
            (PowerAction::PowerOff, 38, "o"),
            (PowerAction::Reboot, 39, "b"),
        ];
        for (action, signal, command) in cases {
            let (power, mut child, directory) = machine(Duration::from_millis(1));
            let result = power.switch(action).await;
            assert!(
                matches!(result, Err(PowerError::StillRunning(_))),
                "{result:?}"
            );
            let ended = child.wait().expect("the sleeping program").signal();
            assert_eq!(ended, Some(signal), "{action:?}");
            let written = std::fs::read_to_string(directory.path().join("proc/sysrq-trigger"));
            assert_eq!(written.expect("written"), command, "{action:?}");
        }
    }

    #[tokio::test]
    async fn the_kernel_is_left_alone_while_the_first_process_has_time() {
        let (power, mut child, directory) = machine(Duration::from_secs(1000));
        let switching = tokio::spawn(async move { power.switch(PowerAction::Reboot).await });
        let ended = tokio::task::spawn_blocking(move || child.wait()).await;
        assert_eq!(ended.expect("joined").expect("waited").signal(), Some(39));
        assert!(!directory.path().join("proc/sysrq-trigger").exists());
        switching.abort();
    }

    #[tokio::test]
    async fn a_kernel_that_cannot_be_told_is_named() {
        let (mut power, mut child, directory) = machine(Duration::from_millis(1));
        child.kill().expect("kill");
        child.wait().expect("wait");
        std::fs::remove_dir(directory.path().join("proc")).expect("remove");
        power.first_process = Pid::from_raw(i32::MAX);
        let result = power.switch(PowerAction::PowerOff).await;
        assert!(matches!(result, Err(PowerError::Sysrq(_))), "{result:?}");
    }
}
