// SPDX-License-Identifier: Apache-2.0
//! Links, addresses and routes through rtnetlink(7).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use ironseed_core::network::{KernelRoute, Link, LinkKind};
use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{RouteAddress, RouteAttribute};
use rtnetlink::{Handle, LinkUnspec, MulticastGroup, RouteMessageBuilder};
use tokio::sync::Notify;

use crate::net::NetError;
use crate::net::links::{self, KernelAddress};
use crate::net::routes;
use crate::root::Root;

/// How long it must be quiet before changed routes are told.
const QUIET: Duration = Duration::from_millis(20);

/// Something changed.
#[derive(Debug)]
pub(crate) enum Change {
    /// A link appeared or changed.
    Link(Link),
    /// A link is gone; its index.
    LinkGone(u32),
    /// An address appeared or changed.
    Address(KernelAddress),
    /// An address is gone.
    AddressGone(KernelAddress),
    /// The kernel had more news than it could keep: everything must be read
    /// again.
    Missed,
}

/// News of links and addresses.
pub(crate) struct Changes {
    messages: futures_util::stream::BoxStream<'static, NetlinkPayload<RouteNetlinkMessage>>,
    root: Root,
    /// The socket is closed when nobody can send requests on it any more.
    _socket: Handle,
}

impl std::fmt::Debug for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}

impl Changes {
    /// The next change; nothing once the netlink socket has failed.
    pub(crate) async fn next(&mut self) -> Option<Change> {
        loop {
            let payload = self.messages.next().await?;
            if let Some(change) = self.read(&payload) {
                return Some(change);
            }
        }
    }

    fn read(&self, payload: &NetlinkPayload<RouteNetlinkMessage>) -> Option<Change> {
        let message = match payload {
            NetlinkPayload::InnerMessage(message) => message,
            NetlinkPayload::Overrun(_) => return Some(Change::Missed),
            _ => return None,
        };
        match message {
            RouteNetlinkMessage::NewLink(link) => Some(Change::Link(links::read(link, &self.root))),
            RouteNetlinkMessage::DelLink(link) => Some(Change::LinkGone(link.header.index)),
            RouteNetlinkMessage::NewAddress(address) => {
                links::read_address(address).map(Change::Address)
            }
            RouteNetlinkMessage::DelAddress(address) => {
                links::read_address(address).map(Change::AddressGone)
            }
            _ => None,
        }
    }
}

/// A netlink socket for requests.
#[derive(Debug, Clone)]
pub(crate) struct Netlink {
    pub(super) handle: Handle,
    root: Root,
}

impl Netlink {
    /// Opens one socket for requests and one for the news. They must be two:
    /// news of a change that a request made carry the request's number, and on
    /// the same socket they would be taken for its answer. Must be called
    /// inside a tokio runtime.
    pub(crate) fn open(root: &Root) -> Result<(Self, Changes), NetError> {
        let groups = [
            MulticastGroup::Link,
            MulticastGroup::Ipv4Ifaddr,
            MulticastGroup::Ipv6Ifaddr,
        ];
        let (connection, news, messages) =
            rtnetlink::new_multicast_connection(&groups).map_err(NetError::Netlink)?;
        tokio::spawn(connection);
        let changes = Changes {
            messages: messages.map(|(message, _)| message.payload).boxed(),
            root: root.clone(),
            _socket: news,
        };
        Ok((requests(root)?, changes))
    }

    /// All links.
    pub(crate) async fn links(&self) -> Result<Vec<Link>, NetError> {
        let listing = self.handle.link().get().execute();
        listing
            .map_ok(|message| links::read(&message, &self.root))
            .try_collect()
            .await
            .map_err(|source| NetError::List {
                what: "links",
                source,
            })
    }

    /// All addresses.
    pub(crate) async fn addresses(&self) -> Result<Vec<KernelAddress>, NetError> {
        let listing = self.handle.address().get().execute();
        listing
            .try_filter_map(async |message| Ok(links::read_address(&message)))
            .try_collect()
            .await
            .map_err(|source| NetError::List {
                what: "addresses",
                source,
            })
    }

    /// Sets the largest packet of a link, in bytes.
    pub(super) async fn set_mtu(&self, link: &Link, mtu: u32) -> Result<(), NetError> {
        let message = LinkUnspec::new_with_index(link.index).mtu(mtu).build();
        self.set(link, "set the MTU of", message).await
    }

    /// The routes of the main table that lead through one link.
    pub(super) async fn routes(&self) -> Result<Vec<KernelRoute>, NetError> {
        let families = [
            RouteMessageBuilder::<Ipv4Addr>::new().build(),
            RouteMessageBuilder::<Ipv6Addr>::new().build(),
        ];
        let mut routes = vec![];
        for family in families {
            let listing = self.handle.route().get(family).execute();
            let some: Vec<KernelRoute> = listing
                .try_filter_map(async |message| Ok(routes::read(&message)))
                .try_collect()
                .await
                .map_err(|source| NetError::List {
                    what: "routes",
                    source,
                })?;
            routes.extend(some);
        }
        Ok(routes)
    }

