// SPDX-License-Identifier: Apache-2.0
//! Packets of NTP servers: real ones, and what broken or hostile ones say.

use super::*;

const NONCE: u64 = 0x0123_4567_89ab_cdef;

/// Any date of the years in which this program runs.
const ABOUT: Duration = Duration::from_secs(1_775_001_600);

/// An answer to [`NONCE`] of stratum 2 with 7.8 ms of delay and 0.5 ms of
/// dispersion, received and sent at 2027-01-15 08:00:00.5 UTC.
fn answer() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    bytes[0] = 0b00_100_100;
    bytes[1] = 2;
    bytes[2] = 6;
    bytes[3] = 0xe8;
    bytes[4..8].copy_from_slice(&0x0000_0200_u32.to_be_bytes());
    bytes[8..12].copy_from_slice(&0x0000_0020_u32.to_be_bytes());
    bytes[12..16].copy_from_slice(&[192, 0, 2, 200]);
    bytes[24..32].copy_from_slice(&NONCE.to_be_bytes());
    let time = (1_800_000_000 + UNIX_EPOCH) << 32 | 0x8000_0000;
    bytes[32..40].copy_from_slice(&time.to_be_bytes());
    bytes[40..48].copy_from_slice(&time.to_be_bytes());
    bytes
}

/// Where bytes are replaced, and by what.
type Changes<'a> = &'a [(usize, &'a [u8])];

fn with(changes: Changes<'_>) -> [u8; LENGTH] {
    let mut bytes = answer();
    for (at, change) in changes {
        bytes[*at..at + change.len()].copy_from_slice(change);
    }
    bytes
}

#[test]
fn a_question_is_one_of_version_4_and_tells_nothing() {
    let bytes = question(NONCE);
    assert_eq!(bytes[0], 0x23);
    assert_eq!(bytes[40..], NONCE.to_be_bytes());
    assert!(bytes[1..40].iter().all(|byte| *byte == 0));
}

#[test]
fn an_answer_is_read() {
    let expected = Answer {
        stratum: 2,
        received: Duration::from_millis(1_800_000_000_500),
        sent: Duration::from_millis(1_800_000_000_500),
        distance: Duration::from_nanos(3_906_250 + 488_281),
    };
    assert_eq!(read(&answer(), NONCE, ABOUT), Ok(expected));
    // Extension fields and a key may follow.
    let longer = [&answer()[..], &[0; 20]].concat();
    assert_eq!(read(&longer, NONCE, ABOUT), Ok(expected));
    // Version 3, and a leap second that is announced.
    assert_eq!(
        read(&with(&[(0, &[0b01_011_100])]), NONCE, ABOUT),
        Ok(expected)
    );
}

#[test]
fn every_answer_that_is_not_believed_says_why() {
    let kiss = |code: &str| Refused::KissOfDeath { code: code.into() };
    let early = ((1_800_000_000 + UNIX_EPOCH) << 32).to_be_bytes();
    let cases: [(Changes<'_>, Refused); 16] = [
        (
            &[(0, &[0b00_100_011])],
            Refused::NotAnAnswer {
                version: 4,
                mode: 3,
            },
        ),
        (
            &[(0, &[0b00_100_101])],
            Refused::NotAnAnswer {
                version: 4,
                mode: 5,
            },
        ),
        (
            &[(0, &[0b00_001_100])],
            Refused::NotAnAnswer {
                version: 1,
                mode: 4,
            },
        ),
        (&[(24, &[9])], Refused::NotOurs),
        // A refusal that anybody may have sent is not ours either.
        (&[(1, &[0]), (12, b"DENY"), (31, &[0])], Refused::NotOurs),
        (&[(1, &[0]), (12, b"DENY")], kiss("DENY")),
        (&[(1, &[0]), (12, b"RATE")], kiss("RATE")),
        (&[(1, &[0]), (12, b"A\n\xff\0")], kiss("A??")),
        (&[(0, &[0b11_100_100])], Refused::Unsynchronised),
        (
            &[(0, &[0b11_100_100, 0]), (12, &[0; 4])],
            Refused::Unsynchronised,
        ),
        (&[(0, &[0b11_100_100, 0]), (12, b"INIT")], kiss("INIT")),
        (&[(1, &[16])], Refused::Stratum(16)),
        (&[(1, &[255])], Refused::Stratum(255)),
        (
            &[(8, &[0, 17])],
            Refused::RootDistance(Duration::from_nanos(17_004_394_531)),
        ),
        (&[(40, &[0; 8])], Refused::NoTime),
        (&[(40, &early)], Refused::Impossible),
    ];
    for (changes, expected) in cases {
        let found = read(&with(changes), NONCE, ABOUT);
        assert_eq!(found, Err(expected), "{changes:?}");
    }
    for length in 0..LENGTH {
        let found = read(&answer()[..length], NONCE, ABOUT);
        assert_eq!(found, Err(Refused::TooShort(length)));
    }
}

#[test]
fn the_second_era_is_told_from_the_first() {
    // Seconds in the era, a date of this program's years, the Unix time meant.
    let cases = [
        (u32::MAX, ABOUT.as_secs(), Some(2_085_978_495)),
        (0, ABOUT.as_secs(), Some(2_085_978_496)),
        (1, 2_085_978_400, Some(2_085_978_497)),
        (u32::MAX, 2_085_978_600, Some(2_085_978_495)),
        // 1970 and just before, of a server whose own clock is wrong.
        (2_208_988_800, ABOUT.as_secs(), Some(0)),
        (2_208_988_799, ABOUT.as_secs(), None),
    ];
    for (seconds, about, expected) in cases {
        let found = unix(u64::from(seconds) << 32 | 1, Duration::from_secs(about));
        assert_eq!(found.map(|time| time.as_secs()), expected, "{seconds}");
    }
}

#[test]
fn the_way_there_and_back_is_taken_off() {
    let answer = Answer {
        stratum: 1,
        received: Duration::from_millis(1_800_000_000_000),
        sent: Duration::from_millis(1_800_000_000_010),
        distance: Duration::from_millis(3),
    };
    let asked = Duration::from_secs(20);
    let at = |milliseconds| asked + Duration::from_millis(milliseconds);
    let sample = answer.sample(asked, at(50)).expect("possible");
    assert_eq!(sample.at, at(50));
    assert_eq!(sample.date, Duration::from_millis(1_800_000_000_030));
    assert_eq!(sample.error, Duration::from_millis(23));
    // Busy a little longer than the exchange took: two clocks, two grains.
    assert_eq!(
        answer.sample(asked, at(5)).map(|it| it.error),
        Ok(answer.distance)
    );
    let long = Answer {
        sent: Duration::from_millis(1_800_000_001_000),
        ..answer
    };
    assert_eq!(long.sample(asked, at(50)), Err(Refused::Impossible));
}
