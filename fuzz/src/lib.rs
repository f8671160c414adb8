// SPDX-License-Identifier: Apache-2.0
//! Fuzz targets: each is one function that gives foreign bytes to a pure function of
//! `ironseed-core` and panics if what comes out breaks a promise. `scripts/fuzz` runs them with
//! libFuzzer, the test `corpus` replays what is kept in `corpus/`.
//!
//! A new target is a file here with `pub fn run(data: &[u8])`, a row in [`TARGETS`], and a folder
//! of the same name in `corpus/` with a few small files of the real thing.

pub mod bgp;
pub mod boot_variables;
pub mod checksum_file;
mod container;
pub mod dhcp4;
pub mod dhcp6;
pub mod image_format;
pub mod iso9660;
pub mod lldp;
pub mod load_option;
pub mod network_data;
pub mod network_words;
pub mod ntp;
pub mod partition_table;
pub mod qcow2;
pub mod router_advertisement;
pub mod vhd;
pub mod vmdk;

/// One target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, also that of its folder in `corpus/`.
    pub name: &'static str,
    /// Panics if the bytes make the code under test break a promise.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target {
        name: "bgp",
        run: bgp::run,
    },
    Target {
        name: "boot_variables",
        run: boot_variables::run,
    },
    Target {
        name: "checksum_file",
        run: checksum_file::run,
    },
    Target {
        name: "dhcp4",
        run: dhcp4::run,
    },
    Target {
        name: "dhcp6",
        run: dhcp6::run,
    },
    Target {
        name: "image_format",
        run: image_format::run,
    },
    Target {
        name: "iso9660",
        run: iso9660::run,
    },
    Target {
        name: "lldp",
        run: lldp::run,
    },
    Target {
        name: "load_option",
        run: load_option::run,
    },
    Target {
        name: "network_data",
        run: network_data::run,
    },
    Target {
        name: "network_words",
        run: network_words::run,
    },
    Target {
        name: "ntp",
        run: ntp::run,
    },
    Target {
        name: "partition_table",
        run: partition_table::run,
    },
    Target {
        name: "qcow2",
        run: qcow2::run,
    },
    Target {
        name: "router_advertisement",
        run: router_advertisement::run,
    },
    Target {
        name: "vhd",
        run: vhd::run,
    },
    Target {
        name: "vmdk",
        run: vmdk::run,
    },
];

/// The target of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
