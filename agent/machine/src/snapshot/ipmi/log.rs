// SPDX-License-Identifier: Apache-2.0
//! The last records of the controller's event log.

use ironseed_core::ipmi::{FIRST_RECORD, LAST_RECORD, LOG_RECORD, Request, next_record, word};
use ironseed_core::snapshot::{Bmc, BmcLog, Bytes};

use super::{Controller, Trouble};

/// How many records are read at most.
const RECORDS: usize = 100;
/// How many numbers without a record end the search for older ones.
const GAP: usize = 8;

/// Asks; what was answered before an error is kept.
///
/// The log leads from old records to new ones only, and can have thousands.
/// Controllers count their records up, so that the way back from the last is to
/// count down; numbers without a record are skipped.
pub(super) fn ask(controller: &mut impl Controller, bmc: &mut Bmc) -> Result<(), Trouble> {
    let info = controller.data(&Request::log_info())?;
    let count = word(&info, 1).map(usize::from).unwrap_or_default();
    let mut log = BmcLog {
        info: Bytes(info),
        entries: Vec::new(),
    };
    let read = read_backwards(controller, count.min(RECORDS), &mut log.entries);
    log.entries.reverse();
    bmc.log = Some(log);
    read
}

fn read_backwards(
    controller: &mut impl Controller,
    count: usize,
    entries: &mut Vec<Bytes>,
) -> Result<(), Trouble> {
    let mut number = LAST_RECORD;
    let mut missing = 0;
    while entries.len() < count && missing < GAP {
        let answer = match number {
            LAST_RECORD => Some(controller.data(&Request::log_entry(number))?),
            number => controller.optional(&Request::log_entry(number))?,
        };
        let record = answer.as_deref().and_then(next_record);
        match record.and_then(|record| record.bytes.get(..LOG_RECORD)) {
            Some(record) if !entries.iter().any(|seen| seen.0 == record) => {
                number = match number {
                    LAST_RECORD => word(record, 0).ok_or(Trouble::Malformed)?,
                    number => number,
                };
                entries.push(Bytes(record.to_vec()));
                missing = 0;
            }
            _ if number == LAST_RECORD => return Err(Trouble::Malformed),
            _ => missing += 1,
        }
        // Numbers begin at 1; the controller's 0 is the first record again.
        if number <= FIRST_RECORD + 1 {
            break;
        }
        number -= 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::simulated::Simulated;
    use super::*;

    fn numbers(bmc: &Bmc) -> Vec<u16> {
        let log = bmc.log.as_ref().expect("a log");
        let number = |entry: &Bytes| word(&entry.0, 0).expect("a number");
        log.entries.iter().map(number).collect()
    }

    #[test]
    fn the_last_records_are_read_in_order() {
        let many: Vec<u16> = (1..=300).collect();
        for (log, expected) in [
            (vec![], vec![]),
            (vec![1], vec![1]),
            (vec![1, 2, 3], vec![1, 2, 3]),
            (vec![5, 6, 9, 12], vec![5, 6, 9, 12]),
            (vec![1, 40, 41], vec![40, 41]),
            (many, (201..=300).collect()),
        ] {
            let mut controller = Simulated {
                log,
                ..Simulated::default()
            };
            let mut bmc = Bmc::default();
            ask(&mut controller, &mut bmc).expect("answers");
            assert_eq!(numbers(&bmc), expected);
        }
    }

    #[test]
    fn what_was_answered_before_it_fell_silent_is_kept() {
        let mut controller = Simulated {
            log: (1..=50).collect(),
            silent_after: 11,
            ..Simulated::default()
        };
        let mut bmc = Bmc::default();
        let asked = ask(&mut controller, &mut bmc);
        assert!(matches!(asked, Err(Trouble::Silent(_))), "{asked:?}");
        assert_eq!(numbers(&bmc), (41..=50).collect::<Vec<u16>>());
    }
}
