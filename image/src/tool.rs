// SPDX-License-Identifier: Apache-2.0
//! Running the few programs of the build machine: apt, dpkg-deb, cargo, rustup.

use std::process::{Command, Output, Stdio};

use thiserror::Error;

/// A program that could not be run, or that failed.
#[derive(Debug, Error)]
pub enum ToolError {
    /// The program is not there or may not be started.
    #[error("cannot start {program}")]
    Start {
        /// Name of the program.
        program: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The program ran and said no.
    #[error("{command}: {status}{evidence}")]
    Failed {
        /// The command line.
        command: String,
        /// Exit code or signal.
        status: std::process::ExitStatus,
        /// The end of what it wrote to standard error, on lines of its own.
        evidence: String,
    },
}

/// Bytes of standard error that an error carries.
const EVIDENCE: usize = 2048;

/// Runs the program to its end and returns what it printed.
///
/// # Errors
/// If it cannot be started or does not succeed.
pub fn output(command: &mut Command) -> Result<Vec<u8>, ToolError> {
    let result = command.stdin(Stdio::null()).output();
    let output = result.map_err(|source| ToolError::Start {
        program: program(command),
        source,
    })?;
    check(command, &output)?;
    Ok(output.stdout)
}

/// Runs the program with its output on the terminal.
///
/// # Errors
/// If it cannot be started or does not succeed.
pub fn run(command: &mut Command) -> Result<(), ToolError> {
    let result = command.stdin(Stdio::null()).status();
    let status = result.map_err(|source| ToolError::Start {
        program: program(command),
        source,
    })?;
    check(
        command,
        &Output {
            status,
            stdout: Vec::new(),
            stderr: Vec::new(),
        },
    )
}

/// An error if the finished program did not succeed.
///
/// # Errors
/// If the status is not that of success.
pub fn check(command: &Command, output: &Output) -> Result<(), ToolError> {
    if output.status.success() {
        return Ok(());
    }
    let text = &output.stderr[output.stderr.len().saturating_sub(EVIDENCE)..];
    let text = String::from_utf8_lossy(text);
    let evidence = if text.trim().is_empty() {
        String::new()
    } else {
        format!("\n{}", text.trim())
    };
    Err(ToolError::Failed {
        command: command_line(command),
        status: output.status,
        evidence,
    })
}

fn program(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_carry_the_evidence() {
        let error =
            output(Command::new("sh").args(["-c", "echo 'no such thing' >&2; exit 3"])).map(drop);
        let text = error.map_or_else(|e| e.to_string(), |()| String::new());
        assert_eq!(
            text,
            "sh -c echo 'no such thing' >&2; exit 3: exit status: 3\nno such thing"
        );
        let missing = output(&mut Command::new("/nonexistent/program"));
        assert!(matches!(missing, Err(ToolError::Start { .. })));
    }
}
