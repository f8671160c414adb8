// SPDX-License-Identifier: Apache-2.0
//! One pass over the file. One thread reads, one hashes, one unpacks where the
//! file is compressed as a whole, and the caller consumes. They hand on the
//! buffers of fixed pools, so that none can run ahead of the slowest.
//!
//! A file that is not what it should be is read to its end all the same: its
//! digest may explain everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::thread::ScopedJoinHandle;

use ironseed_core::fault::Fault;
use ironseed_core::image::compression::{Codec, Damage};
use ironseed_core::image::spent::Activity;

use super::Trouble;
use super::buffers::{Piece, Pool, SERVED, UNPACKED};
use super::decompress::{self, Input, Pieces};
use super::hash::Hasher;
use super::source::Source;
use super::stopwatch::Stopwatch;
use crate::progress::{INTERVAL, Meter};

/// What takes the file in: a position and the bytes from there on. Positions
/// follow each other without gaps.
pub(super) type Consumer<'a> = dyn FnMut(u64, &[u8]) -> Result<(), Trouble> + 'a;

/// Where a file comes from.
pub(super) trait Serve: Send {
    /// Reads some bytes; none at the end of the file.
    fn serve(&mut self, buffer: &mut [u8]) -> Result<usize, Trouble>;
}

impl Serve for Source<'_> {
    fn serve(&mut self, buffer: &mut [u8]) -> Result<usize, Trouble> {
        self.read(buffer)
    }
}

/// The file, and what is known about it.
pub(super) struct File<'a> {
    /// What was read before; it comes first.
    pub(super) head: &'a [u8],
    /// How the file is compressed as a whole.
    pub(super) codec: Option<Codec>,
    pub(super) stopwatch: &'a Stopwatch<'a>,
}

/// What a pass brought.
pub(super) struct Read {
    /// The digest of the file as served.
    pub(super) digest: String,
    /// Length of the file as served.
    pub(super) served: u64,
    /// Bytes that the consumer was given.
    pub(super) given: u64,
    /// What is wrong with the content, if the digest does not explain it.
    pub(super) refused: Option<Refused>,
}

/// What is wrong with the content of a file.
#[derive(Debug)]
pub(super) enum Refused {
    /// It cannot be unpacked.
    Damage(Damage),
    /// The consumer says so.
    Fault(Fault),
}

/// What the threads of a pass share.
#[derive(Default)]
struct Shared {
    /// Nobody needs the rest of the file, not even its digest.
    stop: AtomicBool,
    /// Bytes that were hashed.
    hashed: AtomicU64,
    /// Bytes of the file that were unpacked.
    unpacked: AtomicU64,
}

/// Reads the whole file once. The source stands behind the head.
pub(super) fn pass(
    source: &mut impl Serve,
    file: &File<'_>,
    hasher: Hasher,
    meter: &mut Meter<'_>,
    consume: &mut Consumer<'_>,
) -> Result<Read, Trouble> {
    pass_shared(source, file, hasher, meter, consume, &Shared::default())
}

fn pass_shared(
    source: &mut impl Serve,
    file: &File<'_>,
    mut hasher: Hasher,
    meter: &mut Meter<'_>,
    consume: &mut Consumer<'_>,
    shared: &Shared,
) -> Result<Read, Trouble> {
    let start = file.head.len() as u64;
    std::thread::scope(|scope| {
        let (to_hash, hash_in) = sync_channel(SERVED);
        let (to_next, next_in) = sync_channel(SERVED);
        let (hash_ends, hash_ended) = channel::<()>();
        let watch = file.stopwatch;
        let hashing = scope.spawn(move || {
            watch.measure(Activity::Hash, || hasher.update(file.head));
            let digest = hash(hasher, start, &hash_in, watch, shared);
            drop(hash_ends);
            digest
        });
        let reading = scope.spawn(move || read(source, start, [to_hash, to_next], watch, shared));
        let mut feeding = Feeding {
            meter,
            consume,
            watch,
            shared,
            given: 0,
        };
        let (fed, unpacking) = match file.codec {
            None => (feeding.plain(file.head, next_in), None),
            Some(codec) => {
                let (to_consumer, unpacked_in) = sync_channel(UNPACKED);
                let input = Input::new(file.head, next_in, &shared.unpacked);
                let unpacking = scope.spawn(move || {
                    let output = Pieces::new(Pool::new(UNPACKED), to_consumer);
                    decompress::all(codec, input, output, watch)
                });
                (feeding.unpacked(unpacked_in), Some(unpacking))
            }
        };
        feeding.wait_for(&hash_ended);
        let given = feeding.given;
        let read = join(reading);
        let digest = join(hashing);
        let damage = unpacking.and_then(|thread| join(thread).err());
        let refused = match fed {
            Ok(()) => damage.map(Refused::Damage),
            Err(Trouble::Fault(fault)) if is_about_content(&fault) => Some(Refused::Fault(fault)),
            Err(trouble) => return Err(trouble),
        };
        Ok(Read {
            digest,
            served: read?,
            given,
            refused,
        })
    })
}

fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    let result = thread.join();
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Whether a wrong digest would explain the fault.
fn is_about_content(fault: &Fault) -> bool {
    matches!(fault, Fault::ImageInvalid { .. })
}

/// Reads until the end, and gives every piece to everybody who still listens.
fn read(
    source: &mut impl Serve,
    start: u64,
    outlets: [SyncSender<Arc<Piece>>; 2],
    watch: &Stopwatch<'_>,
    shared: &Shared,
) -> Result<u64, Trouble> {
    let mut pool = Pool::new(SERVED);
    let mut at = start;
    loop {
        let mut piece = pool.take(at);
        if shared.stop.load(Ordering::Relaxed) {
            break;
        }
        let count = watch.measure(Activity::Network, || fill(source, piece.room()))?;
        if count == 0 {
            break;
        }
        piece.shorten(count);
        at += count as u64;
        let piece = Arc::new(piece);
        for outlet in &outlets {
            // Who has ended does not want it.
            let _ = outlet.send(Arc::clone(&piece));
        }
    }
    Ok(at)
}

/// Fills the buffer, less only at the end of the file.
fn fill(source: &mut impl Serve, buffer: &mut [u8]) -> Result<usize, Trouble> {
    let mut done = 0;
    while done < buffer.len() {
        match source.serve(&mut buffer[done..])? {
            0 => break,
            count => done += count,
        }
    }
    Ok(done)
}

fn hash(
    mut hasher: Hasher,
    start: u64,
    pieces: &Receiver<Arc<Piece>>,
    watch: &Stopwatch<'_>,
    shared: &Shared,
) -> String {
    shared.hashed.store(start, Ordering::Relaxed);
    for piece in pieces {
        watch.measure(Activity::Hash, || hasher.update(piece.bytes()));
        let length = piece.bytes().len() as u64;
        shared.hashed.fetch_add(length, Ordering::Relaxed);
    }
    hasher.finish()
}

/// The consumer's end.
struct Feeding<'f, 'm> {
    meter: &'f mut Meter<'m>,
    consume: &'f mut Consumer<'f>,
    watch: &'f Stopwatch<'f>,
    shared: &'f Shared,
    /// Bytes that were consumed.
    given: u64,
}

impl Feeding<'_, '_> {
    /// The file as served.
    fn plain(&mut self, head: &[u8], pieces: Receiver<Arc<Piece>>) -> Result<(), Trouble> {
        let result = self
            .give(0, head)
            .and_then(|()| self.all(&pieces, |feeding| feeding.given));
        self.end(pieces, result)
    }

    /// What it unpacks to.
    fn unpacked(&mut self, pieces: Receiver<Arc<Piece>>) -> Result<(), Trouble> {
        let result = self.all(&pieces, |feeding| {
            feeding.shared.unpacked.load(Ordering::Relaxed)
        });
        self.end(pieces, result)
    }

    fn all(
        &mut self,
        pieces: &Receiver<Arc<Piece>>,
        done: impl Fn(&Self) -> u64,
    ) -> Result<(), Trouble> {
        loop {
            match pieces.recv_timeout(INTERVAL) {
                Ok(piece) => self.give(piece.at, piece.bytes())?,
                // A transfer that stands still is told too.
                Err(RecvTimeoutError::Timeout) => (),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            self.tell(done(self));
        }
    }

    fn give(&mut self, at: u64, bytes: &[u8]) -> Result<(), Trouble> {
        (self.consume)(at, bytes)?;
        self.given += bytes.len() as u64;
        Ok(())
    }

    fn tell(&mut self, done: u64) {
        self.meter.reach(done, self.watch.spent());
    }

    /// Lets the others go on for the digest only, or not at all.
    fn end(
        &self,
        pieces: Receiver<Arc<Piece>>,
        result: Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        match &result {
            Ok(()) => (),
            Err(Trouble::Fault(fault)) if is_about_content(fault) => (),
            Err(_) => self.shared.stop.store(true, Ordering::Relaxed),
        }
        drop(pieces);
        result
    }

    /// Waits until the whole file is hashed.
    fn wait_for(&mut self, hash_ended: &Receiver<()>) {
        while let Err(RecvTimeoutError::Timeout) = hash_ended.recv_timeout(INTERVAL) {
            self.tell(self.shared.hashed.load(Ordering::Relaxed));
        }
    }
}

#[cfg(test)]
mod tests;
