// SPDX-License-Identifier: Apache-2.0
//! Drives that answer anything: cut, flipped, all zeroes, all ones.

use super::tests::{answered_machine, read_disks};
use super::{Verdict, drives_to_ask};
use crate::inventory::random::Random;
use crate::snapshot::{Answer, Bytes, DriveAnswer, DriveAnswers, Snapshot};

fn answers_of(snapshot: &mut Snapshot) -> impl Iterator<Item = &mut Vec<u8>> {
    let drives = snapshot.drives.values_mut();
    let answers = drives.flat_map(|drive| drive.answers.iter_mut());
    answers.filter_map(|answer| match &mut answer.answer {
        Answer::Data(bytes) => Some(&mut bytes.0),
        Answer::Refused(_) => None,
    })
}

#[test]
fn empty_answers_are_no_values() {
    for fill in [0, 0xff] {
        let mut snapshot = answered_machine();
        answers_of(&mut snapshot).for_each(|bytes| bytes.fill(fill));
        for identity in snapshot.nvme_controllers.values_mut() {
            identity.0.fill(fill);
        }
        let (disks, absent) = read_disks(&snapshot);
        for disk in disks {
            assert_eq!(disk.health, None, "{}", disk.name);
            assert_eq!(disk.verdict, Verdict::Unknown);
            let told = |value: &str| {
                absent
                    .iter()
                    .any(|a| a.subject == disk.name && a.value == value)
            };
            assert!(told("health"), "{}", disk.name);
            assert_eq!((disk.nvme, disk.security), (None, None), "{}", disk.name);
            assert_eq!(disk.rotation_rpm, None);
            assert_eq!(disk.power_loss_protection, None, "{}", disk.name);
        }
    }
}

#[test]
fn cut_answers_never_break_the_reader() {
    for length in (0..70).chain([100, 127, 128, 200, 255, 300, 511, 513]) {
        let mut snapshot = answered_machine();
        answers_of(&mut snapshot).for_each(|bytes| bytes.truncate(length));
        let (disks, _) = read_disks(&snapshot);
        assert_eq!(disks.len(), 5);
    }
}

#[test]
fn flipped_answers_never_break_the_reader() {
    let mut random = Random::new(11);
    for _ in 0..400 {
        let mut snapshot = answered_machine();
        for bytes in answers_of(&mut snapshot) {
            for _ in 0..random.below(12) {
                let at = random.below(bytes.len().max(1));
                let flipped = random.byte();
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = flipped;
                }
            }
        }
        let (disks, _) = read_disks(&snapshot);
        assert_eq!(disks.len(), 5);
    }
}

/// Whatever a drive answers, the questions come to an end.
#[test]
fn the_questions_end_for_any_answers() {
    let drives = drives_to_ask(&answered_machine());
    let mut random = Random::new(5);
    for _ in 0..300 {
        for drive in &drives {
            let mut known = DriveAnswers::default();
            while let Some(request) = drive.next_request(&known) {
                let bytes = (0..random.below(600)).map(|_| random.byte()).collect();
                let answer = Answer::Data(Bytes(bytes));
                known.answers.push(DriveAnswer { request, answer });
                assert!(known.answers.len() < 100, "{}", drive.name);
            }
        }
    }
}
