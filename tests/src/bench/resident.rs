// SPDX-License-Identifier: Apache-2.0
//! The agent's resident memory while it waits for Ironic.

use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::boot::{self, Task};
use super::report::{Figure, Report};
use crate::error::{Error, expect};
use crate::lab::{BootInterface, Lab};
use crate::machine::{Bus, DiskSpec};
use crate::node::Node;
use crate::{files, process};

const MEMORY_MIB: u32 = 512;
const INDEX: u8 = 0x70;
const AGENT: &str = "ironseed-agent";
const LIMIT: Duration = Duration::from_mins(10);
/// How long the agent has nothing to do before Ironic fetches its log archive: this is the
/// measurement itself, not a wait for something.
const IDLE: Duration = Duration::from_mins(1);

/// Boots the agent for a manual cleaning, lets it idle afterwards, and reports.
pub(super) fn measure(lab: &Lab, report: &mut Report) -> Result<(), Error> {
    let disks = vec![DiskSpec::new(Bus::Scsi, 4, "BENCH-IDLE")];
    let machine = boot::machine(lab, "idle", INDEX, MEMORY_MIB, Task::Serve, disks)?;
    let node = Node::enroll(lab, &machine, BootInterface::Ipxe)?;
    // Ironic leaves the server on after the first cleaning and uses the same agent for the second.
    node.set(&[("/driver_info/fast_track", json!(true))])?;
    node.manage()?;
    let clean = || {
        let step = json!({"interface": "deploy", "step": "erase_devices_metadata"});
        // Ironic answers when the node is being cleaned already.
        node.go(
            "clean",
            json!({"clean_steps": [step]}),
            &["manageable"],
            LIMIT,
        )
    };
    clean()?;
    lab.narrator().say(format!(
        "idle: the agent has nothing to do for {} s",
        IDLE.as_secs()
    ));
    thread::sleep(IDLE);
    expect(machine.is_on()?, "the server to stay on", || {
        "off".to_owned()
    })?;
    clean()?;
    machine.power_off()?;
    let processes = processes(lab, node.uuid())?;
    let agent = resident_kib(&processes, AGENT).ok_or_else(|| Error::Expected {
        expected: format!("{AGENT} in the log archive's ps"),
        found: processes.clone(),
    })?;
    report.figure(Figure {
        name: "agent resident, idle",
        value: format!("{}.{} MiB", agent / 1024, agent % 1024 * 10 / 1024),
        remark: "VmRSS by ps in the log archive, after an idle minute".to_owned(),
        target: "<= 16 MiB",
        quoted: "",
    });
    Ok(())
}

/// The table `ps` of the newest log archive that Ironic has fetched from the node.
fn processes(lab: &Lab, node: &str) -> Result<String, Error> {
    let directory = lab.run_dir().join("agent-logs");
    let archives = files::names_in(&directory);
    // The names end with the time.
    let newest = archives
        .iter()
        .rfind(|name| name.starts_with(node))
        .ok_or_else(|| Error::Expected {
            expected: format!("a log archive of node {node}"),
            found: archives.join(", "),
        })?;
    process::run(
        Command::new("tar")
            .args(["--extract", "--gzip", "--to-stdout", "--file"])
            .arg(directory.join(newest))
            .arg("ps"),
    )
}

/// The column RSS, in KiB, of the process whose program has this name.
fn resident_kib(processes: &str, program: &str) -> Option<u64> {
    let mut lines = processes.lines();
    let column = |name| {
        let head = processes.lines().next()?;
        head.split_whitespace().position(|title| title == name)
    };
    let (resident, command) = (column("RSS")?, column("COMMAND")?);
    lines.find_map(|line| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let path = cells.get(command)?;
        let name = path.rsplit('/').next()?;
        (name == program).then(|| cells.get(resident)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agents_line_is_found() {
        let text = "PID PPID S RSS  COMMAND\n\
                    1   0    S 1200 /init\n\
                    60  1    S 900  /init agent\n\
                    71  60   S 9216 /usr/bin/ironseed-agent run\n";
        assert_eq!(resident_kib(text, AGENT), Some(9216));
        assert_eq!(resident_kib(text, "sshd"), None);
        assert_eq!(resident_kib("", AGENT), None);
        assert_eq!(resident_kib("PID RSS\n", AGENT), None);
        assert_eq!(
            resident_kib("RSS COMMAND\nx /ironseed-agent\n", AGENT),
            None
        );
    }
}
