// SPDX-License-Identifier: Apache-2.0
//! The 48 bytes of NTP (RFC 5905 section 7.3), as far as a client that asks
//! once needs them (RFC 4330).
//!
//! Ours, because the library there is does not fit. `rsntp` 4.1.2 reads the
//! system clock inside each exchange and gives an offset from it, which is
//! wrong if the clock is stepped meanwhile, and panics if the clock is before
//! 1970; its packet functions are private, so neither clock nor socket can be
//! passed in. It sends the machine's own wrong date as the transmit timestamp,
//! which anybody can guess after one look, ends at the first packet that is
//! not ours, believes a kiss-o'-death without comparing the originate
//! timestamp, and looks at no root distance. A packet of fixed fields is small.

use std::time::Duration;

use thiserror::Error;

use super::Sample;

/// The UDP port of NTP.
pub const PORT: u16 = 123;

/// Bytes of a packet without extension fields.
pub const LENGTH: usize = 48;

/// Mode 3 (client) and version 4; every server that is alive understands it.
const CLIENT: u8 = 0b00_100_011;

/// Mode of an answer.
const SERVER: u8 = 4;

/// Leap indicator of a server that does not know the time.
const UNSYNCHRONISED: u8 = 3;

/// From this stratum on a server is not synchronised (RFC 5905 section 7.3).
const NO_STRATUM: u8 = 16;

/// A server that is further from the truth is not believed: `MAXDISP`, where
/// RFC 5905 stops counting. Stricter limits leave out Windows domain
/// controllers, which announce a dispersion of ten seconds, and a machine whose
/// clock is years off is better off with them.
pub const FARTHEST: Duration = Duration::from_secs(16);

/// Seconds from 1900, where era 0 of NTP begins, to 1970.
const UNIX_EPOCH: u64 = 2_208_988_800;

/// What a clock's granularity may do to the times of an exchange.
const GRANULARITY: Duration = Duration::from_millis(20);

/// Why a packet says nothing about the time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// Fewer bytes than the fixed fields have.
    #[error("the answer has {0} bytes instead of {LENGTH}")]
    TooShort(usize),
    /// Version or mode of something else.
    #[error("what came is no answer of an NTP server (version {version}, mode {mode})")]
    NotAnAnswer {
        /// Version of the protocol.
        version: u8,
        /// Mode: 3 a client, 5 a broadcast, 6 a control message.
        mode: u8,
    },
    /// The answer to another question: late, or forged.
    #[error("the answer has the wrong originate timestamp, so it is to another question")]
    NotOurs,
    /// The server does not want to be asked (RFC 5905 section 7.4).
    #[error("the server refuses to answer (kiss-o'-death {code}: {meaning})", meaning = kiss(.code))]
    KissOfDeath {
        /// Four characters.
        code: String,
    },
    /// Leap indicator 3: the server itself waits for the time.
    #[error("the server says that its own clock is not synchronised")]
    Unsynchronised,
    /// A stratum that no synchronised server has.
    #[error("the server is at stratum {0}, so its clock is not synchronised")]
    Stratum(u8),
    /// The server is too far from its reference.
    #[error(
        "the server is up to {:.1} s away from the truth by its own words, more than {} s", .0.as_secs_f64(), FARTHEST.as_secs()
    )]
    RootDistance(Duration),
    /// A timestamp of zero, or before 1970.
    #[error("the answer has no time in it")]
    NoTime,
    /// Sent before it received, or busy for longer than the exchange took.
    #[error("the times in the answer contradict each other")]
    Impossible,
}

fn kiss(code: &str) -> &'static str {
    match code {
        "DENY" | "RSTR" => "access is denied",
        "RATE" => "it is asked too often",
        "INIT" => "it has just started",
        "STEP" => "its clock is being stepped",
        _ => "see RFC 5905 section 7.4",
    }
}

/// What a server answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Hops between the server and its reference clock.
    pub stratum: u8,
    /// Unix time at which the question came.
    pub received: Duration,
    /// Unix time at which the answer left.
    pub sent: Duration,
    /// How far the server may be from the truth.
    pub distance: Duration,
}

/// A question. The transmit timestamp is a random number instead of the time:
/// the server sends it back unseen, nobody else can guess it, and the
/// machine's date is nobody's business.
#[must_use]
pub fn question(nonce: u64) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    bytes[0] = CLIENT;
    bytes[40..].copy_from_slice(&nonce.to_be_bytes());
    bytes
}

