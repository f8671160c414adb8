// SPDX-License-Identifier: Apache-2.0
//! gzip (RFC 1952). Its window is 32 KiB, its header at most 64 KiB.

use std::io::Read as _;

use flate2::bufread::GzDecoder;
use ironseed_core::image::compression::{Codec, Damage};
use ironseed_core::image::spent::Activity;

use super::output::{Flow, Made, Output, pour};
use super::{Input, damage};
use crate::image::stopwatch::Stopwatch;

/// Unpacks one member.
pub(super) fn member(
    input: &mut Input<'_>,
    output: &mut dyn Output,
    watch: &Stopwatch<'_>,
) -> Result<Flow, Damage> {
    let mut decoder = GzDecoder::new(&mut *input);
    let flow = pour(output, |room| {
        // Waiting for the file is not unpacking.
        decoder.get_mut().ready();
        let read = watch.measure(Activity::Unpack, || decoder.read(room));
        // The kind of an error says less than the place where it was met.
        let bytes = read.map_err(|_| damage(Codec::Gzip, decoder.get_mut()))?;
        Ok(Made {
            bytes,
            over: bytes == 0,
        })
    });
    drop(decoder);
    flow
}
