// SPDX-License-Identifier: Apache-2.0
//! Writing an image: one pass from the server to the disk in a few MiB of
//! memory.
//!
//! `source` reads the file as served, however often the network breaks;
//! `stream` hashes it, has `decompress` unpack it where it is compressed as a
//! whole, and hands it over; `bytes`, `fixed_vhd`, `mapped` and `markers` know
//! where the bytes belong; `writer` puts them there, the first MiB last. Until that
//! moment the disk cannot be booted from, and the moment only comes after the
//! digest was right.

mod buffers;
mod bytes;
mod checksum;
mod decompress;
mod fixed_vhd;
mod hash;
mod intervals;
mod mapped;
mod markers;
mod net;
mod probe;
mod read_back;
mod source;
mod stopwatch;
mod stream;
mod transfer;
mod unpack;
mod writer;

#[cfg(test)]
mod server;
#[cfg(test)]
mod tests;

use ironseed_core::event::Event;
use ironseed_core::fault::Fault;
use ironseed_core::image::format::{self, Layout};
use ironseed_core::image::read_back::Verification;
use ironseed_core::image::transfer::TransferProfile;
use ironseed_core::image_request::{
    ConfigDrive, Digest, DownloadPolicy, ExpectedDigest, ImageRequest, Proxies,
};

pub use probe::probe;

use crate::block::Block;
use crate::progress::Surroundings;
use decompress::Beginning;
use net::Net;
use source::Source;
use stopwatch::Stopwatch;

/// Why one attempt at an image ended.
#[derive(Debug)]
enum Trouble {
    /// It makes no sense to try again.
    Fault(Fault),
    /// The server broke off more often than the policy allows; another may do better.
    GaveUp(String),
    /// What was read so far is void: the file changed meanwhile.
    Restart(String),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Trouble::Fault(fault)
    }
}

/// Where an image is written to.
#[derive(Debug, Clone, Copy)]
struct Target<'a> {
    block: &'a dyn Block,
    name: &'a str,
    /// The image's id, for the marker of an unfinished image.
    image: &'a str,
    /// How much is read back.
    verify: Verification,
    surroundings: Surroundings<'a>,
}

/// An image that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The disk identifier it brought (contract §14.7).
    pub disk_identifier: u32,
    /// How it came onto the disk.
    pub profile: TransferProfile,
}

/// Writes an image onto a disk.
///
/// Must not be called from within an asynchronous task: it blocks.
///
/// # Errors
///
/// A fault that names what went wrong. The disk was not touched at all then, or
/// does not boot, and its first sector says why.
pub fn write(
    image: &ImageRequest,
    block: &dyn Block,
    name: &str,
    surroundings: Surroundings<'_>,
) -> Result<Written, Fault> {
    let net = Net::new(
        &image.download,
        &image.proxies,
        image.authorization.as_ref(),
        surroundings,
    )?;
    let digest = expected_digest(image, &net)?;
    let target = Target {
        block,
        name,
        image: &image.id,
        verify: image.verify,
        surroundings,
    };
    match write_from(image, &digest, target, &net) {
        Ok(written) => {
            surroundings.reached("write");
            Ok(written)
        }
        Err(Trouble::Fault(fault)) => Err(fault),
        Err(Trouble::GaveUp(problem) | Trouble::Restart(problem)) => {
            Err(net.gave_up(&image.urls[image.urls.len() - 1], problem))
        }
    }
}

/// From the beginning as often as the file changes meanwhile.
fn write_from(
    image: &ImageRequest,
    digest: &Digest,
    target: Target<'_>,
    net: &Net<'_>,
) -> Result<Written, Trouble> {
    let mut restarts = 0;
    let mut source = Source::open_image(net, &image.urls)?;
    loop {
        let ended = write_once(&mut source, image, digest, target, net);
        let problem = match &ended {
            Err(Trouble::Restart(problem)) => problem,
            // Two files that were mixed look like a damaged one.
            Err(Trouble::Fault(Fault::ImageInvalid { problem, .. })) if source.was_resumed() => {
                problem
            }
            _ => return ended,
        };
        if restarts == image.download.retries {
            return ended;
        }
        restarts += 1;
        net.warn(format!("{}: starting again: {problem}", source.url()));
        source.start_over()?;
    }
}

