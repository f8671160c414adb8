// SPDX-License-Identifier: Apache-2.0
//! What the lines of a machine's serial console mean. The agent's lines are those of
//! `ironseed_core::event`, behind the time that PID 1 puts before them; the others are the
//! firmware's, the kernel's and the deployed system's. Lines that mean nothing here are left out.

use std::time::Duration;

/// Long work that the agent reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is done, for example `writing /dev/sda`.
    pub what: String,
    /// MiB done.
    pub done_mib: u64,
    /// MiB in all, where known.
    pub total_mib: Option<u64>,
    /// The rate as the agent writes it, for example `26.2 MB/s`; with how long the rest will
    /// take where it says so: `26.2 MB/s, 6 s left`.
    pub rate: String,
}

impl Progress {
    /// How much is done, in percent; nothing without a total.
    #[must_use]
    pub fn percent(&self) -> Option<u64> {
        let total = self.total_mib.filter(|total| *total > 0)?;
        Some(self.done_mib.min(total) * 100 / total)
    }
}

/// The meaning of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsoleEvent {
    /// The firmware starts a boot entry of this name.
    Firmware(String),
    /// A kernel of this version starts.
    Kernel(String),
    /// The agent entered a phase.
    Phase(String),
    /// The agent waits; for what, and what to check.
    Waiting(String),
    /// The agent reached a milestone, in milliseconds since the kernel started.
    Reached {
        /// Its name.
        name: String,
        /// When.
        at_ms: u64,
    },
    /// A command of Ironic began.
    CommandStarted(String),
    /// A command of Ironic ended.
    CommandEnded {
        /// Its name.
        name: String,
        /// How, for example `succeeded after 1.2 s`.
        how: String,
    },
    /// Long work moved on.
    Progress(Progress),
    /// The agent reports a failure.
    Failed(String),
    /// The kernel is out of memory or has panicked, or the kernel or the initramfs did not fit into
    /// memory.
    Trouble(String),
    /// The deployed operating system says this.
    System(String),
}

/// What the deployed operating system begins its lines with; see `tests/os/ironseed-lab-marker`.
pub const SYSTEM_MARKER: &str = "IRONSEED-LAB-OS ";
/// The kernel's words for an end that no agent can report.
const TROUBLES: [&str; 4] = [
    "Kernel panic",
    "Out of memory",
    "invoked oom-killer",
    "Initramfs unpacking failed",
];

/// What a line means.
#[must_use]
pub fn read(line: &str) -> Option<ConsoleEvent> {
    if let Some((_, said)) = line.split_once(SYSTEM_MARKER) {
        return Some(ConsoleEvent::System(said.trim().to_owned()));
    }
    if let Some((_, entry)) = line.split_once("BdsDxe: starting ") {
        return Some(ConsoleEvent::Firmware(entry_name(entry)));
    }
    if let Some((_, problem)) = line.split_once("EFI stub: ERROR: ") {
        return Some(ConsoleEvent::Trouble(format!("EFI stub: {problem}")));
    }
    let (time, text) = time_and_text(line)?;
    if let Some(version) = text.strip_prefix("Linux version ") {
        let version = version.split(' ').next().unwrap_or_default();
        return Some(ConsoleEvent::Kernel(version.to_owned()));
    }
    if TROUBLES.iter().any(|trouble| text.contains(trouble)) {
        return Some(ConsoleEvent::Trouble(text.to_owned()));
    }
    pid1_event(time, text).or_else(|| agent_event(text))
}

/// `Boot0003 "UEFI QEMU HARDDISK" from PciRoot(0x0)/…` → `UEFI QEMU HARDDISK`.
fn entry_name(entry: &str) -> String {
    let name = entry.split('"').nth(1).unwrap_or(entry);
    name.trim().to_owned()
}

/// Seconds since the kernel started, and the text, of `[   12.345] text`.
fn time_and_text(line: &str) -> Option<(Duration, &str)> {
    let (time, text) = line.split_once('[')?.1.split_once("] ")?;
    let seconds = time.trim().parse::<f64>().ok()?;
    Some((Duration::try_from_secs_f64(seconds).ok()?, text))
}

