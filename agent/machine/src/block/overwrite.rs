// SPDX-License-Identifier: Apache-2.0
//! Writing over every byte of a device (contract §21.3).

use std::io;

use ironseed_core::plan::Overwrite;

use super::noise::Noise;
use super::{AlignedBuffer, Block};

/// Bytes of one request.
const PIECE: usize = 4 << 20;

/// Runs the passes; `progress` is told how many bytes were written since the
/// last time.
///
/// Zeroes are written like everything else and not left to the device: a
/// device may forget a range without touching what the medium holds.
///
/// # Errors
///
/// What the kernel says.
pub fn overwrite(
    block: &dyn Block,
    how: Overwrite,
    progress: &mut dyn FnMut(u64),
) -> io::Result<()> {
    let mut buffer = AlignedBuffer::new(PIECE);
    let mut noise = Noise::seeded()?;
    for _ in 0..how.random_passes {
        pass(block, &mut buffer, &mut |bytes| noise.fill(bytes), progress)?;
    }
    if how.zeroize {
        buffer.as_mut().fill(0);
        pass(block, &mut buffer, &mut |_| (), progress)?;
    }
    Ok(())
}

/// Bytes that all passes write together.
#[must_use]
pub fn total(size: u64, how: Overwrite) -> u64 {
    let passes = u64::from(how.random_passes) + u64::from(how.zeroize);
    size.saturating_mul(passes)
}

fn pass(
    block: &dyn Block,
    buffer: &mut AlignedBuffer,
    fill: &mut dyn FnMut(&mut [u8]),
    progress: &mut dyn FnMut(u64),
) -> io::Result<()> {
    let mut at = 0;
    while at < block.size() {
        let left = usize::try_from(block.size() - at).unwrap_or(usize::MAX);
        let bytes = &mut buffer.as_mut()[..left.min(PIECE)];
        fill(bytes);
        block.write_at(at, bytes)?;
        at += bytes.len() as u64;
        progress(bytes.len() as u64);
    }
    block.flush()
}
