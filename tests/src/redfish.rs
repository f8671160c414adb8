// SPDX-License-Identifier: Apache-2.0
//! The BMC of every virtual server: sushy-tools' Redfish emulator over libvirt.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::error::Error;
use crate::http::{Client, Method};
use crate::libvirt;
use crate::network::{self, ADDRESS, REDFISH_PORT};
use crate::process::Service;
use crate::wait::{self, Probe};
use crate::{files, machine};

const START_LIMIT: Duration = Duration::from_mins(2);

/// The running emulator.
#[derive(Debug)]
pub struct Redfish {
    _emulator: Service,
}

impl Redfish {
    /// Starts the emulator and waits until it answers.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(venv: &Path, work_dir: &Path, log_dir: &Path) -> Result<Self, Error> {
        let config = work_dir.join("redfish.conf");
        files::write(&config, configuration())?;
        let temporary = work_dir.join("redfish-tmp");
        files::make_dir(&temporary)?;
        let mut command = Command::new(venv.join("bin/sushy-emulator"));
        command
            .arg("--config")
            .arg(&config)
            .env("TMPDIR", &temporary);
        let mut emulator = Service::start("redfish", &mut command, log_dir)?;
        let client = Client::new()?;
        let systems = format!("{}/redfish/v1/Systems", network::url(REDFISH_PORT));
        wait::until("the Redfish emulator", START_LIMIT, || {
            emulator.check()?;
            Ok(match client.send(Method::GET, &systems, None) {
                Ok(_) => Probe::Ready(()),
                Err(error) => Probe::NotYet(error.chain()),
            })
        })?;
        Ok(Self {
            _emulator: emulator,
        })
    }
}

/// The emulator's configuration, which is Python. The boot loader map names the firmware that the
/// machines of the lab use already, so that setting the boot mode changes nothing.
fn configuration() -> String {
    format!(
        "SUSHY_EMULATOR_LISTEN_IP = '{ADDRESS}'\n\
         SUSHY_EMULATOR_LISTEN_PORT = {REDFISH_PORT}\n\
         SUSHY_EMULATOR_LIBVIRT_URI = '{uri}'\n\
         SUSHY_EMULATOR_SECURE_BOOT_DISABLED_NVRAM = '{vars}'\n\
         SUSHY_EMULATOR_BOOT_LOADER_MAP = {{\n\
         \x20   'UEFI': {{'x86_64': '{code}'}},\n\
         \x20   'Legacy': {{'x86_64': None}},\n\
         }}\n",
        uri = libvirt::URI,
        code = machine::FIRMWARE_CODE,
        vars = machine::FIRMWARE_VARIABLES,
    )
}
