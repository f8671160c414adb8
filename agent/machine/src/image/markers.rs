// SPDX-License-Identifier: Apache-2.0
//! `streamOptimized` vmdk files: one pass without anything to learn before.

use ironseed_core::fault::Fault;
use ironseed_core::image::spent::Activity;
use ironseed_core::image::vmdk::{Header, Markers, Piece, VmdkError};
use ironseed_core::partition::disk_identifier;

use super::source::Source;
use super::unpack::{Damaged, Unpacker};
use super::writer::Writer;
use super::{Job, Trouble};

/// What may end the pass.
enum PassError {
    Unsound(VmdkError),
    Damaged(Damaged),
    Fault(Fault),
}

impl From<VmdkError> for PassError {
    fn from(error: VmdkError) -> Self {
        PassError::Unsound(error)
    }
}

impl PassError {
    fn into_trouble(self, job: &Job<'_>) -> Trouble {
        let problem = match self {
            PassError::Fault(fault) => return Trouble::Fault(fault),
            PassError::Unsound(error) => error.to_string(),
            PassError::Damaged(Damaged(at)) => {
                format!("the compressed data at byte {at} are damaged")
            }
        };
        Trouble::Fault(Fault::ImageInvalid {
            image: job.image.id.clone(),
            problem,
        })
    }
}

/// Writes grains as they come.
pub(super) fn write(job: &Job<'_>, source: &mut Source<'_>) -> Result<u32, Trouble> {
    let refuse = |error: VmdkError| PassError::from(error).into_trouble(job);
    let header = Header::parse(job.head).map_err(refuse)?;
    job.check_size(header.size)?;
    let mut writer = Writer::begin(job.target, job.stopwatch)?;
    let mut markers = Markers::new(header);
    let mut grains = Grains {
        job,
        header,
        unpacker: Unpacker::zlib(usize::try_from(header.grain).unwrap_or(0)),
        writer: &mut writer,
    };
    let what = format!("writing {} to {}", job.image.id, job.target.name);
    let passed = job.pass(source, what, &mut |at, bytes| {
        let fed = markers.feed(at, bytes, |piece| grains.put(piece));
        fed.map_err(|error| error.into_trouble(job))
    })?;
    // A wrong digest explains everything else that may be wrong.
    job.check_digest(passed.digest, source)?;
    if let Some((at, length)) = markers.finish(passed.length).map_err(refuse)? {
        writer.zero(at, length)?;
    }
    let first = writer.finish()?;
    Ok(disk_identifier(first.as_ref()))
}

/// Where grains go.
struct Grains<'a, 'w> {
    job: &'a Job<'a>,
    header: Header,
    unpacker: Unpacker,
    writer: &'a mut Writer<'w>,
}

impl Grains<'_, '_> {
    fn put(&mut self, piece: Piece<'_>) -> Result<(), PassError> {
        let put = match piece {
            Piece::Zero(at, length) => self.writer.zero(at, length),
            Piece::Grain(at, host, packed) => {
                // The last grain may reach behind the end of the disk.
                let left = self.header.size.saturating_sub(at).min(self.header.grain);
                let left = usize::try_from(left).unwrap_or(0);
                let unpacker = &mut self.unpacker;
                let grain = self
                    .job
                    .stopwatch
                    .measure(Activity::Unpack, || unpacker.unpack(packed, left))
                    .ok_or(PassError::Damaged(Damaged(host)))?;
                self.writer.put_sparse(at, grain)
            }
        };
        put.map_err(PassError::Fault)
    }
}
