// SPDX-License-Identifier: Apache-2.0
//! Init's own lines. Every process of init has a pipe to the console process as its standard
//! error; a line goes there in one write. When nobody empties the pipe (the console process is
//! dead or not yet born) or there is none (a request of the kernel), the line goes to the kernel
//! log as an error, which the kernel itself shows on its consoles.

use std::error::Error;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;

/// Lines up to `PIPE_BUF` bytes are not torn apart.
const LONGEST: usize = 4000;

/// Says one line.
pub fn say(text: &str) {
    let mut line = String::with_capacity(text.len() + 1);
    line.extend(text.chars().map(|c| if c == '\n' { ' ' } else { c }));
    line.truncate(line.floor_char_boundary(LONGEST));
    line.push('\n');
    if std::io::stderr().write_all(line.as_bytes()).is_err() {
        kernel_log(Priority::Error, &line);
    }
}

/// Says an error with the whole chain of its causes.
pub fn say_error(error: &dyn Error) {
    say(&chain(error));
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

/// Kernel log levels, with the facility `user` (1): `1 << 3 | level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// Shown on the consoles with every usual `loglevel`.
    Critical = 10,
    /// Shown with `loglevel=4`, Debian's `quiet`.
    Error = 11,
    /// Only in `dmesg`.
    Debug = 15,
}

/// Writes a line to `/dev/kmsg`, prefixed `init:`. Nothing can be done if that fails.
pub fn kernel_log(priority: Priority, text: &str) {
    if let Ok(mut kmsg) = OpenOptions::new().write(true).open("/dev/kmsg") {
        let number = priority as u8;
        let line = format!("<{number}>init: {}\n", text.trim_end());
        let _ = kmsg.write_all(line.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_joined() {
        #[derive(Debug, thiserror::Error)]
        #[error("mounting /proc")]
        struct Outer(#[source] nix::errno::Errno);
        assert_eq!(
            chain(&Outer(nix::errno::Errno::EBUSY)),
            "mounting /proc: EBUSY: Device or resource busy"
        );
    }
}