fn write_once(
    source: &mut Source<'_>,
    image: &ImageRequest,
    digest: &Digest,
    target: Target<'_>,
    net: &Net<'_>,
) -> Result<Written, Trouble> {
    let stopwatch = Stopwatch::new(net.surroundings.clock);
    let beginning = Beginning::read(source, &stopwatch)?;
    let job = Job {
        image,
        digest,
        target,
        net,
        stopwatch: &stopwatch,
        beginning: &beginning,
        head: beginning.image(),
    };
    job.check_beginning(source)?;
    let disk_identifier = match format::decide(image, job.head)? {
        Layout::Bytes => bytes::write(&job, source),
        Layout::FixedVhd => fixed_vhd::write(&job, source),
        Layout::Mapped(kind) => mapped::write(&job, source, kind),
        Layout::Markers => markers::write(&job, source),
    }?;
    let profile = TransferProfile {
        image: image.id.clone(),
        device: target.name.to_owned(),
        amounts: stopwatch.amounts(),
        elapsed: stopwatch.elapsed(),
        spent: stopwatch.spent(),
    };
    (net.surroundings.observer)(Event::Transferred(profile.clone()));
    Ok(Written {
        disk_identifier,
        profile,
    })
}

/// One attempt at one image.
#[derive(Clone, Copy)]
struct Job<'a> {
    image: &'a ImageRequest,
    digest: &'a Digest,
    target: Target<'a>,
    net: &'a Net<'a>,
    stopwatch: &'a Stopwatch<'a>,
    beginning: &'a Beginning,
    /// The image's first bytes, unpacked if the file is compressed.
    head: &'a [u8],
}

impl Job<'_> {
    fn check_size(&self, needed: u64) -> Result<(), Trouble> {
        let available = self.target.block.size();
        if needed <= available {
            return Ok(());
        }
        Err(Trouble::Fault(Fault::ImageTooLarge {
            device: self.target.name.to_owned(),
            needed,
            available,
        }))
    }
}

fn expected_digest(image: &ImageRequest, net: &Net<'_>) -> Result<Digest, Fault> {
    match &image.digest {
        ExpectedDigest::Known(digest) => Ok(digest.clone()),
        ExpectedDigest::InFile {
            url,
            algorithm,
            md5_allowed,
        } => checksum::fetch(net, url, &image.urls[0], *algorithm, *md5_allowed),
        ExpectedDigest::InRegistry => match source::digest_in_registry(net, &image.urls[0]) {
            Ok(digest) => Ok(digest),
            Err(Trouble::Fault(fault)) => Err(fault),
            Err(Trouble::GaveUp(problem) | Trouble::Restart(problem)) => {
                Err(net.gave_up(&image.urls[0], problem))
            }
        },
    }
}

/// The config drive's image, fetched if it must be.
///
/// # Errors
///
/// A fault that names what went wrong.
pub fn config_drive(
    drive: &ConfigDrive,
    download: &DownloadPolicy,
    surroundings: Surroundings<'_>,
) -> Result<Vec<u8>, Fault> {
    /// Base64 makes four bytes of three; line breaks are a little more.
    const ENCODED_LIMIT: usize = 96 << 20;
    match drive {
        ConfigDrive::Image(bytes) => Ok(bytes.clone()),
        ConfigDrive::Url(url) => {
            let net = Net::new(download, &Proxies::default(), None, surroundings)?;
            let body = net.small(url, ENCODED_LIMIT)?;
            ironseed_core::config_drive::from_download(body)
        }
    }
}
