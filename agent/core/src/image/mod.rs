// SPDX-License-Identifier: Apache-2.0
//! What can be decided about an image from its bytes alone. Fetching and
//! writing are the machine's work.

pub mod checksum;
pub mod compression;
pub mod container;
pub mod extents;
pub mod format;
pub mod location;
#[cfg(test)]
mod noise;
mod numbers;
pub mod oci;
pub mod qcow2;
pub mod rate;
pub mod read_back;
pub mod retry;
pub mod spent;
pub mod transfer;
pub mod unfinished;
pub mod vhd;
pub mod vhdx;
pub mod vmdk;
