// SPDX-License-Identifier: Apache-2.0
//! What an image really is, and whether it may be written (contract §14.5).
//!
//! The check is one against mischief as well as mistakes: a tenant's image
//! that claims to be harmless must not make anybody follow references in it.

use std::fmt;

use super::container::Kind;
use super::{qcow2, vhd, vmdk};
use crate::fault::Fault;
use crate::image_request::ImageRequest;

/// So many bytes of an image's beginning tell its format.
pub const HEAD: usize = 64 << 10;

/// Formats that can be told apart by content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// None of the others: the bytes of a disk.
    Raw,
    /// QEMU's copy-on-write format.
    Qcow2,
    /// Virtual PC's format.
    Vhd,
    /// Hyper-V's format.
    Vhdx,
    /// VMware's format.
    Vmdk,
    /// VirtualBox's format.
    Vdi,
    /// QEMU's enhanced disk, never acceptable.
    Qed,
    /// An ISO 9660 file system.
    Iso,
    /// The bytes of a disk with an MBR or a GPT.
    Gpt,
    /// The bytes of an encrypted disk.
    Luks,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Raw => "raw",
            Format::Qcow2 => "qcow2",
            Format::Vhd => "vhd",
            Format::Vhdx => "vhdx",
            Format::Vmdk => "vmdk",
            Format::Vdi => "vdi",
            Format::Qed => "qed",
            Format::Iso => "iso",
            Format::Gpt => "gpt",
            Format::Luks => "luks",
        })
    }
}

/// How an image gets onto a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Byte for byte.
    Bytes,
    /// Byte for byte, but for the footer of a fixed vhd at the end.
    FixedVhd,
    /// By the tables of a container.
    Mapped(Kind),
    /// By the markers of a `streamOptimized` vmdk.
    Markers,
}

/// A mark of a format: its place and its bytes.
const MARKS: &[(Format, usize, &[u8])] = &[
    (Format::Qcow2, 0, b"QFI\xfb"),
    (Format::Vhd, 0, b"conectix"),
    (Format::Vhdx, 0, b"vhdxfile"),
    (Format::Vmdk, 0, b"KDMV"),
    (Format::Vmdk, 0, b"# Disk DescriptorFile"),
    (Format::Vdi, 0x40, &[0x7f, 0x10, 0xda, 0xbe]),
    (Format::Qed, 0, b"QED\0"),
    (Format::Iso, 0x8001, b"CD001"),
    (Format::Gpt, 510, &[0x55, 0xaa]),
    (Format::Luks, 0, b"LUKS\xba\xbe"),
];

/// Every format whose mark stands in the first [`HEAD`] bytes of an image.
#[must_use]
pub fn marks(head: &[u8]) -> Vec<Format> {
    MARKS
        .iter()
        .filter(|(_, at, mark)| head.get(*at..*at + mark.len()) == Some(*mark))
        .map(|(format, ..)| *format)
        .collect()
}

/// Decides how an image is written, or refuses it.
///
/// `head` is the image's beginning, [`HEAD`] bytes unless the image is shorter.
///
/// # Errors
///
/// [`Fault::ImageInvalid`] with the reason.
pub fn decide(request: &ImageRequest, head: &[u8]) -> Result<Layout, Fault> {
    let refuse = |problem: String| Fault::ImageInvalid {
        image: request.id.clone(),
        problem,
    };
    let declared = request.declared_format.as_deref();
    if !request.policy.inspect {
        return trusted(declared, head).map_err(refuse);
    }
    let found = marks(head);
    if matches!(declared, Some("raw" | "gpt")) {
        return bytes_as_declared(declared.unwrap_or_default(), &found).map_err(refuse);
    }
    if declared == Some("vhd") && !found.contains(&Format::Vhd) {
        permitted(request, "vhd").map_err(refuse)?;
        return bytes_as_declared("vhd", &found)
            .map(|_| Layout::FixedVhd)
            .map_err(refuse);
    }
    let format = match found.as_slice() {
        [] => Format::Raw,
        [one] => *one,
        several => {
            let names: Vec<String> = several.iter().map(ToString::to_string).collect();
            return Err(refuse(format!(
                "it looks like {} at the same time",
                names.join(" and ")
            )));
        }
    };
    safe(format, head).map_err(refuse)?;
    let name = format.to_string();
    permitted(request, &name).map_err(refuse)?;
    if let Some(declared) = declared
        && declared != name
    {
        return Err(refuse(format!("it is declared {declared} but is {name}")));
    }
    layout(format, head).map_err(refuse)
}

