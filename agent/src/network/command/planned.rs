// SPDX-License-Identifier: Apache-2.0
//! What the agent would make of this network, from what it would be told.

use bootconfig::{RawSources, Settings, resolve};
use ironseed_core::fault::Fault;
use ironseed_core::network::description::choice::choose;
use ironseed_core::network::description::{Description, Found, Source, ibft, network_data};
use ironseed_core::network::plan::vlan_interfaces::vlan_interfaces;
use ironseed_core::network::report::AskedPlan;
use ironseed_core::network::{HeardVlans, Link, NetworkInputs, NetworkMode, plan};
use ironseed_machine::boot_sources;
use ironseed_machine::root::Root;
use thiserror::Error;

use crate::network::sources::{osism, words};

/// Why there is no plan.
#[derive(Debug, Error)]
pub(crate) enum PlanError {
    /// The file cannot be read.
    #[error("reading {path} failed")]
    File {
        /// The file.
        path: String,
        /// The kernel's words.
        source: std::io::Error,
    },
    /// Sources that cannot be used, with everything that is wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Sources(Vec<Fault>),
}

/// What the network is planned from.
pub(crate) struct Told<'a> {
    pub(crate) root: &'a Root,
    /// Words instead of those of the kernel command line.
    pub(crate) words: Option<&'a str>,
    /// A `network_data.json` as virtual media would have it.
    pub(crate) network_data: Option<&'a str>,
    pub(crate) links: &'a [Link],
    pub(crate) heard: &'a HeardVlans,
}

/// The plan that the agent would carry out.
///
/// # Errors
///
/// Everything in the source that counts which cannot be used.
pub(crate) fn planned_network(told: &Told<'_>) -> Result<AskedPlan, PlanError> {
    let mut sources = boot_sources::read(told.root);
    if let Some(words) = told.words {
        sources.cmdline = words.as_bytes().to_vec();
    }
    let settings = resolve(&sources).unwrap_or_else(|problems| *problems.settings);
    let description = description(told, &sources, &settings)?;
    let (wanted, _) = vlan_interfaces(&settings.enable_vlan_interfaces.value);
    let inputs = NetworkInputs {
        mode: NetworkMode::Manage,
        boot_mac: settings.bootif.value.as_ref().map(|boot| boot.mac),
        network_interface: settings.network_interface.value.as_deref(),
        extra_kinds: &[],
        description: description.as_ref(),
        dhcp_fallback: false,
        vlan_interfaces: &wanted,
        heard_vlans: told.heard,
        links: told.links,
    };
    Ok(AskedPlan::from(&plan(&inputs)))
}

/// What the source that counts says.
fn description(
    told: &Told<'_>,
    sources: &RawSources,
    settings: &Settings,
) -> Result<Option<Description>, PlanError> {
    let table = ibft::read(&boot_sources::ibft(told.root));
    let found = vec![
        osism(settings, None),
        network_data(told)?,
        words(sources, settings),
        Found::new(Source::Ibft, table),
    ];
    let choice = choose(found, settings.network_fallback.value);
    match choice.faults.is_empty() {
        true => Ok(choice.description),
        false => Err(PlanError::Sources(choice.faults)),
    }
}

/// What the file says. It is the caller's, not one of the machine that is looked
/// at.
fn network_data(told: &Told<'_>) -> Result<Found, PlanError> {
    let source = Source::NetworkData;
    let Some(path) = told.network_data else {
        return Ok(Found {
            source,
            read: Ok(None),
        });
    };
    let bytes = boot_sources::file(path).map_err(|source| PlanError::File {
        path: path.to_owned(),
        source,
    })?;
    let read = network_data::read(&bytes).map(|data| data.map(|data| data.description));
    Ok(Found::new(source, read))
}
