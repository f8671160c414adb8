// SPDX-License-Identifier: Apache-2.0
//! What PID 1 does once, before it starts anything: mounts, standard file descriptors, a few
//! settings of the kernel. Nothing here is fatal; every failure is handed back to be said.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::IntoRawFd as _;
use std::os::unix::fs::DirBuilderExt as _;

use nix::sys::reboot::set_cad_enabled;

use crate::cmdline::CommandLine;
use crate::mounts::{MountError, mount_at_start};

/// The state of the agent: its token, its key, its log. Made here, never removed.
const AGENT_STATE: &str = "/run/ironseed";
/// Seconds that the message of a kernel panic can be read before the machine boots again.
const PANIC_SECONDS: &str = "60";
const HOST_NAME: &str = "ironseed";

/// A preparation that failed.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// A file system.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// A directory.
    #[error("making {path}")]
    Directory {
        /// Which.
        path: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A setting in `/proc/sys`.
    #[error("writing {value:?} to {path}")]
    Setting {
        /// Which.
        path: &'static str,
        /// What.
        value: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The host name.
    #[error("setting the host name {name}")]
    HostName {
        /// Which.
        name: String,
        /// Why.
        source: nix::Error,
    },
    /// Ctrl-Alt-Del reboots at once, without PID 1.
    #[error("taking over Ctrl-Alt-Del")]
    CtrlAltDel(#[source] nix::Error),
}

/// Mounts, and fills the standard file descriptors if the kernel found no console for them.
pub fn mount() -> Vec<PrepareError> {
    let mut errors: Vec<PrepareError> = mount_at_start().into_iter().map(Into::into).collect();
    fill_standard_descriptors();
    let made = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(AGENT_STATE);
    errors.extend(made.err().map(|source| PrepareError::Directory {
        path: AGENT_STATE,
        source,
    }));
    errors
}

/// With a `console=` that does not exist the kernel starts PID 1 without descriptors 0 to 2; what
/// is opened next would take their places.
fn fill_standard_descriptors() {
    while let Ok(null) = OpenOptions::new().read(true).write(true).open("/dev/null") {
        if !is_standard(&null) {
            return;
        }
        // Stays open for good.
        let _ = null.into_raw_fd();
    }
}

fn is_standard(file: &File) -> bool {
    use std::os::fd::AsRawFd as _;
    file.as_raw_fd() <= 2
}

/// Sets up the kernel.
pub fn settings(command_line: &CommandLine) -> Vec<PrepareError> {
    let mut errors = Vec::new();
    let mut set = |path, value| errors.extend(setting(path, value).err());
    // This one wants the line end (kernel/printk/printk.c, devkmsg_sysctl_set_loglvl).
    set("/proc/sys/kernel/printk_devkmsg", "on\n");
    set("/proc/sys/kernel/modprobe", "/init");
    if command_line.last("panic").is_none() {
        set("/proc/sys/kernel/panic", PANIC_SECONDS);
    }
    let name = command_line.last("hostname").unwrap_or(HOST_NAME);
    if let Err(source) = nix::unistd::sethostname(name) {
        errors.push(PrepareError::HostName {
            name: name.to_owned(),
            source,
        });
    }
    errors.extend(set_cad_enabled(false).err().map(PrepareError::CtrlAltDel));
    errors
}

fn setting(path: &'static str, value: &'static str) -> Result<(), PrepareError> {
    std::fs::write(path, value).map_err(|source| PrepareError::Setting {
        path,
        value,
        source,
    })
}
