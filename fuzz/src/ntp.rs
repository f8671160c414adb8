// SPDX-License-Identifier: Apache-2.0
//! The answer of an NTP server.

use std::time::Duration;

use ironseed_core::clock::ntp::{FARTHEST, Refused, read};

/// Moments since boot between which the exchange took place.
const EXCHANGE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_millis(20_250));

/// The whole input is the packet, and its originate timestamp is the one that
/// was asked with: nothing else would get past the first check.
///
/// # Panics
/// If a packet is believed that is to another question or too far from the
/// truth, or gives a date that it does not say.
pub fn run(data: &[u8]) {
    let field = |at: usize| -> u64 {
        let bytes = data.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u64::from_be_bytes)
    };
    let nonce = field(24);
    for about in [0, 1_775_001_600, 2_085_978_496, 4_000_000_000] {
        let about = Duration::from_secs(about);
        let answer = read(data, nonce, about);
        assert!(read(data, nonce ^ 1, about).is_err(), "another question");
        let Ok(answer) = answer else {
            continue;
        };
        assert!((1..16).contains(&answer.stratum), "{answer:?}");
        assert!(answer.distance <= FARTHEST, "{answer:?}");
        assert!(
            answer.sent.abs_diff(about).as_secs() <= 1 << 31,
            "{answer:?}"
        );
        match answer.sample(EXCHANGE.0, EXCHANGE.1) {
            Ok(sample) => {
                let one_way = sample.date - answer.sent;
                assert!(one_way <= (EXCHANGE.1 - EXCHANGE.0) / 2, "{sample:?}");
                assert!(sample.error >= answer.distance, "{sample:?}");
            }
            Err(refused) => assert_eq!(refused, Refused::Impossible),
        }
    }
}
