// SPDX-License-Identifier: Apache-2.0
//! Names for the links that have to be made.
//!
//! Ids in the file can be anything, often a UUID, and the kernel takes 15
//! bytes. So a bond is `bond0`, `bond1`, … in the order of the file, unless its
//! own name or id is of that form; a VLAN on a bond or on another VLAN has the
//! name of that link, a dot and its number (`bond0.101`), a VLAN on a port is
//! `vlan101`. Where that is taken or too long, `-2`, `-3`, … follow a `vlan101`.
//! The same file always gives the same names. Ports keep the names the kernel
//! gave them; in the description they have their ids.

use std::collections::{BTreeMap, BTreeSet};

use super::links::{LinkKind, NAME_LENGTH, ReadLink};
use crate::network::description::PortMatch;

/// The name of each link by its id. The links must be free of circles and
/// unknown ids.
pub(super) fn names(links: &[ReadLink]) -> BTreeMap<&str, String> {
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for link in links {
        if let LinkKind::Port(port) = &link.kind {
            names.insert(&link.id, link.id.clone());
            taken.insert(link.id.clone());
            if let PortMatch::Name(name) = port {
                taken.insert(name.clone());
            }
        }
    }
    let own = |link: &ReadLink| match &link.kind {
        LinkKind::Bond(bond) => [bond.name.as_deref(), Some(link.id.as_str())]
            .into_iter()
            .flatten()
            .find(|name| is_bond_name(name))
            .map(str::to_owned),
        _ => None,
    };
    for link in links {
        if let Some(name) = own(link).filter(|name| taken.insert(name.clone())) {
            names.insert(&link.id, name);
        }
    }
    for link in links {
        if let LinkKind::Bond(_) = &link.kind
            && !names.contains_key(link.id.as_str())
        {
            names.insert(&link.id, free(&mut taken, |number| format!("bond{number}")));
        }
    }
    // A VLAN needs the name of the link below, which can stand behind it.
    let mut left: Vec<(&str, &str, u16)> = links
        .iter()
        .filter_map(|link| match &link.kind {
            LinkKind::Vlan { link: below, id } => Some((link.id.as_str(), below.as_str(), *id)),
            _ => None,
        })
        .collect();
    let ports: BTreeSet<&str> = links
        .iter()
        .filter(|link| matches!(link.kind, LinkKind::Port(_)))
        .map(|link| link.id.as_str())
        .collect();
    while !left.is_empty() {
        let before = left.len();
        left.retain(|(id, below, tag)| {
            let Some(parent) = names.get(below) else {
                return true;
            };
            let dotted = format!("{parent}.{tag}");
            let fits = !ports.contains(below) && dotted.len() <= NAME_LENGTH;
            let name = match fits && taken.insert(dotted.clone()) {
                true => dotted,
                false => free(&mut taken, |number| match number {
                    0 => format!("vlan{tag}"),
                    _ => format!("vlan{tag}-{}", number + 1),
                }),
            };
            names.insert(id, name);
            false
        });
        if left.len() == before {
            break;
        }
    }
    names
}

fn is_bond_name(name: &str) -> bool {
    let number = name.strip_prefix("bond").unwrap_or_default();
    (1..=4).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn free(taken: &mut BTreeSet<String>, name: impl Fn(usize) -> String) -> String {
    let free = (0..=taken.len())
        .map(name)
        .find(|name| !taken.contains(name));
    let free = free.unwrap_or_default();
    taken.insert(free.clone());
    free
}
