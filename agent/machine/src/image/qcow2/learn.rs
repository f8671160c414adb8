// SPDX-License-Identifier: Apache-2.0
//! Learning the tables of an image before it is written.

use std::vec::IntoIter;

use ironseed_core::image::qcow2::{Header, L2Table, Tables};
use sha2::{Digest as _, Sha256};

use super::{PassError, Refusal};
use crate::image::intervals::{Interval, Intervals};
use crate::image::source::Source;
use crate::image::{Job, Trouble};

/// Tables so close to each other are fetched together.
const NEAR: u64 = 64 << 10;
/// At most this much is fetched at once, unless one table is larger.
const FETCH: u64 = 2 << 20;
/// With more fetches than this, a pass over the whole file is faster.
const FETCHES: usize = 4096;

/// What a range of the file must be when it streams by.
pub(super) struct Proof {
    offset: u64,
    length: u64,
    digest: [u8; 32],
}

impl Proof {
    fn of(offset: u64, bytes: &[u8]) -> Self {
        Self {
            offset,
            length: bytes.len() as u64,
            digest: Sha256::digest(bytes).into(),
        }
    }
}

/// All tables of the image, with proofs where they were fetched by ranges.
pub(super) fn tables(
    job: &Job<'_>,
    source: &mut Source<'_>,
    header: Header,
) -> Result<(Tables, Vec<Proof>), Trouble> {
    let tables = Tables::new(header, job.length(source));
    let by_ranges = fetch(job, source, tables).map_err(|error| error.into_trouble(job))?;
    match by_ranges {
        Some(learnt) => Ok(learnt),
        None => Ok((read_through(job, source, header)?, Vec::new())),
    }
}

/// Fetches the tables; `None` if the server or their number is against it.
fn fetch(
    job: &Job<'_>,
    source: &mut Source<'_>,
    mut tables: Tables,
) -> Result<Option<(Tables, Vec<Proof>)>, PassError> {
    let header = *tables.header();
    if header.l1_entries == 0 {
        return Ok(Some((tables, Vec::new())));
    }
    let get = |source: &mut Source<'_>, from, length| {
        job.range(source, from, length).map_err(PassError::Trouble)
    };
    let Some(l1) = get(source, header.l1_offset, header.l1_bytes())? else {
        return Ok(None);
    };
    let mut proofs = vec![Proof::of(header.l1_offset, &l1)];
    let groups = grouped(tables.read_l1(&l1)?, header.cluster_size());
    drop(l1);
    if groups.len() > FETCHES {
        return Ok(None);
    }
    for group in groups {
        let (first, last) = (group[0].offset, group[group.len() - 1].offset);
        let length = last - first + header.cluster_size();
        let Some(bytes) = get(source, first, length)? else {
            return Ok(None);
        };
        for table in &group {
            let from = usize::try_from(table.offset - first).unwrap_or(usize::MAX);
            tables.read_l2(table, bytes.get(from..).unwrap_or_default())?;
        }
        proofs.push(Proof::of(first, &bytes));
    }
    proofs.sort_by_key(|proof| proof.offset);
    Ok(Some((tables, proofs)))
}

/// Neighbours together. The tables come ordered by their place in the file.
fn grouped(tables: Vec<L2Table>, cluster: u64) -> Vec<Vec<L2Table>> {
    let mut groups: Vec<Vec<L2Table>> = Vec::new();
    for table in tables {
        if let Some(group) = groups.last_mut()
            && let (Some(first), Some(last)) = (group.first(), group.last())
            && table.offset - last.offset <= cluster + NEAR
            && table.offset - first.offset + cluster <= FETCH
        {
            group.push(table);
        } else {
            groups.push(vec![table]);
        }
    }
    groups
}

/// Ranges that were fetched, compared with what streams by.
pub(super) struct Proofs(Intervals<Box<dyn Iterator<Item = Interval<ProofState>>>, ProofState>);

/// The digest that shall come out, and the one under way.
pub(super) struct ProofState {
    expected: [u8; 32],
    hasher: Sha256,
}

