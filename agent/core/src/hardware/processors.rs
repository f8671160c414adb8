// SPDX-License-Identifier: Apache-2.0
//! Processors: what sits in which socket, what the kernel makes of it, NUMA
//! nodes and vulnerabilities.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::numa::{self, NumaNode};
use super::topology::{CPUS, Package, ProcessorCache, packages};
use super::{Absences, Source, kernel_list};
use crate::smbios::{self, Structure, cache, processor_names};

/// The machine's processors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Processors {
    /// Sockets, populated or empty, in the firmware's order. Without a list of sockets from the
    /// firmware: the packages the kernel sees; all processors in one entry if it sees none.
    pub sockets: Vec<Socket>,
    /// Logical processors that are online, as the kernel lists them: `0-79`.
    pub online: Option<String>,
    /// Logical processors that are present but offline, as the kernel lists them.
    pub offline: Option<String>,
    /// Simultaneous multithreading: `on`, `off`, `forceoff`, `notsupported`, `notimplemented`.
    pub smt_control: Option<String>,
    /// Whether more than one thread runs on a core now.
    pub smt_active: Option<bool>,
    /// NUMA nodes.
    pub numa_nodes: Vec<NumaNode>,
    /// What the kernel says about each vulnerability it knows, by name: `Not affected`,
    /// `Mitigation: …`, `Vulnerable`.
    pub vulnerabilities: BTreeMap<String, String>,
}

/// A socket, or a package of processors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Socket {
    /// Name of the socket, as printed on the board.
    pub designation: Option<String>,
    /// Kind of the socket: `Socket SP5`.
    pub socket_type: Option<String>,
    /// Whether a processor sits in it.
    pub populated: bool,
    /// Whether the firmware enabled the processor.
    pub enabled: Option<bool>,
    /// Number of the package in the kernel.
    pub package: Option<u32>,
    /// Who made the processor.
    pub manufacturer: Option<String>,
    /// Marketing name.
    pub model: Option<String>,
    /// Family by number (x86).
    pub family_number: Option<u32>,
    /// Model by number (x86).
    pub model_number: Option<u32>,
    /// Stepping (x86).
    pub stepping: Option<u32>,
    /// Main ID register (arm64).
    pub midr: Option<String>,
    /// Revision of the microcode that runs now (x86).
    pub microcode: Option<String>,
    /// Cores the processor has.
    pub cores: Option<u32>,
    /// Cores the firmware enabled.
    pub cores_enabled: Option<u32>,
    /// Threads the processor has.
    pub threads: Option<u32>,
    /// Cores with a thread that is online.
    pub cores_online: Option<u32>,
    /// Logical processors that are online, as the kernel lists them.
    pub cpus: Option<String>,
    /// Highest frequency in MHz: the kernel's, else the firmware's.
    pub max_mhz: Option<u32>,
    /// Frequency in MHz: the one at boot by the firmware, else the one while reading.
    pub current_mhz: Option<u32>,
    /// Caches: the kernel's, else the firmware's.
    pub caches: Vec<ProcessorCache>,
    /// Part number.
    pub part_number: Option<String>,
    /// Serial number.
    pub serial_number: Option<String>,
}

pub(super) fn read(source: &Source<'_>, absent: &mut Absences) -> Processors {
    let files = source.files;
    let cpu_text = |name: &str| files.text(&format!("{CPUS}/{name}")).map(str::to_owned);
    let vulnerabilities: BTreeMap<String, String> = files
        .names(&format!("{CPUS}/vulnerabilities"))
        .into_iter()
        .filter_map(|name| {
            Some((
                name.to_owned(),
                cpu_text(&format!("vulnerabilities/{name}"))?,
            ))
        })
        .collect();
    if vulnerabilities.is_empty() {
        absent.note("processors", "vulnerabilities", "not told by the kernel");
    }
    Processors {
        sockets: sockets(source, absent),
        online: cpu_text("online"),
        offline: offline(&cpu_text("present"), &cpu_text("online")),
        smt_control: cpu_text("smt/control"),
        smt_active: cpu_text("smt/active").map(|active| active == "1"),
        numa_nodes: numa::nodes(files),
        vulnerabilities,
    }
}

