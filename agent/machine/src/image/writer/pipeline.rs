// SPDX-License-Identifier: Apache-2.0
//! Several requests to the disk at the same time.
//!
//! A fixed number of buffers goes round: one is filled, some wait, and as many
//! as there are threads are being written. Requests that touch the same bytes
//! keep their order; all others may overtake each other. The first failure
//! stops everything that has not begun.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use ironseed_core::fault::Fault;

use super::run::RUN;
use crate::block::{AlignedBuffer, Block, io_fault_at};
use crate::image::read_back::Sums;

/// Requests that are under way at the same time.
const THREADS: usize = 4;

/// Buffers that go round. With the first MiB, which is held back, they are all
/// the memory that writing takes, whatever the image.
const BUFFERS: usize = 8;

/// Requests that may wait: zeroing takes no buffer that would limit them.
const WAITING: usize = BUFFERS;

/// Something for the disk to do.
#[derive(Debug)]
pub(super) struct Request {
    /// Where, in bytes.
    pub(super) at: u64,
    /// How many bytes.
    pub(super) length: u64,
    pub(super) work: Work,
}

/// What it shall do.
#[derive(Debug)]
pub(super) enum Work {
    /// Write the buffer's first bytes. The range within the buffer is what the
    /// image brought.
    Write(AlignedBuffer, std::ops::Range<usize>),
    /// Make the range read as zero.
    Zero,
}

impl Request {
    fn end(&self) -> u64 {
        self.at + self.length
    }
}

/// What all threads see.
#[derive(Debug)]
struct Shared {
    /// The disk's name, for faults.
    name: String,
    sums: Option<Arc<Sums>>,
    state: Mutex<State>,
    /// A request waits, or none will come any more.
    work: Condvar,
    /// A request is done.
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Request>,
    /// The ranges of all requests that are not done, first and end.
    open: Vec<(u64, u64)>,
    idle: Vec<AlignedBuffer>,
    allocated: usize,
    failure: Option<Fault>,
    closed: bool,
}

/// The way of all requests to one disk.
#[derive(Debug)]
pub(super) struct Pipeline<'a> {
    block: &'a dyn Block,
    shared: Arc<Shared>,
    /// None: each request is carried out where it is made.
    threads: Vec<JoinHandle<()>>,
}

impl<'a> Pipeline<'a> {
    /// `sums` remember what is written.
    pub(super) fn begin(block: &'a dyn Block, name: &str, sums: Option<Arc<Sums>>) -> Self {
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            sums,
            state: Mutex::default(),
            work: Condvar::new(),
            done: Condvar::new(),
        });
        let threads = (0..THREADS).map_while(|_| {
            let (block, shared) = (block.share()?, Arc::clone(&shared));
            let thread = std::thread::Builder::new().name("disk".into());
            thread.spawn(move || shared.carry_out(&*block)).ok()
        });
        Self {
            block,
            threads: threads.collect(),
            shared,
        }
    }

    /// An empty buffer, as soon as there is one.
    pub(super) fn buffer(&self) -> Result<AlignedBuffer, Fault> {
        let available = |state: &State| !state.idle.is_empty() || state.allocated < BUFFERS;
        let mut state = self.shared.wait_until(available)?;
        Ok(state.idle.pop().unwrap_or_else(|| {
            state.allocated += 1;
            AlignedBuffer::new(RUN)
        }))
    }

    /// Hands a request over. Waits while others touch the same bytes.
    pub(super) fn submit(&self, request: Request) -> Result<(), Fault> {
        let range = (request.at, request.end());
        let mut state = self
            .shared
            .wait_until(|state| state.waiting.len() < WAITING && !state.touches(range))?;
        state.open.push(range);
        if self.threads.is_empty() {
            drop(state);
            self.shared.perform(self.block, request);
            return self.shared.wait_until(|_| true).map(drop);
        }
        state.waiting.push_back(request);
        self.shared.work.notify_one();
        Ok(())
    }

    /// Waits until nothing is under way that touches a range.
    pub(super) fn settle(&self, from: u64, to: u64) -> Result<(), Fault> {
        self.shared
            .wait_until(|state| !state.touches((from, to)))
            .map(drop)
    }

    /// Waits until everything is done.
    pub(super) fn settle_all(&self) -> Result<(), Fault> {
        self.shared
            .wait_until(|state| state.open.is_empty())
            .map(drop)
    }
}

impl Drop for Pipeline<'_> {
    /// What has not begun is left undone; nothing touches the disk afterwards.
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.closed = true;
        state.forget_waiting();
        drop(state);
        self.shared.work.notify_all();
        for thread in self.threads.drain(..) {
            // A panic of it has been told where it happened.
            let _ = thread.join();
        }
    }
}

impl State {
    fn touches(&self, (from, to): (u64, u64)) -> bool {
        self.open.iter().any(|open| open.0 < to && from < open.1)
    }

    fn close(&mut self, range: (u64, u64)) {
        if let Some(index) = self.open.iter().position(|open| *open == range) {
            self.open.swap_remove(index);
        }
    }

    fn forget_waiting(&mut self) {
        for request in std::mem::take(&mut self.waiting) {
            self.close((request.at, request.end()));
            if let Work::Write(buffer, _) = request.work {
                self.idle.push(buffer);
            }
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a condition, or for the failure that makes waiting pointless.
    fn wait_until(
        &self,
        condition: impl Fn(&State) -> bool,
    ) -> Result<MutexGuard<'_, State>, Fault> {
        let state = self
            .done
            .wait_while(self.state(), |state| {
                state.failure.is_none() && !condition(state)
            })
            .unwrap_or_else(PoisonError::into_inner);
        match &state.failure {
            Some(fault) => Err(fault.clone()),
            None => Ok(state),
        }
    }

    /// The life of a thread.
    fn carry_out(&self, block: &dyn Block) {
        while let Some(request) = self.next() {
            self.perform(block, request);
        }
    }

    fn next(&self) -> Option<Request> {
        let mut state = self
            .work
            .wait_while(self.state(), |state| {
                state.waiting.is_empty() && !state.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        state.waiting.pop_front()
    }

    fn perform(&self, block: &dyn Block, request: Request) {
        let (at, range) = (request.at, (request.at, request.end()));
        let (result, buffer) = match request.work {
            Work::Write(buffer, image) => {
                if let Some(sums) = &self.sums {
                    sums.add(at + image.start as u64, &buffer.as_ref()[image]);
                }
                let written = usize::try_from(request.length)
                    .map_err(io::Error::other)
                    .and_then(|length| block.write_at(at, &buffer.as_ref()[..length]));
                (written, Some(buffer))
            }
            Work::Zero => (block.zero(at, request.length), None),
        };
        let mut state = self.state();
        state.close(range);
        state.idle.extend(buffer);
        if let Err(error) = result {
            let fault = io_fault_at("writing", &self.name, at, &error);
            state.failure.get_or_insert(fault);
            state.forget_waiting();
        }
        drop(state);
        self.done.notify_all();
    }
}
