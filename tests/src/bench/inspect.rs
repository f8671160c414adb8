// SPDX-License-Identifier: Apache-2.0
//! From kernel start to the inspection that Ironic has.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::boot::{self, Follower, Task};
use super::report::{Figure, Report};
use super::seconds;
use crate::demo::seen::Milestone;
use crate::error::Error;
use crate::lab::Lab;
use crate::machine::{Bus, DiskSpec, Machine};
use crate::wait::{self, Probe};

const MEMORY_MIB: u32 = 1024;
/// From power-on to the milestone, on the slowest host.
const LIMIT: Duration = Duration::from_mins(3);
/// Ironic answers before it has enrolled the server.
const ENROLL_LIMIT: Duration = Duration::from_mins(1);

/// One inspected server.
#[derive(Debug)]
pub(super) struct Inspected {
    /// Kernel start to inspection posted, by the server's clock.
    pub(super) at_ms: u64,
    /// Power-on to inspection posted, by the host's clock.
    pub(super) since_power_on: Duration,
    /// All milestones of the boot, in time order.
    pub(super) timeline: Vec<Milestone>,
    /// What reading the hardware took, as the agent has reported it.
    cost: Cost,
}

/// What reading the hardware took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    cpu_ms: u64,
    elapsed_ms: u64,
}

impl Cost {
    /// As the agent has reported it; `None` if it has not.
    fn of(data: &Value) -> Option<Self> {
        let cost = &data["plugin_data"]["ironseed"]["cost"];
        Some(Self {
            cpu_ms: cost["cpu_ms"].as_u64()?,
            elapsed_ms: cost["elapsed_ms"].as_u64()?,
        })
    }
}

/// Inspects `repeats` servers and reports the median and its timeline.
pub(super) fn measure(lab: &Lab, repeats: u8, report: &mut Report) -> Result<(), Error> {
    let mut runs = Vec::new();
    for index in 0..repeats {
        let run = inspect(lab, &format!("inspect-{index}"), index, MEMORY_MIB, LIMIT)?;
        lab.narrator().say(format!(
            "inspection posted {:.1} s after kernel start, {:.1} s after power-on",
            seconds(run.at_ms),
            run.since_power_on.as_secs_f64()
        ));
        runs.push(run);
    }
    runs.sort_by_key(|run| run.at_ms);
    let all: Vec<String> = runs
        .iter()
        .map(|run| format!("{:.2}", seconds(run.at_ms)))
        .collect();
    let Some(median) = runs.get(runs.len() / 2) else {
        return Ok(());
    };
    report.figure(Figure {
        name: "kernel start to inspection posted",
        value: format!("{:.1} s", seconds(median.at_ms)),
        remark: format!(
            "median of {} s; {:.1} s after power-on with firmware and unpacking",
            all.join(", "),
            median.since_power_on.as_secs_f64()
        ),
        target: "<= 6 s",
        quoted: "131-147 s to its first request",
    });
    report.figure(inventory_figure(median));
    report.timeline(
        "from kernel start to inspection, median run",
        &median.timeline,
    );
    Ok(())
}

/// Processor time of the whole inventory, and its share of the way to the report.
fn inventory_figure(run: &Inspected) -> Figure {
    let Cost { cpu_ms, elapsed_ms } = run.cost;
    let share = elapsed_ms * 100 / run.at_ms.max(1);
    Figure {
        name: "full inventory, processor time",
        value: format!("{cpu_ms} ms"),
        remark: format!("{elapsed_ms} ms from begin to end, {share} % of the boot; median run"),
        target: "<= 150 ms",
        quoted: "",
    }
}

/// Starts a server that Ironic does not know and waits until Ironic has its inventory.
pub(super) fn inspect(
    lab: &Lab,
    name: &str,
    index: u8,
    memory_mib: u32,
    limit: Duration,
) -> Result<Inspected, Error> {
    let disks = vec![DiskSpec::new(Bus::Scsi, 4, &format!("BENCH-{index}"))];
    let machine = boot::machine(lab, name, index, memory_mib, Task::Inspect, disks)?;
    let mut follower = Follower::new(&machine);
    let start = Instant::now();
    machine.power_on()?;
    let inspected = follower.wait_for(&machine, "inspection", limit);
    let since_power_on = start.elapsed();
    let inventory = inspected.and_then(|at_ms| Ok((at_ms, inventory_of(lab, &machine)?)));
    machine.power_off()?;
    let (at_ms, data) = inventory?;
    Ok(Inspected {
        at_ms,
        since_power_on,
        timeline: timeline(&data, follower.seen().milestones()),
        cost: Cost::of(&data).ok_or_else(|| Error::Expected {
            expected: "what reading the hardware took in the inspection data".to_owned(),
            found: data["plugin_data"]["ironseed"].to_string(),
        })?,
    })
}

/// What Ironic has stored for the server, found by its hardware address.
fn inventory_of(lab: &Lab, machine: &Machine) -> Result<Value, Error> {
    let what = format!("Ironic to have the inventory of {}", machine.name());
    wait::until(&what, ENROLL_LIMIT, || {
        for node in lab.ironic().nodes()? {
            let uuid = node["uuid"].as_str().unwrap_or_default();
            if lab.ironic().port_addresses(uuid)? != machine.spec().macs {
                continue;
            }
            return Ok(match lab.ironic().inventory(uuid) {
                Ok(data) => Probe::Ready(data),
                Err(error) => Probe::NotYet(error.chain()),
            });
        }
        Ok(Probe::NotYet("no node with its address".to_owned()))
    })
}

/// The timeline that the agent has reported, and what only the console has told.
fn timeline(data: &Value, console: &[Milestone]) -> Vec<Milestone> {
    let reported = data["plugin_data"]["ironseed"]["timeline"].as_array();
    let mut all: Vec<Milestone> = reported
        .into_iter()
        .flatten()
        .filter_map(|one| Some((one["name"].as_str()?.to_owned(), one["at_ms"].as_u64()?)))
        .collect();
    for one in console {
        if !all.iter().any(|(name, _)| *name == one.0) {
            all.push(one.clone());
        }
    }
    all.sort_by_key(|(_, at_ms)| *at_ms);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_cost_is_read_where_the_agent_puts_it() {
        let data =
            json!({"plugin_data": {"ironseed": {"cost": {"cpu_ms": 90, "elapsed_ms": 120}}}});
        let cost = Cost {
            cpu_ms: 90,
            elapsed_ms: 120,
        };
        assert_eq!(Cost::of(&data), Some(cost));
        assert_eq!(Cost::of(&json!({})), None);
    }

    #[test]
    fn two_sources_make_one_timeline() {
        let data = json!({"plugin_data": {"ironseed": {"timeline": [
            {"name": "init", "at_ms": 2100}, {"name": "address", "at_ms": 4000}, {"name": "odd"},
        ]}}});
        let console = [
            ("address".to_owned(), 4000),
            ("inspection".to_owned(), 5400),
        ];
        let names: Vec<String> = timeline(&data, &console)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["init", "address", "inspection"]);
        assert_eq!(timeline(&json!({}), &console), console);
    }
}
