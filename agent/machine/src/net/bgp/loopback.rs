// SPDX-License-Identifier: Apache-2.0
//! The link that carries the machine's own addresses: a dummy device named
//! `loopback0`, or `lo` on a kernel that has no dummy devices.

use std::net::IpAddr;

use ironseed_core::network::LinkKind;
use ironseed_core::network::bgp::plan::LOOPBACK;
use nix::libc;
use rtnetlink::{LinkDummy, LinkUnspec};

use crate::net::NetError;
use crate::net::netlink::Netlink;

/// Where the addresses are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loopback {
    pub(super) index: u32,
    pub(super) name: String,
    /// Why it is not the device that was wanted.
    pub(super) note: Option<String>,
}

/// Finds the device, or makes it, and brings it up.
///
/// # Errors
///
/// Links cannot be listed, or there is not even `lo`.
pub(super) async fn prepare(netlink: &Netlink) -> Result<Loopback, NetError> {
    let wanted = match find(netlink, |link| link.name == LOOPBACK).await? {
        Some(index) => Ok(index),
        None => make(netlink).await,
    };
    let (index, name, note) = match wanted {
        Ok(index) => (index, LOOPBACK.to_owned(), None),
        Err(reason) => {
            let lo = find(netlink, |link| link.kind == LinkKind::Loopback).await?;
            let index = lo.ok_or(NetError::NoLink("lo"))?;
            let note = format!("the addresses are on lo instead of {LOOPBACK}: {reason}");
            (index, "lo".to_owned(), Some(note))
        }
    };
    let up = LinkUnspec::new_with_index(index).up().build();
    let raised = netlink.handle.link().set(up).execute().await;
    raised.map_err(|source| NetError::Link {
        what: "bring up",
        link: name.clone(),
        source,
    })?;
    Ok(Loopback { index, name, note })
}

async fn find(
    netlink: &Netlink,
    wanted: impl Fn(&ironseed_core::network::Link) -> bool,
) -> Result<Option<u32>, NetError> {
    let links = netlink.links().await?;
    Ok(links
        .into_iter()
        .find(|link| wanted(link))
        .map(|link| link.index))
}

/// The new device's index, or why there is none.
async fn make(netlink: &Netlink) -> Result<u32, String> {
    let message = LinkDummy::new(LOOPBACK).build();
    match netlink.handle.link().add(message).execute().await {
        Ok(()) => {}
        Err(rtnetlink::Error::NetlinkError(error)) if error.raw_code() == -libc::EOPNOTSUPP => {
            return Err("the kernel has no dummy devices".into());
        }
        Err(error) => return Err(error.to_string()),
    }
    let made = find(netlink, |link| link.name == LOOPBACK).await;
    let made = made.map_err(|error| error.in_full())?;
    made.ok_or_else(|| "it is gone again".into())
}

/// Adds one of our addresses; one that is there already is fine.
///
/// # Errors
///
/// The kernel refuses.
pub(super) async fn add_address(
    netlink: &Netlink,
    loopback: &Loopback,
    address: IpAddr,
) -> Result<(), NetError> {
    let prefix_len = if address.is_ipv4() { 32 } else { 128 };
    let request = netlink
        .handle
        .address()
        .add(loopback.index, address, prefix_len)
        .replace();
    request.execute().await.map_err(|source| NetError::Address {
        what: "add",
        address,
        source,
    })
}
