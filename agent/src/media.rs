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

/// The file of the state directory with the network configuration as it was
/// read.
const KEPT: &str = "network_data.json";

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
    /// is waited for, and no other ISO is read; otherwise the first medium with
    /// settings ends the wait.
    pub(crate) async fn virtual_media(&self, sources: &mut RawSources) -> Media {
        if !booted_from_virtual_media(&sources.cmdline) {
            return Media::silent();
        }
        let publisher = expected_publisher(&sources.cmdline);
        let deadline = self.clock.since_boot() + MEDIA_LIMIT;
        let mut told = false;
        loop {
            let facts = block_facts(&block_devices(&self.snapshot().await));
            let disk = parameters_disk(&facts);
            let iso = match &publisher {
                Some(publisher) => published_medium(&facts, publisher),
                None => boot_iso(&facts),
            };
            let complete = iso.is_some() || (publisher.is_none() && disk.is_some());
            if complete || self.clock.since_boot() >= deadline {
                if told {
                    self.events.emit(&Event::WaitOver);
                }
                if disk.is_none() && iso.is_none() {
                    self.events
                        .warn("boot_method=vmedia, but no virtual media with settings was found");
                }
                self.read_media(disk, iso, sources);
                return publisher.map_or_else(Media::silent, |publisher| {
                    self.network_data(&publisher, iso)
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
    /// An agent that was started again finds it also where the medium is gone
    /// by now.
    fn network_data(&self, publisher: &str, medium: Option<&BlockFacts>) -> Media {
        let bytes = match medium {
            None => self.state.read(KEPT).map(Some).ok_or_else(|| {
                format!(
                    "no virtual media of the publisher {publisher} (ir_pub_id) appeared within {} s",
                    MEDIA_LIMIT.as_secs()
                )
            }),
            Some(medium) if !medium.may_configure_network() => Ok(None),
            Some(medium) => {
                boot_sources::network_data(&medium.path).map_err(|error| chain(&error))
            }
        };
        if let Ok(Some(bytes)) = &bytes
            && let Err(error) = self.state.replace(KEPT, bytes)
        {
            self.events.warn(chain(&error));
        }
        let read = bytes.and_then(|bytes| match bytes {
            Some(bytes) => network_data::read(&bytes).map_err(|error| error.to_string()),
            None => Ok(None),
        });
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::SystemTime;

    use ironseed_machine::clock::Clock;
    use ironseed_machine::root::Root;
    use ironseed_machine::state::StateDirectory;

    use super::*;
    use crate::events::Events;

    const PUBLISHER: &str = "6a1f7c1e-5b0e-4d6c-8d9f-3a2b1c0d9e8f";

    /// Ten seconds pass whenever it is looked at.
    #[derive(Debug, Default)]
    struct Hasty(AtomicU64);

    impl Clock for Hasty {
        fn since_boot(&self) -> Duration {
            Duration::from_secs(self.0.fetch_add(10, Ordering::Relaxed))
        }

        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + self.since_boot()
        }
    }

    /// An optical drive with a volume in it, of which only the descriptor is
    /// there (ECMA-119 section 8.4).
    #[expect(clippy::disallowed_methods, reason = "a test makes a tree of its own")]
    fn drive(root: &Path, name: &str, label: &str, publisher: &str) {
        let mut image = vec![0; 64 << 10];
        let field = |place: usize, text: &str, image: &mut [u8]| {
            image[place..place + text.len()].copy_from_slice(text.as_bytes());
        };
        field(32 << 10, "\u{1}CD001", &mut image);
        field((32 << 10) + 40, label, &mut image);
        field((32 << 10) + 318, publisher, &mut image);
        let device = format!("sys/devices/virtual/block/{name}");
        let make = |path: &str| std::fs::create_dir_all(root.join(path)).expect("directories");
        make("sys/class/block");
        make("dev");
        make(&device);
        let write = |path: &str, bytes: &[u8]| {
            std::fs::write(root.join(path), bytes).expect("a file");
        };
        write(&format!("{device}/size"), b"128\n");
        write(&format!("dev/{name}"), &image);
        let target = format!("../../devices/virtual/block/{name}");
        symlink(target, root.join(format!("sys/class/block/{name}"))).expect("a link");
    }

    /// What is read with this command line and these drives: label and
    /// publisher. The drives have names that no machine's have, because what
    /// counts is mounted by its name.
    fn read(cmdline: &str, drives: &[(&str, &str)], kept: Option<&str>) -> (Media, RawSources) {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(directory.path().join("run")).expect("a directory");
        for (number, (label, publisher)) in drives.iter().enumerate() {
            drive(
                directory.path(),
                &format!("sr{}", 900 + number),
                label,
                publisher,
            );
        }
        let root = Root::open(directory.path()).expect("a root");
        let clock: Arc<dyn Clock> = Arc::new(Hasty::default());
        let boot = Boot {
            state: StateDirectory::open(&root).expect("a directory"),
            events: Events::new(Arc::clone(&clock), vec![]),
            clock,
            root,
        };
        if let Some(kept) = kept {
            boot.state.replace(KEPT, kept.as_bytes()).expect("a file");
        }
        let mut sources = RawSources {
            cmdline: cmdline.into(),
            ..RawSources::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let media = runtime.block_on(boot.virtual_media(&mut sources));
        (media, sources)
    }

    #[test]
    fn only_the_medium_of_this_boot_may_describe_the_network() {
        let virtual_media = format!("boot_method=vmedia ir_pub_id={PUBLISHER}");
        let over_network = "BOOTIF=01-52-54-00-00-00-01";
        let leftover = ("config-2", "SOMEBODY");
        let plain = ("VMEDIA_BOOT_ISO", PUBLISHER);
        let ours = ("config-2", PUBLISHER);
        let nobody = "no virtual media of the publisher";
        // A drive of these tests cannot be mounted, which shows that it counts.
        let tried = "mounting /dev/sr901 failed";
        let cases = [
            (over_network, vec![leftover, ours], None),
            ("boot_method=vmedia", vec![leftover, ours], None),
            (virtual_media.as_str(), vec![], Some(nobody)),
            (virtual_media.as_str(), vec![leftover], Some(nobody)),
            (virtual_media.as_str(), vec![leftover, plain], None),
            (virtual_media.as_str(), vec![leftover, ours], Some(tried)),
        ];
        for (cmdline, drives, expected) in cases {
            let (media, sources) = read(cmdline, &drives, None);
            assert_eq!(media.network.source, Source::NetworkData);
            let found = media.network.read;
            match expected {
                None => assert_eq!(found, Ok(None), "{cmdline} {drives:?}"),
                Some(expected) => {
                    let problem = found.expect_err("it cannot be read");
                    assert!(problem.contains(expected), "{drives:?}: {problem}");
                }
            }
            assert!(sources.image_config.is_empty());
        }
    }

    #[test]
    fn an_agent_that_was_started_again_knows_what_the_medium_said() {
        let virtual_media = format!("boot_method=vmedia ir_pub_id={PUBLISHER}");
        let port = r#"{"id": "a", "type": "phy", "ethernet_mac_address": "52:54:00:00:00:01"}"#;
        let kept = format!(r#"{{"links": [{port}], "networks": []}}"#);
        let described = |drives: &[(&str, &str)], cmdline: &str| {
            let (media, _) = read(cmdline, drives, Some(&kept));
            media.network.read.expect("it can be read").is_some()
        };
        assert!(described(&[], &virtual_media));
        // The medium counts where it is there, and a network boot has none.
        assert!(!described(
            &[("VMEDIA_BOOT_ISO", PUBLISHER)],
            &virtual_media
        ));
        assert!(!described(&[], "BOOTIF=01-52-54-00-00-00-01"));
    }
}
