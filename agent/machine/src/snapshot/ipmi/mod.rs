// SPDX-License-Identifier: Apache-2.0
//! Asks the management controller, over `/dev/ipmi0`.
//!
//! A controller answers in a few to tens of milliseconds or not at all, so it is
//! asked beside everything else, and each part of the questions is given up after
//! its patience. What was answered until then is kept.

mod device;
mod identity;
mod log;
mod sensors;
#[cfg(test)]
mod simulated;

use std::io;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ironseed_core::ipmi::{Refusal, Request, data};
use ironseed_core::snapshot::{Bmc, Snapshot};

use super::recorder::words;
use crate::root::Root;
use device::Device;

/// How long the controller may take for who it is and where it is reached.
const IDENTITY: Duration = Duration::from_secs(5);
/// How long it may take for its event log.
const LOG: Duration = Duration::from_secs(5);
/// How long it may take for its sensors: some servers have three hundred, and
/// each needs three messages.
const SENSORS: Duration = Duration::from_secs(15);
/// How much longer than all of that the answers are waited for; they come by then
/// unless the kernel itself does not come back.
const GRACE: Duration = Duration::from_secs(2);

/// How much the controller is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Who it is and where it is reached.
    Identity,
    /// Its event log and its sensors as well.
    Everything,
}

impl Depth {
    fn patience(self) -> Duration {
        match self {
            Self::Identity => IDENTITY,
            Self::Everything => IDENTITY + LOG + SENSORS,
        }
    }
}

/// Something that answers requests as a management controller does.
trait Controller {
    /// The answer, which begins with a completion code.
    fn ask(&mut self, request: &Request) -> io::Result<Vec<u8>>;

    /// The data of the answer.
    fn data(&mut self, request: &Request) -> Result<Vec<u8>, Trouble> {
        let answer = self.ask(request)?;
        Ok(data(&answer).map_err(Trouble::Refused)?.to_vec())
    }

    /// The data of the answer to a question that not every controller knows.
    fn optional(&mut self, request: &Request) -> io::Result<Option<Vec<u8>>> {
        let answer = self.ask(request)?;
        Ok(data(&answer).ok().map(<[u8]>::to_vec))
    }
}

/// Why a part of the questions ended early.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    /// The controller did not answer, or the kernel did not let it be asked.
    #[error("{}", words(.0))]
    Silent(#[from] io::Error),
    /// It does not want to answer.
    #[error("{0}")]
    Refused(Refusal),
    /// It answers something that is no answer.
    #[error("the controller's answer is malformed")]
    Malformed,
}

/// What was answered, and what went wrong, by subject.
#[derive(Debug, Default)]
struct Asked {
    bmc: Option<Bmc>,
    problems: Vec<(&'static str, String)>,
}

/// Questions that are under way.
pub(super) struct Pending {
    answer: Option<mpsc::Receiver<Asked>>,
    deadline: Instant,
}

/// Starts asking, if there is a controller.
pub(super) fn ask_in_background(root: &Root, depth: Depth) -> Pending {
    let deadline = Instant::now() + depth.patience() + GRACE;
    let answer = Device::find(root).map(|place| {
        let (sender, receiver) = mpsc::channel();
        let root = root.clone();
        std::thread::spawn(move || {
            let asked = match Device::open(&root, place) {
                Ok(mut device) => ask(&mut device, depth),
                Err(error) => Asked {
                    bmc: None,
                    problems: vec![(place, words(&error))],
                },
            };
            // Nobody listens any more if it took too long.
            let _ = sender.send(asked);
        });
        receiver
    });
    Pending { answer, deadline }
}

impl Pending {
    /// Waits for the answers and puts them into the snapshot.
    pub(super) fn finish(self, snapshot: &mut Snapshot) {
        let Some(answer) = self.answer else {
            return;
        };
        let left = self.deadline.saturating_duration_since(Instant::now());
        let asked = answer.recv_timeout(left).unwrap_or_else(|_| Asked {
            bmc: None,
            problems: vec![(device::PLACES[0], "the kernel does not answer".into())],
        });
        snapshot.bmc = asked.bmc;
        for (subject, problem) in asked.problems {
            snapshot.problems.insert(subject.into(), problem);
        }
    }
}

fn ask(device: &mut Device, depth: Depth) -> Asked {
    let mut asked = Asked::default();
    let mut bmc = Bmc::default();
    device.be_patient(IDENTITY);
    let known = ask_identity(device, &mut bmc);
    if let Err(error) = &known {
        asked.problems.push((device::PLACES[0], words(error)));
    }
    // One that does not say who it is will not say more.
    if known.is_ok() && depth == Depth::Everything {
        device.be_patient(LOG);
        if let Err(trouble) = ask_log(device, &mut bmc) {
            asked.problems.push(("BMC event log", trouble.to_string()));
        }
        device.be_patient(SENSORS);
        if let Err(trouble) = ask_sensors(device, &mut bmc) {
            asked.problems.push(("BMC sensors", trouble.to_string()));
        }
    }
    if bmc != Bmc::default() {
        asked.bmc = Some(bmc);
    }
    asked
}

use identity::ask as ask_identity;
use log::ask as ask_log;
use sensors::ask as ask_sensors;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_controller_is_not_asked() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = Root::open(directory.path()).expect("open");
        for depth in [Depth::Identity, Depth::Everything] {
            let mut snapshot = Snapshot::default();
            ask_in_background(&root, depth).finish(&mut snapshot);
            assert_eq!(snapshot, Snapshot::default());
        }
    }

    #[test]
    fn nonsense_comes_to_an_end() {
        let (mut records, mut entries) = (0, 0);
        for seed in 1..500 {
            let mut controller = simulated::Nonsense {
                state: seed,
                answered: 0,
            };
            let mut bmc = Bmc::default();
            ask_identity(&mut controller, &mut bmc).expect("it always answers");
            let _ = ask_log(&mut controller, &mut bmc);
            let _ = ask_sensors(&mut controller, &mut bmc);
            assert!(controller.answered < 100_000, "{}", controller.answered);
            entries += bmc.log.map_or(0, |log| log.entries.len());
            records += bmc.sensors.map_or(0, |sensors| sensors.records.len());
        }
        assert!(records > 50 && entries > 50, "{records} {entries}");
    }

    #[test]
    fn what_is_no_controller_is_said() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = Root::open(directory.path()).expect("open");
        std::fs::create_dir(directory.path().join("dev")).expect("make");
        std::fs::write(directory.path().join("dev/ipmi0"), "").expect("write");
        let mut snapshot = Snapshot::default();
        ask_in_background(&root, Depth::Everything).finish(&mut snapshot);
        assert_eq!(snapshot.bmc, None);
        let expected = nix::errno::Errno::ENOTTY.desc();
        assert_eq!(snapshot.problems["/dev/ipmi0"], expected);
        assert_eq!(snapshot.problems.len(), 1);
    }
}
