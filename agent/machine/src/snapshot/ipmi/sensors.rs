// SPDX-License-Identifier: Apache-2.0
//! The controller's sensors: what they are, and what they read.

use std::collections::BTreeSet;

use ironseed_core::ipmi::{
    FIRST_RECORD, LAST_RECORD, RecordHeader, Refusal, Repository, Request, is_sensor, next_record,
    sensor_numbers, word,
};
use ironseed_core::snapshot::{Bmc, BmcReading, BmcSensors, Bytes};

use super::{Controller, Trouble};

/// How many records are walked at most; the largest servers have about 400.
const RECORDS: usize = 1024;
/// How often somebody else may take the reservation away.
const RESERVATIONS: usize = 16;
/// The longest piece of a record that is asked for at first, and the shortest.
const PIECE: (u8, u8) = (0xf0, 8);

/// Asks; what was answered before an error is kept.
pub(super) fn ask(controller: &mut impl Controller, bmc: &mut Bmc) -> Result<(), Trouble> {
    let device_id = bmc.device_id.as_ref().map_or(&[][..], |id| &id.0);
    let mut walk = Walk {
        repository: Repository::of(device_id),
        controller,
        reservation: 0,
        reserved: 0,
        piece: PIECE.0,
        skipped: None,
    };
    walk.reserve()?;
    walk.run(bmc.sensors.get_or_insert_default())?;
    walk.skipped.map_or(Ok(()), Err)
}

struct Walk<'a, C> {
    controller: &'a mut C,
    repository: Repository,
    reservation: u16,
    reserved: usize,
    piece: u8,
    /// Why a record was left out.
    skipped: Option<Trouble>,
}