/// Reads the answer to the question with that `nonce`. `about` is any date
/// within 68 years of now; it tells the eras of NTP apart, of which the second
/// begins on 7 February 2036.
///
/// # Errors
/// [`Refused`]; after [`Refused::NotOurs`] the real answer may still come.
pub fn read(bytes: &[u8], nonce: u64, about: Duration) -> Result<Answer, Refused> {
    let fields: &[u8; LENGTH] = bytes.first_chunk().ok_or(Refused::TooShort(bytes.len()))?;
    let (leap, version, mode) = (fields[0] >> 6, fields[0] >> 3 & 7, fields[0] & 7);
    if !matches!(version, 3 | 4) || mode != SERVER {
        return Err(Refused::NotAnAnswer { version, mode });
    }
    // Before anything that is in the packet is believed, a refusal included:
    // otherwise anybody could silence a server by forged refusals.
    if long(fields, 24) != nonce {
        return Err(Refused::NotOurs);
    }
    let stratum = fields[1];
    // chronyd without a source says so by stratum 0 as well, without a code.
    let code = printable(&fields[12..16]);
    if stratum == 0 && !code.is_empty() {
        return Err(Refused::KissOfDeath { code });
    }
    if leap == UNSYNCHRONISED || stratum == 0 {
        return Err(Refused::Unsynchronised);
    }
    if stratum >= NO_STRATUM {
        return Err(Refused::Stratum(stratum));
    }
    let distance = short(fields, 4) / 2 + short(fields, 8);
    if distance > FARTHEST {
        return Err(Refused::RootDistance(distance));
    }
    let received = unix(long(fields, 32), about).ok_or(Refused::NoTime)?;
    let sent = unix(long(fields, 40), about).ok_or(Refused::NoTime)?;
    if sent + GRANULARITY < received {
        return Err(Refused::Impossible);
    }
    Ok(Answer {
        stratum,
        received,
        sent,
        distance,
    })
}

impl Answer {
    /// The time by this answer. `asked` and `answered` are when question and
    /// answer passed this machine, since boot.
    ///
    /// # Errors
    /// [`Refused::Impossible`] if the server says that it was busy for longer
    /// than the exchange took.
    pub fn sample(&self, asked: Duration, answered: Duration) -> Result<Sample, Refused> {
        let away = answered.saturating_sub(asked);
        let busy = self.sent.saturating_sub(self.received);
        if busy > away + GRANULARITY {
            return Err(Refused::Impossible);
        }
        let one_way = away.saturating_sub(busy) / 2;
        Ok(Sample {
            at: answered,
            date: self.sent + one_way,
            error: one_way + self.distance,
        })
    }
}

/// Unix time of an NTP timestamp, in the era that is nearest to `about`.
/// Zero means "unknown" (RFC 5905 section 6).
fn unix(timestamp: u64, about: Duration) -> Option<Duration> {
    if timestamp == 0 {
        return None;
    }
    let (seconds, fraction) = (timestamp >> 32, timestamp & u64::from(u32::MAX));
    let era_seconds = |seconds: u64| u32::try_from(seconds & u64::from(u32::MAX)).ok();
    let near = era_seconds(about.as_secs().wrapping_add(UNIX_EPOCH))?;
    let away = era_seconds(seconds)?.wrapping_sub(near).cast_signed();
    let whole = about.as_secs().checked_add_signed(i64::from(away))?;
    let nanoseconds = u32::try_from((fraction * 1_000_000_000) >> 32).ok()?;
    Some(Duration::new(whole, nanoseconds))
}

fn long(fields: &[u8; LENGTH], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&fields[at..at + 8]);
    u64::from_be_bytes(bytes)
}

/// The short format: 16 bits of seconds, 16 bits of fraction.
fn short(fields: &[u8; LENGTH], at: usize) -> Duration {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&fields[at..at + 4]);
    let number = u64::from(u32::from_be_bytes(bytes));
    Duration::from_nanos((number * 1_000_000_000) >> 16)
}

/// A code as it goes into a line of text.
fn printable(bytes: &[u8]) -> String {
    bytes
        .iter()
        .filter(|byte| **byte != 0)
        .map(|byte| match byte.is_ascii_graphic() {
            true => char::from(*byte),
            false => '?',
        })
        .collect()
}

#[cfg(test)]
#[path = "ntp_tests.rs"]
mod tests;
