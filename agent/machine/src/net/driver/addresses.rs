// SPDX-License-Identifier: Apache-2.0
//! Planned addresses and routes: into the kernel and out of it.

use std::net::IpAddr;

use ironseed_core::network::gateway::{Reach, reach};
use ironseed_core::network::link_changes::find;
use ironseed_core::network::{
    AddressState, Addressing, KernelRoute, Link, LinkPlan, PlannedAddresses, Subject, primary,
};

use crate::net::driver::Driver;
use crate::net::links::KernelAddress;
use crate::net::static_addresses::{add_address, add_route, remove_address, remove_route};

/// What was put into the kernel for one link.
#[derive(Debug, Clone, Default)]
pub(super) struct Placed {
    /// Position among the links that got an address.
    pub(super) order: u32,
    metric: u32,
    addresses: Vec<(IpAddr, u8)>,
    routes: Vec<KernelRoute>,
}

impl Driver {
    /// Makes the planned addresses and routes of all links be there, and takes
    /// away those that were put there and are not planned any more.
    pub(super) async fn settle_planned(&mut self) {
        if !self.manages() {
            return;
        }
        let links: Vec<Link> = self.links.values().cloned().collect();
        let plans = self.plan.links.clone();
        let wanted: Vec<(&LinkPlan, &Link)> = plans
            .iter()
            .filter_map(|plan| Some((plan, find(plan, &links)?)))
            .collect();
        self.drop_unplanned(&wanted).await;
        for (plan, link) in wanted {
            let planned = planned_addresses(plan);
            // Addresses of a link that is down would be lost, or have no routes.
            if link.up && !(planned.is_empty() && plan.routes.is_empty()) {
                self.place(plan, link, &planned).await;
            }
        }
    }

    async fn drop_unplanned(&mut self, wanted: &[(&LinkPlan, &Link)]) {
        let indexes: Vec<u32> = self.placed.keys().copied().collect();
        for index in indexes {
            let plan = wanted.iter().find(|(_, link)| link.index == index);
            let plan = plan.map(|(plan, _)| *plan);
            let addresses = plan.map(planned_addresses).unwrap_or_default();
            let Some(placed) = self.placed.get_mut(&index) else {
                continue;
            };
            let preferred = plan.is_some_and(|plan| plan.preferred);
            // With another metric everything is put there anew.
            let stays = plan.is_some() && placed.metric == primary::metric(preferred, placed.order);
            let stays_route = |placed: &KernelRoute| {
                stays && plan.is_some_and(|plan| plan.routes.contains(&placed.route))
            };
            let (kept, routes) = partition(&placed.routes, stays_route);
            placed.routes = kept;
            let (kept, gone) = partition(&placed.addresses, |one| stays && addresses.contains(one));
            placed.addresses = kept;
            if placed.addresses.is_empty()
                && let Some(port) = self.ports.get_mut(&index)
            {
                port.status.planned = None;
            }
            if plan.is_none_or(|plan| addresses.is_empty() && plan.routes.is_empty()) {
                self.placed.remove(&index);
            }
            self.take_out(index, &routes, &gone).await;
        }
    }

    async fn take_out(&mut self, index: u32, routes: &[KernelRoute], addresses: &[(IpAddr, u8)]) {
        let name = self.links.get(&index).map(|link| link.name.clone());
        let name = name.unwrap_or_default();
        for route in routes {
            let removed = remove_route(&self.netlink, *route).await;
            let which = route.route.to_string();
            self.outcome_of(&name, Subject::Route, which, removed);
            self.routes.retain(|known| known != route);
        }
        for (address, prefix_len) in addresses {
            let removed = remove_address(&self.netlink, index, *address, *prefix_len).await;
            let which = format!("{address}/{prefix_len}");
            self.outcome_of(&name, Subject::Address, which, removed);
            self.addresses.retain(|known| {
                (known.link, known.address, known.prefix_len) != (index, *address, *prefix_len)
            });
        }
    }

    async fn place(&mut self, plan: &LinkPlan, link: &Link, planned: &[(IpAddr, u8)]) {
        let placed = match self.placed.get(&link.index) {
            Some(placed) => placed.clone(),
            None => Placed {
                order: self.order_of(link.index),
                ..Placed::default()
            },
        };
        let metric = primary::metric(plan.preferred, placed.order);
        self.placed.insert(link.index, Placed { metric, ..placed });
        for (address, prefix_len) in planned {
            self.place_address(link, *address, *prefix_len, metric)
                .await;
        }
        self.note_first(plan, link, planned);
        for route in &plan.routes {
            let way = reach(plan, route);
            // One that cannot work is not tried; the differences name it.
            if way != Reach::Not {
                let wanted = KernelRoute {
                    link: link.index,
                    route: *route,
                    metric,
                };
                self.place_route(link, wanted, way == Reach::OnLink).await;
            }
        }
    }

