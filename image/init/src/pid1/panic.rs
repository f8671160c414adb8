// SPDX-License-Identifier: Apache-2.0
//! If PID 1 panics: it becomes a new PID 1 in place, instead of a kernel panic.
//!
//! The image is built with `panic = "abort"`; the hook runs before that. The new PID 1 ends every
//! other process, because it no longer knows which is which, and begins as at boot. Mounts and
//! `/run` (the agent's token and key) stay as they are.

use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::wait;
use nix::unistd::Pid;

use crate::backoff::BackOff;
use crate::say::{Priority, kernel_log};

const AGAIN: &str = "--again-after-panic";

/// Installs the hook. `lives` is how often PID 1 began already.
pub fn install_hook(lives: u32) {
    std::panic::set_hook(Box::new(move |panic| {
        kernel_log(
            Priority::Critical,
            &format!(
                "BUG: PID 1 panicked, beginning again: {}",
                panic.to_string().replace('\n', ": ")
            ),
        );
        let error = Command::new("/proc/self/exe")
            .arg0("init")
            .args([AGAIN, &lives.saturating_add(1).to_string()])
            .exec();
        kernel_log(
            Priority::Critical,
            &format!("beginning again failed: {error}"),
        );
    }));
}

/// How often PID 1 began before, from its arguments.
pub fn lives_before(arguments: &[String]) -> u32 {
    match arguments {
        [again, lives, ..] if again == AGAIN => lives.parse().unwrap_or(1),
        _ => 0,
    }
}

/// Ends what an earlier life of PID 1 left running, and waits a little, longer each time.
pub fn clean_up(lives: u32) {
    // -1 is everybody but PID 1 and the kernel's own threads.
    let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
    while wait().is_ok() {}
    std::thread::sleep(pause(lives));
}

fn pause(lives: u32) -> Duration {
    let mut back_off = BackOff::default();
    (0..lives)
        .map(|_| back_off.after(Duration::ZERO))
        .last()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let lives = |words: &[&str]| {
            lives_before(
                &words
                    .iter()
                    .map(|word| (*word).to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(lives(&[]), 0);
        assert_eq!(lives(&["splash", "3"]), 0);
        assert_eq!(lives(&[AGAIN, "3"]), 3);
        assert_eq!(lives(&[AGAIN, "x"]), 1);
    }

    #[test]
    fn pauses_grow() {
        let seconds: Vec<u64> = (0..8).map(|lives| pause(lives).as_secs()).collect();
        assert_eq!(seconds, [0, 1, 2, 4, 8, 16, 30, 30]);
    }
}
