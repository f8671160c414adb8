// SPDX-License-Identifier: Apache-2.0
//! The first seconds: settings from every source, drivers, virtual media,
//! disks.

use std::sync::Arc;
use std::time::Duration;

use bootconfig::virtual_media::{
    BlockFacts, BlockKind, BlockLink, boot_iso, booted_from_virtual_media, expected_publisher,
    parameters_disk, published_medium,
};
use bootconfig::{RawSources, Settings, resolve};
use hardware_profiles::ProfileSet;
use ironseed_core::block::{self, BlockDevice, BlockDevices};
use ironseed_core::event::{Event, Wait};
use ironseed_core::hints::SMALLEST_DISK;
use ironseed_core::inventory::{Facts, block_devices};
use ironseed_core::network::description::{Found, Source, network_data};
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
const POLL: Duration = Duration::from_millis(50);

/// Drivers that take longer are not waited for.
const DRIVERS_LIMIT: Duration = Duration::from_secs(60);

/// Virtual media is there after this time, or the BMC has none (contract §2.4).
const MEDIA_LIMIT: Duration = Duration::from_secs(30);

/// What the first seconds work with.
#[derive(Debug, Clone)]
pub(crate) struct Boot {
    pub(crate) root: Root,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) state: StateDirectory,
    pub(crate) events: Events,
}

/// What virtual media says of the network.
#[derive(Debug)]
pub(crate) struct Media {
    pub(crate) network: Found,
    /// Time servers, best first.
    pub(crate) ntp: Vec<String>,
}

impl Media {
    /// Nothing.
    fn silent() -> Self {
        Self {
            network: Found {
                source: Source::NetworkData,
                read: Ok(None),
            },
            ntp: vec![],
        }
    }
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

    /// Adds what virtual media says, if the machine was booted from it, and
    /// reads how the machine is on the network.
    ///
    /// Where the command line names the publisher of the boot ISO, that medium
    /// is waited for; otherwise the first one with settings ends the wait.
    pub(crate) async fn virtual_media(&self, sources: &mut RawSources) -> Media {
        if !booted_from_virtual_media(&sources.cmdline) {
            return Media::silent();
        }
        let publisher = expected_publisher(&sources.cmdline);
        let deadline = self.clock.since_boot() + MEDIA_LIMIT;
        let mut told = false;
        loop {
            let facts = block_facts(&block_devices(&self.snapshot().await));
            let (disk, iso) = (parameters_disk(&facts), boot_iso(&facts));
            let ours = publisher
                .as_deref()
                .and_then(|publisher| published_medium(&facts, publisher));
            let complete = match publisher {
                Some(_) => ours.is_some(),
                None => disk.is_some() || iso.is_some(),
            };
            if complete || self.clock.since_boot() >= deadline {
                if told {
                    self.events.emit(&Event::WaitOver);
                }
                if disk.is_none() && iso.is_none() {
                    self.events
                        .warn("boot_method=vmedia, but no virtual media with settings was found");
                }
                self.read_media(disk, ours.or(iso), sources);
                return publisher.map_or_else(Media::silent, |publisher| {
                    self.network_data(&publisher, ours)
                });
            }
            if !told {
                self.events.emit(&Event::Waiting(Wait::VirtualMedia));
                told = true;
            }
            tokio::time::sleep(10 * POLL).await;
        }
    }

    /// Reads `network_data.json` of the medium that Ironic made for this boot.
    fn network_data(&self, publisher: &str, medium: Option<&BlockFacts>) -> Media {
        let read = match medium {
            None => Err(format!(
                "no virtual media of the publisher {publisher} (ir_pub_id) appeared within {} s",
                MEDIA_LIMIT.as_secs()
            )),
            Some(medium) if !medium.may_configure_network() => Ok(None),
            Some(medium) => boot_sources::network_data(&medium.path)
                .map_err(|error| chain(&error))
                .and_then(|bytes| match bytes {
                    Some(bytes) => network_data::read(&bytes).map_err(|error| error.to_string()),
                    None => Ok(None),
                }),
        };
        let data = match read {
            Ok(Some(data)) => data,
            Ok(None) => return Media::silent(),
            Err(problem) => {
                return Media {
                    network: Found {
                        source: Source::NetworkData,
                        read: Err(problem),
                    },
                    ntp: vec![],
                };
            }
        };
        for warning in &data.warnings {
            self.events
                .warn(format!("{}: {warning}", Source::NetworkData));
        }
        Media {
            network: Found {
                source: Source::NetworkData,
                read: Ok(Some(data.description)),
            },
            ntp: data.ntp,
        }
    }

    fn read_media(
        &self,
        disk: Option<&BlockFacts>,
        iso: Option<&BlockFacts>,
        sources: &mut RawSources,
    ) {
        if let Some(disk) = disk {
            match boot_sources::add_parameters_disk(&disk.path, sources) {
                Ok(()) => self.events.note(format!(
                    "settings were read from the parameters disk {}",
                    disk.path
                )),
                Err(error) => self.events.warn(chain(&error)),
            }
        }
        if let Some(iso) = iso {
            match boot_sources::add_boot_iso(&self.root, &iso.path, sources) {
                Ok(()) if !sources.image_config.is_empty() => {
                    self.events.note(format!(
                        "settings were read from the boot medium {}",
                        iso.path
                    ));
                }
                Ok(()) => {}
                Err(error) => self.events.warn(chain(&error)),
            }
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

/// The facts by which virtual media is recognised.
fn block_facts(devices: &BlockDevices) -> Vec<BlockFacts> {
    let link = |device: &BlockDevice| BlockLink {
        kind: match device.kind {
            block::BlockKind::Disk => BlockKind::Disk,
            block::BlockKind::Partition => BlockKind::Partition,
            block::BlockKind::Rom => BlockKind::Rom,
            _ => BlockKind::Other,
        },
        transport: device.transport.clone(),
        size: device.size,
    };
    let facts = |device: &BlockDevice| {
        let parent = device
            .parent
            .as_deref()
            .and_then(|parent| devices.get(parent));
        BlockFacts {
            path: device.name.clone(),
            label: device.label.clone(),
            publisher: device.publisher.clone(),
            model: device.model.clone(),
            chain: std::iter::once(device).chain(parent).map(link).collect(),
        }
    };
    devices.0.iter().map(facts).collect()
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
