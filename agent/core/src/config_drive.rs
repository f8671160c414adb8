// SPDX-License-Identifier: Apache-2.0
//! The config drive's text: base64 of a gzip of a file-system image, or a URL
//! (contract §15). Placing it on the disk is `partition`'s work.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;

use crate::fault::Fault;
use crate::image_request::ConfigDrive;
use crate::iso9660;
use crate::partition::file_system::{self, Kind};

/// The largest config drive, in bytes.
pub const LIMIT: u64 = 64 << 20;

/// Label of the file system, and of the partition.
pub const LABEL: &str = "config-2";

fn unusable(problem: impl Into<String>) -> Fault {
    Fault::ConfigDrive {
        problem: problem.into(),
    }
}

/// Reads the step's argument.
///
/// # Errors
///
/// [`Fault::ConfigDrive`] if it is neither a URL nor base64 of a gzip of at
/// most 64 MiB.
pub fn parse(text: &str) -> Result<ConfigDrive, Fault> {
    let text = text.trim();
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok(ConfigDrive::Url(text.to_owned()));
    }
    let compressed = from_base64(text.as_bytes()).ok_or_else(|| unusable("it is not base64"))?;
    if !is_gzip(&compressed) {
        return Err(unusable("it is not base64 of a gzip"));
    }
    unpack(&compressed).map(ConfigDrive::Image)
}

/// Reads what a config drive URL answered: the same text, or its bytes at any
/// stage of unpacking.
///
/// # Errors
///
/// [`Fault::ConfigDrive`] if it cannot be unpacked or is larger than 64 MiB.
pub fn from_download(body: Vec<u8>) -> Result<Vec<u8>, Fault> {
    let bytes = from_base64(&body).unwrap_or(body);
    if is_gzip(&bytes) {
        return unpack(&bytes);
    }
    if bytes.is_empty() {
        return Err(unusable("it is empty"));
    }
    fits(bytes.len() as u64)?;
    Ok(bytes)
}

/// What a config drive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// ISO 9660, as Ironic makes it.
    Iso9660,
    /// A FAT file system.
    Fat,
    /// Something else, which is taken as it is.
    Other,
}

/// What is done with a config drive on its way to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// It is copied byte for byte.
    Copy,
    /// It becomes a FAT file system; if that fails, it is copied (contract §15).
    Rebuild(Form),
    /// It becomes a FAT file system, because a copy could not be mounted.
    MustRebuild(Form),
}

/// Decides how a config drive gets onto a disk with these sectors. `always`:
/// the operator wants FAT (`config_drive_rebuild`).
#[must_use]
pub fn treatment(image: &[u8], sector: u32, always: bool) -> Treatment {
    let found = file_system::identify(image.get(..file_system::HEAD).unwrap_or(image));
    let form = match found.map(|found| found.kind) {
        Some(Kind::Iso9660) => Form::Iso9660,
        Some(Kind::Fat) => Form::Fat,
        _ => return Treatment::Copy,
    };
    let fits = found.is_none_or(|found| found.sector.is_some_and(|made_for| made_for >= sector));
    match (fits, form) {
        (false, form) => Treatment::MustRebuild(form),
        (true, Form::Iso9660) if always => Treatment::Rebuild(form),
        (true, _) => Treatment::Copy,
    }
}

/// Says before anything is written that a config drive could not be used on a
/// disk with these sectors.
///
/// # Errors
///
/// [`Fault::ConfigDrive`] if it had to be rebuilt and cannot be read.
pub fn check(image: &[u8], sector: u32) -> Result<(), Fault> {
    match treatment(image, sector, false) {
        Treatment::MustRebuild(Form::Iso9660) => match iso9660::read(image) {
            Ok(_) => Ok(()),
            Err(error) => Err(must_be_rebuilt(sector, &error.to_string())),
        },
        _ => Ok(()),
    }
}

/// The fault of a config drive that must be rebuilt and cannot be.
#[must_use]
pub fn must_be_rebuilt(sector: u32, problem: &str) -> Fault {
    unusable(format!(
        "it must be rebuilt as FAT for a disk with sectors of {sector} bytes: {problem}"
    ))
}