    async fn place_address(&mut self, link: &Link, address: IpAddr, prefix_len: u8, metric: u32) {
        let is_it = |known: &KernelAddress| {
            (known.link, known.address, known.prefix_len) == (link.index, address, prefix_len)
        };
        let is_there = self.addresses.iter().any(is_it);
        let Some(placed) = self.placed.get_mut(&link.index) else {
            return;
        };
        let is_placed = placed.addresses.contains(&(address, prefix_len));
        if is_there && is_placed {
            return;
        }
        if !is_placed {
            placed.addresses.push((address, prefix_len));
        }
        let added = add_address(&self.netlink, link.index, address, prefix_len, metric).await;
        if added.is_ok() && !is_there {
            let state = match address {
                IpAddr::V4(_) => AddressState::Usable,
                IpAddr::V6(_) => AddressState::Tentative,
            };
            self.remember(KernelAddress {
                link: link.index,
                address,
                prefix_len,
                permanent: true,
                state,
            });
        }
        let which = format!("{address}/{prefix_len}");
        self.outcome_of(&link.name, Subject::Address, which, added);
    }

    async fn place_route(&mut self, link: &Link, wanted: KernelRoute, on_link: bool) {
        if self.routes.contains(&wanted) {
            return;
        }
        let added = add_route(&self.netlink, wanted, on_link).await;
        if added.is_ok() {
            self.routes.push(wanted);
            if let Some(placed) = self.placed.get_mut(&link.index)
                && !placed.routes.contains(&wanted)
            {
                placed.routes.push(wanted);
            }
        }
        let which = wanted.route.to_string();
        self.outcome_of(&link.name, Subject::Route, which, added);
    }

    /// Whether somebody wrote down an address, for any link.
    pub(super) fn is_planned(&self, address: IpAddr) -> bool {
        let mut links = self.plan.links.iter();
        links.any(|link| {
            planned_addresses(link)
                .iter()
                .any(|(one, _)| *one == address)
        })
    }

    /// Notes when a link first has one of its planned addresses.
    fn note_first(&mut self, plan: &LinkPlan, link: &Link, planned: &[(IpAddr, u8)]) {
        let usable = |known: &&KernelAddress| {
            known.link == link.index
                && known.state == AddressState::Usable
                && planned.contains(&(known.address, known.prefix_len))
        };
        let Some(found) = self.addresses.iter().find(usable).copied() else {
            return;
        };
        let now = self.boundaries.clock.since_boot();
        let (Some(placed), Some(port)) = (
            self.placed.get(&link.index),
            self.ports.get_mut(&link.index),
        ) else {
            return;
        };
        let first = port.status.planned.map_or(now, |planned| planned.first);
        let is_new = port.status.planned.is_none();
        port.status.planned = Some(PlannedAddresses {
            first,
            order: placed.order,
            metric: placed.metric,
        });
        if is_new {
            let source = self.plan.source.map(|source| source.to_string());
            let source = source.unwrap_or_else(|| "the plan".into());
            let (address, prefix_len) = (found.address, found.prefix_len);
            self.note(format!(
                "{}: address {address}/{prefix_len} from {source}",
                plan.name
            ));
            self.write_resolv_conf();
            self.reach("address");
        }
    }

    /// Takes planned addresses out that another machine has, so that they are
    /// put there anew and the kernel asks again.
    pub(super) async fn withdraw_duplicates(&mut self) {
        let duplicates: Vec<KernelAddress> = self
            .addresses
            .iter()
            .filter(|known| known.state == AddressState::Duplicate)
            .copied()
            .collect();
        for known in duplicates {
            let one = (known.address, known.prefix_len);
            let ours = self.placed.get(&known.link);
            if ours.is_some_and(|placed| placed.addresses.contains(&one)) {
                self.take_out(known.link, &[], &[one]).await;
            }
        }
    }
}

fn planned_addresses(plan: &LinkPlan) -> Vec<(IpAddr, u8)> {
    let fixed = plan.addressing.iter().filter_map(|way| match way {
        Addressing::Static {
            address,
            prefix_len,
        } => Some((*address, *prefix_len)),
        _ => None,
    });
    fixed.collect()
}

fn partition<T: Clone>(all: &[T], stays: impl Fn(&T) -> bool) -> (Vec<T>, Vec<T>) {
    all.iter().cloned().partition(|one| stays(one))
}
