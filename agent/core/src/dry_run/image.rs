// SPDX-License-Identifier: Apache-2.0
//! What an image's first bytes say of a deployment that has not begun.

use serde::Serialize;

use super::Problem;
use crate::block::DeviceIdentity;
use crate::fault::Fault;
use crate::image::compression::Codec;
use crate::image::container::{self, Kind};
use crate::image::format::{self, Format};
use crate::image_request::ImageRequest;

/// What the image server gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Served {
    /// The URL that answered.
    pub url: String,
    /// The first [`format::HEAD`] bytes of the image, unpacked if the file is
    /// compressed; fewer if the image is shorter.
    pub head: Vec<u8>,
    /// How the file is compressed, if it is.
    pub compression: Option<Codec>,
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
    /// The format by content: `qcow2`, `gpt`, `raw` if there is no mark at all.
    pub format: String,
    /// How the file is compressed, if it is.
    pub compression: Option<String>,
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
    let marks = format::marks(head);
    // The length of a compressed file says nothing about what is in it.
    let length = served.length.filter(|_| served.compression.is_none());
    let disk_size = disk_size(&marks, head, length);
    let sizes = disk_size.zip(target);
    let fits = sizes.map(|(needed, disk)| needed <= disk.size);
    let refused = match sizes {
        Some((needed, disk)) if needed > disk.size => Some(Fault::ImageTooLarge {
            device: disk.name.clone(),
            needed,
            available: disk.size,
        }),
        _ => format::decide(image, head).err(),
    };
    ImageFacts {
        url: served.url.clone(),
        format: named(&marks),
        compression: served.compression.map(|codec| codec.to_string()),
        file_size: served.length,
        disk_size,
        ranges: served.ranges,
        fits,
        problem: refused.as_ref().map(Problem::from),
    }
}

/// Bytes of the disk, where the beginning of its image tells.
fn disk_size(marks: &[Format], head: &[u8], length: Option<u64>) -> Option<u64> {
    let kind = match marks {
        [Format::Qcow2] => Kind::Qcow2,
        [Format::Vhdx] => Kind::Vhdx,
        [Format::Vmdk] => Kind::Vmdk,
        [Format::Vhd] => Kind::Vhd,
        [Format::Vdi | Format::Qed] => return None,
        _ => return length,
    };
    container::open(kind, head, None).ok()?.size()
}

fn named(marks: &[Format]) -> String {
    if marks.is_empty() {
        return Format::Raw.to_string();
    }
    let names: Vec<String> = marks.iter().map(ToString::to_string).collect();
    names.join(" and ")
}
