// SPDX-License-Identifier: Apache-2.0
//! The ways in which one attempt at an image reads its file, and what it makes
//! of what it finds.

use ironseed_core::fault::Fault;
use ironseed_core::image::checksum::name_of;
use ironseed_core::image::compression::Damage;
use ironseed_core::image::spent::Activity;

use super::hash::Hasher;
use super::source::Source;
use super::stream::{self, Consumer, File, Refused};
use super::{Job, Trouble};
use crate::progress::Meter;

/// What one pass over the file brought.
pub(super) struct Passed {
    /// Of the file as served.
    pub(super) digest: String,
    /// Bytes that the consumer was given: the length of the image, unpacked if
    /// the file is compressed.
    pub(super) length: u64,
}

impl Job<'_> {
    /// Reads the whole file once and hands it over piece by piece, unpacked if
    /// it is compressed. `what` names the work, as a gerund and its subject.
    ///
    /// If the content is wrong, the digest over the whole file has the first
    /// word; only then what is wrong with the content.
    pub(super) fn pass(
        &self,
        source: &mut Source<'_>,
        what: String,
        consume: &mut Consumer<'_>,
    ) -> Result<Passed, Trouble> {
        let mut meter = Meter::new(self.net.surroundings, what, source.length());
        let hasher = Hasher::new(self.digest.algorithm);
        let file = File {
            head: &self.beginning.served,
            codec: self.beginning.codec(),
            stopwatch: self.stopwatch,
        };
        source.seek(file.head.len() as u64);
        let read = stream::pass(source, &file, hasher, &mut meter, consume)?;
        meter.finish();
        let unpacked = file.codec.map_or(0, |_| read.given);
        self.stopwatch.count_served(read.served, unpacked);
        if let Some(refused) = read.refused {
            self.check_digest(read.digest, source)?;
            return Err(match refused {
                Refused::Damage(damage) => self.refuse(damage),
                Refused::Fault(fault) => Trouble::Fault(fault),
            });
        }
        Ok(Passed {
            digest: read.digest,
            length: read.given,
        })
    }

    /// Length of the image, where it is known before it was read: the length
    /// of a compressed file says nothing about it.
    pub(super) fn length(&self, source: &Source<'_>) -> Option<u64> {
        source.length().filter(|_| self.beginning.codec().is_none())
    }

    /// Some bytes of the image out of order; `None` if they can only be had by
    /// a pass: the server has no ranges, or the file is compressed.
    pub(super) fn range(
        &self,
        source: &mut Source<'_>,
        from: u64,
        length: u64,
    ) -> Result<Option<Vec<u8>>, Trouble> {
        if self.beginning.codec().is_some() {
            return Ok(None);
        }
        self.stopwatch
            .measure(Activity::Network, || source.range(from, length))
    }

    /// Refuses a compressed file whose beginning cannot be unpacked. If it is
    /// damaged, its digest may explain why.
    pub(super) fn check_beginning(&self, source: &mut Source<'_>) -> Result<(), Trouble> {
        let Err(damage) = self.beginning.unpacked else {
            return Ok(());
        };
        if matches!(damage, Damage::Window { .. } | Damage::SlowStart { .. }) {
            return Err(self.refuse(damage));
        }
        let what = format!("verifying {}", self.image.id);
        let passed = self.pass(source, what, &mut |_, _| Ok(()))?;
        self.check_digest(passed.digest, source)?;
        Err(self.refuse(damage))
    }

    fn refuse(&self, damage: Damage) -> Trouble {
        Trouble::Fault(Fault::ImageInvalid {
            image: self.image.id.clone(),
            problem: damage.to_string(),
        })
    }

    /// Compares what was served with what was wanted. The transfer was put
    /// together from several pieces? Then the server may have mixed two files,
    /// and starting again can help; otherwise it cannot.
    pub(super) fn check_digest(
        &self,
        found: String,
        source: &mut Source<'_>,
    ) -> Result<(), Trouble> {
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
}
