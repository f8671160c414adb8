// SPDX-License-Identifier: Apache-2.0
//! The process `init modules`: loads what the devices ask for, first those that are there
//! (coldplug), then those that come (hotplug).
//!
//! The uevent socket is open before the first look at sysfs, so no device is missed. Passes over
//! sysfs are repeated until one finds nothing new; then the machine counts as settled when no disk
//! and no link has appeared for a short while, with a bound. This goes into the timeline as
//! `coldplug`. A process of its own because a driver that oopses while it is probed kills the
//! task that loads it, and that must never be PID 1.

use std::collections::HashSet;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, setsockopt,
    socket, sockopt,
};

use super::index::Index;
use super::pool::Pool;
use crate::clock;
use crate::say::{say, say_error};
use crate::timeline;
use crate::uevent::Uevent;

/// No disk or link for this long: whoever comes later takes seconds anyway, and the agent waits
/// for those by itself.
const QUIET: Duration = Duration::from_millis(150);
/// Devices that come and go without end do not hold up the timeline longer than this.
const QUIET_BOUND: Duration = Duration::from_secs(5);
/// The kernel's messages, not udevd's.
const KERNEL_GROUP: u32 = 1;
/// A server with hundreds of disks sends thousands of uevents at once.
const SOCKET_BUFFER: usize = 4 << 20;
/// The kernel's limit is 2 KiB for the environment (`UEVENT_BUFFER_SIZE`) plus the path.
const LONGEST_MESSAGE: usize = 8 << 10;

