// SPDX-License-Identifier: Apache-2.0
//! Proof that ranges which were fetched are what the file has at their place.

use std::vec::IntoIter;

use sha2::{Digest as _, Sha256};

use super::{PassError, Refusal};
use crate::image::intervals::{Interval, Intervals};

/// What a range of the file must be when it streams by.
pub(super) struct Proof {
    offset: u64,
    length: u64,
    digest: [u8; 32],
}

impl Proof {
    pub(super) fn of(offset: u64, bytes: &[u8]) -> Self {
        Self {
            offset,
            length: bytes.len() as u64,
            digest: Sha256::digest(bytes).into(),
        }
    }
}

/// The digest that shall come out, and the one under way.
struct ProofState {
    expected: [u8; 32],
    hasher: Sha256,
}

struct States(IntoIter<Proof>);

impl Iterator for States {
    type Item = Interval<ProofState>;

    fn next(&mut self) -> Option<Interval<ProofState>> {
        let proof = self.0.next()?;
        Some(Interval {
            start: proof.offset,
            end: proof.offset + proof.length,
            state: ProofState {
                expected: proof.digest,
                hasher: Sha256::new(),
            },
        })
    }
}

/// Ranges that were fetched, compared with what streams by.
pub(super) struct Proofs(Intervals<States, ProofState>);

impl Proofs {
    pub(super) fn new(mut proofs: Vec<Proof>) -> Self {
        proofs.sort_unstable_by_key(|proof| proof.offset);
        Self(Intervals::new(States(proofs.into_iter())))
    }

    pub(super) fn feed(&mut self, at: u64, bytes: &[u8]) -> Result<(), PassError> {
        self.0.feed(at, bytes, |interval, _, piece, done| {
            interval.state.hasher.update(piece);
            if !done {
                return Ok(());
            }
            let found: [u8; 32] = interval.state.hasher.clone().finalize().into();
            match found == interval.state.expected {
                true => Ok(()),
                false => Err(Refusal::Tables.into()),
            }
        })
    }

    pub(super) fn finish(self) -> Result<(), PassError> {
        match self.0.rest().next() {
            None => Ok(()),
            Some(_) => Err(Refusal::Tables.into()),
        }
    }
}
