// SPDX-License-Identifier: Apache-2.0
//! libvirt, inside the lab's namespaces: it keeps the virtual servers, as the Redfish emulator
//! expects. Its configuration, state and sockets are private to the lab.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::error::Error;
use crate::files;
use crate::process::{self, Service};
use crate::wait::{self, Probe};

/// The connection that the emulator and `virsh` use.
pub const URI: &str = "qemu:///system";
/// QEMU runs as root, without the protections that need systemd, cgroups or AppArmor.
const QEMU_CONF: &str = r#"security_driver = "none"
user = "root"
group = "root"
cgroup_controllers = []
namespaces = []
seccomp_sandbox = 0
stdio_handler = "file"
"#;
const LIBVIRTD_CONF: &str = r#"auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_group = "root"
log_level = 3
log_outputs = "3:stderr"
"#;
/// libvirtd asks QEMU for its capabilities when it starts, which takes a while on a busy machine.
const START_LIMIT: Duration = Duration::from_mins(2);

/// The running libvirt.
#[derive(Debug)]
pub struct Libvirt {
    _daemon: Service,
}

impl Libvirt {
    /// Starts libvirtd and makes the storage pool that the emulator puts virtual media into.
    ///
    /// # Errors
    /// A part that cannot start.
    pub fn start(work_dir: &Path, log_dir: &Path) -> Result<Self, Error> {
        let config = PathBuf::from("/etc/libvirt");
        files::make_dir(&config)?;
        files::write(&config.join("qemu.conf"), QEMU_CONF)?;
        files::write(&config.join("libvirtd.conf"), LIBVIRTD_CONF)?;
        let mut daemon = Service::start("libvirtd", &mut Command::new("libvirtd"), log_dir)?;
        wait::until("libvirt", START_LIMIT, || {
            daemon.check()?;
            Ok(match virsh(&["uri"]) {
                Ok(_) => Probe::Ready(()),
                Err(error) => Probe::NotYet(error.chain()),
            })
        })?;
        let pool = work_dir.join("pool");
        files::make_dir(&pool)?;
        let pool = pool.to_string_lossy();
        virsh(&["pool-define-as", "default", "dir", "--target", &pool])?;
        virsh(&["pool-start", "default"])?;
        Ok(Self { _daemon: daemon })
    }
}

/// Runs `virsh` and returns what it prints.
///
/// # Errors
/// What `virsh` says.
pub fn virsh(arguments: &[&str]) -> Result<String, Error> {
    process::run(
        Command::new("virsh")
            .args(["--quiet", "--connect", URI])
            .args(arguments),
    )
}
