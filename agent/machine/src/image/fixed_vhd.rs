// SPDX-License-Identifier: Apache-2.0
//! Fixed vhd disks: the bytes of a disk, and a footer behind them.

use ironseed_core::fault::Fault;
use ironseed_core::image::vhd::{DiskType, FOOTER_LENGTH, Footer, VhdError};
use ironseed_core::partition::disk_identifier;

use super::source::Source;
use super::writer::Writer;
use super::{Job, Trouble};

/// The end of what has come so far: perhaps it is the footer.
#[derive(Default)]
struct Tail(Vec<u8>);

impl Tail {
    /// Takes more bytes in and gives those out that certainly are not the
    /// footer, in their order.
    fn push<E>(
        &mut self,
        bytes: &[u8],
        mut give: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let total = self.0.len() + bytes.len();
        let out = total.saturating_sub(FOOTER_LENGTH);
        let old = out.min(self.0.len());
        give(&self.0[..old])?;
        give(&bytes[..out - old])?;
        self.0.drain(..old);
        self.0.extend_from_slice(&bytes[out - old..]);
        Ok(())
    }
}

/// Reads the footer, then writes while the file is read.
pub(super) fn write(job: &Job<'_>, source: &mut Source<'_>) -> Result<u32, Trouble> {
    let refuse = |problem: String| {
        Trouble::Fault(Fault::ImageInvalid {
            image: job.image.id.clone(),
            problem,
        })
    };
    let footer = footer(job, source)?;
    let size = size(&footer).map_err(|error| refuse(error.to_string()))?;
    job.check_size(size)?;
    let mut writer = Writer::begin(job.target, job.stopwatch)?;
    let (mut tail, mut at) = (Tail::default(), 0);
    let what = format!("writing {} to {}", job.image.id, job.target.name);
    let passed = job.pass(source, what, &mut |_, bytes| {
        tail.push(bytes, |bytes| {
            // Some writers leave room between the disk and its footer.
            let left = usize::try_from(size.saturating_sub(at)).unwrap_or(usize::MAX);
            let from = at;
            at += bytes.len() as u64;
            writer.put_sparse(from.min(size), &bytes[..bytes.len().min(left)])
        })
        .map_err(Trouble::Fault)
    })?;
    // A wrong digest explains everything else that may be wrong.
    job.check_digest(passed.digest, source)?;
    if tail.0 != footer {
        return Err(refuse(
            "its footer differs from the one that was served before".into(),
        ));
    }
    if at < size {
        return Err(refuse(VhdError::Size(size).to_string()));
    }
    let first = writer.finish()?;
    Ok(disk_identifier(first.as_ref()))
}

/// The file's last bytes, so that nothing is overwritten by something that is
/// no such disk: by themselves, or by a pass over the whole file.
fn footer(job: &Job<'_>, source: &mut Source<'_>) -> Result<Vec<u8>, Trouble> {
    let wanted = FOOTER_LENGTH as u64;
    if let Some(length) = job.length(source).filter(|length| *length >= wanted)
        && let Some(footer) = job.range(source, length - wanted, wanted)?
    {
        return Ok(footer);
    }
    let mut tail = Tail::default();
    let what = format!("reading the footer of {}", job.image.id);
    let passed = job.pass(source, what, &mut |_, bytes| tail.push(bytes, |_| Ok(())))?;
    job.check_digest(passed.digest, source)?;
    Ok(tail.0)
}

/// Size of the disk in bytes, if it is a fixed one.
fn size(footer: &[u8]) -> Result<u64, VhdError> {
    let footer = Footer::parse(footer)?;
    match footer.disk_type {
        DiskType::Fixed => Ok(footer.size),
        DiskType::Dynamic(_) => Err(VhdError::Kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_are_held_back_whatever_the_pieces() {
        let file: Vec<u8> = (0..=255).cycle().take(2000).collect();
        for step in [1, 7, 511, 512, 513, 1999, 2000] {
            let (mut tail, mut out) = (Tail::default(), Vec::new());
            for piece in file.chunks(step) {
                let pushed: Result<(), ()> = tail.push(piece, |bytes| {
                    out.extend_from_slice(bytes);
                    Ok(())
                });
                assert_eq!(pushed, Ok(()));
            }
            assert_eq!(out, file[..1488]);
            assert_eq!(tail.0, file[1488..]);
        }
    }
}
