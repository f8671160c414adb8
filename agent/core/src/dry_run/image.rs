// SPDX-License-Identifier: Apache-2.0
//! What an image's first bytes say of a deployment that has not begun.

use serde::Serialize;

use super::Problem;
use crate::block::DeviceIdentity;
use crate::fault::Fault;
use crate::image::format::{self, Format};
use crate::image::qcow2::Header;
use crate::image_request::ImageRequest;

/// Marks of compressed files. Ironic does not know them; their content is an
/// image of which these bytes say nothing.
const COMPRESSIONS: &[(&str, &[u8])] = &[
    ("gzip", &[0x1f, 0x8b, 0x08]),
    ("xz", b"\xfd7zXZ\0"),
    ("zstd", &[0x28, 0xb5, 0x2f, 0xfd]),
];

/// What the image server gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Served {
    /// The URL that answered.
    pub url: String,
    /// The first [`format::HEAD`] bytes, fewer if the file is shorter.
    pub head: Vec<u8>,
    /// Length of the file in bytes, where the server tells it.
    pub length: Option<u64>,
    /// Whether parts of the file can be asked for.
    pub ranges: bool,
}

/// What is known of an image before it is fetched.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImageFacts {
    /// Where it is.
    pub url: String,
    /// The format by content: `qcow2`, `gpt`, `raw` if there is no mark at all;
    /// `None` inside of a compressed file.
    pub format: Option<String>,
    /// How the file is compressed, if it is.
    pub compression: Option<&'static str>,
    /// Bytes of the file.
    pub file_size: Option<u64>,
    /// Bytes that it needs on a disk, where its beginning tells.
    pub disk_size: Option<u64>,
    /// Whether the server serves parts of it: a broken transfer goes on where
    /// it broke, and a qcow2 needs no second pass.
    pub ranges: bool,
    /// Whether the disk is large enough, where both sizes are known.
    pub fits: Option<bool>,
    /// Why it would be refused.
    pub problem: Option<Problem>,
}

/// Judges an image by its beginning, for the disk it would go to.
#[must_use]
pub fn judge(image: &ImageRequest, served: &Served, target: Option<&DeviceIdentity>) -> ImageFacts {
    let head = served.head.as_slice();
    let compression = COMPRESSIONS
        .iter()
        .find(|(_, mark)| head.starts_with(mark))
        .map(|(name, _)| *name);
    let marks = format::marks(head);
    let disk_size = match (compression, marks.as_slice()) {
        (Some(_), _) => None,
        (None, [Format::Qcow2]) => Header::parse(head).ok().map(|header| header.size),
        (None, [Format::Vhd | Format::Vhdx | Format::Vmdk | Format::Vdi | Format::Qed]) => None,
        (None, _) => served.length,
    };
    let sizes = disk_size.zip(target);
    let fits = sizes.map(|(needed, disk)| needed <= disk.size);
    let refused = match (compression, sizes) {
        (Some(_), _) => None,
        (None, Some((needed, disk))) if needed > disk.size => Some(Fault::ImageTooLarge {
            device: disk.name.clone(),
            needed,
            available: disk.size,
        }),
        (None, _) => format::decide(image, head).err(),
    };
    ImageFacts {
        url: served.url.clone(),
        format: compression.is_none().then(|| named(&marks)),
        compression,
        file_size: served.length,
        disk_size,
        ranges: served.ranges,
        fits,
        problem: refused.as_ref().map(Problem::from),
    }
}

fn named(marks: &[Format]) -> String {
    if marks.is_empty() {
        return Format::Raw.to_string();
    }
    let names: Vec<String> = marks.iter().map(ToString::to_string).collect();
    names.join(" and ")
}
