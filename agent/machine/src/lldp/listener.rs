// SPDX-License-Identifier: Apache-2.0
//! The listener's thread: it follows the ports as they come and go, and keeps
//! what they hear.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use ironseed_core::lldp::{GROUPS, Table};
use ironseed_core::network::Link;
use tokio::sync::{oneshot, watch};

use super::socket::LldpSocket;
use crate::net::{Boundaries, Change, Changes, Netlink};

/// Pause before something is tried again that the kernel refused.
const AGAIN: Duration = Duration::from_secs(1);

/// The listener.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) boundaries: Boundaries,
    pub(super) extra_kinds: Vec<String>,
    pub(super) netlink: Netlink,
    pub(super) socket: LldpSocket,
    /// Nothing until the ports have been listed.
    pub(super) table: watch::Sender<Option<Table>>,
    /// The ports that are in the groups.
    pub(super) joined: BTreeSet<u32>,
}

impl Listener {
    /// Listens until the handle is dropped.
    pub(super) async fn run(mut self, mut changes: Changes, mut stop: oneshot::Receiver<()>) {
        tokio::select! {
            () = self.listen(&mut changes) => {}
            // The other end never sends: this is its end.
            _ = &mut stop => {}
        }
    }

    async fn listen(&mut self, changes: &mut Changes) {
        self.list_ports().await;
        loop {
            tokio::select! {
                change = changes.next() => match change {
                    Some(Change::Link(link)) => self.links(vec![link]),
                    Some(Change::LinkGone(index)) => self.gone(&[index]),
                    Some(Change::Missed) => self.list_ports().await,
                    Some(Change::Address(_) | Change::AddressGone(_)) => {}
                    None => *changes = self.reopen_netlink().await,
                },
                frame = self.socket.receive() => match frame {
                    Ok((port, frame)) => self.heard(port, &frame),
                    Err(error) => self.reopen_socket(&error).await,
                },
            }
        }
    }

    fn heard(&self, port: u32, frame: &[u8]) {
        let now = self.boundaries.clock.since_boot();
        self.table.send_modify(|table| {
            if let Some(table) = table {
                table.frame(now, port, frame);
            }
        });
    }

    /// Reads all links: at the beginning, and when news were missed.
    async fn list_ports(&mut self) {
        match self.netlink.links().await {
            Ok(links) => {
                let here: BTreeSet<u32> = links.iter().map(|link| link.index).collect();
                let gone: Vec<u32> = self.joined.difference(&here).copied().collect();
                self.gone(&gone);
                self.links(links);
            }
            Err(error) => log::warn!("LLDP: {}", error.in_full()),
        }
    }

    /// Takes links in that appeared or changed; those that are no ports are
    /// left out. A port that belongs to a bond or a bridge hears all the same.
    fn links(&mut self, links: Vec<Link>) {
        let ports = links.into_iter();
        let ports: Vec<Link> = ports
            .filter(|link| link.is_port(&self.extra_kinds))
            .collect();
        let mut problems = Vec::new();
        for port in &ports {
            if self.joined.insert(port.index) {
                problems.extend(self.join(port.index));
            }
        }
        let now = self.boundaries.clock.since_boot();
        self.table.send_modify(|table| {
            let table = table.get_or_insert_default();
            for port in &ports {
                table.link(now, port);
            }
            for (port, problem) in problems {
                table.problem(port, problem);
            }
        });
    }

    fn join(&self, port: u32) -> Option<(u32, String)> {
        let joined = GROUPS
            .iter()
            .try_for_each(|group| self.socket.join(port, *group));
        let error = joined.err()?;
        Some((port, format!("cannot join the LLDP groups: {error}")))
    }

    fn gone(&mut self, ports: &[u32]) {
        for port in ports {
            self.joined.remove(port);
        }
        self.table.send_modify(|table| {
            for port in ports {
                if let Some(table) = table {
                    table.gone(*port);
                }
            }
        });
    }

    async fn reopen_netlink(&mut self) -> Changes {
        loop {
            tokio::time::sleep(AGAIN).await;
            match Netlink::open(&self.boundaries.root) {
                Ok((netlink, changes)) => {
                    self.netlink = netlink;
                    self.list_ports().await;
                    return changes;
                }
                Err(error) => log::warn!("LLDP: {}", error.in_full()),
            }
        }
    }

    async fn reopen_socket(&mut self, error: &io::Error) {
        log::warn!("LLDP: the socket failed and is opened again: {error}");
        tokio::time::sleep(AGAIN).await;
        match LldpSocket::open() {
            Ok(socket) => {
                self.socket = socket;
                self.joined.clear();
                self.list_ports().await;
            }
            Err(error) => log::warn!("LLDP: cannot open a socket: {error}"),
        }
    }
}
