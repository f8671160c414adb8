// SPDX-License-Identifier: Apache-2.0
//! What the beginning of an image tells about its format.

use ironseed_core::image::format::{Format, marks};
use ironseed_core::image::qcow2::Header;

/// The input is the image's beginning.
///
/// # Panics
/// If a qcow2 header is understood that has not the mark of one, or a mark is told twice.
pub fn run(data: &[u8]) {
    let found = marks(data);
    for (index, format) in found.iter().enumerate() {
        assert!(!found[..index].contains(format), "{format} is told twice");
    }
    if Header::parse(data).is_ok() {
        assert!(found.contains(&Format::Qcow2));
    }
}
