// SPDX-License-Identifier: Apache-2.0
//! The list of files that discovery reads, a file for each subject.
//!
//! Each row is a directory, in which `*` stands for any part of a name, and the
//! names to read in it: attributes as bytes, links as targets, directories as
//! the fact that they exist. What is missing costs one look-up and is left out.

mod block;
mod firmware;
mod kernel;
mod network;
mod pci;
mod processors;
mod tpm;
mod usb;

/// A directory pattern and the names to record in what it matches.
pub(super) type Row = (&'static str, &'static [&'static str]);

/// Every row, by subject.
pub(super) const FILES: &[&[Row]] = &[
    kernel::ROWS,
    firmware::ROWS,
    processors::ROWS,
    network::ROWS,
    block::ROWS,
    pci::ROWS,
    tpm::ROWS,
    usb::ROWS,
];

/// Devices whose chain of parents tells how they are attached.
pub(super) const WITH_ANCESTORS: &[&str] = &["/sys/class/block/*", "/sys/class/net/*"];

/// What is read of each parent.
pub(super) const ANCESTOR_FILES: &[&str] = &[
    "idVendor",
    "manufacturer",
    "product",
    "serial",
    "subsystem",
    "uevent",
];
