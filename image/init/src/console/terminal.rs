// SPDX-License-Identifier: Apache-2.0
//! One console: a bounded queue and a thread that writes it to the terminal. A slow or dead line
//! loses lines, says how many when it can, and holds up nobody.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::lines::stamped;
use crate::clock;

/// Lines in the queue: some 40 kB, which a serial line of 115200 baud writes in four seconds.
const QUEUE: usize = 512;

/// A console that lines can be given to.
#[derive(Debug)]
pub struct Terminal {
    name: String,
    lines: SyncSender<Arc<str>>,
    dropped: Arc<AtomicU64>,
}

impl Terminal {
    /// Starts the thread for `/dev/NAME`. `finished` gets the name when the thread has written
    /// everything and ends, after the [`Terminal`] was dropped.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(name: &str, finished: Sender<String>) -> io::Result<Self> {
        let (lines, queue) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let writer = Writer {
            path: PathBuf::from("/dev").join(name),
            file: None,
            dropped: Arc::clone(&dropped),
        };
        let own_name = name.to_owned();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                writer.run(&queue);
                // Nobody may be waiting for it.
                let _ = finished.send(own_name);
            })?;
        Ok(Self {
            name: name.to_owned(),
            lines,
            dropped,
        })
    }

    /// The terminal's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Queues a line, or counts it as dropped if the queue is full.
    pub fn show(&self, line: &Arc<str>) {
        if self.lines.try_send(Arc::clone(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Writer {
    path: PathBuf,
    file: Option<File>,
    dropped: Arc<AtomicU64>,
}

impl Writer {
    fn run(mut self, queue: &Receiver<Arc<str>>) {
        while let Ok(line) = queue.recv() {
            self.write(&line);
        }
        if let Some(file) = &self.file {
            // A terminal that is gone has nothing left to wait for.
            let _ = nix::sys::termios::tcdrain(file);
        }
    }

    fn write(&mut self, line: &str) {
        let lost = self.dropped.swap(0, Ordering::Relaxed);
        let mut text = String::new();
        if lost > 0 {
            text = stamped(
                clock::boottime(),
                &format!("init: {lost} lines dropped on this console"),
            );
            text.push('\n');
        }
        text.push_str(line);
        text.push('\n');
        if self.try_write(&text).is_err() {
            // It may be back for the next line (a USB or virtual serial port).
            self.file = None;
            self.dropped.fetch_add(lost + 1, Ordering::Relaxed);
        }
    }

    fn try_write(&mut self, text: &str) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(open(&self.path)?),
        };
        file.write_all(text.as_bytes())
    }
}

/// Opens without waiting for a carrier; writes afterwards do wait for the line.
fn open(path: &std::path::Path) -> io::Result<File> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = OpenOptions::new()
        .write(true)
        .custom_flags(flags.bits())
        .open(path)?;
    fcntl(&file, FcntlArg::F_SETFL(OFlag::empty()))?;
    Ok(file)
}