/// Present and not online. The kernel's own list of offline processors also has
/// those that could be plugged in.
fn offline(present: &Option<String>, online: &Option<String>) -> Option<String> {
    let present = kernel_list::numbers(present.as_deref()?)?;
    let online = kernel_list::numbers(online.as_deref()?)?;
    let offline: Vec<u32> = present
        .into_iter()
        .filter(|cpu| !online.contains(cpu))
        .collect();
    Some(kernel_list::list(&offline))
}

/// Neither firmware nor kernel says which package sits in which socket. Both
/// count in the same order, so they are put together if they are equally many.
fn sockets(source: &Source<'_>, absent: &mut Absences) -> Vec<Socket> {
    let mut packages = packages(source.files);
    let mut sockets: Vec<Socket> = smbios::processors(source.smbios)
        .into_iter()
        .map(|processor| from_firmware(processor, source.smbios))
        .collect();
    if sockets.is_empty() {
        if packages.iter().any(|package| package.id.is_none()) {
            let reason = "neither firmware nor kernel describes them";
            absent.note("processors", "sockets", reason);
        }
        sockets = packages
            .iter()
            .map(|_| Socket {
                populated: true,
                ..Socket::default()
            })
            .collect();
    }
    let used = |socket: &Socket| socket.populated && socket.enabled != Some(false);
    if sockets.iter().filter(|socket| used(socket)).count() == packages.len() {
        let used = sockets.iter_mut().filter(|socket| used(socket));
        for (socket, package) in used.zip(packages.drain(..)) {
            add_package(socket, package);
        }
    } else {
        let reason = format!(
            "the kernel sees {} packages, the firmware another number of sockets in use",
            packages.len()
        );
        absent.note("processors", "package of each socket", reason);
    }
    sockets
}

fn from_firmware(processor: smbios::Processor, structures: &[Structure<'_>]) -> Socket {
    let caches = processor
        .caches
        .iter()
        .filter_map(|handle| cache(structures, *handle))
        .map(|cache| ProcessorCache {
            level: cache.level,
            kind: cache.kind.map(str::to_owned),
            size_kib: cache.size_kib,
            count: None,
        })
        .collect();
    let name = processor
        .upgrade
        .and_then(|number| smbios::memory_names::name(processor_names::SOCKET, number));
    Socket {
        designation: processor.designation,
        socket_type: name
            .filter(|name| !matches!(*name, "Other" | "Unknown" | "None"))
            .map(str::to_owned),
        // Firmware too old to tell lists only what is there.
        populated: processor.populated.unwrap_or(true),
        enabled: processor.enabled,
        manufacturer: processor.manufacturer,
        model: processor.version,
        cores: processor.cores.map(u32::from),
        cores_enabled: processor.cores_enabled.map(u32::from),
        threads: processor.threads.map(u32::from),
        max_mhz: processor.max_mhz.map(u32::from),
        current_mhz: processor.current_mhz.map(u32::from),
        caches,
        part_number: processor.part_number,
        serial_number: processor.serial_number,
        ..Socket::default()
    }
}

fn add_package(socket: &mut Socket, package: Package) {
    socket.package = package.id;
    socket.manufacturer = socket.manufacturer.take().or(package.vendor);
    // Firmware may write anything here; the processor's own name is the one
    // that the inventory has.
    socket.model = package
        .model_name
        .or_else(|| socket.model.take())
        .or(package.core_name);
    socket.family_number = package.family;
    socket.model_number = package.model;
    socket.stepping = package.stepping;
    socket.midr = package.midr;
    socket.microcode = package.microcode;
    socket.cores_online = package.cores;
    socket.cpus = Some(kernel_list::list(&package.cpus));
    socket.max_mhz = package.max_mhz.or(socket.max_mhz);
    socket.current_mhz = socket.current_mhz.or(package.current_mhz);
    if !package.caches.is_empty() {
        socket.caches = package.caches;
    }
}

#[cfg(test)]
#[path = "processors_tests.rs"]
mod tests;
