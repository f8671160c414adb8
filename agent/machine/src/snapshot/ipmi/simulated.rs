// SPDX-License-Identifier: Apache-2.0
//! A management controller with state, for tests: it has channels, a log and
//! sensor records, and the habits of real ones.

use std::io;

use ironseed_core::ipmi::Request;
use nix::errno::Errno;

use super::Controller;

/// The controller.
pub(super) struct Simulated {
    /// Numbers of the records in its log.
    pub(super) log: Vec<u16>,
    /// Its sensor data records.
    pub(super) records: Vec<Vec<u8>>,
    /// The longest piece of a record it gives.
    pub(super) longest: u8,
    /// How often a reservation is taken away before it lasts.
    pub(super) reservations_lost: usize,
    /// Whether the last sensor record leads to the first.
    pub(super) leads_back: bool,
    /// A sensor record of which it gives nothing but the header.
    pub(super) unreadable: Option<u8>,
    /// How many messages it answers before it falls silent.
    pub(super) silent_after: usize,
    /// How many messages it was sent.
    pub(super) answered: usize,
    /// The reservation that holds.
    pub(super) reservation: u16,
}

impl Default for Simulated {
    fn default() -> Self {
        Self {
            log: Vec::new(),
            records: Vec::new(),
            longest: u8::MAX,
            reservations_lost: 0,
            leads_back: false,
            unreadable: None,
            silent_after: usize::MAX,
            answered: 0,
            reservation: 0,
        }
    }
}

/// A controller that answers anything, most of it as if it were an answer.
pub(super) struct Nonsense {
    /// Where the pseudo-random numbers are.
    pub(super) state: u64,
    /// How many messages it was sent.
    pub(super) answered: usize,
}

impl Controller for Nonsense {
    fn ask(&mut self, _request: &Request) -> io::Result<Vec<u8>> {
        self.answered += 1;
        let mut byte = || {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            self.state.to_le_bytes()[3]
        };
        let codes = [0, 0, 0, 0, 0, 0, 0xc5, 0xca];
        let code = codes[usize::from(byte() % 8)];
        let length = byte() % 24;
        // Small numbers are kinds of records and lengths that go on.
        let body = (0..length).map(|_| byte() & [0xff, 0x03][usize::from(byte() % 2)]);
        Ok([code].into_iter().chain(body).collect())
    }
}

/// A sensor data record with a header; `body` is filled up to the length.
pub(super) fn record(number: u16, kind: u8, length: u8, body: &[u8]) -> Vec<u8> {
    let mut record = number.to_le_bytes().to_vec();
    record.extend([0x51, kind, length]);
    record.extend(body);
    let fill = number.to_le_bytes()[0];
    record.resize(5 + usize::from(length), fill);
    record
}

impl Simulated {
    pub(super) const DEVICE_ID: [u8; 11] = [0x20, 0x81, 6, 0x10, 2, 0xdf, 0xa2, 2, 0, 0, 1];

    pub(super) fn fell_silent(&self) -> bool {
        self.answered > self.silent_after
    }

    fn parameter(channel: u8, parameter: u8, set: u8) -> Vec<u8> {
        let data: &[u8] = match (channel, parameter, set) {
            (1, 3, 0) => &[192, 0, 2, 200],
            (1, 5, 0) => &[0xd0, 0x94, 0x66, 0, 0x11, 0x22],
            (1, 59, 0 | 1) => &[0; 20],
            (8, 3, 0) => &[0; 4],
            _ => return vec![0x80],
        };
        [&[0, 0x11], data].concat()
    }

    fn log_entry(&self, data: &[u8]) -> Vec<u8> {
        let number = u16::from_le_bytes([data[2], data[3]]);
        let found = match number {
            0xffff => self.log.last(),
            number => self.log.iter().find(|entry| **entry == number),
        };
        let Some(number) = found else {
            return vec![0xcb];
        };
        let mut answer = vec![0, 0xff, 0xff];
        answer.extend(number.to_le_bytes());
        answer.resize(3 + 16, 2);
        answer
    }

    fn piece(&mut self, data: &[u8]) -> Vec<u8> {
        let [low, high, record_low, record_high, offset, length] = data else {
            return vec![0xc7];
        };
        if u16::from_le_bytes([*low, *high]) != self.reservation {
            return vec![0xc5];
        }
        if self.reservations_lost > 0 && *offset > 0 {
            self.reservations_lost -= 1;
            self.reservation += 1;
            return vec![0xc5];
        }
        if *length > self.longest {
            return vec![0xca];
        }
        if self.unreadable == Some(*record_low) && *offset > 0 {
            return vec![0xcd];
        }
        let number = [*record_low, *record_high];
        let at = match number {
            [0, 0] => Some(0),
            number => self.records.iter().position(|record| record[..2] == number),
        };
        let Some((at, record)) = at.and_then(|at| Some((at, self.records.get(at)?))) else {
            return vec![0xcb];
        };
        let next = match self.records.get(at + 1) {
            Some(next) => [next[0], next[1]],
            None if self.leads_back => [1, 0],
            None => [0xff, 0xff],
        };
        let rest = record.iter().skip(usize::from(*offset));
        let bytes: Vec<u8> = rest.take(usize::from(*length)).copied().collect();
        [&[0], &next[..], &bytes].concat()
    }
}

impl Controller for Simulated {
    fn ask(&mut self, request: &Request) -> io::Result<Vec<u8>> {
        self.answered += 1;
        if self.fell_silent() {
            return Err(Errno::ETIMEDOUT.into());
        }
        let data = request.data.as_slice();
        Ok(match (request.netfn, request.command, data) {
            (0x06, 0x01, _) => [&[0][..], &Self::DEVICE_ID].concat(),
            (0x06, 0x42, [1]) => vec![0, 1, 4, 1, 0x80, 0xf2, 0x1b, 0, 0, 0],
            (0x06, 0x42, [2]) => vec![0, 2, 5, 2, 0x40, 0xf2, 0x1b, 0, 0, 0],
            (0x0c, 0x02, [channel, parameter, set, _]) => {
                Self::parameter(*channel, *parameter, *set)
            }
            (0x0a, 0x40, _) => {
                let count = u16::try_from(self.log.len()).unwrap_or(u16::MAX);
                let mut info = vec![0, 0x51];
                info.extend(count.to_le_bytes());
                info.resize(15, 0);
                info
            }
            (0x0a, 0x43, data) => self.log_entry(data),
            (0x0a, 0x22, _) => {
                self.reservation += 1;
                [&[0][..], &self.reservation.to_le_bytes()].concat()
            }
            (0x0a, 0x23, data) => self.piece(data),
            (0x04, 0x2d, [number]) => vec![0, *number, 0xc0, 0],
            _ => vec![0xc1],
        })
    }
}
