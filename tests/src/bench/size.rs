// SPDX-License-Identifier: Apache-2.0
//! Bytes of the image, and where they go.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::report::{Figure, Report};
use crate::error::Error;
use crate::files;
use crate::lab::{INITRAMFS, KERNEL};

const MANIFEST: &str = "manifest.json";
/// How many contributors are named.
const LARGEST: usize = 12;

/// Reports the sizes of the files in `image_dir`.
pub(super) fn measure(image_dir: &Path, report: &mut Report) -> Result<(), Error> {
    let [kernel, initramfs] = [KERNEL, INITRAMFS].map(|name| size_of(&image_dir.join(name)));
    let (kernel, initramfs) = (kernel?, initramfs?);
    report.figure(Figure {
        name: "kernel + initramfs",
        value: format!("{} MB", megabytes(kernel + initramfs)),
        remark: format!("{kernel} + {initramfs} bytes"),
        target: "<= 34 MB",
        quoted: "329 MB",
    });
    // An image without a manifest has sizes, too.
    if let Ok(text) = files::read_text(&image_dir.join(MANIFEST)) {
        let manifest: Value = serde_json::from_str(&text).unwrap_or_default();
        report.contributors(&contributors(&manifest));
    }
    Ok(())
}

fn size_of(path: &Path) -> Result<u64, Error> {
    fs::metadata(path)
        .map(|data| data.len())
        .map_err(|source| Error::File {
            doing: "read",
            path: path.to_owned(),
            source,
        })
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{}", bytes / 1_000_000, bytes / 100_000 % 10)
}

/// The largest contributors, the largest first: name and bytes.
fn contributors(manifest: &Value) -> Vec<(String, u64)> {
    let parts = manifest["budget"]["parts"].as_array();
    let mut all: Vec<(String, u64)> = parts
        .into_iter()
        .flatten()
        .filter_map(|part| Some((part["name"].as_str()?.to_owned(), part["bytes"].as_u64()?)))
        .collect();
    all.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    all.truncate(LARGEST);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_largest_come_first() {
        let manifest = json!({"budget": {"parts": [
            {"name": "agent", "bytes": 5}, {"name": "kernel", "bytes": 12}, {"name": "odd"},
        ]}});
        let expected = [("kernel".to_owned(), 12), ("agent".to_owned(), 5)];
        assert_eq!(contributors(&manifest), expected);
        assert!(contributors(&json!(null)).is_empty());
        assert_eq!(megabytes(29_214_176), "29.2");
    }
}
