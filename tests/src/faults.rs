// SPDX-License-Identifier: Apache-2.0
//! Troubles that the file server makes on request, for the next so many requests of a path.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answer 404.
    NotFound,
    /// Answer 503.
    Unavailable,
    /// Close the connection after this many bytes of the body.
    CutAfter(u64),
    /// Send nothing more after this many bytes of the body, and keep the connection.
    StallAfter(u64),
    /// Ignore `Range` and do not offer it.
    NoRanges,
    /// Send no more than this many bytes in a second.
    BytesPerSecond(u64),
}

/// One request that the file server has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path, with its leading slash.
    pub path: String,
    /// The `Range` header.
    pub range: Option<String>,
    /// The status of the answer.
    pub status: u16,
}

#[derive(Debug)]
struct Rule {
    path: String,
    fault: Fault,
    /// For how many more requests; `None` means until [`Faults::clear`].
    left: Option<u32>,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    seen: Vec<Seen>,
}

/// The troubles of one file server and the record of what was asked of it.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<State>>);

impl Faults {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in another thread leaves the lists usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the next `times` GET requests of `path` meet `fault`; all of them with `None`.
    /// Rules of one path take effect one after the other.
    pub fn add(&self, path: &str, fault: Fault, times: Option<u32>) {
        self.state().rules.push(Rule {
            path: path.to_owned(),
            fault,
            left: times,
        });
    }

    /// Forgets all troubles.
    pub fn clear(&self) {
        self.state().rules.clear();
    }

    /// All requests of a path so far.
    #[must_use]
    pub fn seen(&self, path: &str) -> Vec<Seen> {
        self.state()
            .seen
            .iter()
            .filter(|seen| seen.path == path)
            .cloned()
            .collect()
    }

    /// The trouble for a request that arrives now.
    pub(crate) fn take(&self, path: &str) -> Option<Fault> {
        let mut state = self.state();
        let at = state.rules.iter().position(|rule| rule.path == path)?;
        let rule = &mut state.rules[at];
        let fault = rule.fault;
        if let Some(left) = &mut rule.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                state.rules.remove(at);
            }
        }
        Some(fault)
    }

    pub(crate) fn record(&self, seen: Seen) {
        self.state().seen.push(seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_a_path_follow_one_another() {
        let faults = Faults::default();
        faults.add("/a", Fault::Unavailable, Some(2));
        faults.add("/a", Fault::CutAfter(9), Some(1));
        faults.add("/b", Fault::NotFound, None);
        let a: Vec<Option<Fault>> = (0..4).map(|_| faults.take("/a")).collect();
        assert_eq!(
            a,
            [
                Some(Fault::Unavailable),
                Some(Fault::Unavailable),
                Some(Fault::CutAfter(9)),
                None
            ]
        );
        assert_eq!(faults.take("/b"), Some(Fault::NotFound));
        assert_eq!(faults.take("/b"), Some(Fault::NotFound));
        faults.clear();
        assert_eq!(faults.take("/b"), None);
    }
}