    /// Changes what only some kinds of links have (`RTM_NEWLINK`).
    pub(super) async fn set_kind(
        &self,
        link: &Link,
        what: &'static str,
        message: netlink_packet_route::link::LinkMessage,
    ) -> Result<(), NetError> {
        let request = self.handle.link().change(message);
        request.execute().await.map_err(|source| NetError::Link {
            what,
            link: link.name.clone(),
            source,
        })
    }

    pub(super) async fn set(
        &self,
        link: &Link,
        what: &'static str,
        message: netlink_packet_route::link::LinkMessage,
    ) -> Result<(), NetError> {
        let request = self.handle.link().set(message);
        request.execute().await.map_err(|source| NetError::Link {
            what,
            link: link.name.clone(),
            source,
        })
    }
}

/// Brings a link up. The kernel answers when the driver is done, which can
/// take a second; so this is for a thread of its own, with a socket of its
/// own.
pub(super) fn bring_up(link: &Link, root: &Root) -> Result<(), NetError> {
    on_own_socket(root, async |netlink| {
        let message = LinkUnspec::new_with_index(link.index).up().build();
        netlink.set(link, "bring up", message).await
    })
}

/// Does something on a thread that is not the network's.
pub(super) fn on_own_socket(
    root: &Root,
    work: impl AsyncFnOnce(&Netlink) -> Result<(), NetError>,
) -> Result<(), NetError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(NetError::Thread)?;
    runtime.block_on(async { work(&requests(root)?).await })
}

/// News of routes: that something has changed, not what. Routes come in crowds
/// (a link that comes up brings a dozen), so the news are told when there was
/// none for a moment, and the routes are listed anew then.
pub(super) fn watch_routes() -> Result<Arc<Notify>, NetError> {
    let groups = [MulticastGroup::Ipv4Route, MulticastGroup::Ipv6Route];
    let (connection, handle, mut messages) =
        rtnetlink::new_multicast_connection(&groups).map_err(NetError::Netlink)?;
    tokio::spawn(connection);
    let changed = Arc::new(Notify::new());
    let notify = Arc::clone(&changed);
    tokio::spawn(async move {
        // The socket is closed when nobody can send requests on it any more.
        let _socket = handle;
        while messages.next().await.is_some() {
            while let Ok(Some(_)) = tokio::time::timeout(QUIET, messages.next()).await {}
            notify.notify_one();
        }
    });
    Ok(changed)
}

/// Brings every link but the loopback down, so that nothing reaches the
/// machine any more (contract §18, `lockdown`). Goes on after a failure.
///
/// # Errors
///
/// The first failure.
pub async fn bring_down_all(root: &Root) -> Result<(), NetError> {
    let netlink = requests(root)?;
    let mut result = Ok(());
    for link in netlink.links().await? {
        if link.kind != LinkKind::Loopback && link.up {
            let message = LinkUnspec::new_with_index(link.index).down().build();
            let brought_down = netlink.set(&link, "bring down", message).await;
            result = result.and(brought_down);
        }
    }
    result
}

/// The address this machine would send from to reach `destination`, as the
/// kernel's routes are now (contract §5).
///
/// # Errors
///
/// [`NetError::NoRoute`] if there is no way, or a failed netlink socket.
pub async fn route_source(destination: IpAddr) -> Result<IpAddr, NetError> {
    let (connection, handle, _) = rtnetlink::new_connection().map_err(NetError::Netlink)?;
    let connection = tokio::spawn(connection);
    let message = match destination {
        IpAddr::V4(address) => RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(address, 32)
            .build(),
        IpAddr::V6(address) => RouteMessageBuilder::<Ipv6Addr>::new()
            .destination_prefix(address, 128)
            .build(),
    };
    let answer = handle.route().get(message).execute().try_next().await;
    connection.abort();
    let route = answer
        .ok()
        .flatten()
        .ok_or(NetError::NoRoute(destination))?;
    route
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::PrefSource(RouteAddress::Inet(address)) => Some((*address).into()),
            RouteAttribute::PrefSource(RouteAddress::Inet6(address)) => Some((*address).into()),
            _ => None,
        })
        .ok_or(NetError::NoRoute(destination))
}

/// A socket for requests only.
pub(super) fn requests(root: &Root) -> Result<Netlink, NetError> {
    let (connection, handle, _) = rtnetlink::new_connection().map_err(NetError::Netlink)?;
    tokio::spawn(connection);
    let root = root.clone();
    Ok(Netlink { handle, root })
}
