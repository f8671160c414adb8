// SPDX-License-Identifier: Apache-2.0
//! What the commands for people look at: this machine, a captured tree, or the
//! archive of a capture.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bootconfig::resolve;
use clap::Args;
use hardware_profiles::ProfileSet;
use ironseed_core::snapshot::Snapshot;
use ironseed_core::steps::StepSettings;
use ironseed_machine::boot_sources;
use ironseed_machine::clock::SystemClock;
use ironseed_machine::lldp::listen_for;
use ironseed_machine::net::Boundaries;
use ironseed_machine::root::Root;
use ironseed_machine::snapshot::archive::{LoadError, load};
use ironseed_machine::snapshot::{Reach, take};
use thiserror::Error;

use crate::boot::chain;
use crate::profile::left_out;
use crate::settings;

/// The machine a command looks at.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// A captured tree or archive to read instead of this machine.
    #[arg(long, value_name = "DIR|FILE", global = true)]
    pub(crate) root: Option<PathBuf>,
}

/// Why a machine cannot be looked at.
#[derive(Debug, Error)]
pub(crate) enum SourceError {
    /// The capture is not there or damaged.
    #[error(transparent)]
    Capture(#[from] LoadError),
    /// The kernel refuses this machine's own root directory.
    #[error("/ cannot be read")]
    Live(#[source] std::io::Error),
}

impl Source {
    /// Everything discovery reads of the machine.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, SourceError> {
        match &self.root {
            Some(path) => Ok(load(path)?),
            None => {
                let root = Root::live().map_err(SourceError::Live)?;
                Ok(take(&root, Reach::Thorough))
            }
        }
    }

    /// What a step would find.
    pub(crate) fn live_snapshot(&self) -> Result<Snapshot, SourceError> {
        match &self.root {
            Some(path) => Ok(load(path)?),
            None => {
                let root = Root::live().map_err(SourceError::Live)?;
                Ok(take(&root, Reach::Live))
            }
        }
    }

    /// What steps would obey by command line and config files; a bad value
    /// has its default and is told.
    #[expect(clippy::print_stderr, reason = "a command warns whoever called it")]
    pub(crate) fn step_settings(&self) -> StepSettings {
        let root = match &self.root {
            Some(path) => Root::open(path),
            None => Root::live(),
        };
        // An archive is no directory: its machine has the defaults.
        let sources = root.map(|root| boot_sources::read(&root));
        let settings = resolve(&sources.unwrap_or_default()).unwrap_or_else(|problems| {
            for problem in &problems.problems {
                eprintln!("warning: {problem}; the default is used");
            }
            *problems.settings
        });
        settings::steps(&settings)
    }

    /// Adds what neighbours say within that time; only this machine has cables.
    #[expect(clippy::print_stderr, reason = "a command warns whoever called it")]
    pub(crate) fn listen(&self, snapshot: &mut Snapshot, time: Duration) {
        if self.root.is_some() || time.is_zero() {
            return;
        }
        let heard = Root::live()
            .map_err(|error| error.to_string())
            .and_then(|root| {
                let boundaries = Boundaries {
                    root,
                    clock: Arc::new(SystemClock),
                };
                listen_for(boundaries, Vec::new(), time).map_err(|error| chain(&error))
            });
        match heard {
            Ok(heard) => snapshot.lldp = heard,
            Err(problem) => eprintln!("warning: LLDP cannot be listened for: {problem}"),
        }
    }

    /// The profiles of the program, and those that the machine or the tree
    /// brings; one that cannot be used is told and left out.
    #[expect(clippy::print_stderr, reason = "a command warns whoever called it")]
    pub(crate) fn profiles(&self) -> ProfileSet {
        let root = match &self.root {
            Some(path) => Root::open(path),
            None => Root::live(),
        };
        // An archive is no directory and brings none.
        let brought = root.map(|root| boot_sources::profiles(&root));
        let (set, rejected) = ProfileSet::with(&brought.unwrap_or_default());
        for one in &rejected {
            eprintln!("warning: {}", left_out(one));
        }
        set
    }
}
