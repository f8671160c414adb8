// SPDX-License-Identifier: Apache-2.0
//! What is posted to Ironic at inspection (contract §6): the keys of the chosen
//! collectors, and our own key `ironseed`.

mod default;
mod dmi_decode;
mod extra_hardware;
mod lldp;
mod logs;
mod numa_topology;
mod pci_devices;
mod usb_devices;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::event::Milestone;
use crate::hardware::Hardware;
use crate::hints;
use crate::inventory::{Disk, Inventory, block_devices};
use crate::node::Node;
use crate::profile::{Deviation, MachineProfile, Recognised};
use crate::scs::{self, ScsFacts};
use crate::snapshot::Snapshot;

pub use lldp::wants_lldp;

/// How many lines of each log go into the archive of an inspection (contract §6.5).
pub const LOG_LINES: usize = 10_000;
/// Version of what stands under `ironseed`. It grows when a key changes its
/// meaning or goes away.
const IRONSEED_SCHEMA: u32 = 2;

/// What is wanted in a report, and what only the agent around it knows.
#[derive(Debug, Default)]
pub struct Wanted<'a> {
    /// Names of the collectors (contract §6.5).
    pub collectors: &'a [String],
    /// Put the TLVs of LLDP neighbours into the records of interfaces
    /// (`ipa-collect-lldp`).
    pub collect_lldp: bool,
    /// The log archive; `None` if it could not be made.
    pub logs: Option<String>,
    /// When what was reached in this boot.
    pub timeline: Vec<Milestone>,
    /// Version of the agent.
    pub agent_version: &'a str,
    /// What reading the machine took.
    pub cost: Cost,
    /// What collectors failed to do, a sentence each. Ironic fails an
    /// inspection that reports any.
    pub problems: Vec<String>,
}

/// What reading the machine took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Time of processors the agent used for it, in milliseconds.
    pub cpu_ms: u64,
    /// Time from begin to end, in milliseconds.
    pub elapsed_ms: u64,
}

/// What the collectors report from.
#[derive(Debug)]
struct Collected<'a> {
    wanted: &'a Wanted<'a>,
    snapshot: &'a Snapshot,
    inventory: Inventory,
    /// The disk an operating system would go onto without hints.
    root_disk: Option<Disk>,
}

impl<'a> Collected<'a> {
    fn of(snapshot: &'a Snapshot, machine: &Recognised<'_>, wanted: &'a Wanted<'a>) -> Self {
        let devices = block_devices(snapshot);
        let chosen = hints::choose_root_device(&devices, &Node::default()).ok();
        let mut inventory = machine.inventory.clone();
        if wanted.collect_lldp {
            lldp::add_lldp(&mut inventory, snapshot);
        }
        Self {
            wanted,
            snapshot,
            inventory,
            root_disk: chosen.map(|(device, _)| Disk::from(device)),
        }
    }
}

/// What stands under the key `ironseed` of the inspection data.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Ironseed {
    /// Version of this schema.
    pub schema: u32,
    /// Version of the agent.
    pub agent: String,
    /// When what was reached in this boot.
    pub timeline: Vec<Milestone>,
    /// What reading the machine took.
    pub cost: Cost,
    /// What kind of machine it is taken for, and the layout it shall get.
    pub profile: MachineProfile,
    /// How it differs from what its profile expects; empty if it does not.
    pub deviations: Vec<Deviation>,
    /// What the hardware says about names of flavors on it (SCS standard scs-0100).
    pub scs: ScsFacts,
    /// The machine in depth.
    pub hardware: Hardware,
}

