// SPDX-License-Identifier: Apache-2.0
//! Unpacking of files that are compressed as a whole, in one file per format.
//! Every format may hold several streams one behind the other.

mod beginning;
mod gzip;
mod input;
mod output;
#[cfg(test)]
mod tests;
mod xz;
mod zstd;

use std::io::BufRead as _;

use ironseed_core::image::compression::{Codec, Damage};

use super::stopwatch::Stopwatch;
pub(super) use beginning::Beginning;
pub(super) use input::Input;
pub(super) use output::Pieces;
use output::{Flow, Output};

/// Unpacks the whole file. What cannot be unpacked is read to its end all the
/// same, so that nobody waits for its buffers.
pub(super) fn all(
    codec: Codec,
    mut input: Input<'_>,
    mut output: Pieces,
    watch: &Stopwatch<'_>,
) -> Result<(), Damage> {
    let result = streams(codec, &mut input, &mut output, watch);
    if result.is_ok() {
        output.finish();
    }
    drop(output);
    input.discard();
    result.map(drop)
}

/// Unpacks one stream after the other.
fn streams(
    codec: Codec,
    input: &mut Input<'_>,
    output: &mut dyn Output,
    watch: &Stopwatch<'_>,
) -> Result<Flow, Damage> {
    let mut zstd = zstd::Frames::new();
    loop {
        let flow = match codec {
            Codec::Gzip => gzip::member(input, output, watch)?,
            Codec::Xz => xz::stream(input, output, watch)?,
            Codec::Zstd => zstd.frame(input, output, watch)?,
        };
        if flow == Flow::Enough || !another_follows(codec, input)? {
            return Ok(flow);
        }
    }
}

/// Whether another stream follows. Padding is passed over where it is allowed;
/// that of .xz comes in fours (section 2.2 of its specification).
fn another_follows(codec: Codec, input: &mut Input<'_>) -> Result<bool, Damage> {
    let padding_at = input.position();
    if codec.may_be_padded() {
        input.skip_zeroes();
    }
    let at = input.position();
    let padding = at - padding_at;
    if codec == Codec::Xz && !padding.is_multiple_of(4) {
        return Err(Damage::Trailing {
            codec,
            at: padding_at,
        });
    }
    match input.peek() {
        None => Ok(false),
        Some(byte) if codec.may_begin_with(byte) => Ok(true),
        Some(_) => Err(Damage::Trailing { codec, at }),
    }
}

/// What a decoder's failure means, from where it was met.
fn damage(codec: Codec, input: &mut Input<'_>) -> Damage {
    let at = input.position();
    // An error of the input cannot be: it is read from memory.
    match input.was_at_end() && input.fill_buf().is_ok_and(<[u8]>::is_empty) {
        true => Damage::CutOff { codec, at },
        false => Damage::Corrupt { codec, at },
    }
}
