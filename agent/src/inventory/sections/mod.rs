// SPDX-License-Identifier: Apache-2.0
//! The sections of the report for people, in the order of a walk around the
//! machine. Pointers lead into the inspection data.

mod compute;
mod network;
mod platform;
mod storage;

use super::layout::{Part, Section, column};
use super::words::plain;

/// Every section.
pub(super) const ALL: &[Section] = &[
    platform::MACHINE,
    DEVIATIONS,
    compute::PROCESSORS,
    compute::MEMORY,
    compute::ACCELERATORS,
    network::PORTS,
    network::TRANSCEIVERS,
    network::NEIGHBOURS,
    storage::DISKS,
    storage::CONTROLLERS,
    platform::PCI,
    platform::BMC,
    platform::SENSORS,
    platform::TPM,
    platform::BOOT,
    platform::KERNEL,
    ABSENT,
];

const DEVIATIONS: Section = Section {
    name: "deviations",
    title: "Not as the profile expects",
    parts: &[Part::Rows {
        list: "/ironseed/deviations",
        columns: &[
            column("severity", "/severity", plain),
            column("what", "/subject", plain),
            column("code", "/code", plain),
            column("expected", "/expected", plain),
            column("found", "/found", plain),
        ],
    }],
};

const ABSENT: Section = Section {
    name: "absent",
    title: "Not known, and why",
    parts: &[Part::Rows {
        list: "/ironseed/hardware/absent",
        columns: &[
            column("of", "/subject", plain),
            column("what", "/value", plain),
            column("reason", "/reason", plain),
        ],
    }],
};

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The schema below a reference, an optional value or an item of a list.
    fn settled<'a>(root: &'a Value, mut at: &'a Value) -> &'a Value {
        loop {
            let reference = at["$ref"].as_str().or_else(|| {
                let choices = at["anyOf"].as_array()?;
                choices.iter().find_map(|choice| choice["$ref"].as_str())
            });
            match reference {
                Some(reference) => {
                    at = root
                        .pointer(reference.trim_start_matches('#'))
                        .expect("the reference leads somewhere");
                }
                None if at["items"].is_object() => at = &at["items"],
                None => return at,
            }
        }
    }

    fn below<'a>(root: &'a Value, from: &'a Value, pointer: &str) -> Option<&'a Value> {
        let mut at = from;
        for key in pointer.split('/').skip(1) {
            at = settled(root, at);
            if key.parse::<usize>().is_err() {
                at = at["properties"].get(key)?;
            }
        }
        Some(at)
    }

    /// A key that is renamed would otherwise vanish from the report silently.
    #[test]
    fn every_pointer_leads_to_something_the_schema_has() {
        let schema: Value =
            serde_json::from_str(include_str!("../../../../docs/ironseed.schema.json"))
                .expect("a schema");
        let check = |section: &Section, from: &Value, pointer: &str| {
            let found = below(&schema, from, pointer);
            assert!(found.is_some(), "{}: {pointer}", section.name);
        };
        for section in ALL {
            for part in section.parts {
                match part {
                    Part::Facts(columns) => {
                        for column in *columns {
                            if let Some(pointer) = column.pointer.strip_prefix("/ironseed") {
                                check(section, &schema, pointer);
                            }
                        }
                    }
                    Part::Rows { list, columns } => {
                        let Some(list) = list.strip_prefix("/ironseed") else {
                            continue;
                        };
                        let items = below(&schema, &schema, list).expect(list);
                        for column in *columns {
                            check(section, items, column.pointer);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn names_are_unique() {
        for (index, section) in ALL.iter().enumerate() {
            assert!(
                ALL[..index].iter().all(|other| other.name != section.name),
                "{}",
                section.name
            );
        }
    }
}
