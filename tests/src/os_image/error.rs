// SPDX-License-Identifier: Apache-2.0
//! Why an operating system image could not be built.

use std::io;
use std::path::{Path, PathBuf};

/// Why an operating system image could not be built.
#[derive(Debug, thiserror::Error)]
pub enum OsImageError {
    /// A file or folder of the build.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// A verb: `create`, `read`.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A tool could not be started, most likely because its package is missing.
    #[error("step \"{step}\": cannot start {tool}; its package is one of HOST_PACKAGES")]
    Start {
        /// The step of the build.
        step: &'static str,
        /// The tool.
        tool: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A tool failed.
    #[error("step \"{step}\": {tool} ended with {status}; the end of {}:\n{tail}", log.display())]
    Step {
        /// The step of the build.
        step: &'static str,
        /// The tool.
        tool: String,
        /// Its exit code or signal.
        status: std::process::ExitStatus,
        /// Where all that it said is.
        log: PathBuf,
        /// The last lines of that.
        tail: String,
    },
    /// A tool printed something that this code does not understand.
    #[error("step \"{step}\": {tool} printed {problem}")]
    Output {
        /// The step of the build.
        step: &'static str,
        /// The tool.
        tool: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The built tree must hold exactly one kernel.
    #[error("{} holds {count} kernels instead of one", boot.display())]
    KernelCount {
        /// The tree's boot folder.
        boot: PathBuf,
        /// How many kernels are there.
        count: usize,
    },
    /// Partitions begin and disks end at multiples of 1 MiB.
    #[error("a disk of {bytes} bytes is not a multiple of 1 MiB")]
    UnalignedSize {
        /// The size that was asked for.
        bytes: u64,
    },
}

/// For `map_err`: what was being done to which file.
pub(super) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OsImageError {
    let path = path.to_owned();
    move |source| OsImageError::Io {
        operation,
        path,
        source,
    }
}
