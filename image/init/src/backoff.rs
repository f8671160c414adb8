// SPDX-License-Identifier: Apache-2.0
//! When a process that ended is started again. Pure: time is an argument.
//!
//! Times are those of CLOCK_BOOTTIME, as [`Duration`] since the kernel started.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
/// A process that lived this long had started well: the next wait is short again.
const GOOD_LIFE: Duration = Duration::from_secs(60);

/// Waits of 1, 2, 4, 8, 16, 30, 30 … seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackOff {
    next: Duration,
}

impl Default for BackOff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl BackOff {
    /// The wait before the next start of a process that lived for `life`.
    pub fn after(&mut self, life: Duration) -> Duration {
        if life >= GOOD_LIFE {
            self.next = FIRST;
        }
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(LONGEST);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(lives: &[u64]) -> Vec<u64> {
        let mut back_off = BackOff::default();
        lives
            .iter()
            .map(|life| back_off.after(Duration::from_secs(*life)).as_secs())
            .collect()
    }

    #[test]
    fn doubles_up_to_half_a_minute() {
        assert_eq!(waits(&[0; 8]), [1, 2, 4, 8, 16, 30, 30, 30]);
    }

    #[test]
    fn a_good_life_starts_over() {
        assert_eq!(waits(&[0, 0, 0, 59, 60, 0]), [1, 2, 4, 8, 1, 2]);
    }
}
