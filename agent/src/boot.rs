// SPDX-License-Identifier: Apache-2.0
//! The first seconds: settings from every source, drivers, disks.

use std::sync::Arc;
use std::time::Duration;

use bootconfig::{RawSources, Settings, resolve};
use hardware_profiles::{Amount, ProfileSet};
use ironseed_core::event::{Event, Wait};
use ironseed_core::hints::SMALLEST_DISK;
use ironseed_core::inventory::Facts;
use ironseed_core::network::InternalRule;
use ironseed_core::network::internal::{SMBIOS_TABLE, internal_rules};
use ironseed_core::profile::recognise;
use ironseed_core::snapshot::Snapshot;
use ironseed_machine::block::disk_sizes;
use ironseed_machine::boot_sources;
use ironseed_machine::clock::Clock;
use ironseed_machine::root::Root;
use ironseed_machine::snapshot::{Reach, take};
use ironseed_machine::state::StateDirectory;

use crate::events::Events;
use crate::profile;

/// How often a condition of the machine is looked at.
pub(crate) const POLL: Duration = Duration::from_millis(50);

/// Drivers that take longer are not waited for.
const DRIVERS_LIMIT: Duration = Duration::from_secs(60);

/// No SMBIOS table is larger: its length has 16 bits before version 3, and big
/// machines fill some hundred KiB.
const SMBIOS_LIMIT: u64 = 4 << 20;

/// What the first seconds work with.
#[derive(Debug, Clone)]
pub(crate) struct Boot {
    pub(crate) root: Root,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) state: StateDirectory,
    pub(crate) events: Events,
}

impl Boot {
    /// Resolves settings and tells every problem and warning. A setting whose
    /// value is bad has its default: a machine that boots and says what is
    /// wrong is worth more than one that does not.
    pub(crate) fn settings(&self, sources: &RawSources) -> Settings {
        let settings = resolve(sources).unwrap_or_else(|problems| {
            for problem in &problems.problems {
                self.events.warn(format!("{problem}; the default is used"));
            }
            *problems.settings
        });
        for warning in &settings.warnings {
            self.events.warn(warning.to_string());
        }
        settings
    }

    /// The profiles that are compiled in with those of the site, and a warning
    /// for each that cannot be used.
    pub(crate) fn profiles(&self) -> ProfileSet {
        let (set, left_out) = ProfileSet::with(&boot_sources::profiles(&self.root));
        for one in left_out {
            self.events.warn(profile::left_out(&one));
        }
        set
    }

    /// Which network cards lead to the BMC only. Asked before drivers load, so
    /// that no such card is ever used.
    pub(crate) fn internal_rules(&self) -> Vec<InternalRule> {
        let (set, _) = ProfileSet::with(&boot_sources::profiles(&self.root));
        let table = self.root.read_at_most(SMBIOS_TABLE, SMBIOS_LIMIT);
        internal_rules(&set, &table.unwrap_or_default())
    }

    /// How long a wait shall last before it is told, beyond what is usual: the
    /// profile may know that this machine's links are slow. It reads the
    /// machine's files, so it is asked only once a wait has lasted.
    pub(crate) async fn patience(&self, wait: &Wait, usual: Duration) -> Duration {
        let (root, wait) = (self.root.clone(), wait.clone());
        let asked = tokio::task::spawn_blocking(move || {
            let (set, _) = ProfileSet::with(&boot_sources::profiles(&root));
            let snapshot = take(&root, Reach::Files);
            let recognised = recognise(&set, &snapshot, &Facts::default());
            recognised.quirks.patience(&wait, usual, |port| {
                let link = format!("/sys/class/net/{port}/device/driver");
                let target = root.read_link(&link).ok()?;
                Some(target.rsplit('/').next()?.to_owned())
            })
        });
        asked.await.unwrap_or(usual)
    }

    /// How many different neighbours the machine's profile expects at least,
    /// so that it counts as cabled; 0 if it expects none.
    pub(crate) async fn neighbours(&self) -> u64 {
        let root = self.root.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let (set, _) = ProfileSet::with(&boot_sources::profiles(&root));
            if set
                .profiles()
                .iter()
                .all(|profile| profile.expect.neighbours.distinct.is_none())
            {
                // The machine need not be read to know the answer.
                return 0;
            }
            let snapshot = take(&root, Reach::Files);
            let recognised = recognise(&set, &snapshot, &Facts::default());
            let expected = &recognised.selection.profile.expect.neighbours;
            expected.distinct.map_or(0, Amount::smallest)
        });
        asked.await.unwrap_or_default()
    }

    /// Waits until PID 1 says that no driver is loading any more. Under
    /// another PID 1 udev has done that before the agent started.
    pub(crate) async fn drivers(&self) {
        if !self.state.has_timeline() {
            return;
        }
        let settled = || {
            self.state
                .timeline()
                .iter()
                .any(|(name, _)| name == "coldplug")
        };
        if !settled() {
            self.events.emit(&Event::Waiting(Wait::Drivers));
            self.until(DRIVERS_LIMIT, settled).await;
        }
    }

    /// Waits until a disk is there that could hold an operating system, as
    /// long as the settings allow (contract §1).
    pub(crate) async fn disks(&self, settings: &Settings) {
        let limit = settings.disk_wait_delay.value * settings.disk_wait_attempts.value;
        let deadline = self.clock.since_boot() + limit;
        let mut told = false;
        loop {
            if disk_sizes(&self.root)
                .into_iter()
                .any(|size| size >= SMALLEST_DISK)
            {
                return;
            }
            if self.clock.since_boot() >= deadline {
                self.events
                    .warn("no disk of at least 4 GiB was found; going on without one");
                return;
            }
            if !told {
                self.events.emit(&Event::Waiting(Wait::NoDisk));
                told = true;
            }
            tokio::time::sleep(5 * POLL).await;
        }
    }

    /// Reads the machine in a thread that may block.
    pub(crate) async fn snapshot(&self) -> Snapshot {
        self.take(Reach::Live).await
    }

    /// Reads the machine with all that devices tell only slowly, for a report.
    pub(crate) async fn thorough_snapshot(&self) -> Snapshot {
        self.take(Reach::Thorough).await
    }

    async fn take(&self, reach: Reach) -> Snapshot {
        let root = self.root.clone();
        let taken = tokio::task::spawn_blocking(move || take(&root, reach)).await;
        taken.unwrap_or_else(|error| {
            self.events
                .warn(format!("reading the machine broke off: {error}"));
            Snapshot::default()
        })
    }

    async fn until(&self, limit: Duration, condition: impl Fn() -> bool) {
        let deadline = self.clock.since_boot() + limit;
        while !condition() && self.clock.since_boot() < deadline {
            tokio::time::sleep(POLL).await;
        }
    }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
