// SPDX-License-Identifier: Apache-2.0
//! The end: the agent is stopped gently, everything is written and unmounted, the consoles get
//! their last lines, and the kernel is told to power off or reboot. Each wait is bounded, about
//! six seconds together: the conductor looks at the power for 30 s (contract §30).

use std::time::Duration;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, sync};

use super::life::Init;
use super::request::Request;
use super::service::Kind;
use crate::clock;
use crate::console::control::FromInit;
use crate::say::{Priority, kernel_log, say};

/// For the agent to end after SIGTERM.
const AGENT_GRACE: Duration = Duration::from_secs(3);
/// For everybody to be gone after SIGKILL.
const KILL_GRACE: Duration = Duration::from_secs(1);
/// For the consoles; longer than the console process takes at most.
const CONSOLE_GRACE: Duration = Duration::from_secs(2);
/// For sysrq to work before it is tried again.
const SYSRQ_PAUSE: Duration = Duration::from_secs(10);

/// Ends the machine's run.
pub(super) fn shut_down(init: &mut Init, request: Request) -> ! {
    init.stop_restarting();
    stop_agent(init);
    if let Some(pid) = init.pid(Kind::Modules) {
        let _ = kill(pid, Signal::SIGKILL);
    }
    say("writing everything to the disks");
    sync();
    unmount_disks();
    say(&format!("{} now", request.name()));
    say(&FromInit::Finish.line());
    wait_for_end(init, Kind::Console, CONSOLE_GRACE);
    end(request)
}

fn stop_agent(init: &mut Init) {
    let Some(agent) = init.pid(Kind::Agent) else {
        return;
    };
    let _ = kill(agent, Signal::SIGTERM);
    if wait_for_end(init, Kind::Agent, AGENT_GRACE) {
        return;
    }
    say("the agent did not end: killing it");
    // Its own session, so its children are in its process group unless they left it.
    let _ = kill(Pid::from_raw(-agent.as_raw()), Signal::SIGKILL);
    wait_for_end(init, Kind::Agent, KILL_GRACE);
}

/// Waits until a process has ended; false if it did not in time. Further requests change nothing.
fn wait_for_end(init: &mut Init, kind: Kind, grace: Duration) -> bool {
    let deadline = clock::boottime() + grace;
    while init.pid(kind).is_some() {
        if clock::boottime() >= deadline {
            return false;
        }
        let _ = init.wait(Some(deadline));
    }
    true
}

/// Unmounts what is on a disk, the last mounted first; what is busy becomes read-only.
fn unmount_disks() {
    let table = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    for target in disk_mounts(&table) {
        let Err(busy) = umount2(target.as_str(), MntFlags::empty()) else {
            continue;
        };
        let read_only = mount(
            None::<&str>,
            target.as_str(),
            None::<&str>,
            MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY,
            None::<&str>,
        );
        match read_only {
            Ok(()) => say(&format!("{target} is busy: made read-only")),
            Err(errno) => say(&format!(
                "{target} stays mounted: {busy}; making it read-only: {errno}"
            )),
        }
    }
}

/// Mount points whose source is a device, last first. The kernel writes white space and `\` in
/// them as `\` and three octal digits (fs/proc_namespace.c).
fn disk_mounts(table: &str) -> Vec<String> {
    table
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(source, _)| source.starts_with("/dev/"))
        .filter_map(|(_, rest)| rest.split(' ').next())
        .map(unquoted)
        .rev()
        .collect()
}

fn unquoted(text: &str) -> String {
    [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\043", "#"),
        ("\\134", "\\"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (quoted, plain)| {
        text.replace(quoted, plain)
    })
}

fn end(request: Request) -> ! {
    let (mode, key) = match request {
        Request::PowerOff => (RebootMode::RB_POWER_OFF, "o"),
        Request::Reboot | Request::Kexec => (RebootMode::RB_AUTOBOOT, "b"),
    };
    let name = request.name();
    loop {
        // It comes back only if it failed.
        let Err(errno) = reboot(mode);
        kernel_log(
            Priority::Critical,
            &format!("{name} failed: {errno}; trying sysrq {key}"),
        );
        if let Err(error) = std::fs::write("/proc/sysrq-trigger", key) {
            kernel_log(
                Priority::Critical,
                &format!("sysrq {key} failed: {error}; switch this machine off by hand"),
            );
        }
        std::thread::sleep(SYSRQ_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_of_disks_last_first() {
        let table = "rootfs / rootfs rw 0 0\nproc /proc proc rw 0 0\n/dev/sda1 /mnt ext4 rw 0 0\n/dev/sda2 /mnt/a\\040b\\134 vfat rw 0 0\ntmpfs /run tmpfs rw 0 0\nodd\n";
        assert_eq!(disk_mounts(table), ["/mnt/a b\\", "/mnt"]);
    }
}