/// PID 1 writes its milestones into a file that the agent reports; on the console they are
/// sentences.
fn pid1_event(time: Duration, text: &str) -> Option<ConsoleEvent> {
    let said = text.strip_prefix("init: ")?;
    let name = if said.starts_with("Ironseed init ") {
        "init"
    } else if said.starts_with("coldplug: ") {
        "coldplug"
    } else {
        return None;
    };
    Some(ConsoleEvent::Reached {
        name: name.to_owned(),
        at_ms: u64::try_from(time.as_millis()).ok()?,
    })
}

fn agent_event(text: &str) -> Option<ConsoleEvent> {
    let text = ["warn: ", "error: "]
        .iter()
        .find_map(|level| text.strip_prefix(level))
        .unwrap_or(text);
    let (kind, rest) = text.split_once(' ')?;
    let owned = || rest.to_owned();
    match kind {
        "phase:" => Some(ConsoleEvent::Phase(owned())),
        "waiting:" => Some(ConsoleEvent::Waiting(owned())),
        "failed:" => Some(ConsoleEvent::Failed(owned())),
        "reached:" => reached(rest),
        "progress:" => progress(rest).map(ConsoleEvent::Progress),
        "command" => command(rest),
        _ => None,
    }
}

/// `inspection at 5400 ms`.
fn reached(text: &str) -> Option<ConsoleEvent> {
    let (name, at) = text.split_once(" at ")?;
    let at_ms = at.strip_suffix(" ms")?.parse().ok()?;
    Some(ConsoleEvent::Reached {
        name: name.to_owned(),
        at_ms,
    })
}

/// `NAME: started`, `NAME: succeeded after 1.2 s`, ….
fn command(text: &str) -> Option<ConsoleEvent> {
    let (name, how) = text.split_once(": ")?;
    let name = name.to_owned();
    Some(match how {
        "started" => ConsoleEvent::CommandStarted(name),
        how => ConsoleEvent::CommandEnded {
            name,
            how: how.to_owned(),
        },
    })
}

