// SPDX-License-Identifier: Apache-2.0
//! Which of several answers is the time, and when enough have come.
//!
//! Each answer is an interval: the truth lies within its error. The answers
//! whose intervals have a moment in common agree (RFC 5905 section 11.2.1), and
//! the largest such group is right. A server that is alone against two others
//! is thereby left out, however sure it is of itself. Where no group is larger,
//! the one with the most preferred server counts: with two servers that
//! disagree nobody can know who is wrong, and a clock that is set by either is
//! better than one that is years off. Who disagreed is told.

use std::time::Duration;

use super::{Sample, Server, ServerOrigin};

/// Servers on one network differ by less, whatever their errors say.
const TOLERANCE: Duration = Duration::from_millis(100);

/// A usable answer of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Who answered.
    pub server: Server,
    /// What.
    pub sample: Sample,
}

/// The answer that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice<'a> {
    /// The most exact answer of those that agree.
    pub chosen: &'a Candidate,
    /// How many agree, the chosen one included.
    pub agree: usize,
    /// Those that say something else.
    pub outliers: Vec<&'a Candidate>,
}

/// Chooses among answers, which are in order of preference. A server that the
/// setting names is believed before those of DHCP. `None` if there is no answer.
#[must_use]
pub fn choose(candidates: &[Candidate]) -> Option<Choice<'_>> {
    let origin = candidates
        .iter()
        .map(|candidate| candidate.server.origin)
        .min()?;
    let asked: Vec<&Candidate> = candidates
        .iter()
        .filter(|candidate| candidate.server.origin == origin)
        .collect();
    let intervals: Vec<(i128, i128)> = asked
        .iter()
        .map(|candidate| interval(&candidate.sample))
        .collect();
    // Where most intervals overlap, one of them begins.
    let mut best: Vec<usize> = Vec::new();
    for (begin, _) in &intervals {
        let group: Vec<usize> = (0..intervals.len())
            .filter(|index| (intervals[*index].0..=intervals[*index].1).contains(begin))
            .collect();
        let preferred = group.len() == best.len() && group.first() < best.first();
        if group.len() > best.len() || preferred {
            best = group;
        }
    }
    let chosen = best
        .iter()
        .min_by_key(|index| asked[**index].sample.error)?;
    let outliers = (0..asked.len()).filter(|index| !best.contains(index));
    Some(Choice {
        chosen: asked[*chosen],
        agree: best.len(),
        outliers: outliers.map(|index| asked[index]).collect(),
    })
}

/// Whether more answers could change the choice so little that nobody waits for
/// them: more than half of the `asked` servers agree, and the setting's server
/// is not among the `missing` ones.
#[must_use]
pub fn is_settled(candidates: &[Candidate], asked: usize, missing: &[Server]) -> bool {
    let set = |server: &Server| server.origin == ServerOrigin::Setting;
    if missing.iter().any(set) {
        return false;
    }
    if candidates.iter().any(|candidate| set(&candidate.server)) {
        return true;
    }
    choose(candidates).is_some_and(|choice| choice.agree * 2 > asked)
}

/// The dates that an answer allows for the moment at which the machine started,
/// in nanoseconds since 1970: made independent of when the answer came.
fn interval(sample: &Sample) -> (i128, i128) {
    let nanoseconds = |time: Duration| i128::try_from(time.as_nanos()).unwrap_or(i128::MAX);
    let start = nanoseconds(sample.date) - nanoseconds(sample.at);
    let error = nanoseconds(sample.error) + nanoseconds(TOLERANCE);
    (start - error, start + error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    /// `name`, milliseconds away from the truth, error in milliseconds. A name
    /// in capitals is the setting's.
    fn answers(list: &[(&str, i64, u64)]) -> Vec<Candidate> {
        let answer = |(index, (host, away, error)): (usize, &(&str, i64, u64))| {
            let later = Duration::from_millis(u64::try_from(index).unwrap() * 40);
            let size = Duration::from_millis(away.unsigned_abs());
            let date = if *away < 0 { NOW - size } else { NOW + size };
            Candidate {
                server: server(host),
                sample: Sample {
                    at: Duration::from_secs(20) + later,
                    date: date + later,
                    error: Duration::from_millis(*error),
                },
            }
        };
        list.iter().enumerate().map(answer).collect()
    }

    fn server(host: &str) -> Server {
        let set = host.chars().all(char::is_uppercase);
        Server {
            host: host.to_owned(),
            origin: if set {
                ServerOrigin::Setting
            } else {
                ServerOrigin::Dhcp
            },
        }
    }

    #[test]
    fn the_largest_group_that_agrees_is_right() {
        type Case<'a> = (&'a [(&'a str, i64, u64)], &'a str, &'a [&'a str]);
        const HOUR: i64 = 3_600_000;
        let cases: [Case<'_>; 9] = [
            (&[("a", 0, 5)], "a", &[]),
            (&[("a", 3, 9), ("b", 0, 5)], "b", &[]),
            // One that is alone against two, wherever it stands in the list.
            (&[("a", HOUR, 0), ("b", 2, 9), ("c", 0, 5)], "c", &["a"]),
            (&[("a", 1, 5), ("b", -HOUR, 0), ("c", 0, 9)], "a", &["b"]),
            // Two that disagree: the order is one of preference.
            (&[("a", HOUR, 9), ("b", 0, 5)], "a", &["b"]),
            (
                &[("a", HOUR, 9), ("b", 0, 5), ("c", HOUR, 5), ("d", 1, 5)],
                "c",
                &["b", "d"],
            ),
            // Nobody agrees with anybody.
            (
                &[("a", HOUR, 9), ("b", 0, 5), ("c", -HOUR, 1)],
                "a",
                &["b", "c"],
            ),
            // Errors are believed: they overlap.
            (&[("a", 900, 1000), ("b", 0, 5), ("c", -70, 20)], "b", &[]),
            // The setting's server counts more than any number of others.
            (&[("A", HOUR, 9), ("b", 0, 5), ("c", 0, 5)], "A", &[]),
        ];
        for (list, expected, outliers) in cases {
            let candidates = answers(list);
            let choice = choose(&candidates).expect("an answer");
            let told: Vec<&str> = choice
                .outliers
                .iter()
                .map(|one| one.server.host.as_str())
                .collect();
            assert_eq!(choice.chosen.server.host, expected, "{list:?}");
            assert_eq!(told, outliers, "{list:?}");
        }
        assert_eq!(choose(&[]), None);
    }

    #[test]
    fn nobody_waits_for_answers_that_change_nothing() {
        type Case<'a> = (&'a [(&'a str, i64, u64)], &'a [&'a str], bool);
        let cases: [Case<'_>; 8] = [
            (&[("a", 0, 5)], &[], true),
            (&[("a", 0, 5)], &["b"], false),
            (&[("a", 0, 5), ("b", 0, 5)], &["c"], true),
            (&[("a", 0, 5), ("b", 9_000, 5)], &["c"], false),
            (&[("a", 0, 5), ("b", 0, 5)], &["c", "d"], false),
            (&[("b", 0, 5), ("c", 0, 5)], &["A"], false),
            (&[("A", 0, 5)], &["b", "c"], true),
            (&[], &["a"], false),
        ];
        for (list, missing, expected) in cases {
            let missing: Vec<Server> = missing.iter().map(|host| server(host)).collect();
            let settled = is_settled(&answers(list), list.len() + missing.len(), &missing);
            assert_eq!(settled, expected, "{list:?} {missing:?}");
        }
    }
}
