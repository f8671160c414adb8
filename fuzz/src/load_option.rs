// SPDX-License-Identifier: Apache-2.0
//! The value of one `Boot####` variable, and the CSV that describes one.

use ironseed_core::boot::{BootCsv, DevicePath, LoadOption};

/// The input is the value of a variable, without its attributes.
///
/// # Panics
/// If what was understood does not survive being written.
pub fn run(data: &[u8]) {
    if let Some(entry) = BootCsv::decode(data) {
        let clean = |text: &str| !text.contains(',') && !text.chars().any(char::is_control);
        assert!(!entry.file.is_empty() && clean(&entry.file) && clean(&entry.label));
    }
    let path = DevicePath::decode(data);
    let bytes = path.encode().expect("each node came from a length field");
    assert_eq!(DevicePath::decode(&bytes), path);
    let Some(option) = LoadOption::decode(data) else {
        return;
    };
    assert!(!option.path.to_string().contains('\0'));
    if let Ok(bytes) = option.encode() {
        assert_eq!(LoadOption::decode(&bytes), Some(option));
    }
}
