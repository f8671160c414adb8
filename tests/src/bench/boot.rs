// SPDX-License-Identifier: Apache-2.0
//! Servers whose kernel is started directly, and what their consoles say.

use std::thread;
use std::time::{Duration, Instant};

use crate::console::Console;
use crate::demo::console_events::read;
use crate::demo::seen::Seen;
use crate::error::Error;
use crate::files;
use crate::lab::{INITRAMFS, KERNEL, Lab};
use crate::machine::{DirectBoot, DiskSpec, Machine, MachineSpec};
use crate::network::{self, IRONIC_PORT};

/// How often a console is looked at while a time is taken.
const POLL: Duration = Duration::from_millis(50);
const CONSOLE: &str = "console=ttyS0,115200n8";
const LOG_LINES: usize = 15;

/// What a server is told on its kernel command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Report to Ironic's auto-discovery; nobody knows the server.
    Inspect,
    /// Ask Ironic what to do.
    Serve,
}

impl Task {
    fn command_line(self) -> String {
        let ironic = network::url(IRONIC_PORT);
        match self {
            Self::Inspect => {
                format!("{CONSOLE} ipa-inspection-callback-url={ironic}/v1/continue_inspection")
            }
            Self::Serve => format!("{CONSOLE} ipa-api-url={ironic}"),
        }
    }
}

/// Defines a server. `index` makes its hardware address its own: Ironic must not take one server
/// for another. A server that is inspected has a BIOS, so that the figures are those of the kernel
/// and the agent; one that serves has UEFI, without which there are no boot entries to set.
pub(super) fn machine(
    lab: &Lab,
    name: &str,
    index: u8,
    memory_mib: u32,
    task: Task,
    disks: Vec<DiskSpec>,
) -> Result<Machine, Error> {
    let image = &lab.options().image_dir;
    let mut spec = MachineSpec::new(name).with_memory(memory_mib);
    spec.disks = disks;
    spec.macs = vec![format!("52:54:00:16:02:{index:02x}")];
    spec.uefi = task == Task::Serve;
    spec.direct_boot = Some(DirectBoot {
        kernel: image.join(KERNEL),
        initramfs: image.join(INITRAMFS),
        command_line: task.command_line(),
    });
    lab.machine(spec)
}

/// Follows a server's console from the moment it is made.
#[derive(Debug)]
pub(super) struct Follower {
    console: Console,
    seen: Seen,
}

impl Follower {
    pub(super) fn new(machine: &Machine) -> Self {
        Self {
            console: machine.console(),
            seen: Seen::default(),
        }
    }

    /// Reads what is new; a kernel that is out of memory or has panicked is an error.
    pub(super) fn look(&mut self) -> Result<(), Error> {
        for event in self
            .console
            .take_lines()?
            .iter()
            .filter_map(|line| read(line))
        {
            self.seen.add(&event);
        }
        match self.seen.trouble() {
            None => Ok(()),
            Some(trouble) => Err(Error::Expected {
                expected: "enough memory".to_owned(),
                found: trouble.to_owned(),
            }),
        }
    }

    pub(super) fn seen(&mut self) -> &mut Seen {
        &mut self.seen
    }

    /// Waits until the agent has reached a milestone; milliseconds since the kernel started.
    pub(super) fn wait_for(
        &mut self,
        machine: &Machine,
        milestone: &str,
        limit: Duration,
    ) -> Result<u64, Error> {
        let start = Instant::now();
        loop {
            self.look()?;
            if let Some(at_ms) = self.seen.reached(milestone) {
                return Ok(at_ms);
            }
            if start.elapsed() >= limit {
                return Err(Error::Timeout {
                    what: format!("{} to reach {milestone}", machine.name()),
                    limit,
                    last: files::tail(&machine.serial_log(), LOG_LINES),
                });
            }
            thread::sleep(POLL);
        }
    }
}
