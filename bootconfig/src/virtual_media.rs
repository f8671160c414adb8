// SPDX-License-Identifier: Apache-2.0
//! Which block device is Ironic's virtual media (contract §2.4).
//!
//! These functions decide; mounting and reading is the caller's work. A
//! tenant's disk can carry any label, so a label alone never qualifies a device.

use crate::words::words;

/// Label of the parameters disk, compared without case.
pub const PARAMETERS_DISK_LABEL: &str = "ir-vfd-dev";

/// The file on the parameters disk.
pub const PARAMETERS_FILE: &str = "parameters.txt";

/// Labels of a boot ISO, compared without case. The first one means that it
/// carries something under `openstack/`.
pub const BOOT_ISO_LABELS: [&str; 2] = ["config-2", "vmedia_boot_iso"];

/// Directories on the boot ISO and where their files belong.
pub const BOOT_ISO_DIRECTORIES: [(&str, &str); 3] = [
    ("etc/ironic-python-agent", "/etc/ironic-python-agent"),
    ("etc/ironic-python-agent.d", "/etc/ironic-python-agent.d"),
    ("ironseed/profiles", "/etc/ironseed/profiles"),
];

/// What the models of BMC-provided disks contain, compared without case.
const MODEL: &str = "virtual media";

/// A USB disk of this size or more is somebody's stick, in bytes (4 GiB).
const TOO_LARGE: u64 = 4 << 30;

/// What a block device is, as lsblk's `TYPE` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// A whole disk.
    Disk,
    /// A partition.
    Partition,
    /// An optical drive.
    Rom,
    /// Anything else: loop, md, device mapper.
    Other,
}

/// A device, or one of the devices it lies on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockLink {
    /// What it is.
    pub kind: BlockKind,
    /// Transport as lsblk names it, such as `usb` or `sata`.
    pub transport: Option<String>,
    /// Bytes.
    pub size: u64,
}

/// What is known of a block device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockFacts {
    /// Path of its node, such as `/dev/sr0`.
    pub path: String,
    /// Label of the file system on it.
    pub label: Option<String>,
    /// Publisher of the ISO 9660 volume on it.
    pub publisher: Option<String>,
    /// Model as the SCSI layer reports it.
    pub model: Option<String>,
    /// The device itself and then everything it lies on, as `lsblk -s` lists.
    pub chain: Vec<BlockLink>,
}

impl BlockFacts {
    /// Whether this can be virtual media at all: an optical drive, or a USB
    /// disk smaller than 4 GiB, and no partition in the chain.
    #[must_use]
    pub fn is_virtual_media(&self) -> bool {
        let partitioned = self
            .chain
            .iter()
            .any(|link| link.kind == BlockKind::Partition);
        !partitioned && self.chain.iter().any(BlockLink::qualifies)
    }

    /// Whether erase steps must leave this device alone.
    #[must_use]
    pub fn carries_parameters(&self) -> bool {
        self.has_label(PARAMETERS_DISK_LABEL)
    }

    /// Whether its label says that there is something under `openstack/`.
    #[must_use]
    pub fn may_configure_network(&self) -> bool {
        self.has_label(BOOT_ISO_LABELS[0])
    }

    fn has_label(&self, label: &str) -> bool {
        self.label
            .as_deref()
            .is_some_and(|own| own.eq_ignore_ascii_case(label))
    }

    fn has_model(&self) -> bool {
        let model = self.model.as_deref().unwrap_or_default();
        model.to_ascii_lowercase().contains(MODEL)
    }
}

impl BlockLink {
    fn qualifies(&self) -> bool {
        let on_usb = self.transport.as_deref() == Some("usb");
        match self.kind {
            BlockKind::Rom => true,
            BlockKind::Disk => on_usb && self.size < TOO_LARGE,
            BlockKind::Partition | BlockKind::Other => false,
        }
    }
}

/// Whether the kernel command line says that the machine booted from virtual
/// media. Only then is there anything to look for.
#[must_use]
pub fn booted_from_virtual_media(cmdline: &[u8]) -> bool {
    let words = words(cmdline);
    let last = words.iter().rev().find(|word| word.name == "boot_method");
    last.is_some_and(|word| word.value == "vmedia")
}

/// The publisher of the boot ISO that Ironic made for this boot, `ir_pub_id`,
/// where the machine booted from virtual media. Without one there is no ISO
/// whose network configuration could be trusted: the machine booted over the
/// network, or from an ISO that somebody else made.
#[must_use]
pub fn expected_publisher(cmdline: &[u8]) -> Option<String> {
    let words = words(cmdline);
    let last = words.iter().rev().find(|word| word.name == "ir_pub_id")?;
    let publisher = last.value.trim();
    (booted_from_virtual_media(cmdline) && !publisher.is_empty()).then(|| publisher.to_owned())
}

/// The medium Ironic made for this boot: virtual media whose publisher is the
/// one of the command line, compared without case.
///
/// It has network configuration only if its label is the first of
/// [`BOOT_ISO_LABELS`] ([`BlockFacts::may_configure_network`]).
#[must_use]
pub fn published_medium<'a>(devices: &'a [BlockFacts], publisher: &str) -> Option<&'a BlockFacts> {
    let matches = |device: &BlockFacts| {
        let own = device.publisher.as_deref().unwrap_or_default();
        is_boot_iso(device) && own.trim().eq_ignore_ascii_case(publisher)
    };
    // Of several with one publisher the one that has something to say.
    first(devices, |device| {
        matches(device) && device.may_configure_network()
    })
    .or_else(|| first(devices, matches))
}

/// The parameters disk: the first qualifying device with its label, otherwise
/// the first qualifying one with a virtual media model.
///
/// A second look may be needed: USB devices appear late.
#[must_use]
pub fn parameters_disk(devices: &[BlockFacts]) -> Option<&BlockFacts> {
    first(devices, BlockFacts::carries_parameters)
        // An ISO that a BMC names "Virtual Media" is a candidate too, but not
        // when its label says what it is.
        .or_else(|| first(devices, |device| device.has_model() && !is_boot_iso(device)))
}

/// The boot ISO with the agent's configuration on it.
#[must_use]
pub fn boot_iso(devices: &[BlockFacts]) -> Option<&BlockFacts> {
    first(devices, is_boot_iso)
}

fn is_boot_iso(device: &BlockFacts) -> bool {
    BOOT_ISO_LABELS.iter().any(|label| device.has_label(label))
}

fn first(devices: &[BlockFacts], matches: impl Fn(&BlockFacts) -> bool) -> Option<&BlockFacts> {
    devices
        .iter()
        .find(|device| matches(device) && device.is_virtual_media())
}
