// SPDX-License-Identifier: Apache-2.0
//! Passes over files in memory.

use std::time::{Duration, Instant};

use ironseed_core::image_request::DigestAlgorithm;

use super::super::buffers::BUFFER;
use super::*;
use crate::clock::{Clock, SystemClock, TestClock};
use crate::progress::Surroundings;

/// So many bytes of one kind, then the end or trouble.
struct Memory {
    left: u64,
    trouble: bool,
}

impl Serve for Memory {
    fn serve(&mut self, buffer: &mut [u8]) -> Result<usize, Trouble> {
        if self.left == 0 && self.trouble {
            return Err(Trouble::GaveUp("the cable is out".into()));
        }
        let count = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        self.left -= count as u64;
        Ok(count)
    }
}

fn run(
    clock: &dyn Clock,
    memory: &mut Memory,
    head: &[u8],
    shared: &Shared,
    consume: &mut Consumer<'_>,
) -> Result<Read, Trouble> {
    let stopwatch = Stopwatch::new(clock);
    let file = File {
        head,
        codec: None,
        stopwatch: &stopwatch,
    };
    let surroundings = Surroundings {
        clock,
        observer: &|_| (),
    };
    let mut meter = Meter::new(surroundings, "reading".into(), None);
    let hasher = Hasher::new(DigestAlgorithm::Sha256);
    pass_shared(memory, &file, hasher, &mut meter, consume, shared)
}

fn memory(left: u64) -> Memory {
    Memory {
        left,
        trouble: false,
    }
}

/// Waits for the other threads, not for luck: they cannot do less than this.
fn wait_until(condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "it never happens"
        );
        std::thread::yield_now();
    }
}

#[test]
fn nobody_runs_ahead_of_a_slow_consumer() {
    let total = 40 * BUFFER as u64 + 5;
    let shared = Shared::default();
    let mut expected = 0;
    let read = run(
        &TestClock::default(),
        &mut memory(total),
        &[],
        &shared,
        &mut |at, bytes| {
            assert_eq!(at, expected);
            expected += bytes.len() as u64;
            if bytes.is_empty() {
                return Ok(());
            }
            // All buffers fill up while the first of them is held, and no more.
            let full = (at + (SERVED * BUFFER) as u64).min(total);
            wait_until(|| shared.hashed.load(Ordering::Relaxed) >= full);
            assert_eq!(shared.hashed.load(Ordering::Relaxed), full);
            Ok(())
        },
    );
    let read = read.expect("read");
    assert_eq!((read.served, read.given), (total, total));
    assert!(read.refused.is_none());
}

#[test]
fn content_that_is_refused_is_hashed_to_the_end() {
    let total = 30 * BUFFER as u64;
    let refusal = || Fault::ImageInvalid {
        image: "x".into(),
        problem: "odd".into(),
    };
    let clock = TestClock::default();
    let shared = Shared::default();
    let read = run(
        &clock,
        &mut memory(total),
        b"head",
        &shared,
        &mut |at, _| match at > 3 * BUFFER as u64 {
            true => Err(refusal().into()),
            false => Ok(()),
        },
    );
    let read = read.expect("read");
    assert_eq!(read.served, total + 4);
    assert!(read.given < read.served);
    let all = run(
        &clock,
        &mut memory(total),
        b"head",
        &Shared::default(),
        &mut |_, _| Ok(()),
    );
    assert_eq!(read.digest, all.expect("read").digest);
    match read.refused {
        Some(Refused::Fault(fault)) => assert_eq!(fault, refusal()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_consumer_in_trouble_stops_the_reader() {
    // Endless but for the stop.
    let mut endless = memory(u64::MAX);
    let result = run(
        &TestClock::default(),
        &mut endless,
        &[],
        &Shared::default(),
        &mut |at, _| match at {
            0 => Ok(()),
            _ => Err(Fault::Internal("full".into()).into()),
        },
    );
    assert!(matches!(result, Err(Trouble::Fault(Fault::Internal(_)))));
    assert!(endless.left > u64::MAX / 2);
}

#[test]
fn a_source_in_trouble_ends_the_pass() {
    let mut broken = Memory {
        left: 3 * BUFFER as u64,
        trouble: true,
    };
    let result = run(
        &TestClock::default(),
        &mut broken,
        b"head",
        &Shared::default(),
        &mut |_, _| Ok(()),
    );
    assert!(matches!(result, Err(Trouble::GaveUp(_))));
}

/// How fast a pass is beside hashing alone, for people:
/// `cargo test --release -p ironseed-machine speed_of_a_pass -- --ignored --nocapture`.
#[test]
#[ignore = "measures; nothing can fail"]
#[expect(clippy::print_stdout, reason = "its output is what it is for")]
fn speed_of_a_pass() {
    let total = 4_u64 << 30;
    let rate = |began: Instant| total / u64::try_from(began.elapsed().as_micros()).unwrap_or(1);
    for algorithm in [DigestAlgorithm::Sha256, DigestAlgorithm::Sha512] {
        let began = Instant::now();
        let mut hasher = Hasher::new(algorithm);
        let buffer = vec![0; BUFFER];
        for _ in 0..total / BUFFER as u64 {
            hasher.update(&buffer);
        }
        let alone = (rate(began), hasher.finish());
        println!("{algorithm:?} alone: {} MB/s", alone.0);
    }
    let began = Instant::now();
    let shared = Shared::default();
    let read = run(
        &SystemClock,
        &mut memory(total),
        &[],
        &shared,
        &mut |_, _| Ok(()),
    );
    assert!(read.is_ok());
    println!("a pass with Sha256: {} MB/s", rate(began));
}
