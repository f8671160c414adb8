// SPDX-License-Identifier: Apache-2.0
//! The scenarios: each is one story of a machine and an unmodified Ironic. `cargo nextest` plays
//! them as tests, `ironseed-lab scenario NAME` plays one by hand.

use crate::error::Error;
use crate::files;
use crate::ironic_config::IronicOptions;
use crate::lab::{Lab, LabOptions};
use crate::namespace;

mod agent_killed;
mod cleaning;
mod commands;
mod deploy_4kn;
mod deploy_compressed;
mod deploy_partition;
mod deploy_qcow2;
mod deploy_raw;
mod deployed;
mod discovery;
mod hardware;
mod image_troubles;
mod inspection;
mod static_network;
mod waiting;

/// How much of each log is shown when a scenario fails.
const SHOWN_LINES: usize = 60;

/// One story.
#[derive(Debug)]
pub struct Scenario {
    /// Its name, also that of its test and of its run directory.
    pub name: &'static str,
    /// What it shows.
    pub summary: &'static str,
    /// Changes Ironic's options for it.
    pub configure: fn(&mut IronicOptions),
    /// It deploys the test operating system.
    pub needs_os_image: bool,
    /// Plays it.
    pub play: fn(&Lab) -> Result<(), Error>,
}

/// All scenarios.
pub const ALL: &[Scenario] = &[
    inspection::SCENARIO,
    hardware::SCENARIO,
    cleaning::SCENARIO,
    deploy_compressed::SCENARIO,
    deploy_qcow2::SCENARIO,
    discovery::SCENARIO,
    agent_killed::SCENARIO,
    waiting::SCENARIO,
    static_network::SCENARIO,
    deploy_raw::SCENARIO,
    deploy_4kn::SCENARIO,
    deploy_partition::SCENARIO,
    image_troubles::SCENARIO,
];

/// The scenario of that name.
///
/// # Errors
/// [`Error::Expected`] with the names there are.
pub fn find(name: &str) -> Result<&'static Scenario, Error> {
    ALL.iter()
        .find(|scenario| scenario.name == name)
        .ok_or_else(|| Error::Expected {
            expected: format!(
                "one of the scenarios {}",
                ALL.iter()
                    .map(|scenario| scenario.name)
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            found: name.to_owned(),
        })
}

/// Leaves Ironic's options as they are.
pub(crate) fn default_options(_options: &mut IronicOptions) {}

/// Prepares, outside of the lab's namespaces, all that a scenario needs.
///
/// # Errors
/// What is missing.
pub fn prepare(scenario: &Scenario, options: &LabOptions) -> Result<(), Error> {
    options.prepare()?;
    if scenario.needs_os_image {
        options.prepare_os_images()
    } else {
        Ok(())
    }
}

/// Starts a lab, plays a scenario in it, and shows the logs if it fails. With `hold` the lab stays
/// until somebody interrupts it.
///
/// # Errors
/// Why the scenario failed.
pub fn play(scenario: &Scenario, options: LabOptions, hold: bool) -> Result<(), Error> {
    let narrator = options.narrator.clone();
    let lab = Lab::start(options)?;
    let result = (scenario.play)(&lab);
    match &result {
        Ok(()) => narrator.say(format!("{}: passed", scenario.name)),
        Err(error) => {
            show_logs(&lab);
            narrator.say(format!("{}: failed: {}", scenario.name, error.chain()));
        }
    }
    if hold {
        narrator.say(format!(
            "The lab stays until Ctrl-C. Look around with: nsenter --mount --net --target {}",
            namespace::host_process()
        ));
        nix::unistd::pause();
    }
    result
}

fn show_logs(lab: &Lab) {
    for (name, path) in lab.logs() {
        lab.narrator()
            .say(format!("--- end of {name}, {} ---", path.display()));
        lab.narrator().say(files::tail(&path, SHOWN_LINES));
    }
    lab.narrator().say("--- end of the logs ---");
}
