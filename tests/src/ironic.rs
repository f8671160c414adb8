// SPDX-License-Identifier: Apache-2.0
//! A real Ironic: API and conductor in one process, SQLite, no authentication.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::error::Error;
use crate::files;
use crate::ironic_api::IronicApi;
use crate::ironic_config::{self, Directories, IronicOptions};
use crate::process::{self, Service};
use crate::wait::{self, Probe};

/// Ironic needs about five seconds on an idle machine.
const START_LIMIT: Duration = Duration::from_mins(3);

/// The running Ironic.
#[derive(Debug)]
pub struct Ironic {
    service: Service,
    api: IronicApi,
}

/// What Ironic is started with.
#[derive(Debug)]
pub struct IronicStart<'a> {
    /// The virtual environment with Ironic in it.
    pub venv: &'a Path,
    /// The lab's options for Ironic.
    pub options: &'a IronicOptions,
    /// Directories shared with other parts.
    pub directories: Directories<'a>,
    /// An empty database of this Ironic version; made when it is not there.
    pub empty_database: &'a Path,
    /// Where the log goes.
    pub log_dir: &'a Path,
}

impl Ironic {
    /// Starts Ironic and waits until its API answers and a conductor is alive.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn start(start: &IronicStart<'_>) -> Result<Self, Error> {
        let state = start.directories.state;
        for name in [
            "images",
            "master_images",
            "master_tftp",
            "certificates",
            "lock",
            "tmp",
        ] {
            files::make_dir(&state.join(name))?;
        }
        files::make_dir(start.directories.agent_logs)?;
        let config = state.join("ironic.conf");
        files::write(
            &config,
            ironic_config::render(start.options, &start.directories),
        )?;
        make_database(start, &config)?;
        let mut command = program(start, "ironic", &config);
        let mut service = Service::start("ironic", &mut command, start.log_dir)?;
        let api = IronicApi::new()?;
        wait::until("Ironic", START_LIMIT, || {
            service.check()?;
            Ok(match api.conductors_alive() {
                Ok(true) => Probe::Ready(()),
                Ok(false) => Probe::NotYet("the API answers, but no conductor is alive".to_owned()),
                Err(error) => Probe::NotYet(error.chain()),
            })
        })?;
        Ok(Self { service, api })
    }

    /// Ironic's REST API.
    #[must_use]
    pub fn api(&self) -> &IronicApi {
        &self.api
    }

    /// Ironic's log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.service.log().to_owned()
    }
}

fn program(start: &IronicStart<'_>, name: &str, config: &Path) -> Command {
    let mut command = Command::new(start.venv.join("bin").join(name));
    command
        .arg("--config-file")
        .arg(config)
        .env("TMPDIR", start.directories.state.join("tmp"))
        .current_dir(start.directories.state);
    command
}

/// Creating the schema takes longer than all other parts of the lab together, and the empty
/// database is always the same: keep it.
fn make_database(start: &IronicStart<'_>, config: &Path) -> Result<(), Error> {
    let database = start.directories.state.join("ironic.sqlite");
    let _lock = files::lock(&start.empty_database.with_extension("lock"))?;
    if start.empty_database.exists() {
        return files::copy(start.empty_database, &database);
    }
    process::run(program(start, "ironic-dbsync", config).arg("create_schema"))?;
    let unfinished = start.empty_database.with_extension("new");
    files::copy(&database, &unfinished)?;
    files::rename(&unfinished, start.empty_database)
}