impl<C: Controller> Walk<'_, C> {
    fn run(&mut self, sensors: &mut BmcSensors) -> Result<(), Trouble> {
        let mut number = FIRST_RECORD;
        let mut seen = BTreeSet::new();
        // A list that leads back into itself ends where it does.
        while number != LAST_RECORD && seen.insert(number) && seen.len() <= RECORDS {
            let (next, record) = self.record(number)?;
            if let Some(record) = record {
                let numbers = sensor_numbers(&record);
                sensors.records.push(Bytes(record));
                for (lun, number) in numbers {
                    let answer = self.controller.ask(&Request::reading(lun, number))?;
                    sensors.readings.push(BmcReading {
                        lun,
                        number,
                        answer: Bytes(answer),
                    });
                }
            }
            number = next;
        }
        Ok(())
    }

    /// The number of the record after this one, and this one if it is about a
    /// sensor and can be read.
    fn record(&mut self, number: u16) -> Result<(u16, Option<Vec<u8>>), Trouble> {
        let (next, record) = self.read(number, 0, RecordHeader::LENGTH)?;
        let header = RecordHeader::read(&record).ok_or(Trouble::Malformed)?;
        if !is_sensor(header.kind) {
            return Ok((next, None));
        }
        match self.rest(number, header, record) {
            Ok(record) => Ok((next, Some(record))),
            Err(Trouble::Silent(error)) => Err(Trouble::Silent(error)),
            // The way to the next one is known.
            Err(trouble) => {
                self.skipped = Some(trouble);
                Ok((next, None))
            }
        }
    }

    /// A record from its header on.
    fn rest(
        &mut self,
        number: u16,
        header: RecordHeader,
        mut record: Vec<u8>,
    ) -> Result<Vec<u8>, Trouble> {
        let length = usize::from(RecordHeader::LENGTH) + usize::from(header.length);
        while record.len() < length {
            // A record is longer than its offsets can say only if it lies.
            let offset = u8::try_from(record.len()).map_err(|_| Trouble::Malformed)?;
            let left = u8::try_from(length - record.len()).unwrap_or(u8::MAX);
            let (_, piece) = self.read(number, offset, left)?;
            if piece.is_empty() {
                return Err(Trouble::Malformed);
            }
            record.extend(piece);
        }
        record.truncate(length);
        Ok(record)
    }

    /// Reads a piece, or as much of it as the controller gives at once.
    fn read(&mut self, number: u16, offset: u8, length: u8) -> Result<(u16, Vec<u8>), Trouble> {
        loop {
            let length = length.min(self.piece);
            let request = self
                .repository
                .piece(self.reservation, number, offset, length);
            match self.controller.data(&request) {
                Ok(data) => {
                    let next = next_record(&data).ok_or(Trouble::Malformed)?;
                    return Ok((next.record, next.bytes.to_vec()));
                }
                Err(Trouble::Refused(Refusal::RESERVATION_LOST)) => self.reserve()?,
                Err(Trouble::Refused(refusal)) if refusal.is_about_length() && length > PIECE.1 => {
                    self.piece = (length / 2).max(PIECE.1);
                }
                Err(trouble) => return Err(trouble),
            }
        }
    }

    fn reserve(&mut self) -> Result<(), Trouble> {
        if self.reserved == RESERVATIONS {
            return Err(Trouble::Refused(Refusal::RESERVATION_LOST));
        }
        self.reserved += 1;
        let data = self.controller.data(&self.repository.reserve())?;
        self.reservation = word(&data, 0).ok_or(Trouble::Malformed)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::simulated::{Simulated, record};
    use super::*;

    fn machine() -> Simulated {
        Simulated {
            // A sensor, the locator of a controller, a sensor for events only,
            // three sensors in one record.
            records: vec![
                record(1, 0x01, 59, &[0x20, 0, 0x10]),
                record(2, 0x12, 20, &[]),
                record(3, 0x03, 28, &[0x20, 0, 0x20]),
                record(7, 0x02, 200, &{
                    let mut body = [0; 19];
                    body[..3].copy_from_slice(&[0x20, 0, 0x30]);
                    body[18] = 3;
                    body
                }),
            ],
            ..Simulated::default()
        }
    }

    fn asked(controller: &mut Simulated) -> (Result<(), Trouble>, BmcSensors) {
        let mut bmc = Bmc::default();
        let asked = ask(controller, &mut bmc);
        (asked, bmc.sensors.unwrap_or_default())
    }

    #[test]
    fn records_are_put_together_and_sensors_read() {
        for longest in [255, 60, 16, 8] {
            for reservations_lost in [0, 3] {
                let mut controller = Simulated {
                    longest,
                    reservations_lost,
                    ..machine()
                };
                let (asked, sensors) = asked(&mut controller);
                asked.expect("answers");
                let expected: Vec<Bytes> = [0, 2, 3]
                    .map(|at: usize| Bytes(controller.records[at].clone()))
                    .into();
                assert_eq!(sensors.records, expected, "pieces of {longest}");
                let numbers: Vec<u8> = sensors.readings.iter().map(|r| r.number).collect();
                assert_eq!(numbers, [0x10, 0x30, 0x31, 0x32]);
                assert_eq!(sensors.readings[0].answer.0, [0, 0x10, 0xc0, 0]);
            }
        }
    }

    #[test]
    fn a_record_that_cannot_be_read_is_left_out_and_told() {
        let mut controller = Simulated {
            unreadable: Some(3),
            ..machine()
        };
        let (asked, sensors) = asked(&mut controller);
        let trouble = asked.expect_err("it is told").to_string();
        assert!(trouble.contains("code 0xcd"), "{trouble}");
        assert_eq!(sensors.records.len(), 2);
    }

    #[test]
    fn trouble_ends_the_walk() {
        let cases = [
            (
                Simulated {
                    reservations_lost: usize::MAX,
                    ..machine()
                },
                "code 0xc5",
            ),
            (
                Simulated {
                    longest: 4,
                    ..machine()
                },
                "code 0xca",
            ),
            (
                Simulated {
                    silent_after: 6,
                    ..machine()
                },
                "Connection timed out",
            ),
        ];
        for (mut controller, expected) in cases {
            let (asked, _) = asked(&mut controller);
            let trouble = asked.expect_err("trouble").to_string();
            assert!(trouble.contains(expected), "{trouble}");
        }
    }

    #[test]
    fn a_list_that_leads_back_into_itself_ends() {
        let mut controller = Simulated {
            leads_back: true,
            ..machine()
        };
        let (asked, sensors) = asked(&mut controller);
        asked.expect("an end");
        assert!(sensors.records.len() <= 6, "{}", sensors.records.len());
    }
}
