// SPDX-License-Identifier: Apache-2.0
//! A config drive as an ISO 9660 image.

use ironseed_core::iso9660::read;

/// The input is the image.
///
/// # Panics
/// If an entry's directory does not stand before it.
pub fn run(data: &[u8]) {
    let Ok(entries) = read(data) else {
        return;
    };
    for (index, entry) in entries.iter().enumerate() {
        let Some((directory, _)) = entry.path.rsplit_once('/') else {
            continue;
        };
        assert!(
            entries[..index].iter().any(|other| other.path == directory),
            "{directory} stands before {}",
            entry.path
        );
    }
}
