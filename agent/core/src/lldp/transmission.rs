// SPDX-License-Identifier: Apache-2.0
//! When a port speaks (IEEE 802.1AB-2016 clause 9.2, figures 9-2 and 9-4):
//! quickly at first and when somebody new is there, then every 30 s.

use std::time::Duration;

use crate::lifecycle::Random;

/// Pause between two frames (`msgTxInterval`).
const INTERVAL: Duration = Duration::from_secs(30);

/// Pause between two frames of a quick start (`msgFastTx`).
const FAST_INTERVAL: Duration = Duration::from_secs(1);

/// Frames of a quick start (`txFastInit`).
const FAST_FRAMES: u8 = 4;

/// A pause is shorter by up to that much, so that ports and machines that
/// began together do not speak together for ever.
const JITTER: Duration = Duration::from_secs(3);

/// What one frame costs and one second earns (`txCredit`).
const COST: Duration = Duration::from_secs(1);

/// How far the cost may run ahead of the time: five frames at once
/// (`txCreditMax`).
const CREDIT: Duration = Duration::from_secs(4);

/// When one port speaks.
#[derive(Debug, Clone, Default)]
pub(super) struct Transmission {
    /// When the next frame is wanted; nothing without carrier.
    wanted: Option<Duration>,
    /// Frames of the quick start that are left.
    fast: u8,
    /// When everything that was sent is paid for.
    paid: Duration,
}

impl Transmission {
    /// Carrier came, or somebody new is there: at once, and quickly.
    pub(super) fn start(&mut self, now: Duration) {
        self.wanted = Some(now);
        if self.fast == 0 {
            self.fast = FAST_FRAMES;
        }
    }

    /// There is something new to say.
    pub(super) fn changed(&mut self, now: Duration) {
        if let Some(wanted) = &mut self.wanted {
            *wanted = now.min(*wanted);
        }
    }

    /// Carrier went.
    pub(super) fn stop(&mut self) {
        self.wanted = None;
        self.fast = 0;
    }

    /// When the next frame is due.
    pub(super) fn due(&self) -> Option<Duration> {
        let affordable = self.paid.saturating_sub(CREDIT);
        self.wanted.map(|wanted| wanted.max(affordable))
    }

    /// A frame was sent.
    pub(super) fn sent(&mut self, now: Duration, random: &mut Random) {
        self.paid = self.paid.max(now) + COST;
        self.fast = self.fast.saturating_sub(1);
        let pause = match self.fast {
            0 => random.between(INTERVAL - JITTER, INTERVAL),
            _ => FAST_INTERVAL,
        };
        self.wanted = Some(now + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// Sends whenever something is due until `end`; the times in milliseconds.
    fn times(port: &mut Transmission, end: Duration, random: &mut Random) -> Vec<u128> {
        let mut times = Vec::new();
        while let Some(due) = port.due().filter(|due| *due < end) {
            times.push(due.as_millis());
            port.sent(due, random);
        }
        times
    }

    #[test]
    fn a_port_begins_quickly_and_goes_on_slowly() {
        let mut random = Random::new(3);
        let mut port = Transmission::default();
        assert_eq!(port.due(), None);
        port.changed(seconds(9));
        assert_eq!(port.due(), None, "nobody is there to hear it");
        port.start(seconds(10));
        let sent = times(&mut port, seconds(100), &mut random);
        assert_eq!(sent[..4], [10_000, 11_000, 12_000, 13_000]);
        let pauses: Vec<u128> = sent[3..].windows(2).map(|two| two[1] - two[0]).collect();
        assert!(pauses.len() >= 2, "{sent:?}");
        assert!(pauses.iter().all(|pause| (27_000..=30_000).contains(pause)));
        assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{pauses:?}");
        port.stop();
        assert_eq!(port.due(), None);
    }

    #[test]
    fn news_are_told_at_once_but_not_without_end() {
        let mut random = Random::new(3);
        let mut port = Transmission::default();
        port.start(seconds(10));
        times(&mut port, seconds(20), &mut random);
        // News every 100 ms for 10 s: five frames at once, then one per second.
        let mut sent = Vec::new();
        for tenth in 300..400 {
            let now = Duration::from_millis(tenth * 100);
            port.changed(now);
            if port.due().is_some_and(|due| due <= now) {
                sent.push(now.as_millis());
                port.sent(now, &mut random);
            }
        }
        assert_eq!(sent[..5], [30_000, 30_100, 30_200, 30_300, 30_400]);
        let later: Vec<u128> = sent[5..].windows(2).map(|two| two[1] - two[0]).collect();
        assert!(later.iter().all(|pause| *pause >= 1000), "{sent:?}");
        assert!(sent.len() <= 5 + 10, "{sent:?}");
    }

    #[test]
    fn somebody_new_does_not_prolong_a_quick_start() {
        let mut random = Random::new(3);
        let mut port = Transmission::default();
        port.start(seconds(10));
        for now in [10, 11, 12] {
            port.start(seconds(now));
            port.sent(seconds(now), &mut random);
        }
        let rest = times(&mut port, seconds(20), &mut random);
        assert_eq!(rest, [13_000]);
        port.start(seconds(20));
        let again = times(&mut port, seconds(30), &mut random);
        assert_eq!(again, [20_000, 21_000, 22_000, 23_000]);
    }
}
