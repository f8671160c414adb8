// SPDX-License-Identifier: Apache-2.0
//! A checksum file and the name of the image that is looked for in it.

use ironseed_core::image::checksum::{algorithm_named, base_name, find_in_file, name_of};

/// The first line of the input is the image's URL and the algorithm that was asked for, with a
/// blank between; the rest is the file.
///
/// # Panics
/// If what was found is no digest of the file.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (first, file) = text.split_once('\n').unwrap_or((&text, ""));
    let (url, named) = first.split_once(' ').unwrap_or((first, ""));
    let image = base_name(url);
    assert!(!image.contains('/') && url.contains(image));
    let Some(digest) = find_in_file(file, image, algorithm_named(named)) else {
        return;
    };
    assert!(
        digest.hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{digest:?}"
    );
    assert!(file.contains(&digest.hex), "{digest:?} is in the file");
    assert_eq!(
        algorithm_named(name_of(digest.algorithm)),
        Some(digest.algorithm)
    );
}
