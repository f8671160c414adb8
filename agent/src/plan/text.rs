// SPDX-License-Identifier: Apache-2.0
//! The plan for a person, laid out as the inventory is, and as JSON.

use ironseed_core::block::BlockDevices;
use serde_json::{Value, json};

use super::Shown;
use crate::inventory::layout::{Part, Section, column, render as section};
use crate::inventory::words::{disk_bytes, plain};

const SECTIONS: &[Section] = &[
    Section {
        name: "plan",
        title: "Plan",
        parts: &[Part::Facts(&[
            column("step", "/step", plain),
            column("can begin", "/possible", plain),
            column("why not", "/problem/text", plain),
            column("next", "/problem/next", plain),
            column("guard", "/guard/verdict", plain),
            column("protects", "/guard/problem/text", plain),
            column("to do", "/guard/problem/next", plain),
        ])],
    },
    Section {
        name: "devices",
        title: "Devices",
        parts: &[Part::Rows {
            list: "/devices",
            columns: &[
                column("device", "/device", plain),
                column("taken", "/chosen", plain),
                column("size", "/size", disk_bytes),
                column("model", "/model", plain),
                column("serial", "/serial", plain),
                column("why", "/reason", plain),
            ],
        }],
    },
    Section {
        name: "operations",
        title: "Operations, in this order",
        parts: &[Part::Rows {
            list: "/operations",
            columns: &[
                column("operation", "/operation", plain),
                column("device", "/device/name", plain),
                column("data is lost", "/destroys", plain),
                column("what it does", "/description", plain),
            ],
        }],
    },
    Section {
        name: "image",
        title: "Image",
        parts: &[Part::Facts(&[
            column("url", "/image/url", plain),
            column("format", "/image/format", plain),
            column("compressed by", "/image/compression", plain),
            column("file", "/image/file_size", disk_bytes),
            column("on the disk", "/image/disk_size", disk_bytes),
            column("fits", "/image/fits", plain),
            column("ranges served", "/image/ranges", plain),
            column("refused", "/image/problem/text", plain),
        ])],
    },
    Section {
        name: "notes",
        title: "Notes",
        parts: &[Part::Rows {
            list: "/notes",
            columns: &[column("", "", plain)],
        }],
    },
];

/// Tables.
pub(super) fn render(shown: &Shown, blocks: &BlockDevices) -> String {
    let data = data(shown, blocks);
    let width = crate::inventory::width();
    let sections = SECTIONS.iter().filter_map(|s| section(s, &data, width));
    sections.collect::<Vec<_>>().join("\n")
}

/// JSON with the names that the API uses.
pub(super) fn json(shown: &Shown, blocks: &BlockDevices) -> String {
    format!("{:#}", data(shown, blocks))
}

/// The plan, and beside each device what tells it from the others.
fn data(shown: &Shown, blocks: &BlockDevices) -> Value {
    // Values of plans have text as keys, so they always are JSON.
    let mut data = serde_json::to_value(shown).unwrap_or_default();
    let devices = data.get_mut("devices").and_then(Value::as_array_mut);
    for device in devices.into_iter().flatten() {
        let known = device["device"].as_str().and_then(|name| blocks.get(name));
        if let Some(known) = known {
            device["size"] = json!(known.size);
            device["model"] = json!(known.model);
            device["serial"] = json!(known.serial);
        }
    }
    data
}
