// SPDX-License-Identifier: Apache-2.0
//! qcow2 without staging: the tables are learnt first, then one pass over the
//! file hashes everything and writes each cluster where it belongs.
//!
//! From a server with ranges the tables are fetched by themselves, and when
//! the file streams by, they are compared with what streams by: otherwise a
//! server could serve other tables than the digest was made of. From a server
//! without ranges a first pass learns the tables, and a second one if tables
//! lie before the table that refers to them.

mod clusters;
mod learn;

use ironseed_core::fault::Fault;
use ironseed_core::image::qcow2::{Header, Qcow2Error, Tables};
use ironseed_core::partition::disk_identifier;

use super::intervals::Overlap;
use super::source::Source;
use super::writer::Writer;
use super::{Job, Trouble};
use clusters::Clusters;
use learn::Proof;

/// Why a qcow2 image is refused while its bytes are read.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    /// Header or tables are unsound.
    #[error(transparent)]
    Unsound(#[from] Qcow2Error),
    /// More clusters lie on top of each other than can be right.
    #[error("its clusters overlap")]
    Overlap,
    /// The file ends before something that the tables refer to.
    #[error("it is cut off: its {0} lie behind its end")]
    CutOff(&'static str),
    /// A compressed cluster does not unpack to a cluster.
    #[error("the compressed cluster at byte {0} is damaged")]
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
pub(super) fn write(job: &Job<'_>, source: &mut Source<'_>) -> Result<u32, Trouble> {
    let refuse = |error: Qcow2Error| PassError::from(error).into_trouble(job);
    let header = Header::parse(job.head).map_err(refuse)?;
    job.check_size(header.size)?;
    let (tables, proofs) = learn::tables(job, source, header)?;
    write_clusters(job, source, tables, proofs)
}

fn write_clusters(
    job: &Job<'_>,
    source: &mut Source<'_>,
    mut tables: Tables,
    proofs: Vec<Proof>,
) -> Result<u32, Trouble> {
    let mut writer = Writer::begin(job.target, job.stopwatch)?;
    let mut zeroed = 0;
    for (offset, length) in tables.gaps() {
        writer.zero(offset, length)?;
        zeroed += length;
    }
    let text = format!(
        "{}: disk of {} MiB, {} MiB of it zero",
        job.image.id,
        tables.header().size >> 20,
        zeroed >> 20
    );
    (job.net.surroundings.observer)(ironseed_core::event::Event::Note(text));
    let header = *tables.header();
    let mut clusters = Clusters::new(header, tables.into_extents(), &mut writer);
    let mut proofs = learn::Proofs::new(proofs);
    let what = format!("writing {} to {}", job.image.id, job.target.name);
    let passed = job.pass(source, what, &mut |at, bytes| {
        let served = proofs
            .feed(at, bytes)
            .and_then(|()| clusters.feed(at, bytes));
        served.map_err(|error| error.into_trouble(job))
    })?;
    // A wrong digest explains everything else that may be wrong.
    job.check_digest(passed.digest, source)?;
    proofs
        .finish()
        .and_then(|()| clusters.finish(passed.length))
        .map_err(|error| error.into_trouble(job))?;
    let first = writer.finish()?;
    Ok(disk_identifier(first.as_ref()))
}
