// SPDX-License-Identifier: Apache-2.0
//! The rooted directory: every path this crate reads or writes for the machine
//! as a whole (`/proc`, `/sys`, `/etc`, `/run`) is taken below a root.
//!
//! On the live machine the root is `/`. In tests and with a captured tree it is
//! any directory, and links inside it cannot lead out of it.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::dir::{Dir, Type};
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2, readlinkat};
use nix::sys::stat::Mode;

/// Bytes read at once. sysfs gives an attribute of at most so many bytes whole
/// (kernel documentation, filesystems/sysfs), so that less is the end and need
/// not be asked for again; a snapshot reads a thousand of them.
const PAGE: usize = 4096;

/// A directory that stands for `/`.
#[derive(Debug, Clone)]
pub struct Root {
    directory: Arc<OwnedFd>,
    path: PathBuf,
}

/// What a name in a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// Anything else: a file, a device node, a socket.
    File,
}

impl Root {
    /// The machine itself.
    ///
    /// # Errors
    /// The kernel refuses to open `/`.
    pub fn live() -> io::Result<Self> {
        Self::open(Path::new("/"))
    }

    /// A directory that holds a tree such as `proc/cpuinfo`, `sys/class/net`.
    ///
    /// # Errors
    /// The directory does not exist or cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let how = OpenHow::new().flags(OFlag::O_DIRECTORY | OFlag::O_PATH | OFlag::O_CLOEXEC);
        let directory = openat2(AT_FDCWD, path, how)?;
        Ok(Self {
            directory: Arc::new(directory),
            path: path.to_owned(),
        })
    }

    /// Where this root really is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens what is at a path, links followed inside the root.
    ///
    /// # Errors
    /// As `openat2(2)`.
    pub fn open_at(&self, path: &str, flags: OFlag) -> io::Result<File> {
        let mode = if flags.contains(OFlag::O_CREAT) {
            Mode::from_bits_truncate(0o644)
        } else {
            Mode::empty()
        };
        let how = OpenHow::new()
            .flags(flags | OFlag::O_CLOEXEC)
            .mode(mode)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT);
        Ok(File::from(openat2(
            &*self.directory,
            inside(path)?.as_c_str(),
            how,
        )?))
    }

    /// The bytes of a file, at most `limit` of them.
    ///
    /// # Errors
    /// Opening or reading fails; for sysfs attributes that is the driver's answer.
    pub fn read_at_most(&self, path: &str, limit: u64) -> io::Result<Vec<u8>> {
        let file = self.open_at(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK)?;
        let mut file = file.take(limit);
        let mut bytes = Vec::new();
        // On the stack: a buffer from the heap would cost more than the read.
        let mut page = [0_u8; PAGE];
        loop {
            match file.read(&mut page) {
                Ok(count) => {
                    bytes.extend_from_slice(page.get(..count).unwrap_or_default());
                    let ended = path.starts_with("/sys/") && count < PAGE;
                    if count == 0 || ended {
                        return Ok(bytes);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The text of a file of reasonable size (1 MiB), without white space around it.
    ///
    /// # Errors
    /// Opening or reading fails, or the file is not UTF-8.
    pub fn read_text(&self, path: &str) -> io::Result<String> {
        let text = String::from_utf8(self.read_at_most(path, 1 << 20)?)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok(text.trim().to_owned())
    }

    /// Writes text over a file, which is made if it is missing.
    ///
    /// # Errors
    /// Opening or writing fails.
    pub fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC;
        self.open_at(path, flags)?.write_all(bytes)
    }

    /// The target of a symbolic link, as stored.
    ///
    /// # Errors
    /// `EINVAL` if the path is something else than a link.
    pub fn read_link(&self, path: &str) -> io::Result<String> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = self.open_at(parent, OFlag::O_PATH | OFlag::O_DIRECTORY)?;
        let target = readlinkat(&parent, name)?;
        target
            .into_string()
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
    }

    /// The names in a directory with what each of them is.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn entries(&self, path: &str) -> io::Result<BTreeMap<String, Kind>> {
        let directory = self.open_at(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
        let mut found = BTreeMap::new();
        for entry in Dir::from_fd(OwnedFd::from(directory))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = match entry.file_type() {
                Some(Type::Symlink) => Kind::Link,
                Some(Type::Directory) => Kind::Directory,
                Some(_) => Kind::File,
                None => self.kind_at(&format!("{path}/{name}")),
            };
            if name != "." && name != ".." {
                found.insert(name, kind);
            }
        }
        Ok(found)
    }

    /// Asks where the file system does not tell kinds in its directories.
    fn kind_at(&self, path: &str) -> Kind {
        if self.read_link(path).is_ok() {
            Kind::Link
        } else if self
            .open_at(path, OFlag::O_PATH | OFlag::O_DIRECTORY)
            .is_ok()
        {
            Kind::Directory
        } else {
            Kind::File
        }
    }

    /// The names in a directory, in order.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn names(&self, path: &str) -> io::Result<Vec<String>> {
        Ok(self.entries(path)?.into_keys().collect())
    }

    /// Whether something is at the path, links followed.
    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        self.open_at(path, OFlag::O_PATH).is_ok()
    }
}

/// The path relative to the root: openat2 takes `.` for the root itself.
fn inside(path: &str) -> io::Result<CString> {
    let relative = path.trim_start_matches('/');
    let relative = if relative.is_empty() { "." } else { relative };
    CString::new(Path::new(relative).as_os_str().as_bytes())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_do_not_lead_out_of_the_root() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |path: &str| directory.path().join(path);
        std::fs::create_dir_all(at("sys/a")).expect("make");
        std::fs::write(at("sys/a/name"), "inside\n").expect("write");
        symlink("/sys/a", at("absolute")).expect("link");
        symlink("../../../../sys/a", at("sys/upwards")).expect("link");
        let root = Root::open(directory.path()).expect("open");
        for (path, kind) in [
            ("/absolute", Kind::Link),
            ("/sys/a", Kind::Directory),
            ("/sys/a/name", Kind::File),
        ] {
            assert_eq!(root.kind_at(path), kind, "{path}");
        }
        assert_eq!(root.read_text("/absolute/name").expect("read"), "inside");
        assert_eq!(root.read_text("/sys/upwards/name").expect("read"), "inside");
        assert_eq!(root.read_link("/absolute").expect("link"), "/sys/a");
        assert_eq!(root.names("/sys").expect("names"), ["a", "upwards"]);
        assert!(root.read_link("/sys/a").is_err());
        assert!(!root.exists("/etc/hostname"));
    }

    #[test]
    fn files_are_written_and_cut() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = Root::open(directory.path()).expect("open");
        root.write("/resolv.conf", b"nameserver 192.0.2.1\n")
            .expect("write");
        root.write("/resolv.conf", b"short").expect("write");
        assert_eq!(root.read_at_most("resolv.conf", 3).expect("read"), b"sho");
        assert_eq!(root.read_text("/resolv.conf").expect("read"), "short");
    }
}
