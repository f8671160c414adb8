// SPDX-License-Identifier: Apache-2.0
//! How a child ended, in words, and collecting those that did.

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// A child that is no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its process id; `None` if it was ended by a realtime signal, which `nix` cannot tell.
    pub pid: Option<Pid>,
    /// For people.
    pub how: String,
}

/// Reaps one child, an orphan of somebody else or our own, if one has ended.
pub fn reap() -> Option<Ended> {
    loop {
        match waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return None,
            Ok(status) => {
                if let Some(ended) = describe(status) {
                    return Some(ended);
                }
            }
            Err(Errno::EINTR) => {}
            Err(Errno::EINVAL) => {
                return Some(Ended {
                    pid: None,
                    how: "killed by a realtime signal".to_owned(),
                });
            }
            // ECHILD: there is none.
            Err(_) => return None,
        }
    }
}

fn describe(status: WaitStatus) -> Option<Ended> {
    match status {
        WaitStatus::Exited(pid, code) => Some(Ended {
            pid: Some(pid),
            how: format!("exit status {code}"),
        }),
        WaitStatus::Signaled(pid, signal, core) => Some(Ended {
            pid: Some(pid),
            how: format!(
                "killed by {signal}{}",
                if core { ", core dumped" } else { "" }
            ),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::Signal;

    use super::*;

    #[test]
    fn words() {
        let pid = Pid::from_raw(5);
        for (status, expected) in [
            (WaitStatus::Exited(pid, 3), Some("exit status 3")),
            (
                WaitStatus::Signaled(pid, Signal::SIGSEGV, true),
                Some("killed by SIGSEGV, core dumped"),
            ),
            (
                WaitStatus::Signaled(pid, Signal::SIGKILL, false),
                Some("killed by SIGKILL"),
            ),
            (WaitStatus::Continued(pid), None),
        ] {
            assert_eq!(describe(status).map(|ended| ended.how).as_deref(), expected);
        }
    }
}
