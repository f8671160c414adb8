// SPDX-License-Identifier: Apache-2.0
//! Gives a container the bytes it wants, from whatever of the file comes by.

use ironseed_core::image::container::Container;
use ironseed_core::image::extents::Extents;

use super::{PassError, Refusal};
use crate::image::intervals::{Interval, Intervals};

/// Tables consist of entries of at most so many bytes.
const ENTRY: usize = 8;

/// A range that is wanted: its address for the container, and the bytes of an
/// entry that came only in part.
struct Table {
    address: u64,
    part: Vec<u8>,
}

/// The ranges of a stage that begin in `from..to`.
struct Tables {
    extents: Option<Extents>,
    from: u64,
    to: u64,
}

impl Iterator for Tables {
    type Item = Interval<Table>;

    fn next(&mut self) -> Option<Interval<Table>> {
        let (from, to) = (self.from, self.to);
        let mut extents = self
            .extents
            .as_mut()?
            .skip_while(|extent| extent.host < from);
        let extent = extents.next().filter(|extent| extent.host < to)?;
        Some(Interval {
            start: extent.host,
            end: extent.host_end(),
            state: Table {
                address: extent.guest,
                part: Vec::new(),
            },
        })
    }
}

/// A container, and what it waits for.
pub(super) struct Learner {
    pub(super) container: Box<dyn Container>,
    tables: Intervals<Tables, Table>,
    /// Ranges of this stage that begin before this byte are left for another
    /// pass.
    behind: Option<u64>,
}

impl Learner {
    pub(super) fn new(container: Box<dyn Container>) -> Self {
        let mut learner = Self {
            tables: between(container.as_ref(), 0, 0),
            container,
            behind: None,
        };
        learner.begin_stage(0);
        learner
    }

    /// Waits for the ranges that this stage wants, as far as they begin at or
    /// behind `from`.
    pub(super) fn begin_stage(&mut self, from: u64) {
        self.tables = between(self.container.as_ref(), from, u64::MAX);
        let first = self
            .container
            .wanted()
            .and_then(|wanted| wanted.extents().next());
        self.behind = first.filter(|first| first.host < from).map(|_| from);
    }

    /// The file comes by once more.
    pub(super) fn begin_pass(&mut self) {
        if let Some(to) = self.behind.take() {
            self.tables = between(self.container.as_ref(), 0, to);
        }
    }

    /// Takes bytes for this stage only.
    pub(super) fn feed_stage(&mut self, at: u64, bytes: &[u8]) -> Result<(), PassError> {
        let container = &mut self.container;
        self.tables
            .feed(at, bytes, |interval, offset, piece, done| {
                take(container.as_mut(), &mut interval.state, offset, piece, done)
            })
    }

    /// Takes the next bytes of the whole file, for this stage and for the next
    /// ones, should it become complete.
    pub(super) fn feed(&mut self, at: u64, bytes: &[u8]) -> Result<(), PassError> {
        loop {
            self.feed_stage(at, bytes)?;
            if self.container.wanted().is_none() || !self.stage_is_complete() {
                return Ok(());
            }
            self.container.advance().map_err(Refusal::from)?;
            self.begin_stage(at);
        }
    }

    pub(super) fn stage_is_complete(&mut self) -> bool {
        self.behind.is_none() && self.tables.is_done()
    }

    /// The file is over: everything must have come that could come.
    pub(super) fn end_pass(&mut self) -> Result<(), PassError> {
        match self.tables.is_done() {
            true => Ok(()),
            false => Err(Refusal::CutOff("tables").into()),
        }
    }
}

fn between(container: &dyn Container, from: u64, to: u64) -> Intervals<Tables, Table> {
    let extents = container.wanted().map(|wanted| wanted.extents());
    Intervals::new(Tables { extents, from, to })
}

/// Hands over whole entries; what is cut waits for its rest.
fn take(
    container: &mut dyn Container,
    table: &mut Table,
    offset: u64,
    piece: &[u8],
    done: bool,
) -> Result<(), PassError> {
    let mut piece = piece;
    let mut at = table.address + offset;
    if !table.part.is_empty() {
        let missing = (ENTRY - table.part.len()).min(piece.len());
        let (first, rest) = piece.split_at(missing);
        let begin = at - table.part.len() as u64;
        table.part.extend_from_slice(first);
        if table.part.len() < ENTRY && !done {
            return Ok(());
        }
        container.take(begin, &table.part).map_err(Refusal::from)?;
        table.part.clear();
        at += first.len() as u64;
        piece = rest;
    }
    let whole = match done {
        true => piece.len(),
        false => piece.len() / ENTRY * ENTRY,
    };
    let (entries, rest) = piece.split_at(whole);
    container.take(at, entries).map_err(Refusal::from)?;
    table.part.extend_from_slice(rest);
    Ok(())
}
