// SPDX-License-Identifier: Apache-2.0
//! Images in registries (OCI distribution specification 1.1): what a URL
//! names, what a manifest holds, and what a registry wants before it answers.
//!
//! `oci://registry/repository:tag` and `oci://registry/repository@sha256:…`
//! name a manifest, or an index of manifests, one per architecture. The
//! manifest's one layer is the image.

mod challenge;
mod manifest;
mod reference;

pub use challenge::{Challenge, token};
pub use manifest::{ACCEPTED, LIMIT, Manifest, read};
pub use reference::Reference;

use thiserror::Error;

use crate::image_request::{Digest, DigestAlgorithm};

/// Why a registry's content cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OciError {
    /// The URL does not name a manifest.
    #[error("is no registry URL: {0}")]
    Reference(&'static str),
    /// A manifest is not what the specification says.
    #[error("the registry's manifest {0}")]
    Manifest(&'static str),
    /// An image of several layers is a container's file system, not a disk.
    #[error("the manifest must have one layer, which is the disk image, and has: {0}")]
    Layers(String),
    /// The index has nothing, or more than one thing, for this machine.
    #[error("the index must have one image for {architecture} and has: {there}")]
    Platform {
        /// This machine's architecture as the kernel names it.
        architecture: String,
        /// What is there.
        there: String,
    },
}

/// A digest as registries write it: `sha256:` or `sha512:` and lower-case digits.
#[must_use]
pub fn digest(text: &str) -> Option<Digest> {
    let (algorithm, hex) = text.split_once(':')?;
    let (algorithm, length) = match algorithm {
        "sha256" => (DigestAlgorithm::Sha256, 64),
        "sha512" => (DigestAlgorithm::Sha512, 128),
        _ => return None,
    };
    let sound = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (hex.len() == length && hex.bytes().all(sound)).then(|| Digest {
        algorithm,
        hex: hex.to_owned(),
    })
}
