// SPDX-License-Identifier: Apache-2.0
//! The file reads of the `bootconfig` program; the library has none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bootconfig::{RawFile, RawSources};
use thiserror::Error;

/// Where the image keeps config files (contract §2.1).
const CONFIG_DIR: &str = "/etc/ironic-python-agent.d";

/// A source that cannot be read.
#[derive(Debug, Error)]
#[error("reading {}", .path.display())]
pub(crate) struct ReadError {
    path: PathBuf,
    source: io::Error,
}

/// Reads the sources. The usual config directory may be missing, one that was
/// asked for may not.
pub(crate) fn read(
    cmdline: &Path,
    config_dir: Option<&Path>,
    parameters: Option<&Path>,
) -> Result<RawSources, ReadError> {
    Ok(RawSources {
        cmdline: read_file(cmdline)?,
        parameters_disk: parameters.map(read_file).transpose()?,
        config_files: match config_dir {
            Some(directory) => read_directory(directory)?,
            None if Path::new(CONFIG_DIR).is_dir() => read_directory(Path::new(CONFIG_DIR))?,
            None => Vec::new(),
        },
        ..RawSources::default()
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the program `bootconfig` reads files for people; the library takes bytes"
)]
fn read_file(path: &Path) -> Result<Vec<u8>, ReadError> {
    fs::read(path).map_err(|source| failed(path, source))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the program `bootconfig` reads files for people; the library takes bytes"
)]
fn read_directory(directory: &Path) -> Result<Vec<RawFile>, ReadError> {
    let entries = fs::read_dir(directory).map_err(|source| failed(directory, source))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|source| failed(directory, source))?.path();
        // Step files and certificates lie beside the config files.
        if path
            .extension()
            .is_some_and(|extension| extension == "conf")
        {
            files.push((path.display().to_string(), read_file(&path)?));
        }
    }
    Ok(files)
}

fn failed(path: &Path, source: io::Error) -> ReadError {
    ReadError {
        path: path.to_owned(),
        source,
    }
}
