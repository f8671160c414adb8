// SPDX-License-Identifier: Apache-2.0
//! One pass over the file: one thread reads and hashes, the other consumes.
//! A few buffers go back and forth between them, so neither can run ahead.

use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

use super::Trouble;
use super::hash::Hasher;
use super::source::Source;
use crate::progress::Meter;

/// Bytes of a buffer.
const BUFFER: usize = 1 << 20;
/// Buffers under way.
const BUFFERS: usize = 4;

/// What takes the file in: a position and the bytes from there on. Positions
/// follow each other without gaps.
pub(super) type Consumer<'a> = dyn FnMut(u64, &[u8]) -> Result<(), Trouble> + 'a;

type Piece = (u64, Vec<u8>);

/// Reads the whole file once. `head` was read before and comes first. Returns
/// the digest and the length of what was served.
pub(super) fn pass(
    source: &mut Source<'_>,
    head: &[u8],
    mut hasher: Hasher,
    meter: &mut Meter<'_>,
    consume: &mut Consumer<'_>,
) -> Result<(String, u64), Trouble> {
    source.seek(head.len() as u64);
    hasher.update(head);
    consume(0, head)?;
    meter.add(head.len() as u64);
    let (full_in, full) = sync_channel::<Piece>(BUFFERS);
    let (empty_in, empty) = channel();
    for _ in 0..BUFFERS {
        let _ = empty_in.send(vec![0; BUFFER]);
    }
    std::thread::scope(|scope| {
        let start = head.len() as u64;
        let reader = scope.spawn(move || read(source, start, hasher, &empty, &full_in));
        let mut consumed = Ok(());
        for (at, buffer) in &full {
            consumed = consume(at, &buffer);
            if consumed.is_err() {
                break;
            }
            meter.add(buffer.len() as u64);
            let _ = empty_in.send(buffer);
        }
        // The reader stops at its next buffer when nobody takes it any more.
        drop((full, empty_in));
        let read = reader.join();
        consumed?;
        read.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn read(
    source: &mut Source<'_>,
    start: u64,
    mut hasher: Hasher,
    empty: &Receiver<Vec<u8>>,
    full: &SyncSender<Piece>,
) -> Result<(String, u64), Trouble> {
    let mut at = start;
    while let Ok(mut buffer) = empty.recv() {
        buffer.resize(BUFFER, 0);
        let count = fill(source, &mut buffer)?;
        if count == 0 {
            break;
        }
        buffer.truncate(count);
        hasher.update(&buffer);
        if full.send((at, buffer)).is_err() {
            break;
        }
        at += count as u64;
    }
    Ok((hasher.finish(), at))
}

/// Fills the buffer, less only at the end of the file.
fn fill(source: &mut Source<'_>, buffer: &mut [u8]) -> Result<usize, Trouble> {
    let mut done = 0;
    while done < buffer.len() {
        match source.read(&mut buffer[done..])? {
            0 => break,
            count => done += count,
        }
    }
    Ok(done)
}
