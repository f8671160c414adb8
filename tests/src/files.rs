// SPDX-License-Identifier: Apache-2.0
//! File operations whose errors name the file.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::error::Error;

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File {
        doing,
        path,
        source,
    }
}

/// Makes a directory and its parents.
///
/// # Errors
/// [`Error::File`].
pub fn make_dir(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(failed("create directory", path))
}

/// Removes a directory with its contents; one that is not there is fine.
///
/// # Errors
/// [`Error::File`].
pub fn remove_dir(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(failed("remove directory", path)),
    }
}

/// Writes a whole file.
///
/// # Errors
/// [`Error::File`].
pub fn write(path: &Path, contents: impl AsRef<[u8]>) -> Result<(), Error> {
    fs::write(path, contents).map_err(failed("write", path))
}

/// Reads a whole file as text; bytes that are not UTF-8 are replaced.
///
/// # Errors
/// [`Error::File`].
pub fn read_text(path: &Path) -> Result<String, Error> {
    let bytes = fs::read(path).map_err(failed("read", path))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Copies a file.
///
/// # Errors
/// [`Error::File`].
pub fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    fs::copy(from, to).map_err(failed("copy", from)).map(drop)
}

/// Renames a file.
///
/// # Errors
/// [`Error::File`].
pub fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(failed("rename", from))
}

/// Waits until no other process holds the lock of this file, and holds it until the value is
/// dropped.
///
/// # Errors
/// [`Error::File`].
pub fn lock(path: &Path) -> Result<fs::File, Error> {
    let file = fs::File::create(path).map_err(failed("create", path))?;
    file.lock().map_err(failed("lock", path))?;
    Ok(file)
}

/// Makes a symbolic link at `link` to `target`.
///
/// # Errors
/// [`Error::File`].
pub fn link(target: &Path, link: &Path) -> Result<(), Error> {
    symlink(target, link).map_err(failed("link", link))
}

/// Makes a sparse file of `bytes` bytes.
///
/// # Errors
/// [`Error::File`].
pub fn make_sparse(path: &Path, bytes: u64) -> Result<(), Error> {
    fs::File::create(path)
        .and_then(|file| file.set_len(bytes))
        .map_err(failed("create", path))
}

/// The names in a directory, sorted; none if it cannot be read.
#[must_use]
pub fn names_in(path: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(path)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            entry
                .ok()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
        })
        .collect();
    names.sort();
    names
}

/// The last `lines` lines of a text file, or a remark why there are none.
#[must_use]
pub fn tail(path: &Path, lines: usize) -> String {
    match read_text(path) {
        Err(error) => error.chain(),
        Ok(text) => {
            let all: Vec<&str> = text.lines().collect();
            all[all.len().saturating_sub(lines)..].join("\n")
        }
    }
}
