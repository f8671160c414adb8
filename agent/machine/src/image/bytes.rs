// SPDX-License-Identifier: Apache-2.0
//! Images that are written byte for byte: raw, gpt, iso.

use ironseed_core::partition::disk_identifier;

use super::source::Source;
use super::writer::Writer;
use super::{Job, Trouble};
use crate::block::sectors;

/// Writes while the file is read, or after a first reading if it must not be
/// written unverified.
pub(super) fn write(job: &Job<'_>, source: &mut Source<'_>) -> Result<u32, Trouble> {
    if let Some(length) = job.length(source) {
        job.check_size(length)?;
    }
    if !job.image.stream_raw {
        verify(job, source)?;
    }
    sectors::check(job.target.block, job.target.name, job.head)?;
    let mut writer = Writer::begin(job.target, job.stopwatch)?;
    let what = format!("writing {} to {}", job.image.id, job.target.name);
    let passed = job.pass(source, what, &mut |at, bytes| {
        job.check_size(at + bytes.len() as u64)?;
        writer.put_sparse(at, bytes).map_err(Trouble::Fault)
    })?;
    job.check_digest(passed.digest, source)?;
    let first = writer.finish()?;
    Ok(disk_identifier(first.as_ref()))
}

/// Reads the file once without touching the disk.
pub(super) fn verify(job: &Job<'_>, source: &mut Source<'_>) -> Result<(), Trouble> {
    let what = format!("verifying {}", job.image.id);
    let passed = job.pass(source, what, &mut |_, _| Ok(()))?;
    job.check_size(passed.length)?;
    job.check_digest(passed.digest, source)
}
