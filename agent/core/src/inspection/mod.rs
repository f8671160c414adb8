// SPDX-License-Identifier: Apache-2.0
//! What is posted to Ironic at inspection (contract §6): the keys of the chosen
//! collectors, and our own key `ironseed`.

mod default;
mod dmi_decode;
mod logs;
mod numa_topology;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::event::Milestone;
use crate::hardware::Hardware;
use crate::inventory::{Disk, Inventory};
use crate::snapshot::Snapshot;

/// How many lines of each log go into the archive of an inspection (contract §6.5).
pub const LOG_LINES: usize = 10_000;
/// Version of what stands under `ironseed`. It grows when a key changes its
/// meaning or goes away.
const IRONSEED_SCHEMA: u32 = 2;

/// Everything that may go into a report.
#[derive(Debug)]
pub struct Collected<'a> {
    /// Names of the collectors that were asked for.
    pub collectors: &'a [String],
    /// What was read from the machine.
    pub snapshot: &'a Snapshot,
    /// The machine as Ironic knows it.
    pub inventory: &'a Inventory,
    /// The machine in depth.
    pub hardware: &'a Hardware,
    /// The disk an operating system would go onto without hints.
    pub root_disk: Option<&'a Disk>,
    /// `BOOTIF` as it was given.
    pub boot_interface: Option<&'a str>,
    /// The log archive; `None` if it could not be made.
    pub logs: Option<String>,
    /// When what was reached in this boot.
    pub timeline: Vec<Milestone>,
    /// Version of the agent.
    pub agent_version: &'a str,
    /// What collectors failed to do, a sentence each. Ironic fails an
    /// inspection that reports any.
    pub problems: Vec<String>,
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
pub fn report(collected: &Collected<'_>) -> Value {
    let mut payload = Map::new();
    let mut problems = collected.problems.clone();
    for name in collected.collectors {
        if !COLLECTORS.iter().any(|collector| collector.name == name) {
            let known: Vec<&str> = COLLECTORS.iter().map(|known| known.name).collect();
            let known = known.join(", ");
            problems.push(format!(
                "there is no collector named {name}; this agent has: {known}"
            ));
        }
    }
    for collector in COLLECTORS {
        let wanted = collected
            .collectors
            .iter()
            .any(|name| name == collector.name);
        if wanted && let Err(problem) = (collector.collect)(collected, &mut payload) {
            problems.push(format!("collector {}: {problem}", collector.name));
        }
    }
    let error = (!problems.is_empty()).then(|| problems.join("\n"));
    payload.insert("error".into(), json!(error));
    payload.insert("ironseed".into(), ironseed(collected));
    Value::Object(payload)
}

fn ironseed(collected: &Collected<'_>) -> Value {
    let section = Ironseed {
        schema: IRONSEED_SCHEMA,
        agent: collected.agent_version.to_owned(),
        timeline: collected.timeline.clone(),
        hardware: collected.hardware.clone(),
    };
    serde_json::to_value(section).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::inventory::{Facts, read};

    /// What one collector adds for a snapshot.
    pub(crate) fn collected_from(
        snapshot: &Snapshot,
        collect: fn(&Collected<'_>, &mut Map<String, Value>) -> Result<(), String>,
    ) -> Result<Map<String, Value>, String> {
        let inventory = read(snapshot, &Facts::default());
        let hardware = crate::hardware::read(snapshot);
        let mut payload = Map::new();
        let collected = Collected {
            collectors: &[],
            snapshot,
            inventory: &inventory,
            hardware: &hardware,
            root_disk: None,
            boot_interface: None,
            logs: None,
            timeline: Vec::new(),
            agent_version: "0.1.0",
            problems: Vec::new(),
        };
        collect(&collected, &mut payload)?;
        Ok(payload)
    }

    fn reported(collectors: &[&str], logs: Option<&str>) -> Value {
        let snapshot = Snapshot::default();
        let inventory = read(&snapshot, &Facts::default());
        let hardware = crate::hardware::read(&snapshot);
        let collectors: Vec<String> = collectors.iter().map(|name| (*name).to_owned()).collect();
        report(&Collected {
            collectors: &collectors,
            snapshot: &snapshot,
            inventory: &inventory,
            hardware: &hardware,
            root_disk: None,
            boot_interface: Some("01-52-54-00-aa-bb-cc"),
            logs: logs.map(str::to_owned),
            timeline: vec![Milestone {
                name: "inventory".into(),
                at_ms: 1200,
            }],
            agent_version: "0.1.0",
            problems: Vec::new(),
        })
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
