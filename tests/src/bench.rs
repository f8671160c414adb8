// SPDX-License-Identifier: Apache-2.0
//! The bench: measures how fast and how small the image is and prints each figure beside its
//! target. It measures and never judges: a busy host makes every time longer, and that is no
//! failure of the image.
//!
//! How each figure is taken:
//!
//! - *kernel start → inspection posted*: a server with 2 processors and 1 GiB under software
//!   emulation starts kernel and initramfs without a boot loader, from a BIOS; the agent's
//!   milestone `inspection` (Ironic has answered the report) by the clock of the server's kernel.
//!   Median.
//! - *full inventory*: what the agent says its process used of the processors while it read the
//!   hardware, in the run of the median.
//! - *smallest memory*: bisection over [`MEMORY_MIB`]. A try counts if Ironic has the inventory, or
//!   if the node is active and its disk equals the image, without the kernel being out of memory.
//!   The servers that are deployed to have UEFI, because a deployment sets a boot entry; the
//!   firmware (OVMF) holds kernel and initramfs in memory of its own, so this needs more.
//! - *resident memory, idle*: the line of the agent in `ps` of the log archive that Ironic fetches
//!   after a manual cleaning. The agent has been through one cleaning, has had nothing to do for a
//!   minute, and reads the figure while it gathers the archive of the second one: it is idle memory
//!   and a little more.
//! - *kernel + initramfs*: bytes of the two files; the parts are those of `manifest.json`.
//! - *write*: see [`write`].
//! - *network*: see [`network`].
//! - *deploy*: from the request to Ironic until the node is active, one boot of the agent included.

mod boot;
mod deploy;
mod inspect;
mod memory;
pub mod network;
mod report;
mod resident;
mod size;
pub mod write;

use std::time::Duration;

use clap::ValueEnum;

use crate::error::Error;
use crate::files;
use crate::lab::{Lab, LabOptions};
use crate::node::ImageSource;
use report::Report;

/// The name of the run, and of its directory.
pub const RUN: &str = "bench";
/// Memory sizes that are tried, in MiB.
pub const MEMORY_MIB: [u32; 10] = [96, 112, 128, 144, 160, 192, 224, 256, 320, 384];
/// How often the time to the inspection is measured.
const REPEATS: u8 = 3;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Kernel start to inspection posted, and the phase timeline.
    Inspect,
    /// The smallest memory that inspects and deploys, and the agent's resident memory.
    Memory,
    /// The time to deploy a qcow2 image.
    Deploy,
    /// Bytes of kernel and initramfs, and the largest contributors.
    Size,
    /// Writing an image beside dd and qemu-img on the same disk, and the memory it takes; no lab.
    Write,
    /// Link to DHCP answer to lookup, with dead ports and without; no lab.
    Network,
}

impl Part {
    /// Whether it needs neither Ironic nor a virtual server.
    #[must_use]
    pub fn is_without_lab(self) -> bool {
        matches!(self, Self::Write | Self::Network)
    }
}

/// The parts that were asked for; all, if none was.
#[must_use]
pub fn chosen(parts: &[Part]) -> Vec<Part> {
    if parts.is_empty() {
        Part::value_variants().to_vec()
    } else {
        parts.to_vec()
    }
}

/// Prepares, outside of the namespaces, what the parts need.
///
/// # Errors
/// What is missing.
pub fn prepare(options: &LabOptions, parts: &[Part]) -> Result<(), Error> {
    options.prepare()?;
    if needs_os_image(parts) {
        options.prepare_os_images()?;
    }
    Ok(())
}

fn needs_os_image(parts: &[Part]) -> bool {
    parts.contains(&Part::Memory) || parts.contains(&Part::Deploy)
}

/// The one part that needs no lab.
///
/// # Errors
/// If the image is not there.
pub fn size_only(options: &LabOptions) -> Result<(), Error> {
    let mut report = Report::default();
    size::measure(&options.image_dir, &mut report)?;
    report.print();
    Ok(())
}

/// Measures in the namespaces and prints the report.
///
/// # Errors
/// If the lab does not start or a server does not do what is measured.
pub fn run(options: LabOptions, parts: &[Part]) -> Result<(), Error> {
    let mut report = Report::default();
    report.note(&host());
    let lab = Lab::start(options)?;
    if parts.contains(&Part::Size) {
        size::measure(&lab.options().image_dir, &mut report)?;
    }
    if parts.contains(&Part::Inspect) {
        inspect::measure(&lab, REPEATS, &mut report)?;
    }
    if needs_os_image(parts) {
        let image = ImageSource::serve(&lab, &lab.os_images()?.qcow2.path, "qcow2")?;
        if parts.contains(&Part::Deploy) {
            deploy::measure(&lab, &image, &mut report)?;
        }
        if parts.contains(&Part::Memory) {
            memory::measure(&lab, &image, &mut report)?;
            resident::measure(&lab, &mut report)?;
        }
    }
    report.print();
    Ok(())
}

/// What the figures were taken on.
fn host() -> String {
    let load = files::read_text("/proc/loadavg".as_ref()).unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "Host: {processors} processors, load {load} at the start (times are true only on an idle \
         host). Servers: 2 processors, software emulation (TCG), kernel started directly; from a \
         BIOS to inspect, from UEFI to deploy."
    )
}

fn seconds(milliseconds: u64) -> f64 {
    Duration::from_millis(milliseconds).as_secs_f64()
}
