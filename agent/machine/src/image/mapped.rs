// SPDX-License-Identifier: Apache-2.0
//! Containers without staging: the tables are learnt first, then one pass over
//! the file hashes everything and writes each piece where it belongs.
//!
//! From a server with ranges the tables are fetched by themselves, and when
//! the file streams by, they are compared with what streams by: otherwise a
//! server could serve other tables than the digest was made of. Without ranges
//! passes over the whole file learn the tables: one, and another for each kind
//! of table that lies before the table that refers to it.

mod extents_writer;
mod learn;
mod learner;
mod proof;
mod windows;

use ironseed_core::fault::Fault;
use ironseed_core::image::container::{ContainerError, Kind};
use ironseed_core::partition::disk_identifier;

use super::intervals::Overlap;
use super::source::Source;
use super::unpack::Damaged;
use super::writer::Writer;
use super::{Job, Trouble};
use extents_writer::ExtentsWriter;
use learn::Learnt;
use proof::Proofs;

/// Why a container is refused while its bytes are read.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    /// Header or tables are unsound.
    #[error(transparent)]
    Unsound(#[from] ContainerError),
    /// More pieces lie on top of each other than can be right.
    #[error("its pieces overlap")]
    Overlap,
    /// The file ends before something that the tables refer to.
    #[error("it is cut off: its {0} lie behind its end")]
    CutOff(&'static str),
    /// A compressed unit does not unpack to a unit.
    #[error("the compressed data at byte {0} are damaged")]
    Compressed(u64),
    /// The tables that were fetched are not those in the file.
    #[error("its tables differ from those that were served as ranges")]
    Tables,
}

/// What may end a pass.
#[derive(Debug)]
enum PassError {
    Refusal(Refusal),
    Trouble(Trouble),
}

impl<E: Into<Refusal>> From<E> for PassError {
    fn from(refusal: E) -> Self {
        PassError::Refusal(refusal.into())
    }
}

impl From<Overlap> for Refusal {
    fn from(_: Overlap) -> Self {
        Refusal::Overlap
    }
}

impl From<Damaged> for Refusal {
    fn from(Damaged(at): Damaged) -> Self {
        Refusal::Compressed(at)
    }
}

impl PassError {
    fn into_trouble(self, job: &Job<'_>) -> Trouble {
        match self {
            PassError::Refusal(refusal) => Trouble::Fault(Fault::ImageInvalid {
                image: job.image.id.clone(),
                problem: refusal.to_string(),
            }),
            PassError::Trouble(trouble) => trouble,
        }
    }
}

/// Learns the tables, then writes.
pub(super) fn write(job: &Job<'_>, source: &mut Source<'_>, kind: Kind) -> Result<u32, Trouble> {
    let learnt = learn::learn(job, source, kind)?;
    job.check_size(learnt.map.size)?;
    write_extents(job, source, learnt)
}

fn write_extents(job: &Job<'_>, source: &mut Source<'_>, learnt: Learnt) -> Result<u32, Trouble> {
    let mut writer = Writer::begin(job.target, job.stopwatch)?;
    let map = learnt.map;
    for (offset, length) in map.gaps.iter() {
        writer.zero(offset, length)?;
    }
    let mut extents = ExtentsWriter::new(&map, learnt.compression, job.stopwatch, &mut writer);
    drop(map);
    let mut proofs = Proofs::new(learnt.proofs);
    let what = format!("writing {} to {}", job.image.id, job.target.name);
    let passed = job.pass(source, what, &mut |at, bytes| {
        let served = proofs
            .feed(at, bytes)
            .and_then(|()| extents.feed(at, bytes));
        served.map_err(|error| error.into_trouble(job))
    })?;
    // A wrong digest explains everything else that may be wrong.
    job.check_digest(passed.digest, source)?;
    proofs
        .finish()
        .and_then(|()| extents.finish(passed.length, learnt.may_end_short))
        .map_err(|error| error.into_trouble(job))?;
    let first = writer.finish()?;
    Ok(disk_identifier(first.as_ref()))
}