/// One collector: its name as settings give it, and what it puts into the payload.
#[derive(Debug)]
pub struct Collector {
    /// Name in `ipa-inspection-collectors` (contract §6.5).
    pub name: &'static str,
    /// Adds the collector's keys; the error is a sentence for Ironic.
    collect: fn(&Collected<'_>, &mut Map<String, Value>) -> Result<(), String>,
}

/// Every collector this agent has, in the order they run. `logs` comes last, so
/// that the archive has what the others had to say.
pub const COLLECTORS: &[Collector] = &[
    Collector {
        name: "default",
        collect: default::collect,
    },
    Collector {
        name: "extra-hardware",
        collect: extra_hardware::collect,
    },
    Collector {
        name: lldp::NAME,
        collect: lldp::collect,
    },
    Collector {
        name: "pci-devices",
        collect: pci_devices::collect,
    },
    Collector {
        name: "usb-devices",
        collect: usb_devices::collect,
    },
    Collector {
        name: "numa-topology",
        collect: numa_topology::collect,
    },
    Collector {
        name: "dmi-decode",
        collect: dmi_decode::collect,
    },
    Collector {
        name: "logs",
        collect: logs::collect,
    },
];

/// Makes the payload.
///
/// A collector that this agent does not have becomes part of `error`. Ironic's
/// own agent then posts nothing but the error, which Ironic's schema refuses,
/// so that the node waits for its timeout; with the inventory beside it Ironic
/// fails the inspection at once and shows the sentence.
#[must_use]
pub fn report(snapshot: &Snapshot, machine: &Recognised<'_>, wanted: &Wanted<'_>) -> Value {
    let collected = Collected::of(snapshot, machine, wanted);
    let mut payload = Map::new();
    let mut problems = wanted.problems.clone();
    for name in wanted.collectors {
        if !COLLECTORS.iter().any(|collector| collector.name == name) {
            let known: Vec<&str> = COLLECTORS.iter().map(|known| known.name).collect();
            let known = known.join(", ");
            problems.push(format!(
                "there is no collector named {name}; this agent has: {known}"
            ));
        }
    }
    for collector in COLLECTORS {
        let chosen = wanted.collectors.iter().any(|name| name == collector.name);
        if chosen && let Err(problem) = (collector.collect)(&collected, &mut payload) {
            problems.push(format!("collector {}: {problem}", collector.name));
        }
    }
    let error = (!problems.is_empty()).then(|| problems.join("\n"));
    payload.insert("error".into(), json!(error));
    payload.insert("ironseed".into(), ironseed(snapshot, machine, wanted));
    Value::Object(payload)
}

fn ironseed(snapshot: &Snapshot, machine: &Recognised<'_>, wanted: &Wanted<'_>) -> Value {
    let section = Ironseed {
        schema: IRONSEED_SCHEMA,
        agent: wanted.agent_version.to_owned(),
        timeline: wanted.timeline.clone(),
        cost: wanted.cost,
        profile: MachineProfile::from(&machine.selection),
        deviations: machine.deviations.clone(),
        scs: scs::read(snapshot),
        hardware: machine.hardware.clone(),
    };
    serde_json::to_value(section).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests {
    use hardware_profiles::ProfileSet;

    use super::*;
    use crate::inventory::Facts;
    use crate::profile::recognise;

    /// Files of a server, enough for every collector to say something.
    pub(crate) const SMALL_SERVER: &[(&str, &str)] = &[
        (
            "/proc/cpuinfo",
            "processor : 0\nphysical id : 0\nmodel name : Intel(R) Xeon(R) Gold 6230\nflags : fpu vmx\n",
        ),
        ("/sys/class/dmi/id/product_name", "PowerEdge R640"),
        ("/sys/class/dmi/id/sys_vendor", "Dell Inc."),
        ("/sys/class/net/eno1/address", "d0:94:66:00:11:22"),
        ("/sys/class/net/eno1/device/vendor", "0x8086"),
        ("/sys/class/block/sda/size", "936640512"),
        ("/sys/class/block/sda/dev", "8:0"),
        ("/sys/class/block/sda/queue/rotational", "0"),
    ];

    /// The payload of some collectors for a machine with these files.
    pub(crate) fn collected_from(files: &[(&str, &str)], collectors: &[&str]) -> Value {
        let mut snapshot = Snapshot::default();
        for (path, text) in files {
            let entry = crate::snapshot::Entry::File(crate::snapshot::Bytes::from(*text));
            snapshot.files.insert(*path, entry);
        }
        reported_of(&snapshot, collectors, None)
    }

    /// What one collector makes of a machine.
    pub(crate) fn payload_of(collector: &str, snapshot: &Snapshot) -> Value {
        reported_of(snapshot, &[collector], None)
    }

    fn reported(collectors: &[&str], logs: Option<&str>) -> Value {
        reported_of(&Snapshot::default(), collectors, logs)
    }

    fn reported_of(snapshot: &Snapshot, collectors: &[&str], logs: Option<&str>) -> Value {
        let collectors: Vec<String> = collectors.iter().map(|name| (*name).to_owned()).collect();
        let wanted = Wanted {
            collectors: &collectors,
            logs: logs.map(str::to_owned),
            timeline: vec![Milestone {
                name: "inventory".into(),
                at_ms: 1200,
            }],
            agent_version: "0.1.0",
            ..Wanted::default()
        };
        let facts = Facts {
            boot_interface: Some("01-52-54-00-aa-bb-cc".into()),
            ..Facts::default()
        };
        let machine = recognise(ProfileSet::builtin(), snapshot, &facts);
        report(snapshot, &machine, &wanted)
    }

    fn keys(payload: &Value) -> Vec<&str> {
        payload
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect()
    }

    #[test]
    fn the_payload_has_the_contracts_keys() {
        let payload = reported(&["default", "logs"], Some("H4sI"));
        assert_eq!(
            keys(&payload),
            [
                "boot_interface",
                "configuration",
                "error",
                "inventory",
                "ironseed",
                "logs"
            ]
        );
        assert_eq!(payload["error"], Value::Null);
        assert_eq!(payload["boot_interface"], "01-52-54-00-aa-bb-cc");
        assert_eq!(
            payload["configuration"],
            json!({"collectors": ["default", "logs"],
                "managers": [{"name": "generic_hardware_manager", "version": "1.2"}]})
        );
        let ironseed = &payload["ironseed"];
        assert_eq!(ironseed["schema"], IRONSEED_SCHEMA);
        assert_eq!(ironseed["agent"], "0.1.0");
        assert_eq!(
            ironseed["timeline"],
            json!([{"name": "inventory", "at_ms": 1200}])
        );
        assert_eq!(ironseed["profile"]["name"], "generic");
        assert_eq!(ironseed["scs"]["suffix"], "_bms");
        assert!(ironseed["hardware"].is_object());
    }

    #[test]
    fn what_is_missing_is_said_and_the_rest_is_sent() {
        let payload = reported(&["default", "logs", "magic"], None);
        let error = payload["error"].as_str().expect("an error");
        assert!(
            error.contains("magic") && error.contains("archive"),
            "{error}"
        );
        assert!(payload.get("inventory").is_some());
        assert!(payload.get("logs").is_none());
        let payload = reported(&["logs"], Some("H4sI"));
        assert_eq!(keys(&payload), ["error", "ironseed", "logs"]);
    }
}
