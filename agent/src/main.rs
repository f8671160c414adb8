// SPDX-License-Identifier: Apache-2.0
//! The agent: what runs on a bare-metal server between power-on and its
//! operating system.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`run`] | the way from the kernel command line to the hand-off, top to bottom |
//! | [`boot`] | settings from every source, drivers, disks |
//! | [`media`] | what virtual media says |
//! | [`clock`] | what time it is, found out beside everything else |
//! | [`runtime`] | the loop around the life cycle: inputs in, effects out |
//! | [`ironic`] | calls to Ironic: inspection, lookup, heartbeat |
//! | [`profile`] | which hardware profile fits, and a new one drafted |
//! | [`network`] | which description of the network counts; what `ironseed-agent network` shows |
//! | [`plan`] | what a step would do, for a person |
//! | [`work`] | a command's work: facts, plan, guard, execution |
//! | [`api`] | the HTTPS API that Ironic calls |

mod agent;
mod api;
mod boot;
mod callback;
mod capture;
mod clock;
mod events;
mod inventory;
mod ironic;
mod log_output;
mod logs;
mod media;
mod network;
mod plan;
mod profile;
mod run;
mod runtime;
mod settings;
mod source;
mod tls;
mod work;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The bare-metal agent of Ironseed.
#[derive(Debug, Parser)]
#[command(name = "ironseed-agent", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve this machine's node in Ironic, until it is handed over.
    Run(run::RunArguments),
    /// Show what this machine is made of, as Ironic gets it.
    Inventory(inventory::InventoryArguments),
    /// How this machine is on the network, and what is missing.
    Network(network::NetworkArguments),
    /// What a step would do to this machine, without doing it.
    Plan(plan::PlanArguments),
    /// Which hardware profile fits this machine, or a new one written from it.
    Profile(profile::ProfileArguments),
    /// Write what discovery reads of this machine to a file, without what identifies it.
    Capture(capture::CaptureArguments),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Inventory(arguments) => inventory::show(&arguments),
        Command::Network(arguments) => network::show(&arguments),
        Command::Plan(arguments) => plan::show(&arguments),
        Command::Profile(arguments) => profile::run(&arguments),
        Command::Capture(arguments) => capture::capture(&arguments),
    }
}
