// SPDX-License-Identifier: Apache-2.0
//! Fetching a checksum file (contract §14.2).

use ironseed_core::fault::Fault;
use ironseed_core::image::checksum::{base_name, find_in_file};
use ironseed_core::image::location::shown;
use ironseed_core::image_request::{Digest, DigestAlgorithm};

use super::net::Net;

/// A checksum file lists a directory; nobody's is larger than this.
pub(super) const LIMIT: usize = 4 << 20;

/// The digest that a checksum file gives for an image.
pub(super) fn fetch(
    net: &Net<'_>,
    url: &str,
    image_url: &str,
    algorithm: Option<DigestAlgorithm>,
    md5_allowed: bool,
) -> Result<Digest, Fault> {
    let body = net.small(url, LIMIT)?;
    let image = base_name(image_url);
    let digest = find_in_file(&String::from_utf8_lossy(&body), image, algorithm);
    let digest = digest.ok_or_else(|| Fault::ChecksumFile {
        url: shown(url),
        image: image.to_owned(),
    })?;
    if digest.algorithm == DigestAlgorithm::Md5 && !md5_allowed {
        return Err(Fault::ImageSource {
            url: shown(url),
            problem: format!("it has only an MD5 digest for {image}, which is not allowed"),
        });
    }
    Ok(digest)
}
