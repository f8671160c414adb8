// SPDX-License-Identifier: Apache-2.0
//! `network_data.json`: the network of a machine as OpenStack writes it down.
//!
//! Ironic puts a node's `network_data` on the boot ISO as
//! `openstack/latest/network_data.json` (contract §2.4). The schema is Nova's
//! (`doc/api_schemas/network_data.json` there, metadata version 2018-08-27 and
//! later); Ironic checks with the same one, and Metal3 renders it from a
//! `Metal3DataTemplate`. Nova itself leaves its schema in places (`null`
//! addresses, options of bonds, types of links and networks), and people write
//! the file by hand, so the reader takes every spelling that has one meaning
//! only. What contradicts itself is refused, with all that is wrong at once.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `json` | values of an object with their places |
//! | `address` | addresses, masks, networks |
//! | `links`, `bond` | ports, bonds and VLANs |
//! | `networks` | addresses, routes, services |
//! | `check`, `stack`, `reach` | what contradicts what |
//! | `names` | names for links that have to be made |
//! | `problem` | what can be wrong, what is odd |

mod address;
mod bond;
mod check;
mod json;
mod links;
mod names;
mod networks;
mod problem;
mod reach;
mod stack;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Map, Value};

use super::choice::nothing;
use super::{DescribedDevice, DescribedLink, Description, Source};
use crate::network::Route;
use crate::network::plan::{Addressing, Bond};
use address::Family;
use check::Check;
use json::Object;
use links::{LinkKind, ReadBond, ReadLink};
use networks::{ReadNetwork, Services};
use problem::Reading;

pub use problem::{Problem, Problems, Warning};

/// Where the file is on a boot ISO or config drive.
pub const PATH: &str = "openstack/latest/network_data.json";

/// Links, and networks, that are read; no machine has more.
const MOST: usize = 512;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkData {
    /// The network.
    pub description: Description,
    /// Time servers, best first: addresses or host names. Nova has none, but
    /// its list of services has a place for them.
    pub ntp: Vec<String>,
    /// What is odd, and how it was understood.
    pub warnings: Vec<Warning>,
}

/// Reads the file; nothing where it describes nothing.
///
/// # Errors
///
/// [`Problems`] with everything that is wrong.
pub fn read(bytes: &[u8]) -> Result<Option<NetworkData>, Problems> {
    let mut reading = Reading::default();
    let read = object(bytes)
        .and_then(|map| schema(&map).map(|()| map))
        .map(|map| everything(&Object::root(&map), &mut reading));
    match read {
        Err(problem) => Err(Problems {
            problems: vec![problem],
        }),
        Ok(_) if !reading.problems.is_empty() => Err(Problems {
            problems: reading.problems,
        }),
        Ok(None) => Ok(None),
        Ok(Some((description, ntp))) => Ok(Some(NetworkData {
            description,
            ntp,
            warnings: reading.warnings,
        })),
    }
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(other) => Err(Problem::Schema {
            found: json::found(&other),
        }),
        Err(error) => Err(Problem::NotJson {
            found: error.to_string(),
        }),
    }
}

/// Netplan, cloud-init's own formats and other files are JSON objects, too.
fn schema(map: &Map<String, Value>) -> Result<(), Problem> {
    let is_list = |key: &str| map.get(key).is_some_and(Value::is_array);
    if map.is_empty() || (is_list("links") && is_list("networks")) {
        return Ok(());
    }
    let keys: Vec<String> = map
        .iter()
        .take(10)
        .map(|(key, value)| {
            let what = match value {
                Value::Array(_) => "a list",
                Value::Object(_) => "an object",
                _ => "a value",
            };
            format!("{} ({what})", json::shown(key))
        })
        .collect();
    Err(Problem::Schema {
        found: format!("an object with {}", keys.join(", ")),
    })
}

fn everything(root: &Object<'_>, reading: &mut Reading) -> Option<(Description, Vec<String>)> {
    let mut services = networks::services(root, reading);
    let objects = root.objects("links", reading);
    let ids: BTreeSet<String> = objects.iter().filter_map(json::Object::id).collect();
    let links = bounded("links", objects, reading);
    let links: Vec<ReadLink> = links
        .iter()
        .filter_map(|object| links::read(object, reading))
        .collect();
    let networks = bounded("networks", root.objects("networks", reading), reading);
    let mut networks: Vec<ReadNetwork> = networks
        .iter()
        .filter_map(|object| networks::read(object, reading))
        .collect();
    Check::run(&links, &networks, &ids, reading);
    if !reading.problems.is_empty() || (links.is_empty() && networks.is_empty()) {
        return None;
    }
    for network in &mut networks {
        services.append(std::mem::take(&mut network.services));
    }
    Some(build(&links, &networks, services))
}

