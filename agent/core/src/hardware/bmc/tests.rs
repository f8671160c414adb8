// SPDX-License-Identifier: Apache-2.0
//! Controllers that answer nonsense.

use super::*;
use crate::inventory::random::Random;
use crate::snapshot::{BmcChannel, BmcLog, BmcParameter, BmcReading, BmcSensors, Bytes};

/// Bytes of any length up to `longest`, more often than not of the kind that
/// decoders look at.
fn bytes(random: &mut Random, longest: usize) -> Bytes {
    let length = random.below(longest + 1);
    Bytes((0..length).map(|_| random.byte()).collect())
}

fn record(random: &mut Random) -> Bytes {
    let mut record = bytes(random, 80);
    let kind = 1 + random.byte() % 3;
    for (at, value) in [(3, kind), (5, 0x20), (6, 0), (13, 1), (20, 0), (23, 0)] {
        if let Some(byte) = record.0.get_mut(at)
            && random.below(4) > 0
        {
            *byte = value;
        }
    }
    record
}

fn parameters(random: &mut Random) -> Vec<BmcParameter> {
    (0..random.below(12))
        .map(|_| BmcParameter {
            parameter: [1, 2, 3, 4, 5, 6, 12, 20, 51, 56, 59][random.below(11)],
            set: 0,
            data: bytes(random, 24),
        })
        .collect()
}

fn controller(random: &mut Random) -> snapshot::Bmc {
    snapshot::Bmc {
        device_id: Some(bytes(random, 16)),
        guid: Some(bytes(random, 18)),
        system_info: parameters(random),
        channels: vec![BmcChannel {
            channel: random.byte(),
            info: Some(bytes(random, 10)),
            parameters: parameters(random),
        }],
        log: Some(BmcLog {
            info: bytes(random, 18),
            entries: (0..random.below(6)).map(|_| bytes(random, 18)).collect(),
        }),
        sensors: Some(BmcSensors {
            records: (0..random.below(6)).map(|_| record(random)).collect(),
            readings: (0..random.below(40))
                .map(|_| BmcReading {
                    lun: 0,
                    number: random.byte(),
                    answer: bytes(random, 6),
                })
                .collect(),
        }),
    }
}

#[test]
fn nonsense_is_no_trouble() {
    let mut random = Random::new(2020);
    let (mut devices, mut sensors, mut logs, mut values) = (0, 0, 0, 0);
    for _ in 0..8000 {
        let found = decode(&controller(&mut random), &mut Absences::default());
        for sensor in &found.sensors {
            let numbers = sensor.value.iter().chain(sensor.thresholds.values());
            for number in numbers {
                assert!(number.is_finite());
                values += 1;
            }
            assert!(!sensor.name.chars().any(char::is_control));
        }
        devices += usize::from(found.device.is_some());
        sensors += found.sensors.len();
        logs += usize::from(found.event_log.is_some());
        serde_json::to_string(&found).expect("a report");
    }
    // The cases go deep enough to test anything.
    for reached in [devices, sensors, logs, values] {
        assert!(reached > 1000, "{devices} {sensors} {logs} {values}");
    }
}

#[test]
fn a_machine_without_a_controller_says_so() {
    let hardware = crate::hardware::read(&snapshot::Snapshot::default());
    assert_eq!(hardware.bmc, None);
    let absence = hardware.absent.iter().find(|a| a.subject == "BMC");
    assert_eq!(absence.expect("an absence").value, "everything");
}
