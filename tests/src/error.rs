// SPDX-License-Identifier: Apache-2.0
//! What can go wrong in the lab, each with the thing it happened to.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// A failure of the lab or of what a scenario expected.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file operation failed.
    #[error("cannot {doing} {}", path.display())]
    File {
        /// The verb, for example "read".
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
    /// A program could not be started at all.
    #[error("cannot start {program}")]
    Start {
        /// The program's name.
        program: String,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
    /// A program ended with an error.
    #[error("{command} ended with {status}: {output}")]
    Program {
        /// The program and its arguments.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it wrote to its standard error.
        output: String,
    },
    /// A long-running part of the lab ended by itself.
    #[error("{name} ended with {status}; its log is {}", log.display())]
    Died {
        /// The part, for example "ironic".
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
    },
    /// Something did not happen in time.
    #[error("waited {} s for {what}; last seen: {last}", limit.as_secs())]
    Timeout {
        /// What was waited for.
        what: String,
        /// The limit.
        limit: Duration,
        /// What was seen instead.
        last: String,
    },
    /// A kernel call of the namespace set-up failed.
    #[error("cannot {doing}")]
    Kernel {
        /// What was attempted.
        doing: String,
        /// The reason.
        #[source]
        source: nix::errno::Errno,
    },
    /// An HTTP request did not get an answer.
    #[error("{method} {url} got no answer")]
    Http {
        /// The method.
        method: String,
        /// The address.
        url: String,
        /// The reason.
        #[source]
        source: reqwest::Error,
    },
    /// Ironic refused a request.
    #[error("{method} {url} was answered {status}: {body}")]
    Refused {
        /// The method.
        method: String,
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The error text.
        body: String,
    },
    /// A node reached a state from which the awaited one cannot be reached.
    #[error("the node is {state} instead of {wanted}: {last_error}")]
    NodeFailed {
        /// Its provision state.
        state: String,
        /// The state that was awaited.
        wanted: String,
        /// Ironic's `last_error`.
        last_error: String,
    },
    /// Something that must be installed or built first is not there.
    #[error("{what} is missing; run {remedy}")]
    Missing {
        /// What is missing.
        what: String,
        /// The command that provides it.
        remedy: String,
    },
    /// The machine's disk does not hold what it should.
    #[error("disk {}: {problem}", path.display())]
    Disk {
        /// The disk's file.
        path: PathBuf,
        /// What differs, with offsets.
        problem: String,
    },
    /// The operating system image cannot be built.
    #[error("cannot build the operating system image")]
    OsImage(#[from] crate::os_image::OsImageError),
    /// An expectation of a scenario does not hold.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// The expectation.
        expected: String,
        /// What was found.
        found: String,
    },
}

impl Error {
    /// The error and its causes in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

/// Fails with [`Error::Expected`] unless `holds`.
///
/// # Errors
/// [`Error::Expected`], with `found` as the scenario describes it.
pub fn expect(holds: bool, expected: &str, found: impl FnOnce() -> String) -> Result<(), Error> {
    if holds {
        Ok(())
    } else {
        Err(Error::Expected {
            expected: expected.to_owned(),
            found: found(),
        })
    }
}