fn permitted(request: &ImageRequest, name: &str) -> Result<(), String> {
    let permitted = &request.policy.permitted_formats;
    match permitted.iter().any(|format| format == name) {
        true => Ok(()),
        false => Err(format!(
            "it is {name}; permitted are {}",
            permitted.join(", ")
        )),
    }
}

/// Without inspection the declaration is believed; only where there is none
/// the content must tell.
fn trusted(declared: Option<&str>, head: &[u8]) -> Result<Layout, String> {
    let found = marks(head);
    let format = match declared {
        Some("raw" | "gpt" | "iso") => Format::Raw,
        Some("qcow2") => Format::Qcow2,
        Some("vmdk") => Format::Vmdk,
        Some("vhdx") => Format::Vhdx,
        Some("vhd") if found.contains(&Format::Vhd) => Format::Vhd,
        Some("vhd") => return Ok(Layout::FixedVhd),
        Some(other) => return Err(format!("this agent cannot write {other} images")),
        None if found.contains(&Format::Qcow2) => Format::Qcow2,
        None => Format::Raw,
    };
    layout(format, head)
}

/// A raw image is a tenant's disk and may hold anything, so it is not
/// inspected; a fixed vhd is one with a footer. But a container without a partition table in its first sector
/// cannot be a bootable disk: somebody declared the wrong format.
fn bytes_as_declared(declared: &str, found: &[Format]) -> Result<Layout, String> {
    use Format::{Qcow2, Qed, Vdi, Vhd, Vhdx, Vmdk};
    match found {
        [format @ (Qcow2 | Qed | Vdi | Vhd | Vhdx | Vmdk)] => {
            Err(format!("it is declared {declared} but is {format}"))
        }
        _ => Ok(Layout::Bytes),
    }
}

fn safe(format: Format, head: &[u8]) -> Result<(), String> {
    match format {
        Format::Qcow2 => checked(qcow2::Header::parse(head)),
        Format::Vmdk => checked(vmdk::Header::parse(head)),
        Format::Vhd => checked(vhd::Footer::parse(head)),
        Format::Qed => Err("qed images are never acceptable".into()),
        Format::Luks if head.get(6..8) != Some(&[0, 1]) => {
            Err("only version 1 of LUKS is acceptable".into())
        }
        Format::Gpt => {
            let sane = (0..4).all(|entry| matches!(head.get(446 + entry * 16), Some(0 | 0x80)));
            if sane {
                Ok(())
            } else {
                Err("its partition table has entries with impossible flags".into())
            }
        }
        _ => Ok(()),
    }
}

fn checked<T, E: fmt::Display>(parsed: Result<T, E>) -> Result<(), String> {
    parsed.map(drop).map_err(|error| error.to_string())
}

fn layout(format: Format, head: &[u8]) -> Result<Layout, String> {
    match format {
        Format::Raw | Format::Gpt | Format::Iso | Format::Luks => Ok(Layout::Bytes),
        Format::Qcow2 => Ok(Layout::Mapped(Kind::Qcow2)),
        Format::Vhd => Ok(Layout::Mapped(Kind::Vhd)),
        Format::Vhdx => Ok(Layout::Mapped(Kind::Vhdx)),
        Format::Vmdk => match vmdk::Header::parse(head) {
            Ok(header) if header.stream => Ok(Layout::Markers),
            Ok(_) => Ok(Layout::Mapped(Kind::Vmdk)),
            Err(error) => Err(error.to_string()),
        },
        Format::Vdi | Format::Qed => Err(format!("this agent cannot write {format} images")),
    }
}

#[cfg(test)]
mod tests;
