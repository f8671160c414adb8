// SPDX-License-Identifier: Apache-2.0
//! What an image really is, and whether it may be written (contract §14.5).
//!
//! The check is one against mischief as well as mistakes: a tenant's image
//! that claims to be harmless must not make anybody follow references in it.

use std::fmt;

use super::qcow2::Header;
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
    /// By the tables of a qcow2 file.
    Qcow2,
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
    if !request.policy.permitted_formats.contains(&name) {
        return Err(refuse(format!(
            "it is {name}; permitted are {}",
            request.policy.permitted_formats.join(", ")
        )));
    }
    if let Some(declared) = declared
        && declared != name
    {
        return Err(refuse(format!("it is declared {declared} but is {name}")));
    }
    layout(format).map_err(refuse)
}

/// Without inspection the declaration is believed; only where there is none
/// the content must tell.
fn trusted(declared: Option<&str>, head: &[u8]) -> Result<Layout, String> {
    match declared {
        Some("raw" | "gpt" | "iso") => Ok(Layout::Bytes),
        Some("qcow2") => Ok(Layout::Qcow2),
        Some(other) => Err(format!("this agent cannot write {other} images")),
        None if marks(head).contains(&Format::Qcow2) => Ok(Layout::Qcow2),
        None => Ok(Layout::Bytes),
    }
}

/// A raw image is a tenant's disk and may hold anything, so it is not
/// inspected. But a container without a partition table in its first sector
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
        Format::Qcow2 => Header::parse(head)
            .map(drop)
            .map_err(|error| error.to_string()),
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

fn layout(format: Format) -> Result<Layout, String> {
    match format {
        Format::Raw | Format::Gpt | Format::Iso | Format::Luks => Ok(Layout::Bytes),
        Format::Qcow2 => Ok(Layout::Qcow2),
        other => Err(format!("this agent cannot write {other} images")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::image::qcow2::tests::header;
    use crate::image::read_back::Verification;
    use crate::image_request::{
        Digest, DigestAlgorithm, DownloadPolicy, ExpectedDigest, ImagePolicy, Proxies,
    };

    /// Declared, permitted, the image's head, and what is decided.
    type Case<'a> = (
        Option<&'a str>,
        &'a [&'a str],
        &'a [u8],
        Result<Layout, &'a str>,
    );

    fn request(declared: Option<&str>, permitted: &[&str], inspect: bool) -> ImageRequest {
        ImageRequest {
            id: "x".into(),
            urls: vec!["http://h/x".into()],
            declared_format: declared.map(str::to_owned),
            stream_raw: true,
            digest: ExpectedDigest::Known(Digest {
                algorithm: DigestAlgorithm::Sha256,
                hex: String::new(),
            }),
            authorization: None,
            proxies: Proxies::default(),
            policy: ImagePolicy {
                permitted_formats: permitted.iter().map(|&f| f.to_owned()).collect(),
                inspect,
            },
            download: DownloadPolicy {
                timeout: Duration::from_secs(1),
                retries: 0,
                retry_interval: Duration::ZERO,
                max_duration: None,
                verify_tls: true,
                ca_file: None,
            },
            verify: Verification::Off,
        }
    }

    fn with(marks: &[(usize, &[u8])]) -> Vec<u8> {
        let mut head = vec![0; HEAD];
        for (at, mark) in marks {
            head[*at..*at + mark.len()].copy_from_slice(mark);
        }
        head
    }

    #[test]
    fn declarations_and_contents_are_compared() {
        let usual: &[&str] = &["raw", "gpt", "qcow2"];
        let all: &[&str] = &["raw", "gpt", "qcow2", "iso", "vmdk", "luks"];
        let gpt = with(&[(510, &[0x55, 0xaa])]);
        let iso = with(&[(0x8001, b"CD001")]);
        let hybrid = with(&[(510, &[0x55, 0xaa]), (0x8001, b"CD001")]);
        let bad_mbr = with(&[(510, &[0x55, 0xaa]), (446, &[1])]);
        let vmdk = with(&[(0, b"KDMV")]);
        let luks2 = with(&[(0, b"LUKS\xba\xbe\0\x02")]);
        let nothing = with(&[]);
        let qcow2 = header(|_| ());
        let backed = header(|h| h[15] = 200);
        let cases: Vec<Case<'_>> = vec![
            (Some("raw"), usual, &gpt, Ok(Layout::Bytes)),
            (Some("raw"), usual, &hybrid, Ok(Layout::Bytes)),
            (Some("raw"), usual, &nothing, Ok(Layout::Bytes)),
            (Some("gpt"), usual, &bad_mbr, Ok(Layout::Bytes)),
            (
                Some("raw"),
                usual,
                &qcow2,
                Err("it is declared raw but is qcow2"),
            ),
            (Some("qcow2"), usual, &qcow2, Ok(Layout::Qcow2)),
            (None, usual, &qcow2, Ok(Layout::Qcow2)),
            (None, usual, &gpt, Ok(Layout::Bytes)),
            (None, usual, &nothing, Ok(Layout::Bytes)),
            (
                Some("qcow2"),
                usual,
                &gpt,
                Err("it is declared qcow2 but is gpt"),
            ),
            (
                Some("qcow2"),
                usual,
                &nothing,
                Err("it is declared qcow2 but is raw"),
            ),
            (
                Some("qcow2"),
                usual,
                &backed,
                Err("it needs a backing file"),
            ),
            (
                None,
                usual,
                &hybrid,
                Err("it looks like iso and gpt at the same time"),
            ),
            (
                None,
                usual,
                &bad_mbr,
                Err("its partition table has entries with impossible flags"),
            ),
            (
                Some("iso"),
                usual,
                &iso,
                Err("it is iso; permitted are raw, gpt, qcow2"),
            ),
            (Some("iso"), all, &iso, Ok(Layout::Bytes)),
            (
                Some("vmdk"),
                all,
                &vmdk,
                Err("this agent cannot write vmdk images"),
            ),
            (
                None,
                all,
                &luks2,
                Err("only version 1 of LUKS is acceptable"),
            ),
            (None, all, b"QED\0", Err("qed images are never acceptable")),
            (None, usual, b"", Ok(Layout::Bytes)),
        ];
        for (declared, permitted, head, expected) in cases {
            let found = decide(&request(declared, permitted, true), head);
            let expected = expected.map_err(|problem| format!("image x is refused: {problem}"));
            assert_eq!(found.map_err(|fault| fault.to_string()), expected);
        }
    }

    #[test]
    fn without_inspection_the_declaration_is_believed() {
        let qcow2 = header(|_| ());
        let cases = [
            (Some("raw"), Ok(Layout::Bytes)),
            (Some("qcow2"), Ok(Layout::Qcow2)),
            (None, Ok(Layout::Qcow2)),
            (
                Some("vhd"),
                Err("image x is refused: this agent cannot write vhd images".to_owned()),
            ),
        ];
        for (declared, expected) in cases {
            let found = decide(&request(declared, &[], false), &qcow2);
            assert_eq!(found.map_err(|fault| fault.to_string()), expected);
        }
    }
}
