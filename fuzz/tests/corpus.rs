// SPDX-License-Identifier: Apache-2.0
//! Everything that is kept in `corpus/`, through the same functions as the fuzzer: real files,
//! what the fuzzer found interesting, and what once made a target panic. Each is also cut short
//! and changed in a few places, the same ones every time.

#![expect(clippy::unwrap_used, reason = "a test panics on purpose")]

use std::fs;
use std::panic;
use std::path::{Path, PathBuf};

use ironseed_fuzz::{TARGETS, Target};

/// Changes of each file, of either kind.
const CHANGES: usize = 64;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn replay(target: &Target, file: &Path, bytes: &[u8]) {
    let result = panic::catch_unwind(|| (target.run)(bytes));
    assert!(
        result.is_ok(),
        "target {} panics at a form of {} of {} bytes: {:02x?}",
        target.name,
        file.display(),
        bytes.len(),
        &bytes[..bytes.len().min(256)]
    );
}

/// xorshift64*, from the same seed for every file.
fn random(state: &mut u64, below: usize) -> usize {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    let number = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
    usize::try_from(number).unwrap() % below.max(1)
}

fn replay_changed(target: &Target, file: &Path, bytes: &[u8]) {
    let mut state = 0x1d5e_ed00_0000_0001;
    for _ in 0..CHANGES {
        replay(target, file, &bytes[..random(&mut state, bytes.len())]);
        let mut changed = bytes.to_vec();
        for _ in 0..=random(&mut state, 4) {
            let at = random(&mut state, changed.len());
            if let Some(byte) = changed.get_mut(at) {
                *byte ^= 1 << random(&mut state, 8);
            }
        }
        replay(target, file, &changed);
    }
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let targets: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(names(&corpus()), targets);
}

#[test]
fn everything_kept_is_survived_and_so_are_changes_of_it() {
    for target in TARGETS {
        let directory = corpus().join(target.name);
        let files = names(&directory);
        assert!(!files.is_empty(), "{} has no corpus", target.name);
        for name in files {
            let file = directory.join(name);
            let bytes = fs::read(&file).unwrap();
            replay(target, &file, &bytes);
            replay_changed(target, &file, &bytes);
        }
    }
}
