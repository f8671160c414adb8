// SPDX-License-Identifier: Apache-2.0
//! The main loop of `init console`. Standard input is the agent's pipe, standard output is the
//! reading end of init's.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::read;

use super::agent_log::{self, AgentLog};
use super::control::FromInit;
use super::kernel_message::{KernelLog, KernelMessage};
use super::lines::{LineCutter, stamped};
use super::names::consoles;
use super::terminal::Terminal;
use crate::clock;
use crate::cmdline::CommandLine;
use crate::say::{Priority, kernel_log};

const ACTIVE: &str = "/sys/class/tty/console/active";
/// How many of the agent's lines are shown again when it ends.
const LAST_LINES: usize = 15;
/// How long the consoles may take to write their queues when the machine goes down.
const FINISH_BOUND: Duration = Duration::from_millis(1500);

/// Waiting for the pipes failed; PID 1 starts the process again.
#[derive(Debug, thiserror::Error)]
#[error("waiting for lines to show")]
pub struct ConsoleError(#[source] Errno);

/// Copies lines until PID 1 says that the machine goes down.
///
/// # Errors
/// [`ConsoleError`].
pub fn run() -> Result<(), ConsoleError> {
    let words = std::fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let (finished, all_finished) = channel();
    let mut program = Program {
        command_line: CommandLine::parse(&words),
        active: File::open(ACTIVE).ok(),
        kernel: None,
        terminals: Vec::new(),
        finished,
        log: AgentLog::open(Path::new(agent_log::FILE), agent_log::LONGEST).ok(),
        last_lines: VecDeque::new(),
        from_agent: LineCutter::default(),
        from_init: LineCutter::default(),
    };
    program.look_for_consoles();
    while program.step()? {}
    program.finish(&all_finished);
    Ok(())
}

struct Program {
    command_line: CommandLine,
    active: Option<File>,
    /// Open if there is a console that the kernel does not write to.
    kernel: Option<KernelLog>,
    terminals: Vec<Terminal>,
    finished: Sender<()>,
    log: Option<AgentLog>,
    last_lines: VecDeque<Arc<str>>,
    from_agent: LineCutter,
    from_init: LineCutter,
}

impl Program {
    /// Waits for something and does it; false when the machine goes down.
    fn step(&mut self) -> Result<bool, ConsoleError> {
        let (agent, init) = (std::io::stdin(), std::io::stdout());
        let mut fds = vec![
            PollFd::new(agent.as_fd(), PollFlags::POLLIN),
            PollFd::new(init.as_fd(), PollFlags::POLLIN),
        ];
        fds.extend(
            self.kernel
                .as_ref()
                .map(|log| PollFd::new(log.as_fd(), PollFlags::POLLIN)),
        );
        fds.extend(
            self.active
                .as_ref()
                .map(|file| PollFd::new(file.as_fd(), PollFlags::POLLPRI)),
        );
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(true),
            Err(errno) => return Err(ConsoleError(errno)),
        }
        let consoles_changed = fds
            .iter()
            .filter_map(PollFd::revents)
            .any(|events| events.contains(PollFlags::POLLPRI));
        if consoles_changed {
            self.look_for_consoles();
        }
        self.read_kernel();
        let goes_on = self.read_init(init.as_fd(), agent.as_fd());
        self.read_agent(agent.as_fd());
        Ok(goes_on)
    }

    /// Starts and ends terminals so that they are those the kernel has now.
    fn look_for_consoles(&mut self) {
        let mut active = String::new();
        if let Some(file) = &mut self.active {
            // An unreadable list counts as empty: then the command line decides.
            let _ = file
                .rewind()
                .and_then(|()| file.read_to_string(&mut active));
        }
        let wanted = consoles(&active, &self.command_line);
        self.terminals
            .retain(|terminal| wanted.contains(terminal.console()));
        for console in wanted {
            if self
                .terminals
                .iter()
                .any(|terminal| *terminal.console() == console)
            {
                continue;
            }
            let name = console.name.clone();
            match Terminal::start(console, self.finished.clone()) {
                Ok(terminal) => self.terminals.push(terminal),
                Err(error) => kernel_log(
                    Priority::Error,
                    &format!("no thread for console {name}: {error}"),
                ),
            }
        }
        let silent = self
            .terminals
            .iter()
            .any(|terminal| !terminal.console().has_kernel_messages);
        if silent && self.kernel.is_none() {
            self.kernel = KernelLog::open().ok();
        }
    }

    /// Copies the kernel's messages to the consoles that the kernel leaves out.
    fn read_kernel(&mut self) {
        let Some(log) = &mut self.kernel else { return };
        let mut messages: Vec<KernelMessage> = Vec::new();
        loop {
            match log.read() {
                Ok(message) => messages.extend(message),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.kernel = None;
                    break;
                }
            }
        }
        for message in messages {
            let line: Arc<str> = stamped(message.time, &message.text).into();
            for terminal in &self.terminals {
                if !terminal.console().has_kernel_messages {
                    terminal.show(&line);
                }
            }
        }
    }

    fn read_agent(&mut self, pipe: BorrowedFd<'_>) {
        let mut buffer = [0; 4096];
        // Twice what a pipe holds: an agent that never stops talking must not silence init.
        for _ in 0..32 {
            let Ok(length @ 1..) = read(pipe, &mut buffer) else {
                return;
            };
            for text in self
                .from_agent
                .push(buffer.get(..length).unwrap_or_default())
            {
                self.agent_line(&text);
            }
        }
    }

    fn agent_line(&mut self, text: &str) {
        let line = self.show(text);
        if self.last_lines.len() == LAST_LINES {
            self.last_lines.pop_front();
        }
        self.last_lines.push_back(line);
    }

    /// Reads what init says; false if it was the last.
    fn read_init(&mut self, pipe: BorrowedFd<'_>, agent: BorrowedFd<'_>) -> bool {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = read(pipe, &mut buffer) {
            for text in self
                .from_init
                .push(buffer.get(..length).unwrap_or_default())
            {
                match FromInit::parse(&text) {
                    FromInit::Line(text) => self.init_line(text),
                    FromInit::AgentEnded(text) => {
                        // Its last words are in the pipe before the news of its end.
                        self.read_agent(agent);
                        self.agent_ended(text);
                    }
                    FromInit::Finish => {
                        self.read_agent(agent);
                        return false;
                    }
                }
            }
        }
        true
    }

    fn init_line(&mut self, text: &str) {
        kernel_log(Priority::Debug, text);
        self.show(&format!("init: {text}"));
    }

    fn agent_ended(&mut self, text: &str) {
        if let Some(rest) = self.from_agent.finish() {
            self.agent_line(&rest);
        }
        let now = clock::boottime();
        let rule = stamped(now, &format!("init: {}", "=".repeat(60)));
        self.on_terminals(&rule.clone().into());
        self.init_line(text);
        if !self.last_lines.is_empty() {
            self.on_terminals(&stamped(now, "init: its last lines were:").into());
        }
        for line in std::mem::take(&mut self.last_lines) {
            self.on_terminals(&format!("  | {line}").into());
        }
        self.on_terminals(&rule.into());
    }

    /// Shows a line everywhere and logs it.
    fn show(&mut self, text: &str) -> Arc<str> {
        let line: Arc<str> = stamped(clock::boottime(), text).into();
        self.on_terminals(&line);
        // A full /run must not keep lines from the consoles.
        if self
            .log
            .as_mut()
            .is_none_or(|log| log.append(&line).is_err())
        {
            self.log = AgentLog::open(Path::new(agent_log::FILE), agent_log::LONGEST).ok();
        }
        line
    }

    fn on_terminals(&self, line: &Arc<str>) {
        for terminal in &self.terminals {
            terminal.show(line);
        }
    }

    /// Gives the consoles a bounded time for what is in their queues.
    fn finish(mut self, all_finished: &Receiver<()>) {
        let count = self.terminals.len();
        self.terminals.clear();
        let deadline = clock::boottime() + FINISH_BOUND;
        for _ in 0..count {
            let left = deadline.saturating_sub(clock::boottime());
            if all_finished.recv_timeout(left).is_err() {
                return;
            }
        }
    }
}
