// SPDX-License-Identifier: Apache-2.0
//! Calls to Ironic that did not succeed: what they mean, how they are told, and
//! how long the next attempt waits.

use std::time::Duration;

use super::{Random, Refusal};
use crate::event::Wait;

/// No `Retry-After` is heeded for longer. A server that wants more is asked at
/// this pace all the same: the operator would otherwise wait for a machine that
/// waits for an hour that somebody typed wrong.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(120);

impl Refusal {
    /// Whether asking again cannot help: a 4xx (contract §6.3), except those
    /// that say so themselves: the node is locked (409), the request came too
    /// slowly (408) or was one of too many (429), as proxies answer.
    pub(super) fn is_final(&self) -> bool {
        matches!(self.status, Some(400..=499)) && !matches!(self.status, Some(408 | 409 | 429))
    }

    /// Whether Ironic, or a proxy before it, has more to do than it can.
    pub(super) fn is_overload(&self) -> bool {
        matches!(self.status, Some(408 | 429 | 500..=599))
    }

    /// What the agent waits for after this answer to an inspection or a lookup.
    pub(super) fn wait(&self) -> Wait {
        match self.status {
            Some(409) => Wait::NodeLocked,
            Some(400..=499) if self.is_final() => Wait::NodeUnknown {
                answer: self.to_string(),
            },
            _ => self.outage(),
        }
    }

    /// What the agent waits for after this answer to a heartbeat.
    pub(super) fn heartbeat_wait(&self) -> Wait {
        match self.status {
            Some(409) => Wait::NodeLocked,
            Some(400..=499) if self.is_final() => Wait::HeartbeatRefused {
                answer: self.to_string(),
            },
            _ => self.outage(),
        }
    }

    /// Ironic cannot be reached, or can serve nobody.
    fn outage(&self) -> Wait {
        match self.status {
            Some(_) => Wait::IronicUnavailable {
                url: self.url.clone(),
                answer: self.to_string(),
            },
            None if self.unresolved => Wait::IronicNameUnresolved {
                url: self.url.clone(),
                problem: self.text.clone(),
            },
            None => Wait::IronicUnreachable {
                url: self.url.clone(),
                problem: self.to_string(),
            },
        }
    }

    /// The pause, but at least as long as the server asks for, within reason.
    /// Half as long is added at random: everybody got the same number.
    pub(super) fn heed(&self, pause: Duration, random: &mut Random) -> Duration {
        let Some(asked) = self.retry_after.filter(|asked| !asked.is_zero()) else {
            return pause;
        };
        let asked = asked.min(LONGEST_RETRY_AFTER);
        pause.max(random.between(asked, asked + asked / 2))
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.status {
            Some(status) => write!(f, "HTTP {status}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}