fn bounded<'a>(key: &str, mut objects: Vec<Object<'a>>, reading: &mut Reading) -> Vec<Object<'a>> {
    if objects.len() > MOST {
        reading.problem(Problem::TooMany {
            at: key.to_owned(),
            most: MOST,
            found: objects.len(),
        });
        objects.truncate(MOST);
    }
    objects
}

/// The description of links and networks that do not contradict each other.
fn build(
    links: &[ReadLink],
    networks: &[ReadNetwork],
    services: Services,
) -> (Description, Vec<String>) {
    let names = names::names(links);
    let mtus = bond_mtus(links);
    let described = links.iter().map(|link| DescribedLink {
        name: named(&names, &link.id),
        device: device(link, &names),
        mac: link.mac,
        mtu: mtus.get(link.id.as_str()).copied().or(link.mtu),
        addressing: addressing(&link.id, networks),
        routes: routes(&link.id, networks),
    });
    let search = networks.iter().flat_map(|network| network.search.clone());
    let description = Description {
        links: described.collect(),
        dns: once_each(services.dns),
        search: once_each(search),
        ..nothing(Source::NetworkData)
    };
    (description, once_each(services.ntp))
}

fn named(names: &BTreeMap<&str, String>, id: &str) -> String {
    names.get(id).map_or_else(|| id.to_owned(), Clone::clone)
}

fn device(link: &ReadLink, names: &BTreeMap<&str, String>) -> DescribedDevice {
    match &link.kind {
        LinkKind::Port(port) => DescribedDevice::Port(port.clone()),
        LinkKind::Bond(bond) => DescribedDevice::Bond(self::bond(bond, names)),
        LinkKind::Vlan { link, id } => DescribedDevice::Vlan {
            parent: named(names, link),
            id: *id,
        },
    }
}

fn bond(bond: &ReadBond, names: &BTreeMap<&str, String>) -> Bond {
    let options = bond.options.iter().map(|(key, value)| {
        let value = match key.as_str() {
            "primary" => named(names, value),
            _ => value.clone(),
        };
        (key.clone(), value)
    });
    Bond {
        mode: bond.mode,
        ports: once_each(bond.ports.iter().map(|(_, port)| named(names, port))),
        options: options.collect(),
    }
}

/// The MTU of each port whose bond has one: the kernel gives it to the ports.
fn bond_mtus(links: &[ReadLink]) -> BTreeMap<&str, u32> {
    let mut mtus = BTreeMap::new();
    for link in links {
        if let (LinkKind::Bond(bond), Some(mtu)) = (&link.kind, link.mtu) {
            mtus.extend(bond.ports.iter().map(|(_, port)| (port.as_str(), mtu)));
        }
    }
    mtus
}

fn addressing(link: &str, networks: &[ReadNetwork]) -> Vec<Addressing> {
    let own = networks.iter().filter(|network| network.link == link);
    once_each(own.flat_map(|network| network.addressing.clone()))
}

/// The routes through a link. Before a route through a gateway that is no
/// neighbour stands one that makes it a neighbour.
fn routes(link: &str, networks: &[ReadNetwork]) -> Vec<Route> {
    let mut routes = Vec::new();
    let own = networks.iter().filter(|network| network.link == link);
    for (_, route) in own.flat_map(|network| &network.routes) {
        let far = route
            .gateway
            .filter(|gateway| !reach::is_neighbour(networks, link, *gateway));
        routes.extend(far.map(neighbour));
        routes.push(*route);
    }
    // What is on the link itself comes first: the kernel needs it for the rest.
    let mut routes = once_each(routes);
    routes.sort_by_key(|route| route.gateway.is_some());
    routes
}

fn neighbour(gateway: IpAddr) -> Route {
    Route {
        destination: gateway,
        prefix_len: Family::of(gateway).bits(),
        gateway: None,
    }
}

fn once_each<T: PartialEq>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut once = Vec::new();
    for one in all {
        if !once.contains(&one) {
            once.push(one);
        }
    }
    once
}
