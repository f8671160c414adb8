// SPDX-License-Identifier: Apache-2.0
//! Asks ethtool about every link: driver, link settings, forward error
//! correction, and the EEPROM of the module in the port.
//!
//! Links are asked at the same time, each by a thread of its own, while the rest
//! of the snapshot is taken: a module that hangs on its I²C bus costs its own
//! data and never the other ports'.
//!
//! The first three questions are ioctls, because every kernel has them and one
//! call is one answer. Only netlink reaches every module: drivers that read by
//! page have no ioctl for it, and for the others the kernel translates.

mod ioctl;
mod module;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use ironseed_core::inventory::highest_speed;
use ironseed_core::snapshot::{ModuleEeprom, NetworkLink, Snapshot};

use ioctl::Answers;

/// How long all links together may take. A module's EEPROM is read at 100 kHz,
/// about 15 ms for each half page, by some drivers one port after the other.
const PATIENCE: Duration = Duration::from_secs(10);

enum Answer {
    /// Answers of the driver; the problem with the link, if any.
    Driver(Box<Answers>, Option<String>),
    /// What was read of the module so far.
    Module(ModuleEeprom),
    /// Nothing more comes.
    Done,
}

/// Questions on their way.
pub(super) struct Asking {
    receiver: mpsc::Receiver<(u32, Answer)>,
    /// Index of each link that has not finished.
    waiting: Vec<u32>,
    /// Links that could not be asked, and why.
    not_asked: Vec<(String, String)>,
}

/// Begins to ask every link, and the module in it if `modules` says so.
pub(super) fn ask_in_background(links: &[NetworkLink], modules: bool) -> Asking {
    let (sender, receiver) = mpsc::channel();
    let mut asking = Asking {
        receiver,
        waiting: Vec::new(),
        not_asked: Vec::new(),
    };
    for link in links {
        let (sender, index, name) = (sender.clone(), link.index, link.name.clone());
        let spawned = std::thread::Builder::new()
            .name(format!("ethtool {name}"))
            .stack_size(128 << 10)
            .spawn(move || {
                ask(&name, modules, |answer| {
                    // Nobody listens any more if the link took too long.
                    let _ = sender.send((index, answer));
                });
            });
        match spawned {
            Ok(_) => asking.waiting.push(link.index),
            Err(error) => asking
                .not_asked
                .push((link.name.clone(), super::recorder::words(&error))),
        }
    }
    asking
}

fn ask(name: &str, modules: bool, answer: impl Fn(Answer)) {
    match ioctl::answers(name) {
        Ok(answers) => answer(Answer::Driver(Box::new(answers), None)),
        Err(error) => answer(Answer::Driver(
            Box::default(),
            Some(super::recorder::words(&error)),
        )),
    }
    if modules {
        module::read(name, |module| answer(Answer::Module(module)));
    }
    answer(Answer::Done);
}

impl Asking {
    /// Waits for the answers and puts them into the snapshot's links.
    pub(super) fn finish(self, snapshot: &mut Snapshot) {
        self.finish_within(PATIENCE, snapshot);
    }

    fn finish_within(mut self, patience: Duration, snapshot: &mut Snapshot) {
        let deadline = Instant::now() + patience;
        while !self.waiting.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok((index, answer)) = self.receiver.recv_timeout(left) else {
                break;
            };
            if matches!(answer, Answer::Done) {
                self.waiting.retain(|waiting| *waiting != index);
            }
            put(snapshot, index, answer);
        }
        for index in self.waiting {
            let seconds = patience.as_secs();
            give_up(snapshot, index, format!("no answer within {seconds} s"));
        }
        snapshot.problems.extend(self.not_asked);
    }
}

fn put(snapshot: &mut Snapshot, index: u32, answer: Answer) {
    let Some(link) = snapshot.links.iter_mut().find(|link| link.index == index) else {
        return;
    };
    match answer {
        Answer::Driver(answers, problem) => {
            link.driver = answers.driver;
            link.fec = answers.fec;
            if let Some(settings) = answers.settings {
                link.speed_mbps = known(settings.speed);
                link.max_speed_mbps = highest_speed(&settings.supported);
                link.settings = Some(settings);
            }
            if let Some(problem) = problem {
                snapshot.problems.insert(link.name.clone(), problem);
            }
        }
        Answer::Module(module) => link.module = Some(module),
        Answer::Done => {}
    }
}

/// A link that did not answer in time keeps what it answered before.
fn give_up(snapshot: &mut Snapshot, index: u32, words: String) {
    let Some(link) = snapshot.links.iter_mut().find(|link| link.index == index) else {
        return;
    };
    link.module.get_or_insert_default().error = Some(words);
}

/// `SPEED_UNKNOWN` is all ones; some drivers say 0 or 65535 without a carrier.
fn known(speed: u32) -> Option<u32> {
    (speed != u32::MAX && speed != 0xffff && speed != 0).then_some(speed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(names: &[&str]) -> Snapshot {
        let links = names.iter().zip(1..).map(|(name, index)| NetworkLink {
            index,
            name: (*name).to_owned(),
            ..NetworkLink::default()
        });
        Snapshot {
            links: links.collect(),
            ..Snapshot::default()
        }
    }

    #[test]
    fn unknown_speeds_are_absent() {
        for (speed, expected) in [
            (1000, Some(1000)),
            (u32::MAX, None),
            (0xffff, None),
            (0, None),
        ] {
            assert_eq!(known(speed), expected);
        }
    }

    #[test]
    fn a_link_that_vanished_is_a_problem_of_its_own() {
        let mut snapshot = snapshot(&["none0", "lo"]);
        ask_in_background(&snapshot.links, true).finish(&mut snapshot);
        assert_eq!(snapshot.links[0].settings, None);
        assert_eq!(snapshot.links[0].module, None);
        assert_eq!(
            snapshot.problems.iter().collect::<Vec<_>>(),
            [(&"none0".to_owned(), &"No such device".to_owned())]
        );
    }

    #[test]
    fn a_link_that_hangs_keeps_what_it_answered_and_the_others_all() {
        let mut snapshot = snapshot(&["eno1", "eno2"]);
        let (sender, receiver) = mpsc::channel();
        let asking = Asking {
            receiver,
            waiting: vec![1, 2],
            not_asked: Vec::new(),
        };
        for index in [1, 2] {
            let answers = Answers {
                settings: Some(ironseed_core::snapshot::LinkSettings {
                    speed: 25_000,
                    ..Default::default()
                }),
                ..Answers::default()
            };
            let answer = Answer::Driver(Box::new(answers), None);
            sender.send((index, answer)).expect("somebody listens");
        }
        sender.send((2, Answer::Done)).expect("somebody listens");
        // The sender of the first link lives on and says nothing more.
        asking.finish_within(Duration::ZERO, &mut snapshot);
        let [first, second] = snapshot.links.as_slice() else {
            panic!("two links");
        };
        assert_eq!(first.speed_mbps, Some(25_000));
        let error = first
            .module
            .as_ref()
            .and_then(|module| module.error.clone());
        assert_eq!(error.as_deref(), Some("no answer within 0 s"));
        assert_eq!(second.speed_mbps, Some(25_000));
        assert_eq!(second.module, None);
        drop(sender);
    }
}
