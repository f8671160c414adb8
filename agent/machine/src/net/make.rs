// SPDX-License-Identifier: Apache-2.0
//! Links made, changed and removed through rtnetlink(7).

use ironseed_core::network::link::ALIAS;
use ironseed_core::network::{BondMode, Link, MacAddr, NewDevice};
use netlink_packet_route::link::{
    BondMode as KernelMode, InfoBond, InfoData, InfoKind, LinkAttribute, LinkInfo, LinkMessage,
};
use rtnetlink::{LinkBond, LinkDummy, LinkUnspec, LinkVlan};

use crate::net::NetError;
use crate::net::bond_options;
use crate::net::netlink::{Netlink, on_own_socket};
use crate::root::Root;

/// Makes a link and marks it as the agent's.
pub(super) async fn make(
    netlink: &Netlink,
    name: &str,
    device: &NewDevice,
    mac: Option<MacAddr>,
) -> Result<(), NetError> {
    let mut message = match device {
        NewDevice::Dummy => LinkDummy::new(name).build(),
        NewDevice::Vlan { parent, id } => LinkVlan::new(name, *parent, *id).build(),
        NewDevice::Bond { mode, options } => bond(name, *mode, options)?,
    };
    if let Some(MacAddr(octets)) = mac {
        let address = LinkAttribute::Address(octets.to_vec());
        message.attributes.push(address);
    }
    let failed = |source| NetError::Link {
        what: "make",
        link: name.to_owned(),
        source,
    };
    let links = netlink.handle.link();
    links.add(message).execute().await.map_err(failed)?;
    // The kernel takes an alias for links that are there only.
    let message = LinkUnspec::new_with_name(name).alias(ALIAS).build();
    links.change(message).execute().await.map_err(failed)
}

fn bond(name: &str, mode: BondMode, options: &[(String, String)]) -> Result<LinkMessage, NetError> {
    let attributes = bond_options::attributes(options).map_err(|source| NetError::BondOption {
        bond: name.to_owned(),
        source,
    })?;
    let builder = LinkBond::new(name).mode(kernel_mode(mode));
    let builder = attributes
        .into_iter()
        .fold(builder, |builder, option| builder.append_info_data(option));
    Ok(builder.build())
}

fn kernel_mode(mode: BondMode) -> KernelMode {
    match mode {
        BondMode::BalanceRr => KernelMode::BalanceRr,
        BondMode::ActiveBackup => KernelMode::ActiveBackup,
        BondMode::BalanceXor => KernelMode::BalanceXor,
        BondMode::Broadcast => KernelMode::Broadcast,
        BondMode::Lacp => KernelMode::Ieee8023Ad,
        BondMode::BalanceTlb => KernelMode::BalanceTlb,
        BondMode::BalanceAlb => KernelMode::BalanceAlb,
    }
}

/// Takes a link away. One that is gone already is fine.
pub(super) async fn remove(netlink: &Netlink, index: u32, name: &str) -> Result<(), NetError> {
    match netlink.handle.link().del(index).execute().await {
        Err(rtnetlink::Error::NetlinkError(error)) if error.raw_code() == -nix::libc::ENODEV => {
            Ok(())
        }
        other => other.map_err(|source| NetError::Link {
            what: "remove",
            link: name.to_owned(),
            source,
        }),
    }
}

/// Gives a link another hardware address.
pub(super) async fn set_mac(netlink: &Netlink, link: &Link, mac: MacAddr) -> Result<(), NetError> {
    let message = LinkUnspec::new_with_index(link.index)
        .address(mac.0.to_vec())
        .build();
    netlink
        .set(link, "set the hardware address of", message)
        .await
}

/// Puts a port into a bond and brings it up. The kernel takes ports that are
/// down only. Like [`bring_up`](super::netlink::bring_up) this can take a second
/// and is for a thread of its own.
pub(super) fn join(port: &Link, bond: u32, primary: bool, root: &Root) -> Result<(), NetError> {
    on_own_socket(root, async |netlink| {
        let change = || LinkUnspec::new_with_index(port.index);
        netlink
            .set(port, "bring down", change().down().build())
            .await?;
        let message = change().controller(bond).build();
        netlink.set(port, "put into its bond", message).await?;
        netlink.set(port, "bring up", change().up().build()).await?;
        if primary {
            let message = primary_port(bond, port.index);
            netlink
                .set_kind(port, "prefer in its bond", message)
                .await?;
        }
        Ok(())
    })
}

fn primary_port(bond: u32, port: u32) -> LinkMessage {
    let mut message = LinkUnspec::new_with_index(bond).build();
    let infos = vec![
        LinkInfo::Kind(InfoKind::Bond),
        LinkInfo::Data(InfoData::Bond(vec![InfoBond::Primary(port)])),
    ];
    message.attributes.push(LinkAttribute::LinkInfo(infos));
    message
}
