// SPDX-License-Identifier: Apache-2.0
//! What is on a disk after writing, in every order and after every mishap.

mod mishaps;
mod pieces;

use std::sync::{Arc, Mutex};

use ironseed_core::event::Event;
use ironseed_core::image::unfinished;
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::*;
use crate::block::Block;
use crate::block::fake::FakeDisk;
use crate::clock::TestClock;
use crate::progress::Surroundings;

const MIB: usize = 1 << 20;
const DISK: &str = "/dev/vda";

/// What a disk holds before anything is written.
const OLD: u8 = 0xa5;

/// Thousands of disks are filled here, which a file system would write out.
fn empty_disk(size: usize, sector: u32) -> Arc<FakeDisk> {
    let file = memfd_create(c"disk", MFdFlags::empty()).expect("memory");
    FakeDisk::new(file.into(), DISK, size as u64, sector).expect("a disk")
}

fn disk(size: usize, sector: u32) -> Arc<FakeDisk> {
    let disk = empty_disk(size, sector);
    disk.put(0, &vec![OLD; size]).expect("filled");
    disk
}

/// Writes to a disk; the closure puts the image.
fn write_to(
    block: &dyn Block,
    verify: Verification,
    put: impl FnOnce(&mut Writer<'_>) -> Result<(), Fault>,
) -> (Result<(), Fault>, Vec<Event>) {
    let clock = TestClock::default();
    let events = Mutex::new(Vec::new());
    let observer = |event| events.lock().expect("events").push(event);
    let target = Target {
        block,
        name: DISK,
        image: "image",
        verify,
        surroundings: Surroundings {
            clock: &clock,
            observer: &observer,
        },
    };
    let stopwatch = Stopwatch::new(&clock);
    let result = Writer::begin(target, &stopwatch).and_then(|mut writer| {
        put(&mut writer)?;
        writer.finish().map(drop)
    });
    (result, events.into_inner().expect("events"))
}

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("small")
    }
}

/// Bytes that do not repeat and are never zero.
fn bytes(length: usize) -> Vec<u8> {
    let mut numbers = Numbers(88_172_645_463_325_252);
    let mut bytes = vec![0; length];
    for word in bytes.chunks_mut(8) {
        let number = numbers.next() | 0x0101_0101_0101_0101;
        word.copy_from_slice(&number.to_le_bytes()[..word.len()]);
    }
    bytes
}

/// The image whose id is in the marker at the disk's front.
fn marked(disk: &FakeDisk) -> Option<String> {
    unfinished::read(&disk.content(0, 512).expect("content"))
}

/// Compares without printing megabytes.
fn assert_same(found: &[u8], expected: &[u8], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    let first = found.iter().zip(expected).position(|(a, b)| a != b);
    assert_eq!(first, None, "{what}: first difference");
}