/// Base64 as encoders write it, line breaks included.
fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let dense: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    STANDARD.decode(dense).ok()
}

fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

fn unpack(compressed: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut image = Vec::new();
    MultiGzDecoder::new(compressed)
        .take(LIMIT + 1)
        .read_to_end(&mut image)
        .map_err(|error| unusable(format!("its gzip is damaged: {error}")))?;
    if image.is_empty() {
        return Err(unusable("it is empty"));
    }
    fits(image.len() as u64)?;
    Ok(image)
}

fn fits(size: u64) -> Result<(), Fault> {
    if size > LIMIT {
        return Err(unusable("it is larger than 64 MiB"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn the_argument_is_unpacked() {
        let text = STANDARD.encode(gzip(b"image"));
        assert_eq!(parse(&text), Ok(ConfigDrive::Image(b"image".to_vec())));
        let (left, right) = text.split_at(10);
        assert_eq!(
            parse(&format!("{left}\n{right}\n")),
            Ok(ConfigDrive::Image(b"image".to_vec()))
        );
        let url = "https://host/drive";
        assert_eq!(parse(url), Ok(ConfigDrive::Url(url.into())));
    }

    #[test]
    fn what_cannot_be_unpacked_is_named() {
        let whole = gzip(&[7; 1000]);
        let cases = [
            ("%%%".to_owned(), "it is not base64"),
            (STANDARD.encode("plain"), "it is not base64 of a gzip"),
            (STANDARD.encode(gzip(b"")), "it is empty"),
            (
                STANDARD.encode(&whole[..whole.len() / 2]),
                "its gzip is damaged",
            ),
            (
                STANDARD.encode(gzip(&vec![0; (64 << 20) + 1])),
                "it is larger than 64 MiB",
            ),
        ];
        for (text, problem) in cases {
            let fault = parse(&text).expect_err("unusable");
            assert!(fault.to_string().contains(problem), "{fault}");
        }
    }

    #[test]
    fn sectors_and_the_operator_decide_about_rebuilding() {
        use Treatment::{Copy, MustRebuild, Rebuild};
        let mut iso = vec![0; 0x9000];
        iso[0x8001..0x8006].copy_from_slice(b"CD001");
        let fat = |sector: u16| {
            let mut fat = vec![0; 8192];
            fat[11..13].copy_from_slice(&sector.to_le_bytes());
            fat[54..59].copy_from_slice(b"FAT16");
            fat[510..512].copy_from_slice(&[0x55, 0xaa]);
            fat
        };
        let cases = [
            (iso.clone(), 512, false, Copy),
            (iso.clone(), 512, true, Rebuild(Form::Iso9660)),
            (iso.clone(), 4096, false, MustRebuild(Form::Iso9660)),
            (fat(512), 512, true, Copy),
            (fat(512), 4096, false, MustRebuild(Form::Fat)),
            (fat(4096), 4096, false, Copy),
            (vec![7; 9000], 4096, true, Copy),
            (Vec::new(), 4096, true, Copy),
        ];
        for (image, sector, always, expected) in cases {
            assert_eq!(treatment(&image, sector, always), expected);
        }
        assert_eq!(check(&iso, 512), Ok(()));
        let fault = check(&iso, 4096).expect_err("no ISO in it");
        assert!(
            fault.to_string().contains("sectors of 4096 bytes"),
            "{fault}"
        );
    }

    #[test]
    fn a_download_may_be_unpacked_to_any_degree() {
        let packed = gzip(b"image!");
        for body in [
            STANDARD.encode(&packed).into_bytes(),
            packed,
            b"image!".to_vec(),
        ] {
            assert_eq!(from_download(body), Ok(b"image!".to_vec()));
        }
        assert!(from_download(Vec::new()).is_err());
    }

    #[test]
    fn every_truncation_and_bit_flip_is_survived() {
        let packed = gzip(&[1, 2, 3, 4, 5, 6, 7, 8]);
        for index in 0..packed.len() * 8 {
            let mut damaged = packed.clone();
            damaged[index / 8] ^= 1 << (index % 8);
            let _ = from_download(damaged);
            let _ = parse(&STANDARD.encode(&packed[..index / 8]));
        }
    }
}
