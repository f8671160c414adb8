// SPDX-License-Identifier: Apache-2.0
//! One Ironic as a queue: work is done one after the other at a fixed rate;
//! when too much waits, further requests are refused at once.

use std::ops::Range;
use std::time::Duration;

/// What agents ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// `GET /`.
    Version,
    /// `POST /v1/continue_inspection`.
    Inspection,
    /// `GET /v1/lookup`.
    Lookup,
    /// `POST /v1/heartbeat/…`.
    Heartbeat,
}

impl Request {
    /// What it costs, in lookups. An inspection stores a report and makes ports;
    /// the version needs no database.
    fn cost(self) -> f64 {
        match self {
            Request::Version => 0.1,
            Request::Inspection => 5.0,
            Request::Lookup | Request::Heartbeat => 1.0,
        }
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is answered as it should be.
    Served,
    /// 503.
    Overloaded,
    /// The connection is refused.
    Away,
}

/// The queue.
#[derive(Debug, Clone)]
pub(crate) struct Ironic {
    /// Lookups per second.
    pub(crate) capacity: f64,
    /// It refuses what would wait for longer.
    pub(crate) patience: Duration,
    /// When it is away.
    pub(crate) away: Range<Duration>,
    /// When the work that it has taken will be done.
    busy_until: Duration,
}

/// A refusal costs so much of a lookup: the request was read all the same.
const COST_OF_503: f64 = 0.05;

/// Time on the network, there and back.
const ROUND_TRIP: Duration = Duration::from_millis(2);

impl Ironic {
    /// An Ironic that is there all the time.
    pub(crate) fn new(capacity: f64) -> Self {
        Self {
            capacity,
            patience: Duration::from_secs(5),
            away: Duration::ZERO..Duration::ZERO,
            busy_until: Duration::ZERO,
        }
    }

    /// One that is away for a while.
    pub(crate) fn away(mut self, from: Duration, for_: Duration) -> Self {
        self.away = from..from + for_;
        self
    }

    /// Takes a request; when the answer is there, and what it is.
    pub(crate) fn ask(&mut self, now: Duration, request: Request) -> (Duration, Verdict) {
        if self.away.contains(&now) {
            return (now + ROUND_TRIP, Verdict::Away);
        }
        let begins = self.busy_until.max(now);
        let (cost, verdict) = match begins - now > self.patience {
            true => (COST_OF_503, Verdict::Overloaded),
            false => (request.cost(), Verdict::Served),
        };
        self.busy_until = begins + Duration::from_secs_f64(cost / self.capacity);
        match verdict {
            Verdict::Served => (self.busy_until + ROUND_TRIP, verdict),
            verdict => (now + ROUND_TRIP, verdict),
        }
    }
}