/// `writing /dev/sda: 50 MiB of 200 MiB, 25 %, 26.2 MB/s, 6 s left (network 70 %, disk 10 %)`, where
/// the percentage, the rest and where the time goes may be missing.
fn progress(text: &str) -> Option<Progress> {
    let (what, numbers) = text.rsplit_once(": ")?;
    let (amount, rest) = numbers.split_once(", ")?;
    let (done, total) = match amount.split_once(" of ") {
        Some((done, total)) => (done, Some(total)),
        None => (amount, None),
    };
    let mib = |text: &str| text.strip_suffix(" MiB")?.parse::<u64>().ok();
    let rate = rest.split(" (").next().unwrap_or_default();
    let rate = rate.split_once(" %, ").map_or(rate, |(_, rate)| rate);
    Some(Progress {
        what: what.to_owned(),
        done_mib: mib(done)?,
        total_mib: match total {
            Some(total) => Some(mib(total)?),
            None => None,
        },
        rate: rate.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_whole_life_are_understood() {
        let text = str::to_owned;
        let cases = [
            (
                "BdsDxe: starting Boot0002 \"UEFI QEMU DVD-ROM QM00001 \" from PciRoot(0x0)/Sata",
                Some(ConsoleEvent::Firmware(text("UEFI QEMU DVD-ROM QM00001"))),
            ),
            (
                "[    0.000000] Linux version 6.12.117+deb12-amd64 (debian-kernel@…) #1 SMP",
                Some(ConsoleEvent::Kernel(text("6.12.117+deb12-amd64"))),
            ),
            ("[    1.100000] pci 0000:00:1f.0: phase: of the moon", None),
            (
                "[    7.351] init: Ironseed init 0.1.0 up",
                Some(ConsoleEvent::Reached {
                    name: text("init"),
                    at_ms: 7351,
                }),
            ),
            (
                "[   14.090] init: coldplug: 30 of 277 modules loaded in 2 passes, 6.71 s",
                Some(ConsoleEvent::Reached {
                    name: text("coldplug"),
                    at_ms: 14090,
                }),
            ),
            ("[   14.090] init: the agent ended", None),
            ("[   -1.000] init: coldplug: 30", None),
            (
                "[    4.500] phase: network",
                Some(ConsoleEvent::Phase(text("network"))),
            ),
            (
                "[   12.001] warn: waiting: no link on eno1 [no-link]; next: check the cables",
                Some(ConsoleEvent::Waiting(text(
                    "no link on eno1 [no-link]; next: check the cables",
                ))),
            ),
            (
                "[    5.402] reached: inspection at 5400 ms",
                Some(ConsoleEvent::Reached {
                    name: text("inspection"),
                    at_ms: 5400,
                }),
            ),
            (
                "[   20.000] command clean.execute_clean_step erase_devices: started",
                Some(ConsoleEvent::CommandStarted(text(
                    "clean.execute_clean_step erase_devices",
                ))),
            ),
            (
                "[   21.200] command standby.sync: succeeded after 1.2 s",
                Some(ConsoleEvent::CommandEnded {
                    name: text("standby.sync"),
                    how: text("succeeded after 1.2 s"),
                }),
            ),
            (
                "[   30.000] error: failed: no disk [no-disk]; next: check it",
                Some(ConsoleEvent::Failed(text(
                    "no disk [no-disk]; next: check it",
                ))),
            ),
            (
                "[    9.123456] Out of memory: Killed process 71 (ironseed-agent)",
                Some(ConsoleEvent::Trouble(text(
                    "Out of memory: Killed process 71 (ironseed-agent)",
                ))),
            ),
            (
                "EFI stub: ERROR: Failed to decompress kernel",
                Some(ConsoleEvent::Trouble(text(
                    "EFI stub: Failed to decompress kernel",
                ))),
            ),
            (
                "IRONSEED-LAB-OS ready",
                Some(ConsoleEvent::System(text("ready"))),
            ),
            ("Welcome to GRUB!", None),
            ("[ time ] phase: none", None),
            ("", None),
        ];
        for (line, event) in cases {
            assert_eq!(read(line), event, "{line}");
        }
    }

    #[test]
    fn progress_with_and_without_an_end() {
        let cases = [
            (
                "writing /dev/sda: 50 MiB of 200 MiB, 25 %, 26.2 MB/s",
                Some((50, Some(200), Some(25))),
            ),
            (
                "writing x to /dev/sda: 50 MiB of 200 MiB, 25 %, 26.2 MB/s, 6 s left (network 70 %, hash 0 %, disk 10 %)",
                Some((50, Some(200), Some(25))),
            ),
            (
                "writing x to /dev/sda: 50 MiB, 26.2 MB/s (network 70 %, hash 0 %, disk 10 %)",
                Some((50, None, None)),
            ),
            (
                "writing /dev/sda: 50 MiB, 26.2 MB/s",
                Some((50, None, None)),
            ),
            (
                "writing: x: 0 MiB of 0 MiB, 0.0 MB/s",
                Some((0, Some(0), None)),
            ),
            (
                "writing: 300 MiB of 200 MiB, 150 %, 1.0 MB/s",
                Some((300, Some(200), Some(100))),
            ),
            ("writing: 50 GiB, 26.2 MB/s", None),
            ("writing", None),
        ];
        for (line, expected) in cases {
            let found = progress(line);
            let numbers = found
                .as_ref()
                .map(|found| (found.done_mib, found.total_mib, found.percent()));
            assert_eq!(numbers, expected, "{line}");
            if let Some(found) = found {
                let rate = found.rate.split(", ").next().unwrap_or_default();
                assert!(rate.ends_with(" MB/s"), "{line}: {}", found.rate);
                assert!(!found.rate.contains('%'), "{line}: {}", found.rate);
            }
        }
    }

    #[test]
    fn cut_lines_are_no_events_or_shorter_ones() {
        let lines = [
            "[   12.345] progress: writing /dev/sda: 50 MiB of 200 MiB, 25 %, 26.2 MB/s",
            "[    5.402] reached: inspection at 5400 ms",
            "[   21.200] command standby.sync: succeeded after 1.2 s",
            "BdsDxe: starting Boot0002 \"UEFI\" from PciRoot(0x0)",
        ];
        for line in lines {
            for end in 0..line.len() {
                if let Some(ConsoleEvent::Reached { .. }) = read(&line[..end]) {
                    panic!("a milestone from {:?}", &line[..end]);
                }
            }
        }
    }
}
