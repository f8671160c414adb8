// SPDX-License-Identifier: Apache-2.0
//! `/run/ironseed/agent.log`: everything that went to the consoles, bounded. The agent packs it
//! into its log archive, together with `agent.log.1`, the part before.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Where the log is.
pub const FILE: &str = "/run/ironseed/agent.log";
/// Bytes of one part.
pub const LONGEST: u64 = 1 << 20;

/// The log, open for appending.
#[derive(Debug)]
pub struct AgentLog {
    path: PathBuf,
    file: File,
    length: u64,
    longest: u64,
}

impl AgentLog {
    /// Opens the log at `path`; what is in it stays. A part holds up to `longest` bytes.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: &Path, longest: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let length = file.metadata()?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            length,
            longest,
        })
    }

    /// Appends one line. A full part becomes `NAME.1`, in place of an older one.
    ///
    /// # Errors
    /// The file cannot be written or renamed.
    pub fn append(&mut self, line: &str) -> io::Result<()> {
        let line = format!("{line}\n");
        let bytes = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self.length > 0 && self.length.saturating_add(bytes) > self.longest {
            self.rotate()?;
        }
        self.file.write_all(line.as_bytes())?;
        self.length = self.length.saturating_add(bytes);
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let mut before = self.path.clone().into_os_string();
        before.push(".1");
        std::fs::rename(&self.path, before)?;
        *self = Self::open(&self.path, self.longest)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_bounded_parts() {
        let directory = tempfile::tempdir().expect("a directory for the test");
        let path = directory.path().join("agent.log");
        for line in ["one", "two", "three", "four", "five"] {
            // Opened anew each time, as after the death of the console process.
            AgentLog::open(&path, 10)
                .and_then(|mut log| log.append(line))
                .expect("appended");
        }
        let read = |path: &Path| std::fs::read_to_string(path).expect("a part");
        assert_eq!(read(&directory.path().join("agent.log.1")), "three\n");
        assert_eq!(read(&path), "four\nfive\n");
    }
}
