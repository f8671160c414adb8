// SPDX-License-Identifier: Apache-2.0
//! Disks and what they hang on.

use super::column;
use crate::inventory::layout::{Part, Section};
use crate::inventory::words::{disk_bytes, plain};

pub(super) const DISKS: Section = Section {
    name: "disks",
    title: "Disks",
    parts: &[
        Part::Rows {
            list: "/ironseed/hardware/disks",
            columns: &[
                column("disk", "/name", plain),
                column("size", "/size_bytes", disk_bytes),
                column("protocol", "/protocol", plain),
                column("model", "/model", plain),
                column("serial number", "/serial", plain),
                column("firmware", "/firmware", plain),
                column("verdict", "/verdict", plain),
                column("because", "/verdict_reasons", plain),
                column("unfinished image", "/unfinished_image", plain),
                column("used %", "/health/endurance_used_percent", plain),
                column("°C", "/health/temperature_celsius", plain),
                column("hours", "/health/power_on_hours", plain),
            ],
        },
        Part::Facts(&[column("root disk without hints", "/root_disk/name", plain)]),
    ],
};

pub(super) const CONTROLLERS: Section = Section {
    name: "controllers",
    title: "Storage controllers",
    parts: &[
        Part::Rows {
            list: "/ironseed/hardware/controllers/storage",
            columns: &[
                column("address", "/address", plain),
                column("kind", "/kind", plain),
                column("model", "/model", plain),
                column("firmware", "/firmware", plain),
                column("driver", "/driver", plain),
                column("state", "/state", plain),
            ],
        },
        Part::Rows {
            list: "/ironseed/hardware/controllers/enclosures",
            columns: &[
                column("enclosure", "/address", plain),
                column("vendor", "/vendor", plain),
                column("model", "/model", plain),
                column("slots", "/components", plain),
            ],
        },
        Part::Rows {
            list: "/ironseed/hardware/controllers/raid_volumes",
            columns: &[
                column("RAID volume", "/disk", plain),
                column("level", "/level", plain),
                column("state", "/state", plain),
            ],
        },
    ],
};
