// SPDX-License-Identifier: Apache-2.0
//! What one Ironic saw, second by second.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use super::Scenario;
use super::ironic::{Request, Verdict};

/// The figures of one run.
#[derive(Debug)]
pub(crate) struct Report {
    agents: usize,
    /// Requests of each second, whatever became of them.
    pub(crate) asked: Vec<u32>,
    /// Those of them that were refused or found nobody.
    pub(crate) failed: Vec<u32>,
    /// When each agent's heartbeat was accepted first.
    registered: Vec<Option<Duration>>,
    /// When each agent's heartbeat was accepted first after the outage.
    resumed: Vec<Option<Duration>>,
    back: Duration,
    /// Requests by kind: version, inspection, lookup, heartbeat.
    pub(crate) kinds: [u64; 4],
}

impl Report {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let seconds = usize::try_from(scenario.until.as_secs() + 1).expect("a length");
        let agents = scenario.agents as usize;
        Self {
            agents,
            asked: vec![0; seconds],
            failed: vec![0; seconds],
            registered: vec![None; agents],
            resumed: vec![None; agents],
            back: scenario.ironic.away.end,
            kinds: [0; 4],
        }
    }

    pub(crate) fn asked(&mut self, now: Duration, request: Request, verdict: Verdict) {
        let second = usize::try_from(now.as_secs()).expect("a second");
        self.asked[second] += 1;
        if verdict != Verdict::Served {
            self.failed[second] += 1;
        }
        let kind = match request {
            Request::Version => 0,
            Request::Inspection => 1,
            Request::Lookup => 2,
            Request::Heartbeat => 3,
        };
        self.kinds[kind] += 1;
    }

    pub(crate) fn heartbeat(&mut self, at: Duration, agent: u32) {
        self.registered[agent as usize].get_or_insert(at);
        if at >= self.back {
            self.resumed[agent as usize].get_or_insert(at);
        }
    }

    /// When this share of the agents, in percent, had a heartbeat accepted.
    pub(crate) fn registered(&self, percent: usize) -> Option<Duration> {
        share(&self.registered, self.agents, percent)
    }

    /// The same, after the outage.
    pub(crate) fn resumed(&self, percent: usize) -> Option<Duration> {
        share(&self.resumed, self.agents, percent)
    }

    /// The most requests in one second.
    pub(crate) fn peak(&self, seconds: Range<usize>) -> u32 {
        self.within(seconds).iter().copied().max().unwrap_or(0)
    }

    /// Of a hundred seconds, one had more requests than this.
    pub(crate) fn percentile_99(&self, seconds: Range<usize>) -> u32 {
        let mut sorted = self.within(seconds).to_vec();
        sorted.sort_unstable();
        sorted.get(sorted.len() * 99 / 100).copied().unwrap_or(0)
    }

    /// Requests per second.
    pub(crate) fn mean(&self, seconds: Range<usize>) -> f64 {
        let part = self.within(seconds);
        let sum: u32 = part.iter().sum();
        f64::from(sum) / part.len().max(1) as f64
    }

    /// Variance by mean of the requests per second: 1 if every agent asks
    /// without regard to the others, far more if they come in waves.
    pub(crate) fn dispersion(&self, seconds: Range<usize>) -> f64 {
        let mean = self.mean(seconds.clone());
        let part = self.within(seconds);
        let squares: f64 = part.iter().map(|n| (f64::from(*n) - mean).powi(2)).sum();
        squares / part.len().max(1) as f64 / mean
    }

    /// Requests that were refused or found nobody.
    pub(crate) fn retries(&self) -> u64 {
        self.failed.iter().copied().map(u64::from).sum()
    }

    fn within(&self, seconds: Range<usize>) -> &[u32] {
        &self.asked[seconds.start..seconds.end.min(self.asked.len())]
    }
}

fn share(times: &[Option<Duration>], agents: usize, percent: usize) -> Option<Duration> {
    let mut known: Vec<Duration> = times.iter().flatten().copied().collect();
    known.sort_unstable();
    known.get((agents * percent).div_ceil(100) - 1).copied()
}

impl fmt::Display for Report {
    /// A line for each stretch of time: requests per second, mean and highest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = 0..self.asked.len();
        let time = |time: Option<Duration>| {
            time.map_or("never".to_owned(), |time| {
                format!("{:.0} s", time.as_secs_f64())
            })
        };
        writeln!(
            f,
            "  peak {}/s, 99th percentile {}/s, mean {:.0}/s; refused or unanswered {}",
            self.peak(all.clone()),
            self.percentile_99(all.clone()),
            self.mean(all),
            self.retries()
        )?;
        writeln!(
            f,
            "  version {}, inspection {}, lookup {}, heartbeat {}",
            self.kinds[0], self.kinds[1], self.kinds[2], self.kinds[3]
        )?;
        let (half, most, everyone) = (50, 99, 100);
        write!(
            f,
            "  registered: half after {}, 99 % after {}, all after {}",
            time(self.registered(half)),
            time(self.registered(most)),
            time(self.registered(everyone))
        )?;
        if self.back > Duration::ZERO {
            let after = |percent| time(self.resumed(percent).map(|at| at - self.back));
            write!(
                f,
                "\n  after Ironic is back: half {}, 99 % {}, all {}",
                after(half),
                after(most),
                after(everyone)
            )?;
        }
        writeln!(f, "\n     from s   mean/s   peak/s  failed/s   waves")?;
        self.stretches(f)
    }
}

impl Report {
    /// Ten seconds each where something changes, longer ones where not.
    fn stretches(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let back = usize::try_from(self.back.as_secs()).unwrap_or(0);
        let mut start = 0;
        while start < self.asked.len() {
            let near = start < 300 || (back..back + 300).contains(&start);
            let length = if near { 20 } else { 600 };
            let mut end = (start + length).min(self.asked.len());
            if start < back && end > back {
                end = back;
            }
            let failed: u32 = self.failed[start..end].iter().sum();
            if self.peak(start..end) > 0 {
                writeln!(
                    f,
                    "  {start:>9} {:>8.1} {:>8} {:>9.1} {:>7.1}",
                    self.mean(start..end),
                    self.peak(start..end),
                    f64::from(failed) / (end - start) as f64,
                    self.dispersion(start..end)
                )?;
            }
            start = end;
        }
        Ok(())
    }
}