impl Proofs {
    pub(super) fn new(proofs: Vec<Proof>) -> Self {
        Self(Intervals::new(Box::new(proofs.into_iter().map(|proof| {
            Interval {
                start: proof.offset,
                end: proof.offset + proof.length,
                state: ProofState {
                    expected: proof.digest,
                    hasher: Sha256::new(),
                },
            }
        }))))
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

/// Reads the whole file, and once more if some tables lie before the
/// first-level table. Each pass is verified.
fn read_through(job: &Job<'_>, source: &mut Source<'_>, header: Header) -> Result<Tables, Trouble> {
    let mut learner = Learner::new(header, job.length(source));
    while learner.is_missing_something() {
        learner.begin_pass();
        let what = format!("reading the tables of {}", job.image.id);
        let passed = job.pass(source, what, &mut |at, bytes| {
            let fed = learner.feed(at, bytes);
            fed.map_err(|error| error.into_trouble(job))
        })?;
        job.check_digest(passed.digest, source)?;
        learner
            .end_pass()
            .map_err(|error| error.into_trouble(job))?;
    }
    Ok(learner.tables)
}

type WaitingTables = Intervals<Box<dyn Iterator<Item = Interval<Partial>>>, Partial>;

/// A table, as much of it as has been seen.
struct Partial {
    table: L2Table,
    bytes: Vec<u8>,
}

/// Tables that are learnt while the file streams by.
struct Learner {
    tables: Tables,
    /// The first-level table, as much of it as has been seen.
    l1: Vec<u8>,
    l1_read: bool,
    /// Second-level tables that this pass still comes by.
    ahead: WaitingTables,
    /// Those that it does not.
    behind: Vec<L2Table>,
}

fn waiting(tables: IntoIter<L2Table>, cluster: u64) -> WaitingTables {
    Intervals::new(Box::new(tables.map(move |table| Interval {
        start: table.offset,
        end: table.offset + cluster,
        state: Partial {
            table,
            bytes: Vec::new(),
        },
    })))
}

impl Learner {
    fn new(header: Header, file_size: Option<u64>) -> Self {
        Self {
            tables: Tables::new(header, file_size),
            l1: Vec::new(),
            l1_read: header.l1_entries == 0,
            ahead: waiting(Vec::new().into_iter(), 0),
            behind: Vec::new(),
        }
    }

    fn is_missing_something(&self) -> bool {
        !self.l1_read || !self.behind.is_empty()
    }

    fn begin_pass(&mut self) {
        let behind = std::mem::take(&mut self.behind);
        self.ahead = waiting(behind.into_iter(), self.tables.header().cluster_size());
    }

    fn feed(&mut self, at: u64, bytes: &[u8]) -> Result<(), PassError> {
        if !self.l1_read {
            self.feed_l1(at, bytes)?;
        }
        let tables = &mut self.tables;
        self.ahead.feed(at, bytes, |interval, _, piece, done| {
            interval.state.bytes.extend_from_slice(piece);
            if done {
                tables.read_l2(&interval.state.table, &interval.state.bytes)?;
            }
            Ok(())
        })
    }

    fn feed_l1(&mut self, at: u64, bytes: &[u8]) -> Result<(), PassError> {
        let header = *self.tables.header();
        let end = header.l1_offset + header.l1_bytes();
        let from = header.l1_offset.max(at);
        let to = end.min(at + bytes.len() as u64);
        if from < to
            && let (Ok(from), Ok(to)) = (usize::try_from(from - at), usize::try_from(to - at))
        {
            self.l1.extend_from_slice(&bytes[from..to]);
        }
        if (self.l1.len() as u64) < header.l1_bytes() {
            return Ok(());
        }
        self.l1_read = true;
        let all = self.tables.read_l1(&std::mem::take(&mut self.l1))?;
        let (ahead, behind) = all
            .into_iter()
            .partition::<Vec<_>, _>(|table| table.offset >= at);
        self.ahead = waiting(ahead.into_iter(), header.cluster_size());
        self.behind = behind;
        Ok(())
    }

    fn end_pass(&mut self) -> Result<(), PassError> {
        let none = waiting(Vec::new().into_iter(), 0);
        let cut_off = std::mem::replace(&mut self.ahead, none).rest().next();
        if !self.l1_read || cut_off.is_some() {
            return Err(Refusal::CutOff("tables").into());
        }
        Ok(())
    }
}
