// SPDX-License-Identifier: Apache-2.0
//! A TPM 2.0 for a machine: Debian's swtpm, made with an endorsement key and its certificate, as a
//! manufacturer does it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::files;
use crate::process::{self, Service};

/// The running TPM of one machine.
#[derive(Debug)]
pub struct Tpm {
    _service: Service,
}

impl Tpm {
    /// Makes a TPM whose state is below the directory of a machine, and starts it.
    ///
    /// # Errors
    /// What swtpm says.
    pub fn start(machine_dir: &Path) -> Result<Self, Error> {
        let state = machine_dir.join("tpm");
        let authority = machine_dir.join("tpm-authority");
        files::make_dir(&state)?;
        files::make_dir(&authority)?;
        let config = authority.join("setup.conf");
        files::write(&config, setup_configuration(&authority)?)?;
        process::run(
            Command::new("swtpm_setup")
                .args(["--tpm2", "--create-ek-cert", "--not-overwrite", "--config"])
                .arg(&config)
                .arg("--tpmstate")
                .arg(&state),
        )?;
        let mut command = Command::new("swtpm");
        command
            .args(["socket", "--tpm2", "--tpmstate"])
            .arg(format!("dir={}", state.display()))
            .arg("--ctrl")
            .arg(format!(
                "type=unixio,path={}",
                socket(machine_dir).display()
            ));
        Ok(Self {
            _service: Service::start("swtpm", &mut command, machine_dir)?,
        })
    }
}

/// Where QEMU finds the TPM of the machine with this directory.
#[must_use]
pub fn socket(machine_dir: &Path) -> PathBuf {
    machine_dir.join("tpm.sock")
}

/// The certificate authority of this one machine, so that nothing outside its directory is used.
fn setup_configuration(authority: &Path) -> Result<String, Error> {
    let local_ca = authority.join("localca.conf");
    let shown = authority.display();
    files::write(
        &local_ca,
        format!(
            "statedir = {shown}\nsigningkey = {shown}/key.pem\nissuercert = {shown}/cert.pem\n\
             certserial = {shown}/serial\n"
        ),
    )?;
    let options = authority.join("options.conf");
    files::write(
        &options,
        "--platform-manufacturer Ironseed\n--platform-version 1\n--platform-model Lab\n",
    )?;
    Ok(format!(
        "create_certs_tool = /usr/bin/swtpm_localca\n\
         create_certs_tool_config = {}\n\
         create_certs_tool_options = {}\n",
        local_ca.display(),
        options.display()
    ))
}
