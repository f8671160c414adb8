// SPDX-License-Identifier: Apache-2.0
//! Asks each TPM 2.0 what it is, over its character device.
//!
//! The device takes one command by `write` and gives the response by `read`;
//! opened without blocking it runs the command in the background and `poll`
//! says when it is done. A chip on a slow bus needs up to a tenth of a second
//! for an answer, so that the chips are asked beside everything else.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ironseed_core::snapshot::{Bytes, Snapshot, TpmAnswer};
use ironseed_core::tpm::{MAX_RESPONSE, QUESTIONS, length};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::recorder::words;
use crate::root::Root;

/// How long one TPM may take for all answers.
const PATIENCE: Duration = Duration::from_secs(3);

/// What one TPM answered until it had answered all, or something went wrong.
type Asked = (Vec<TpmAnswer>, Option<io::Error>);

/// Questions that are under way, by the TPM's name.
pub(super) struct Pending {
    asked: Vec<(String, mpsc::Receiver<Asked>)>,
    deadline: Instant,
}

/// Starts asking every TPM that the snapshot's files name as a 2.0.
pub(super) fn ask_in_background(root: &Root, snapshot: &Snapshot) -> Pending {
    let deadline = Instant::now() + PATIENCE;
    let files = &snapshot.files;
    let names = files.names("/sys/class/tpm").into_iter().filter(|name| {
        files.number(&format!("/sys/class/tpm/{name}/tpm_version_major")) == Some(2_u32)
    });
    let asked = names
        .map(|name| {
            let (sender, receiver) = mpsc::channel();
            let (root, device) = (root.clone(), name.to_owned());
            std::thread::spawn(move || {
                let asked = match open(&root, &device) {
                    Ok(mut file) => ask(&mut file, deadline),
                    Err(error) => (Vec::new(), Some(error)),
                };
                // Nobody listens any more if it took too long.
                let _ = sender.send(asked);
            });
            (name.to_owned(), receiver)
        })
        .collect();
    Pending { asked, deadline }
}

impl Pending {
    /// Waits for the answers and puts them into the snapshot.
    pub(super) fn finish(self, snapshot: &mut Snapshot) {
        for (name, answers) in self.asked {
            let left = self.deadline.saturating_duration_since(Instant::now());
            let (answers, problem) = match answers.recv_timeout(left) {
                Ok((answers, error)) => (answers, error.as_ref().map(words)),
                Err(_) => {
                    let seconds = PATIENCE.as_secs();
                    (Vec::new(), Some(format!("no answer within {seconds} s")))
                }
            };
            if !answers.is_empty() {
                snapshot.tpms.insert(name.clone(), answers);
            }
            if let Some(problem) = problem {
                snapshot.problems.insert(format!("/dev/{name}"), problem);
            }
        }
    }
}

/// The resource manager's device can be shared; the chip's own cannot, but is
/// there in every kernel.
fn open(root: &Root, name: &str) -> io::Result<File> {
    let flags = OFlag::O_RDWR | OFlag::O_NONBLOCK;
    let number = name.trim_start_matches("tpm");
    match root.open_at(&format!("/dev/tpmrm{number}"), flags) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            root.open_at(&format!("/dev/{name}"), flags)
        }
        opened => opened,
    }
}

/// Asks every question; what was answered before something went wrong is kept.
fn ask(device: &mut (impl Read + Write + AsFd), deadline: Instant) -> Asked {
    let mut answers = Vec::new();
    for question in QUESTIONS {
        match exchange(device, &question.command(), deadline) {
            Ok(response) => answers.push(TpmAnswer {
                capability: question.capability,
                property: question.property,
                response: Bytes(response),
            }),
            Err(error) => return (answers, Some(error)),
        }
    }
    (answers, None)
}

/// Sends a command and reads the response to it.
fn exchange(
    device: &mut (impl Read + Write + AsFd),
    command: &[u8],
    deadline: Instant,
) -> io::Result<Vec<u8>> {
    // A command must come in one piece, and so does the response of a chip; the
    // pieces are put together for a peer behind a socket.
    device.write_all(command)?;
    let mut response = Vec::new();
    let mut buffer = [0; MAX_RESPONSE];
    while length(&response).is_none_or(|whole| response.len() < whole) {
        wait(device, deadline)?;
        let count = device.read(&mut buffer)?;
        if count == 0 || response.len() + count > MAX_RESPONSE {
            return Err(io::ErrorKind::InvalidData.into());
        }
        response.extend(buffer.iter().take(count));
    }
    Ok(response)
}

fn wait(device: &impl AsFd, deadline: Instant) -> io::Result<()> {
    let left = deadline.saturating_duration_since(Instant::now());
    let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
    let mut waiting = [PollFd::new(device.as_fd(), PollFlags::POLLIN)];
    if poll(&mut waiting, left)? == 0 {
        return Err(Errno::ETIMEDOUT.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
