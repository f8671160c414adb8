// SPDX-License-Identifier: Apache-2.0
//! Learning the tables of a container before it is written.

use ironseed_core::image::container::{self, Compression, Container, Kind};
use ironseed_core::image::extents::DiskMap;

use super::learner::Learner;
use super::proof::Proof;
use super::windows::Windows;
use super::{PassError, Refusal};
use crate::image::source::Source;
use crate::image::{Job, Trouble};

/// With more fetches than this, a pass over the whole file is faster.
const FETCHES: usize = 4096;

/// All that the tables of a container told.
pub(super) struct Learnt {
    pub(super) map: DiskMap,
    pub(super) compression: Compression,
    /// Whether the file may end within its last piece.
    pub(super) may_end_short: bool,
    /// Of the tables, where they were fetched by ranges.
    pub(super) proofs: Vec<Proof>,
}

/// All tables of the image.
pub(super) fn learn(job: &Job<'_>, source: &mut Source<'_>, kind: Kind) -> Result<Learnt, Trouble> {
    let open = |length| {
        let container = container::open(kind, job.head, length).map_err(Refusal::from);
        container.map_err(|refusal| PassError::Refusal(refusal).into_trouble(job))
    };
    let container = open(job.length(source))?;
    check_size(job, container.as_ref())?;
    let by_ranges = fetch(job, source, container).map_err(|error| error.into_trouble(job))?;
    match by_ranges {
        Some(learnt) => Ok(learnt),
        None => read_through(job, source, open(job.length(source))?),
    }
}

/// Fetches the tables; `None` if the server or their number is against it.
fn fetch(
    job: &Job<'_>,
    source: &mut Source<'_>,
    container: Box<dyn Container>,
) -> Result<Option<Learnt>, PassError> {
    let mut learner = Learner::new(container);
    let mut proofs = Vec::new();
    while let Some(wanted) = learner.container.wanted() {
        let windows = Windows::new(wanted);
        let left = FETCHES - proofs.len();
        if Windows::new(wanted).take(left + 1).count() > left {
            return Ok(None);
        }
        for (offset, length) in windows {
            let fetched = job.range(source, offset, length);
            let Some(bytes) = fetched.map_err(PassError::Trouble)? else {
                return Ok(None);
            };
            learner.feed_stage(offset, &bytes)?;
            proofs.push(Proof::of(offset, &bytes));
        }
        learner.end_pass()?;
        next_stage(job, &mut learner)?;
        learner.begin_stage(0);
    }
    Ok(Some(finish(learner, proofs)?))
}

fn next_stage(job: &Job<'_>, learner: &mut Learner) -> Result<(), PassError> {
    learner.container.advance().map_err(Refusal::from)?;
    check_size(job, learner.container.as_ref()).map_err(PassError::Trouble)
}

/// Large tables of a disk that does not fit need not be read.
fn check_size(job: &Job<'_>, container: &dyn Container) -> Result<(), Trouble> {
    match container.size() {
        Some(size) => job.check_size(size),
        None => Ok(()),
    }
}

fn finish(learner: Learner, proofs: Vec<Proof>) -> Result<Learnt, PassError> {
    let compression = learner.container.compression();
    let may_end_short = learner.container.may_end_short();
    let map = learner.container.finish().map_err(Refusal::from)?;
    Ok(Learnt {
        map,
        compression,
        may_end_short,
        proofs,
    })
}

/// Reads the whole file, and once more for each stage of which something lies
/// before the place where that became known. Each pass is verified.
fn read_through(
    job: &Job<'_>,
    source: &mut Source<'_>,
    container: Box<dyn Container>,
) -> Result<Learnt, Trouble> {
    let mut learner = Learner::new(container);
    while learner.container.wanted().is_some() {
        learner.begin_pass();
        let what = format!("reading the tables of {}", job.image.id);
        let passed = job.pass(source, what, &mut |at, bytes| {
            let fed = learner.feed(at, bytes);
            fed.map_err(|error| error.into_trouble(job))
        })?;
        job.check_digest(passed.digest, source)?;
        let ended = learner.end_pass();
        ended.map_err(|error| error.into_trouble(job))?;
        check_size(job, learner.container.as_ref())?;
    }
    finish(learner, Vec::new()).map_err(|error| error.into_trouble(job))
}
