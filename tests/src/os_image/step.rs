// SPDX-License-Identifier: Apache-2.0
//! Runs the tools of the build, one after the other, and keeps what they say.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::error::{OsImageError, io};

/// Lines of the log that an error shows.
const TAIL_LINES: usize = 20;

/// Runs tools; everything they print goes to one log.
#[derive(Debug)]
pub(super) struct Steps {
    log: PathBuf,
}

impl Steps {
    pub(super) fn new(log: PathBuf) -> Self {
        Self { log }
    }

    /// Runs a tool and discards what it prints, except into the log.
    pub(super) fn run(
        &self,
        step: &'static str,
        command: &mut Command,
    ) -> Result<(), OsImageError> {
        let log = self.announce(step, command)?;
        let output = log.try_clone().map_err(io("open", &self.log))?;
        let status = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(log)
            .status()
            .map_err(|source| start(step, command, source))?;
        self.check(step, command, status)
    }

    /// Runs a tool and returns what it prints; its complaints go into the log.
    pub(super) fn output(
        &self,
        step: &'static str,
        command: &mut Command,
    ) -> Result<String, OsImageError> {
        let log = self.announce(step, command)?;
        let output = command
            .stdin(Stdio::null())
            .stderr(log)
            .output()
            .map_err(|source| start(step, command, source))?;
        self.check(step, command, output.status)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn announce(&self, step: &str, command: &Command) -> Result<File, OsImageError> {
        log::info!("operating system image: {step}");
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(io("open", &self.log))?;
        writeln!(file, "## {step}: {command:?}").map_err(io("write", &self.log))?;
        Ok(file)
    }

    fn check(
        &self,
        step: &'static str,
        command: &Command,
        status: std::process::ExitStatus,
    ) -> Result<(), OsImageError> {
        if status.success() {
            return Ok(());
        }
        let text = fs::read(&self.log).map_err(io("read", &self.log))?;
        Err(OsImageError::Step {
            step,
            tool: tool(command),
            status,
            log: self.log.clone(),
            tail: tail(&String::from_utf8_lossy(&text)),
        })
    }
}

fn start(step: &'static str, command: &Command, source: std::io::Error) -> OsImageError {
    OsImageError::Start {
        step,
        tool: tool(command),
        source,
    }
}

fn tool(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test panics on purpose")]

    use super::*;

    fn steps(dir: &tempfile::TempDir) -> Steps {
        Steps::new(dir.path().join("build.log"))
    }

    #[test]
    fn a_failed_step_shows_its_name_and_the_end_of_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let script = "for i in $(seq 1 50); do echo line $i; done; echo no space >&2; exit 3";
        let error = steps(&dir)
            .run("fill the disk", Command::new("sh").args(["-c", script]))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("step \"fill the disk\": sh ended with exit status: 3"));
        assert!(error.ends_with("line 50\nno space"), "{error}");
        assert!(!error.contains("line 30\n"), "{error}");
    }

    #[test]
    fn a_missing_tool_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = steps(&dir)
            .run("try", &mut Command::new("no-such-tool"))
            .unwrap_err();
        assert!(matches!(error, OsImageError::Start { tool, .. } if tool == "no-such-tool"));
    }

    #[test]
    fn output_is_returned_and_complaints_are_logged() {
        let dir = tempfile::tempdir().unwrap();
        let steps = steps(&dir);
        let mut command = Command::new("sh");
        command.args(["-c", "echo result; echo complaint >&2"]);
        assert_eq!(steps.output("ask", &mut command).unwrap(), "result\n");
        assert!(
            fs::read_to_string(&steps.log)
                .unwrap()
                .ends_with("complaint\n")
        );
    }
}
