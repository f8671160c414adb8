// SPDX-License-Identifier: Apache-2.0
//! What can be decided about an image from its bytes alone. Fetching and
//! writing are the machine's work.

pub mod checksum;
pub mod container;
pub mod extents;
pub mod format;
#[cfg(test)]
mod noise;
mod numbers;
pub mod qcow2;
pub mod spent;
pub mod vhd;
pub mod vhdx;
pub mod vmdk;
