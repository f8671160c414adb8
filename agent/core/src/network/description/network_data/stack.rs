// SPDX-License-Identifier: Apache-2.0
//! Links that lie on each other: in no circle, and no deeper than the kernel
//! allows.

use std::collections::BTreeMap;

use super::json::shown;
use super::links::{LinkKind, ReadLink};
use super::problem::Problem;

/// Links on top of each other (`MAX_NEST_DEV` in the kernel's
/// include/linux/netdevice.h).
const DEEPEST: usize = 8;

/// The first circle or too high stack there is. One is enough: whatever lies on
/// it has the same fault.
pub(super) fn problem(by_id: &BTreeMap<&str, &ReadLink>) -> Option<Problem> {
    let heights = heights(by_id);
    let (start, _) = heights.iter().find(|(_, height)| **height > DEEPEST)?;
    let start = by_id.get(start)?;
    // Down along the highest stack. A circle is high everywhere, so the way
    // leads into it and comes back to a link it has been at.
    let mut way = vec![start.id.as_str()];
    while let Some(next) = highest(by_id, &heights, way.last()?) {
        if let Some(from) = way.iter().position(|id| *id == next) {
            let first = by_id.get(next)?;
            let round = way.get(from..)?.iter().copied().chain([next]);
            let round: Vec<String> = round.map(shown).collect();
            return Some(Problem::Circle {
                at: first.place.whole(),
                circle: round.join(" on "),
            });
        }
        way.push(next);
    }
    Some(Problem::TooDeep {
        at: start.place.whole(),
        most: DEEPEST,
    })
}

/// How many links each stack has, counted up to one more than is allowed.
fn heights<'a>(by_id: &BTreeMap<&'a str, &'a ReadLink>) -> BTreeMap<&'a str, usize> {
    let mut heights: BTreeMap<&str, usize> = by_id.keys().map(|id| (*id, 1)).collect();
    for _ in 0..DEEPEST {
        let last = heights.clone();
        for (id, link) in by_id {
            let below = below(link).filter_map(|id| last.get(id)).max();
            heights.insert(id, 1 + below.copied().unwrap_or_default());
        }
    }
    heights
}

fn highest<'a>(
    by_id: &BTreeMap<&'a str, &'a ReadLink>,
    heights: &BTreeMap<&'a str, usize>,
    id: &str,
) -> Option<&'a str> {
    let link: &'a ReadLink = by_id.get(id).copied()?;
    let known = below(link).filter_map(|id| Some((*heights.get(id)?, id)));
    known.max().map(|(_, id)| id)
}

fn below(link: &ReadLink) -> impl Iterator<Item = &str> {
    let (ports, parent) = match &link.kind {
        LinkKind::Port(_) => (&[][..], None),
        LinkKind::Bond(bond) => (&bond.ports[..], None),
        LinkKind::Vlan { link, .. } => (&[][..], Some(link.as_str())),
    };
    ports.iter().map(|(_, port)| port.as_str()).chain(parent)
}
