// SPDX-License-Identifier: Apache-2.0
//! The beginning of a file, and of the image in it.

use ironseed_core::image::compression::{self, Codec, Damage};
use ironseed_core::image::format::HEAD;
use ironseed_core::image::spent::Activity;

use super::output::{First, Flow};
use super::{Input, streams};
use crate::image::Trouble;
use crate::image::source::Source;
use crate::image::stopwatch::Stopwatch;

/// A decoder gets at most so many bytes to make the image's head from. A
/// block of zstd unpacks as a whole and takes up to 128 KiB; no sane file
/// begins with more than one that says nothing.
const LIMIT: usize = 1 << 20;

/// What begins a file.
pub(in crate::image) struct Beginning {
    /// Bytes as served.
    pub(in crate::image) served: Vec<u8>,
    /// What they unpack to, [`HEAD`] bytes unless the image is shorter; `None`
    /// if the file is not compressed.
    pub(in crate::image) unpacked: Result<Option<(Codec, Vec<u8>)>, Damage>,
}

impl Beginning {
    /// Reads as much of the file as is needed to tell what the image is.
    pub(in crate::image) fn read(
        source: &mut Source<'_>,
        watch: &Stopwatch<'_>,
    ) -> Result<Self, Trouble> {
        let mut served = watch.measure(Activity::Network, || source.head(HEAD))?;
        let Some(codec) = compression::detect(&served) else {
            return Ok(Self {
                served,
                unpacked: Ok(None),
            });
        };
        loop {
            let (unpacked, needs_more) = unpack(codec, &served, watch);
            let more = match needs_more && served.len() < LIMIT {
                true => watch.measure(Activity::Network, || source.head(served.len()))?,
                false => Vec::new(),
            };
            if !more.is_empty() {
                served.extend_from_slice(&more);
                continue;
            }
            let read = served.len() as u64;
            let unpacked = match needs_more && served.len() >= LIMIT {
                true => Err(Damage::SlowStart { codec, read }),
                false => unpacked.map(|image| Some((codec, image))),
            };
            return Ok(Self { served, unpacked });
        }
    }

    /// How the file is compressed, if it can be unpacked.
    pub(in crate::image) fn codec(&self) -> Option<Codec> {
        let unpacked = self.unpacked.as_ref().ok()?;
        unpacked.as_ref().map(|(codec, _)| *codec)
    }

    /// The image's first bytes.
    pub(in crate::image) fn image(&self) -> &[u8] {
        match &self.unpacked {
            Ok(Some((_, image))) => image,
            Ok(None) | Err(_) => &self.served,
        }
    }
}

/// The image's first bytes, made from the file's first bytes, and whether more
/// of these would tell more.
fn unpack(codec: Codec, served: &[u8], watch: &Stopwatch<'_>) -> (Result<Vec<u8>, Damage>, bool) {
    let mut first = First::new(HEAD);
    let mut input = Input::only(served);
    match streams(codec, &mut input, &mut first, watch) {
        Ok(flow) => (Ok(first.into_bytes()), flow == Flow::More),
        Err(damage) => (Err(damage), input.was_at_end()),
    }
}
