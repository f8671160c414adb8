// SPDX-License-Identifier: Apache-2.0
//! What is posted to Ironic at inspection (contract §6): the keys of the chosen
//! collectors, and our own key `ironseed`.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::event::Milestone;
use crate::inventory::{Disk, Inventory};

/// How many lines of each log go into the archive of an inspection (contract §6.5).
pub const LOG_LINES: usize = 10_000;
/// Version of what stands under `ironseed`. It grows when a key changes its
/// meaning or goes away.
const IRONSEED_SCHEMA: u32 = 1;
/// Who collected, in the words Ironic knows (contract §6.6).
const MANAGER: (&str, &str) = ("generic_hardware_manager", "1.2");

/// Everything that may go into a report.
#[derive(Debug)]
pub struct Collected<'a> {
    /// Names of the collectors that were asked for.
    pub collectors: &'a [String],
    /// The machine.
    pub inventory: &'a Inventory,
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

#[derive(Debug, Serialize)]
struct Ironseed<'a> {
    schema: u32,
    versions: Map<String, Value>,
    timeline: &'a [Milestone],
}

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
    let mut wants_logs = false;
    for name in collected.collectors {
        match name.as_str() {
            "default" => {
                if let Err(error) = add_default(&mut payload, collected) {
                    problems.push(format!("collector default: {error}"));
                }
            }
            "logs" => wants_logs = true,
            other => problems.push(format!(
                "there is no collector named {other}; this agent has: default, logs"
            )),
        }
    }
    if wants_logs {
        match &collected.logs {
            Some(logs) => {
                payload.insert("logs".into(), json!(logs));
            }
            None => problems.push("collector logs: the archive could not be made".into()),
        }
    }
    let error = (!problems.is_empty()).then(|| problems.join("\n"));
    payload.insert("error".into(), json!(error));
    payload.insert("ironseed".into(), ironseed(collected));
    Value::Object(payload)
}

fn add_default(
    payload: &mut Map<String, Value>,
    collected: &Collected<'_>,
) -> Result<(), serde_json::Error> {
    let inventory = serde_json::to_value(collected.inventory)?;
    payload.insert("inventory".into(), inventory);
    // Without a suitable disk the key is left out.
    if let Some(disk) = collected.root_disk {
        payload.insert("root_disk".into(), serde_json::to_value(disk)?);
    }
    payload.insert("boot_interface".into(), json!(collected.boot_interface));
    let (name, version) = MANAGER;
    payload.insert(
        "configuration".into(),
        json!({
            "collectors": collected.collectors,
            "managers": [{"name": name, "version": version}],
        }),
    );
    Ok(())
}

fn ironseed(collected: &Collected<'_>) -> Value {
    let versions = Map::from_iter([("agent".to_owned(), json!(collected.agent_version))]);
    let section = Ironseed {
        schema: IRONSEED_SCHEMA,
        versions,
        timeline: &collected.timeline,
    };
    serde_json::to_value(section).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Facts, read};
    use crate::snapshot::Snapshot;

    fn reported(collectors: &[&str], logs: Option<&str>) -> Value {
        let inventory = read(&Snapshot::default(), &Facts::default());
        let collectors: Vec<String> = collectors.iter().map(|name| (*name).to_owned()).collect();
        report(&Collected {
            collectors: &collectors,
            inventory: &inventory,
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
        assert_eq!(
            payload["ironseed"],
            json!({"schema": 1, "versions": {"agent": "0.1.0"},
                "timeline": [{"name": "inventory", "at_ms": 1200}]})
        );
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
