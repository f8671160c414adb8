// SPDX-License-Identifier: Apache-2.0
//! The .xz file format. The decoder is liblzma: in our image it is as large as
//! the decoder in Rust, and half again as fast.

use std::io::BufRead as _;

use ironseed_core::image::compression::{Codec, Damage, WINDOW};
use ironseed_core::image::spent::Activity;
use liblzma::stream::{Action, Error, Status, Stream};

use super::output::{Flow, Made, Output, pour};
use super::{Input, damage};
use crate::image::stopwatch::Stopwatch;

/// What the decoder may take: the dictionary, and some for itself.
const MEMORY: u64 = WINDOW + (1 << 20);

/// Unpacks one stream. What follows it is looked at by the caller, so the
/// decoder is not told to.
pub(super) fn stream(
    input: &mut Input<'_>,
    output: &mut dyn Output,
    watch: &Stopwatch<'_>,
) -> Result<Flow, Damage> {
    let codec = Codec::Xz;
    let mut decoder =
        Stream::new_stream_decoder(MEMORY, 0).map_err(|_| Damage::Window { codec })?;
    pour(output, |room| {
        let ready = input.ready();
        let (read, made) = (decoder.total_in(), decoder.total_out());
        let status = watch.measure(Activity::Unpack, || {
            decoder.process(ready, room, Action::Run)
        });
        let read = usize::try_from(decoder.total_in() - read).unwrap_or_default();
        let made = usize::try_from(decoder.total_out() - made).unwrap_or_default();
        let moved = read > 0 || made > 0;
        input.consume(read);
        match status {
            Ok(Status::StreamEnd) => Ok(Made {
                bytes: made,
                over: true,
            }),
            Ok(_) if moved => Ok(Made {
                bytes: made,
                over: false,
            }),
            Err(Error::MemLimit | Error::Mem) => Err(Damage::Window { codec }),
            Ok(_) | Err(_) => Err(damage(codec, input)),
        }
    })
}