/// Why the process had to end.
#[derive(Debug, thiserror::Error)]
pub enum ColdplugError {
    /// No uevents.
    #[error("opening the uevent socket")]
    Socket(#[source] Errno),
    /// No threads.
    #[error("starting threads that load modules")]
    Threads(#[source] std::io::Error),
    /// No waiting.
    #[error("waiting for uevents")]
    Poll(#[source] Errno),
}

/// Runs for as long as the machine does.
///
/// # Errors
/// [`ColdplugError`]; PID 1 starts the process again.
pub fn run() -> Result<std::convert::Infallible, ColdplugError> {
    let uevents = uevent_socket().map_err(ColdplugError::Socket)?;
    let pool = Pool::start(Index::read()).map_err(ColdplugError::Threads)?;
    if pool.index().is_empty() {
        say("no modules in this image: drivers that are not built in are missing");
    }
    Coldplug {
        uevents,
        pool,
        seen: HashSet::new(),
        started: clock::boottime(),
        last_appearance: clock::boottime(),
        passes: 0,
        stage: Stage::Passes,
    }
    .run()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Looking at sysfs until a look finds nothing new.
    Passes,
    /// Nothing new at this time; waiting for quiet.
    Quiet(Duration),
    Settled,
}

struct Coldplug {
    uevents: OwnedFd,
    pool: Pool,
    /// Modaliases asked for already.
    seen: HashSet<String>,
    started: Duration,
    last_appearance: Duration,
    passes: u32,
    stage: Stage,
}

impl Coldplug {
    fn run(mut self) -> Result<std::convert::Infallible, ColdplugError> {
        self.pass();
        let wanted: Vec<String> = self.pool.index().wanted().map(str::to_owned).collect();
        for module in wanted {
            self.pool.ask(&module);
        }
        loop {
            self.advance();
            self.wait()?;
            self.read_uevents();
        }
    }

    /// One look at all devices; whether it asked for anything new.
    fn pass(&mut self) -> bool {
        self.passes += 1;
        let mut modaliases = Vec::new();
        read_modaliases(Path::new("/sys/devices"), &mut modaliases);
        modaliases.sort_by_key(|modalias| rank(modalias));
        let mut new = false;
        for modalias in modaliases {
            new |= self.device(&modalias);
        }
        new
    }

    fn device(&mut self, modalias: &str) -> bool {
        if !self.seen.insert(modalias.to_owned()) {
            return false;
        }
        let mut new = false;
        for module in self.pool.index().for_device(modalias) {
            new |= self.pool.ask(module);
        }
        new
    }

    fn advance(&mut self) {
        if self.stage == Stage::Settled || !self.pool.is_idle() {
            return;
        }
        let now = clock::boottime();
        match self.stage {
            Stage::Passes => {
                if !self.pass() {
                    self.stage = Stage::Quiet(now);
                }
            }
            Stage::Quiet(since) => {
                if now >= quiet_at(since, self.last_appearance) {
                    self.settled(now);
                }
            }
            Stage::Settled => {}
        }
    }

    fn settled(&mut self, now: Duration) {
        self.stage = Stage::Settled;
        if let Err(error) = timeline::record_first("coldplug") {
            say_error(&error);
        }
        say(&format!(
            "coldplug: {} of {} modules loaded in {} passes, {:.2} s",
            self.pool.new_modules(),
            self.pool.index().len(),
            self.passes,
            now.saturating_sub(self.started).as_secs_f64()
        ));
    }

    fn wait(&self) -> Result<(), ColdplugError> {
        let timeout = match self.stage {
            Stage::Quiet(since) if self.pool.is_idle() => {
                let left = quiet_at(since, self.last_appearance).saturating_sub(clock::boottime());
                // Rounded up, so that the time is over when the wait is.
                PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::NONE)
            }
            Stage::Passes if self.pool.is_idle() => PollTimeout::ZERO,
            _ => PollTimeout::NONE,
        };
        let mut fds = [
            PollFd::new(self.uevents.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.pool.dry().as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(ColdplugError::Poll(errno)),
        }
    }

    fn read_uevents(&mut self) {
        // The pool's eventfd only has to end the wait.
        let _ = self.pool.dry().read();
        let mut buffer = [0; LONGEST_MESSAGE];
        loop {
            match recv(
                self.uevents.as_raw_fd(),
                &mut buffer,
                MsgFlags::MSG_DONTWAIT,
            ) {
                Ok(length) => {
                    if let Some(event) = buffer.get(..length).and_then(Uevent::parse) {
                        self.uevent(&event);
                    }
                }
                Err(Errno::ENOBUFS) => {
                    say("uevents were lost: looking at all devices again");
                    self.pass();
                }
                Err(Errno::EINTR) => {}
                Err(_) => return,
            }
        }
    }

    fn uevent(&mut self, event: &Uevent<'_>) {
        if event.action != "add" {
            return;
        }
        if event.is_disk_or_link() {
            self.last_appearance = clock::boottime();
        }
        if let Some(modalias) = event.modalias
            && self.device(modalias)
            && self.stage != Stage::Settled
        {
            self.stage = Stage::Passes;
        }
    }
}

/// What is loaded first: network adapters, because their links take seconds to come up and can
/// do so while the rest is loaded; then storage.
fn rank(modalias: &str) -> u8 {
    let class = |number: &str| modalias.starts_with("pci:") && modalias.contains(number);
    let virtio = |device: &str| {
        modalias
            .strip_prefix("virtio:")
            .is_some_and(|rest| rest.starts_with(device))
    };
    if class("bc02") || virtio("d00000001v") {
        0
    } else if class("bc01") || virtio("d00000002v") || virtio("d00000008v") {
        1
    } else {
        2
    }
}

/// When the machine counts as quiet, given when the passes ended and when a disk or link came last.
fn quiet_at(since: Duration, last_appearance: Duration) -> Duration {
    (last_appearance + QUIET).clamp(since, since + QUIET_BOUND)
}

fn uevent_socket() -> Result<OwnedFd, Errno> {
    let uevents = socket(
        AddressFamily::Netlink,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkKObjectUEvent,
    )?;
    // A smaller buffer is no reason to give up: lost messages are noticed and made good.
    let _ = setsockopt(&uevents, sockopt::RcvBufForce, &SOCKET_BUFFER);
    bind(uevents.as_raw_fd(), &NetlinkAddr::new(0, KERNEL_GROUP))?;
    Ok(uevents)
}

/// Collects the `modalias` files below a directory of sysfs; links are not followed.
fn read_modaliases(directory: &Path, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => read_modaliases(&entry.path(), found),
            Ok(kind) if kind.is_file() && entry.file_name() == "modalias" => {
                if let Ok(modalias) = fs::read_to_string(entry.path()) {
                    found.push(modalias.trim_end().to_owned());
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_then_storage_then_the_rest() {
        let mut devices = [
            "acpi:IPI0001:",
            "pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02",
            "virtio:d00000002v00001AF4",
            "pci:v00008086d000010D3sv00001AF4sd00001100bc02sc00i00",
            "virtio:d00000001v00001AF4",
        ];
        devices.sort_by_key(|modalias| rank(modalias));
        let ranks: Vec<u8> = devices.iter().map(|modalias| rank(modalias)).collect();
        assert_eq!(ranks, [0, 0, 1, 1, 2]);
        assert!(devices.first().is_some_and(|first| first.contains("bc02")));
    }

    #[test]
    fn quiet_is_bounded_on_both_sides() {
        let at = |ms| Duration::from_millis(ms);
        for (since, last, expected) in [
            (1000, 100, 1000),
            (1000, 950, 1100),
            (1000, 2000, 2150),
            (1000, 9000, 6000),
        ] {
            assert_eq!(
                quiet_at(at(since), at(last)),
                at(expected),
                "{since} {last}"
            );
        }
    }

    #[test]
    fn modaliases_below_a_directory() {
        let root = tempfile::tempdir().expect("a directory for the test");
        let device = root.path().join("pci0/0000:00:01.0");
        fs::create_dir_all(&device).expect("a device");
        fs::write(device.join("modalias"), "pci:v1\n").expect("its modalias");
        fs::write(device.join("vendor"), "1\n").expect("another attribute");
        std::os::unix::fs::symlink(root.path(), device.join("subsystem")).expect("a link");
        let mut found = Vec::new();
        read_modaliases(root.path(), &mut found);
        assert_eq!(found, ["pci:v1"]);
    }
}
