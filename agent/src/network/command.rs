// SPDX-License-Identifier: Apache-2.0
//! `ironseed-agent network`: how this machine is on the network, and what is
//! missing. It reads and changes nothing, on any Linux.

mod planned;
mod sections;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use ironseed_core::network::LinkKind;
use ironseed_core::network::report::{
    KNOWLEDGE_FILE, KernelView, Knowledge, Report, Sources, heard_vlans, manager, neighbours,
    report,
};
use ironseed_machine::clock::SystemClock;
use ironseed_machine::lldp::{LldpError, listen_for};
use ironseed_machine::net::{Boundaries, NetError, view};
use ironseed_machine::processes;
use ironseed_machine::root::Root;
use ironseed_machine::state::StateDirectory;
use thiserror::Error;

use crate::boot::chain;
use crate::inventory::{layout, width};
use planned::{PlanError, Told, planned_network};

/// The exit status of a question that makes no sense, as the flags' own.
const USAGE: u8 = 2;

/// Flags of `ironseed-agent network`.
#[derive(Debug, Args)]
pub(crate) struct NetworkArguments {
    /// Show JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Listen for LLDP neighbours, for at most so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    listen: u64,
    /// Show what the agent would make of this network, by the kernel command
    /// line and the firmware.
    #[arg(long)]
    plan: bool,
    /// Plan with these words instead of the kernel command line, such as
    /// "bond=bond0:eno1,eno2:mode=802.3ad ip=bond0:dhcp".
    #[arg(long, value_name = "WORDS", requires = "plan")]
    words: Option<String>,
    /// Plan with this network_data.json, as Ironic writes it to virtual media.
    #[arg(long, value_name = "FILE", requires = "plan")]
    network_data: Option<String>,
}

/// Why the network cannot be told.
#[derive(Debug, Error)]
enum NetworkError {
    #[error("/ cannot be read")]
    Root(#[source] std::io::Error),
    #[error(transparent)]
    Kernel(#[from] NetError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error("the report cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// Prints the report. Succeeds if the machine has an address others can reach.
#[expect(clippy::print_stderr, reason = "a command tells its user what failed")]
pub(crate) fn show(arguments: &NetworkArguments) -> ExitCode {
    match told(arguments) {
        Ok((report, text)) => {
            // A reader such as `head` may have seen enough and gone.
            let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
            ExitCode::from(u8::from(report.address.is_none()))
        }
        Err(error) => {
            eprintln!("error: {}", chain(&error));
            ExitCode::from(USAGE)
        }
    }
}

fn told(arguments: &NetworkArguments) -> Result<(Report, String), NetworkError> {
    let root = Root::live().map_err(NetworkError::Root)?;
    let kernel = view(&root)?;
    let heard = match arguments.listen {
        0 => Ok(Default::default()),
        seconds => listen(&root, &kernel, Duration::from_secs(seconds)),
    };
    let heard = heard.unwrap_or_else(|error| {
        warn(&format!("LLDP cannot be listened for: {}", chain(&error)));
        Default::default()
    });
    let plan = match arguments.plan {
        false => None,
        true => Some(planned_network(&Told {
            root: &root,
            words: arguments.words.as_deref(),
            network_data: arguments.network_data.as_deref(),
            links: &kernel.links,
            heard: &heard_vlans(&heard),
        })?),
    };
    let names = processes::names(&root);
    let sources = Sources {
        kernel,
        knowledge: knowledge(&root),
        manager: manager(names.iter().map(String::as_str)).map(str::to_owned),
        neighbours: neighbours(&heard),
        plan,
    };
    let report = report(&sources);
    let text = match arguments.json {
        true => serde_json::to_string_pretty(&report)?,
        false => table(&report, width())?,
    };
    Ok((report, text))
}

#[expect(clippy::print_stderr, reason = "a command warns whoever called it")]
fn warn(text: &str) {
    eprintln!("warning: {text}");
}

/// What the running agent wrote down; nothing if it is gone.
fn knowledge(root: &Root) -> Option<Knowledge> {
    let bytes = StateDirectory::as_it_is(root).read(KNOWLEDGE_FILE)?;
    let known: Knowledge = serde_json::from_slice(&bytes).ok()?;
    processes::runs(root, known.process).then_some(known)
}

/// Inside a container the ports are `veth` links.
fn listen(
    root: &Root,
    kernel: &KernelView,
    time: Duration,
) -> Result<std::collections::BTreeMap<String, ironseed_core::snapshot::LldpPort>, LldpError> {
    let has_card = kernel
        .links
        .iter()
        .any(|link| link.kind == LinkKind::Ethernet);
    let extra_kinds = match has_card {
        true => vec![],
        false => vec!["veth".to_owned()],
    };
    let boundaries = Boundaries {
        root: root.clone(),
        clock: Arc::new(SystemClock),
    };
    listen_for(boundaries, extra_kinds, time)
}

fn table(report: &Report, width: u16) -> Result<String, serde_json::Error> {
    let data = serde_json::to_value(report)?;
    let mut texts: Vec<String> = sections::ALL
        .iter()
        .filter_map(|section| layout::render(section, &data, width))
        .collect();
    if report.missing.is_empty() {
        texts.push("Nothing is missing.\n".to_owned());
    }
    Ok(texts.join("\n"))
}

#[cfg(test)]
mod tests;
