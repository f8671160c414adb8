// SPDX-License-Identifier: Apache-2.0
//! Writing an image: one pass from the server to the disk in a few MiB of
//! memory.
//!
//! `source` reads the file as served, however often the network breaks;
//! `stream` hashes it and hands it over; `bytes` and `qcow2` know where the
//! bytes belong; `writer` puts them there, the first MiB last. Until that
//! moment the disk cannot be booted from, and the moment only comes after the
//! digest was right.

mod bytes;
mod checksum;
mod hash;
mod intervals;
mod net;
mod qcow2;
mod read_back;
mod source;
mod stopwatch;
mod stream;
mod writer;

#[cfg(test)]
mod server;
#[cfg(test)]
mod tests;

use ironseed_core::fault::Fault;
use ironseed_core::image::checksum::name_of;
use ironseed_core::image::format::{self, Layout};
use ironseed_core::image::read_back::Verification;
use ironseed_core::image::spent::Activity;
use ironseed_core::image_request::{
    ConfigDrive, Digest, DownloadPolicy, ExpectedDigest, ImageRequest, Proxies,
};

use crate::block::Block;
use crate::progress::{Meter, Surroundings};
use hash::Hasher;
use net::Net;
use source::Source;
use stopwatch::Stopwatch;
use stream::Consumer;

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

/// Writes an image onto a disk and returns the disk identifier it brought
/// (contract §14.7).
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
) -> Result<u32, Fault> {
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
    let mut problem = String::new();
    for url in &image.urls {
        match write_from(url, image, &digest, target, &net) {
            Ok(identifier) => {
                surroundings.reached("write");
                return Ok(identifier);
            }
            Err(Trouble::Fault(fault)) => return Err(fault),
            Err(Trouble::GaveUp(last) | Trouble::Restart(last)) => problem = last,
        }
    }
    Err(net.gave_up(&image.urls[image.urls.len() - 1], problem))
}

/// One URL, from the beginning as often as the file changes meanwhile.
fn write_from(
    url: &str,
    image: &ImageRequest,
    digest: &Digest,
    target: Target<'_>,
    net: &Net<'_>,
) -> Result<u32, Trouble> {
    let mut restarts = 0;
    loop {
        let source = Source::open(net, url)?;
        match write_once(source, image, digest, target, net) {
            Err(Trouble::Restart(problem)) if restarts < image.download.retries => {
                restarts += 1;
                net.warn(format!("{url}: starting again: {problem}"));
            }
            other => return other,
        }
    }
}

fn write_once(
    mut source: Source<'_>,
    image: &ImageRequest,
    digest: &Digest,
    target: Target<'_>,
    net: &Net<'_>,
) -> Result<u32, Trouble> {
    let stopwatch = Stopwatch::new(net.surroundings.clock);
    let head = source.head(format::HEAD)?;
    let job = Job {
        image,
        digest,
        target,
        net,
        stopwatch: &stopwatch,
        head: &head,
    };
    let identifier = match format::decide(image, &head)? {
        Layout::Bytes => bytes::write(&job, &mut source),
        Layout::Qcow2 => qcow2::write(&job, &mut source),
    }?;
    net.note(format!("{}: {}", image.id, stopwatch.spent()));
    Ok(identifier)
}

/// One attempt at one image.
#[derive(Clone, Copy)]
struct Job<'a> {
    image: &'a ImageRequest,
    digest: &'a Digest,
    target: Target<'a>,
    net: &'a Net<'a>,
    stopwatch: &'a Stopwatch<'a>,
    /// The file's beginning.
    head: &'a [u8],
}

/// What one pass over the file brought.
struct Passed {
    /// Of the file as served.
    digest: String,
    /// Bytes that the consumer was given.
    length: u64,
}

impl Job<'_> {
    /// Reads the whole file once and hands it over piece by piece. `what` names
    /// the work, as a gerund and its subject.
    fn pass(
        &self,
        source: &mut Source<'_>,
        what: String,
        consume: &mut Consumer<'_>,
    ) -> Result<Passed, Trouble> {
        let mut meter = Meter::new(self.net.surroundings, what, source.length());
        let hasher = Hasher::new(self.digest.algorithm);
        let (digest, length) = stream::pass(source, self.head, hasher, &mut meter, consume)?;
        meter.finish();
        Ok(Passed { digest, length })
    }

    /// Some bytes out of order; `None` if they can only be had by a pass.
    fn range(
        &self,
        source: &mut Source<'_>,
        from: u64,
        length: u64,
    ) -> Result<Option<Vec<u8>>, Trouble> {
        self.stopwatch
            .measure(Activity::Network, || source.range(from, length))
    }

    /// Compares what was served with what was wanted. The transfer was put
    /// together from several pieces? Then the server may have mixed two files,
    /// and starting again can help; otherwise it cannot.
    fn check_digest(&self, found: String, source: &mut Source<'_>) -> Result<(), Trouble> {
        if found == self.digest.hex {
            return Ok(());
        }
        if source.was_resumed() {
            return Err(Trouble::Restart(
                "the digest is wrong after an interrupted transfer".into(),
            ));
        }
        Err(Trouble::Fault(Fault::ImageChecksum {
            url: source.url().to_owned(),
            algorithm: name_of(self.digest.algorithm).to_owned(),
            found,
            expected: self.digest.hex.clone(),
        }))
    }

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
