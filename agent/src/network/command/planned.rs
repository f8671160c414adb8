// SPDX-License-Identifier: Apache-2.0
//! What the agent would make of this network, from what it would be told.

use bootconfig::{RawSources, Settings, resolve};
use ironseed_core::network::description::{Description, dracut, ibft};
use ironseed_core::network::plan::vlan_interfaces::vlan_interfaces;
use ironseed_core::network::report::AskedPlan;
use ironseed_core::network::{HeardVlans, Link, NetworkInputs, NetworkMode, plan};
use ironseed_machine::boot_sources;
use ironseed_machine::root::Root;
use thiserror::Error;

/// Why there is no plan.
#[derive(Debug, Error)]
pub(crate) enum PlanError {
    /// Words about the network that cannot be used.
    #[error(transparent)]
    Words(#[from] dracut::WordProblems),
    /// The firmware's table cannot be used.
    #[error("the iSCSI boot firmware table cannot be used")]
    Ibft(#[from] ibft::IbftProblems),
}

/// What the network is planned from.
pub(crate) struct Told<'a> {
    pub(crate) root: &'a Root,
    /// Words instead of those of the kernel command line.
    pub(crate) words: Option<&'a str>,
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
    let description = description(told.root, &sources, &settings)?;
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

/// The first source that says something.
fn description(
    root: &Root,
    sources: &RawSources,
    settings: &Settings,
) -> Result<Option<Description>, PlanError> {
    let boot_mac = settings.bootif.value.as_ref().map(|boot| boot.mac);
    match dracut::read(&sources.network_words(), boot_mac)? {
        Some(found) => Ok(Some(found)),
        None => Ok(ibft::read(&boot_sources::ibft(root))?),
    }
}
