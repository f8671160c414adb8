// SPDX-License-Identifier: Apache-2.0
//! Putting one module into the kernel.

use std::ffi::CString;
use std::fs::File;
use std::path::Path;

use nix::errno::Errno;
use nix::kmod::{ModuleInitFlags, finit_module};

use super::depend::Load;
use super::index::Index;

/// `MODULE_INIT_COMPRESSED_FILE` of finit_module(2): the kernel unpacks the file.
const COMPRESSED_FILE: u32 = 4;

/// What came of a load that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loaded {
    /// It is in the kernel now.
    New,
    /// It was there before.
    Before,
    /// The driver found none of its hardware and went again (`ENODEV`).
    NoDevice,
}

/// A module that could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file is not there or cannot be read.
    #[error("opening {file}")]
    Open {
        /// As in `modules.dep`.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// A parameter on the command line holds a zero byte.
    #[error("parameters of module {module}")]
    Parameters {
        /// Its name.
        module: String,
        /// Where.
        source: std::ffi::NulError,
    },
    /// The kernel refused it; its own log says more.
    #[error("loading module {module}")]
    Insert {
        /// Its name.
        module: String,
        /// Why.
        source: Errno,
    },
    /// A module that it depends on is not there.
    #[error("module {module} needs {needs}, which is not loaded")]
    Needs {
        /// Its name.
        module: String,
        /// The other's name.
        needs: String,
    },
}

/// Loads one module, without its dependencies, with its parameters of the command line.
///
/// # Errors
/// [`LoadError`], except that a module which is there already and one without hardware are fine.
pub fn load(index: &Index, load: Load<'_>) -> Result<Loaded, LoadError> {
    if is_live(load.name) {
        return Ok(Loaded::Before);
    }
    let path = index.directory().join(load.file);
    let file = File::open(&path).map_err(|source| LoadError::Open {
        file: load.file.to_owned(),
        source,
    })?;
    let parameters =
        CString::new(index.parameters(load.name)).map_err(|source| LoadError::Parameters {
            module: load.name.to_owned(),
            source,
        })?;
    match finit_module(&file, &parameters, flags(&path)) {
        Ok(()) => Ok(Loaded::New),
        Err(Errno::EEXIST) => Ok(Loaded::Before),
        Err(Errno::ENODEV) => Ok(Loaded::NoDevice),
        Err(source) => Err(LoadError::Insert {
            module: load.name.to_owned(),
            source,
        }),
    }
}

/// Whether the module is in the kernel and initialised. Saves unpacking it a second time when
/// another process, or an earlier life of this one, has loaded it.
fn is_live(module: &str) -> bool {
    std::fs::read_to_string(format!("/sys/module/{module}/initstate"))
        .is_ok_and(|state| state.trim_end() == "live")
}

fn flags(path: &Path) -> ModuleInitFlags {
    if path.extension().is_some_and(|extension| extension == "ko") {
        ModuleInitFlags::empty()
    } else {
        ModuleInitFlags::from_bits_retain(COMPRESSED_FILE)
    }
}
