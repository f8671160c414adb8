// SPDX-License-Identifier: Apache-2.0
//! What virtual media says: settings, and how the machine is on the network
//! (contract §2.4).

use std::time::Duration;

use bootconfig::RawSources;
use bootconfig::virtual_media::{
    BlockFacts, BlockKind, BlockLink, boot_iso, booted_from_virtual_media, expected_publisher,
    parameters_disk, published_medium,
};
use ironseed_core::block::{self, BlockDevice, BlockDevices};
use ironseed_core::event::{Event, Wait};
use ironseed_core::inventory::block_devices;
use ironseed_core::network::description::{Found, Source, network_data};
use ironseed_machine::boot_sources;

use crate::boot::{Boot, POLL, chain};

/// Virtual media is there after this time, or the BMC has none (contract §2.4).
const MEDIA_LIMIT: Duration = Duration::from_secs(30);

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
