// SPDX-License-Identifier: Apache-2.0
//! Zstandard (RFC 8878). Skippable frames are passed over by the decoder.

use std::io::BufRead as _;

use ironseed_core::image::compression::{Codec, Damage, WINDOW_LOG};
use ironseed_core::image::spent::Activity;
use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};

use super::output::{Flow, Made, Output, pour};
use super::{Input, damage};
use crate::image::stopwatch::Stopwatch;

/// `ZSTD_error_frameParameter_windowTooLarge` and `ZSTD_error_memory_allocation`
/// of zstd_errors.h, whose numbers do not change. The library returns them
/// negated.
const OUT_OF_MEMORY: [usize; 2] = [0_usize.wrapping_sub(16), 0_usize.wrapping_sub(64)];

/// A decoder for one frame after the other; it keeps its memory in between.
pub(super) struct Frames(Option<DCtx<'static>>);

impl Frames {
    pub(super) fn new() -> Self {
        Self(None)
    }

    fn decoder(&mut self) -> Option<&mut DCtx<'static>> {
        if self.0.is_none() {
            let mut decoder = DCtx::try_create()?;
            decoder
                .set_parameter(DParameter::WindowLogMax(WINDOW_LOG))
                .ok()?;
            self.0 = Some(decoder);
        }
        self.0.as_mut()
    }

    /// Unpacks one frame.
    pub(super) fn frame(
        &mut self,
        input: &mut Input<'_>,
        output: &mut dyn Output,
        watch: &Stopwatch<'_>,
    ) -> Result<Flow, Damage> {
        let codec = Codec::Zstd;
        let decoder = self.decoder().ok_or(Damage::Window { codec })?;
        pour(output, |room| {
            let ready = input.ready();
            let mut from = InBuffer::around(ready);
            let mut to = OutBuffer::around(room);
            let left = watch.measure(Activity::Unpack, || {
                decoder.decompress_stream(&mut to, &mut from)
            });
            let (read, bytes) = (from.pos, to.pos());
            input.consume(read);
            match left {
                Ok(left) if left == 0 || read > 0 || bytes > 0 => Ok(Made {
                    bytes,
                    over: left == 0,
                }),
                Err(code) if OUT_OF_MEMORY.contains(&code) => Err(Damage::Window { codec }),
                Ok(_) | Err(_) => Err(damage(codec, input)),
            }
        })
    }
}
