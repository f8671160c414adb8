// SPDX-License-Identifier: Apache-2.0
//! Asks enclosures for the state of their slots.
//!
//! The kernel shows it as files, but each read of one is a SCSI command to the
//! enclosure's processor, which may be slow or dead. So each enclosure has a
//! thread of its own, and all together have a limit.

use std::io;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ironseed_core::snapshot::{Bytes, Entry, Snapshot, Tree};

use super::recorder::words;
use crate::root::Root;

/// How long all enclosures together may take; an attribute takes some
/// milliseconds, and the largest enclosures have about a hundred slots.
const PATIENCE: Duration = Duration::from_secs(3);
const ENCLOSURES: &str = "/sys/class/enclosure";
/// Kinds of components that hold disks, as the kernel names them.
const SLOTS: [&str; 2] = ["device", "array device"];
const ATTRIBUTES: [&str; 2] = ["locate", "status"];
/// No attribute is longer.
const LONGEST: u64 = 4096;

/// A file that was read, or the enclosure that is done.
enum Answer {
    Read(String, io::Result<Vec<u8>>),
    Done(String),
}

/// Enclosures that are being asked.
pub(super) struct Pending {
    waiting: Vec<String>,
    answers: mpsc::Receiver<Answer>,
    deadline: Instant,
}

/// Starts asking every enclosure that is in the tree.
pub(super) fn ask_in_background(root: &Root, files: &Tree) -> Pending {
    let (sender, answers) = mpsc::channel();
    let mut waiting = Vec::new();
    for enclosure in files.names(ENCLOSURES) {
        let paths = paths(files, &format!("{ENCLOSURES}/{enclosure}"));
        let (root, sender, name) = (root.clone(), sender.clone(), enclosure.to_owned());
        std::thread::spawn(move || {
            for path in paths {
                let bytes = root.read_at_most(&path, LONGEST);
                // Nobody listens any more if it took too long.
                if sender.send(Answer::Read(path, bytes)).is_err() {
                    return;
                }
            }
            let _ = sender.send(Answer::Done(name));
        });
        waiting.push(enclosure.to_owned());
    }
    Pending {
        waiting,
        answers,
        deadline: Instant::now() + PATIENCE,
    }
}

/// The files to read of an enclosure, by their canonical paths.
fn paths(files: &Tree, enclosure: &str) -> Vec<String> {
    files
        .names(enclosure)
        .into_iter()
        .filter_map(|component| files.canonical(&format!("{enclosure}/{component}")))
        .filter(|component| {
            files
                .text(&format!("{component}/type"))
                .is_some_and(|kind| SLOTS.contains(&kind))
        })
        .flat_map(|component| ATTRIBUTES.map(|name| format!("{component}/{name}")))
        .collect()
}

impl Pending {
    /// Waits for the answers and puts them into the snapshot.
    pub(super) fn finish(mut self, snapshot: &mut Snapshot) {
        while !self.waiting.is_empty() {
            let left = self.deadline.saturating_duration_since(Instant::now());
            match self.answers.recv_timeout(left) {
                Ok(Answer::Done(name)) => self.waiting.retain(|waiting| *waiting != name),
                Ok(Answer::Read(path, Ok(bytes))) => {
                    snapshot.files.insert(path, Entry::File(Bytes(bytes)));
                }
                // Not every enclosure has every light.
                Ok(Answer::Read(_, Err(error))) if error.kind() == io::ErrorKind::NotFound => {}
                Ok(Answer::Read(path, Err(error))) => {
                    snapshot
                        .files
                        .insert(path, Entry::Unreadable(words(&error)));
                }
                Err(_) => break,
            }
        }
        for enclosure in self.waiting {
            let seconds = PATIENCE.as_secs();
            snapshot.problems.insert(
                format!("enclosure {enclosure}"),
                format!("no answer within {seconds} s"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_slots_is_read_and_nothing_else() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = Root::open(directory.path()).expect("open");
        let mut snapshot = Snapshot::default();
        for (component, kind, names) in [
            ("Slot 01", "array device", &["locate", "status"][..]),
            ("Slot 02", "device", &["status"]),
            ("Fan 0", "cooling", &["locate", "status"]),
        ] {
            let place = format!("{ENCLOSURES}/0:0:12:0/{component}");
            let on_disk = directory.path().join(place.trim_start_matches('/'));
            std::fs::create_dir_all(&on_disk).expect("make");
            for name in names {
                std::fs::write(on_disk.join(name), "1\n").expect("write");
            }
            let kind = Entry::File(Bytes::from(kind));
            snapshot.files.insert(format!("{place}/type"), kind);
        }
        let known = snapshot.files.len();
        ask_in_background(&root, &snapshot.files).finish(&mut snapshot);
        let text = |path: &str| {
            let path = format!("{ENCLOSURES}/0:0:12:0/{path}");
            snapshot.files.text(&path).map(str::to_owned)
        };
        assert_eq!(snapshot.files.len(), known + 3);
        assert_eq!(text("Slot 01/locate").as_deref(), Some("1"));
        assert_eq!(text("Slot 02/status").as_deref(), Some("1"));
        assert!(snapshot.problems.is_empty());
    }

    #[test]
    fn an_enclosure_that_does_not_answer_is_a_problem() {
        let (_sender, answers) = mpsc::channel();
        let pending = Pending {
            waiting: vec!["0:0:12:0".into()],
            answers,
            deadline: Instant::now(),
        };
        let mut snapshot = Snapshot::default();
        pending.finish(&mut snapshot);
        let problem = snapshot.problems.get("enclosure 0:0:12:0");
        assert_eq!(problem.map(String::as_str), Some("no answer within 3 s"));
    }
}
