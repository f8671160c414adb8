// SPDX-License-Identifier: Apache-2.0
//! Small files that live as long as this boot: the agent's state and its TLS
//! identity below `/run/ironseed`, and the timeline PID 1 writes there.
//!
//! The directory survives a restart of the agent's process. Its files hold the
//! agent token and a private key, so they are for root only.

use std::io::Write as _;

use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, mkdirat};
use thiserror::Error;

use crate::root::Root;

/// Where the files are.
const DIRECTORY: &str = "/run/ironseed";

/// Why a file was not kept.
#[derive(Debug, Error)]
#[error("writing {path} failed")]
pub struct StateError {
    /// The file.
    path: String,
    /// The kernel's words.
    source: std::io::Error,
}

/// The directory of this boot's state.
#[derive(Debug, Clone)]
pub struct StateDirectory {
    root: Root,
}

impl StateDirectory {
    /// The directory below a root; made if PID 1 has not made it.
    ///
    /// # Errors
    /// [`StateError`] if it is missing and cannot be made.
    pub fn open(root: &Root) -> Result<Self, StateError> {
        if !root.exists(DIRECTORY) {
            make_directory(root).map_err(|source| StateError {
                path: DIRECTORY.to_owned(),
                source,
            })?;
        }
        Ok(Self { root: root.clone() })
    }

    /// The directory for a reader: nothing is made, and nothing is there if no
    /// agent has run.
    #[must_use]
    pub fn as_it_is(root: &Root) -> Self {
        Self { root: root.clone() }
    }

    /// The content of a file; `None` if it was never written or is damaged.
    #[must_use]
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        self.root.read_at_most(&path(name), 256 << 20).ok()
    }

    /// Replaces a file as a whole: a crash leaves the old content or the new.
    ///
    /// # Errors
    /// [`StateError`] with the kernel's words.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        let target = path(name);
        self.write_and_rename(name, bytes)
            .map_err(|source| StateError {
                path: target,
                source,
            })
    }

    fn write_and_rename(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let directory = self
            .root
            .open_at(DIRECTORY, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
        let fresh = format!("{name}.new");
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC;
        let mut file = self.root.open_at(&path(&fresh), flags)?;
        nix::sys::stat::fchmod(&file, Mode::S_IRUSR | Mode::S_IWUSR)?;
        file.write_all(bytes)?;
        nix::fcntl::renameat(&directory, fresh.as_str(), &directory, name)?;
        Ok(())
    }

    /// The points in time PID 1 noted: name and milliseconds since the kernel
    /// started, in the order they came.
    #[must_use]
    pub fn timeline(&self) -> Vec<(String, u64)> {
        let text = self.root.read_text(&path("timeline")).unwrap_or_default();
        text.lines()
            .filter_map(|line| {
                let (name, at) = line.split_once(' ')?;
                Some((name.to_owned(), at.trim().parse().ok()?))
            })
            .collect()
    }

    /// Whether PID 1 is the image's own, which keeps the timeline.
    #[must_use]
    pub fn has_timeline(&self) -> bool {
        self.root.exists(&path("timeline"))
    }
}

fn path(name: &str) -> String {
    format!("{DIRECTORY}/{name}")
}

fn make_directory(root: &Root) -> std::io::Result<()> {
    let run = root.open_at("/run", OFlag::O_PATH | OFlag::O_DIRECTORY)?;
    mkdirat(&run, "ironseed", Mode::S_IRWXU)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn files_are_replaced_whole_and_private() {
        let tree = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(tree.path().join("run")).expect("run");
        let root = Root::open(tree.path()).expect("a root");
        let state = StateDirectory::open(&root).expect("a state directory");
        assert_eq!(state.read("state.json"), None);
        state.replace("state.json", b"one").expect("written");
        state.replace("state.json", b"two").expect("written");
        assert_eq!(state.read("state.json").as_deref(), Some(&b"two"[..]));
        let meta = std::fs::metadata(tree.path().join("run/ironseed/state.json")).expect("there");
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
        assert!(!state.has_timeline());
        std::fs::write(
            tree.path().join("run/ironseed/timeline"),
            "init 1930\nbad\ncoldplug 3100\n",
        )
        .expect("written");
        assert_eq!(
            state.timeline(),
            [("init".to_owned(), 1930), ("coldplug".to_owned(), 3100)]
        );
    }
}
