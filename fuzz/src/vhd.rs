// SPDX-License-Identifier: Apache-2.0
//! A whole small dynamic vhd file.

use ironseed_core::image::container::Kind;

use crate::container::check;

/// The input is the file.
///
/// # Panics
/// If the map of the disk is not one.
pub fn run(data: &[u8]) {
    check(Kind::Vhd, data);
}
