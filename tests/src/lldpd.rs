// SPDX-License-Identifier: Apache-2.0
//! The switch's voice: Debian's lldpd on the lab's bridge tells every port of every machine what
//! it is plugged into.

use std::path::Path;
use std::process::Command;

use crate::error::Error;
use crate::files;
use crate::network::{ADDRESS, BRIDGE};
use crate::process::Service;

/// The name the switch has.
pub const SYSTEM_NAME: &str = "lab-switch";
/// What it says of itself.
const DESCRIPTION: &str = "the switch of the lab";
/// Seconds between two frames.
const INTERVAL: &str = "1";

/// The running daemon.
#[derive(Debug)]
pub struct Lldpd {
    _service: Service,
}

impl Lldpd {
    /// Starts lldpd on the bridge.
    ///
    /// # Errors
    /// If it cannot start.
    pub fn start(work_dir: &Path, log_dir: &Path) -> Result<Self, Error> {
        let socket = work_dir.join("lldpd.socket");
        let config = work_dir.join("lldpd.conf");
        files::write(
            &config,
            format!(
                "configure system hostname {SYSTEM_NAME}\n\
                 configure system description \"{DESCRIPTION}\"\n\
                 configure lldp tx-interval {INTERVAL}\n"
            ),
        )?;
        let mut command = Command::new("lldpd");
        // Named exactly, the bridge is used although lldpd leaves bridges out.
        command
            .args(["-d", "-I", BRIDGE, "-C", BRIDGE, "-m", &ADDRESS.to_string()])
            .arg("-u")
            .arg(&socket)
            .arg("-O")
            .arg(&config);
        let service = Service::start("lldpd", &mut command, log_dir)?;
        Ok(Self { _service: service })
    }
}
