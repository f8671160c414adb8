// SPDX-License-Identifier: Apache-2.0
//! One console: a bounded queue and a thread that writes it to the terminal. A slow or dead line
//! loses lines, says how many when it can, and holds up nobody.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::termios::{
    BaudRate, ControlFlags, SetArg, cfsetspeed, tcdrain, tcgetattr, tcsetattr,
};

use super::lines::stamped;
use super::names::Console;
use crate::clock;

/// Lines in the queue: some 40 kB, which a serial line of 115200 baud writes in four seconds.
const QUEUE: usize = 512;
/// After a loss, lines are taken again when the queue is this short, so that there are long gaps
/// and long stretches rather than a torn text.
const ENOUGH_ROOM: usize = QUEUE / 2;

/// A console that lines can be given to.
#[derive(Debug)]
pub struct Terminal {
    console: Console,
    lines: SyncSender<Arc<str>>,
    counts: Arc<Counts>,
}

/// What both sides of the queue know.
#[derive(Debug, Default)]
struct Counts {
    queued: AtomicUsize,
    dropped: AtomicU64,
}

impl Terminal {
    /// Starts the thread for the console. `finished` is told when the thread has written
    /// everything and ends, after the [`Terminal`] was dropped.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(console: Console, finished: Sender<()>) -> io::Result<Self> {
        // One more for the line that says how many were lost.
        let (lines, queue) = sync_channel(QUEUE + 1);
        let counts = Arc::new(Counts::default());
        let writer = Writer {
            console: console.clone(),
            file: None,
            counts: Arc::clone(&counts),
        };
        std::thread::Builder::new()
            .name(console.name.clone())
            .spawn(move || {
                writer.run(&queue);
                // Nobody may be waiting for it.
                let _ = finished.send(());
            })?;
        Ok(Self {
            console,
            lines,
            counts,
        })
    }

    /// Which console it writes to.
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// Queues a line, or counts it as dropped if the queue is full.
    pub fn show(&self, line: &Arc<str>) {
        let dropped = self.counts.dropped.load(Ordering::Relaxed);
        let queued = self.counts.queued.load(Ordering::Relaxed);
        if !takes_line(queued, dropped) {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if dropped > 0 {
            self.counts.dropped.fetch_sub(dropped, Ordering::Relaxed);
            let text = format!("init: {dropped} lines dropped on this console");
            self.queue(stamped(clock::boottime(), &text).into());
        }
        self.queue(Arc::clone(line));
    }

    fn queue(&self, line: Arc<str>) {
        self.counts.queued.fetch_add(1, Ordering::Relaxed);
        if self.lines.try_send(line).is_err() {
            self.counts.queued.fetch_sub(1, Ordering::Relaxed);
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Whether a line is queued, given the length of the queue and how many lines were lost since the
/// last one that was.
fn takes_line(queued: usize, dropped: u64) -> bool {
    queued < if dropped > 0 { ENOUGH_ROOM } else { QUEUE }
}

struct Writer {
    console: Console,
    file: Option<File>,
    counts: Arc<Counts>,
}

impl Writer {
    fn run(mut self, queue: &Receiver<Arc<str>>) {
        while let Ok(line) = queue.recv() {
            if self.write(&format!("{line}\n")).is_err() {
                // It may be back for the next line (a USB or virtual serial port).
                self.file = None;
                self.counts.dropped.fetch_add(1, Ordering::Relaxed);
            }
            self.counts.queued.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(file) = &self.file {
            // A terminal that is gone has nothing left to wait for.
            let _ = tcdrain(file);
        }
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(open(&self.console)?),
        };
        file.write_all(text.as_bytes())
    }
}

/// Opens without waiting for a carrier; writes afterwards do wait for the line.
fn open(console: &Console) -> io::Result<File> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = OpenOptions::new()
        .write(true)
        .custom_flags(flags.bits())
        .open(Path::new("/dev").join(&console.name))?;
    fcntl(&file, FcntlArg::F_SETFL(OFlag::empty()))?;
    // A line that the kernel uses as its console has been set up by it.
    if !console.has_kernel_messages {
        set_up_line(&file, console.speed)?;
    }
    Ok(file)
}

/// The speed of the command line, and no heed to modem signals.
fn set_up_line(file: &File, speed: Option<u32>) -> io::Result<()> {
    let mut settings = tcgetattr(file)?;
    settings.control_flags |= ControlFlags::CLOCAL;
    if let Some(rate) = speed.and_then(baud_rate) {
        cfsetspeed(&mut settings, rate)?;
    }
    tcsetattr(file, SetArg::TCSANOW, &settings)?;
    Ok(())
}

/// Speeds of server consoles.
fn baud_rate(speed: u32) -> Option<BaudRate> {
    match speed {
        9600 => Some(BaudRate::B9600),
        19200 => Some(BaudRate::B19200),
        38400 => Some(BaudRate::B38400),
        57600 => Some(BaudRate::B57600),
        115_200 => Some(BaudRate::B115200),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_long() {
        for (queued, dropped, expected) in [
            (0, 0, true),
            (QUEUE - 1, 0, true),
            (QUEUE, 0, false),
            (QUEUE - 1, 1, false),
            (ENOUGH_ROOM, 1, false),
            (ENOUGH_ROOM - 1, 1, true),
        ] {
            assert_eq!(takes_line(queued, dropped), expected, "{queued} {dropped}");
        }
    }

    #[test]
    fn a_terminal_that_is_not_there_blocks_nobody_and_ends() {
        let (finished, wait) = std::sync::mpsc::channel();
        let console = Console {
            name: "no-such-terminal".to_owned(),
            has_kernel_messages: false,
            speed: None,
        };
        let terminal = Terminal::start(console, finished).expect("a thread");
        for _ in 0..2 * QUEUE {
            terminal.show(&"line".into());
        }
        drop(terminal);
        assert_eq!(wait.recv(), Ok(()));
    }
}
