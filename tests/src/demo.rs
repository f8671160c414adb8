// SPDX-License-Identifier: Apache-2.0
//! The demo: one virtual server from power-on through discovery and cleaning to a deployed, booted
//! operating system, shown as it happens. It is a story for people; what must hold is checked by
//! the scenarios.

pub mod console_events;
pub mod inventory;
pub mod screen;
pub mod seen;
mod stages;
pub mod table;
pub mod tidy;
mod watch;

use std::time::Duration;

use serde_json::{Value, json};

use crate::error::{Error, expect};
use crate::files;
use crate::lab::{BootInterface, INITRAMFS, KERNEL, Lab, LabOptions};
use crate::machine::{Bus, DiskSpec, Machine, MachineSpec};
use crate::namespace;
use crate::network::{self, IRONIC_PORT, REDFISH_PORT};
use crate::node::{ImageSource, Node};
use console_events::SYSTEM_MARKER;
use screen::Screen;
use stages::Stages;
use watch::{Watch, seconds};

/// The name of the run, and of its directory.
pub const RUN: &str = "demo";
/// The name of the virtual server.
pub const MACHINE: &str = "demo-server";
const ROOT_SERIAL: &str = "DEMO-NVME-1";
/// From the end of the deployment to the marker of the deployed system.
const START_LIMIT: Duration = Duration::from_mins(10);
const LOG_LINES: usize = 40;
/// A command of the agent that takes at least so many seconds is worth a place in the summary.
const LONG_COMMAND: f64 = 0.5;

/// Prepares, outside of the namespaces, all that the demo needs.
///
/// # Errors
/// What is missing.
pub fn prepare(options: &LabOptions) -> Result<(), Error> {
    options.prepare()?;
    options.prepare_os_images()
}

/// Plays the demo in the namespaces. With `keep` the lab stays until it is ended.
///
/// # Errors
/// Why the server did not get to its operating system.
pub fn play(options: LabOptions, screen: &Screen, keep: bool) -> Result<(), Error> {
    let mut stages = Stages::new(screen.clone());
    let lab = stages.run("lab", "The lab starts: a real Ironic and a BMC", || {
        Ok((
            Lab::start(options)?,
            "Ironic, Redfish, libvirt, DHCP".to_owned(),
        ))
    })?;
    let result = story(&lab, screen, &mut stages);
    match &result {
        Ok(summary) => {
            screen.print(summary);
            if !keep {
                screen.print("The virtual server and the lab end now. What stays is the cache in");
                screen.print(&format!("  {}", lab.options().lab_dir.display()));
            }
        }
        Err(error) => show_logs(&lab, screen, error),
    }
    if keep {
        stay(&lab, screen);
    }
    result.map(drop)
}

fn story(lab: &Lab, screen: &Screen, stages: &mut Stages) -> Result<String, Error> {
    let machine = lab.machine(spec())?;
    let node = Node::enroll(lab, &machine, BootInterface::VirtualMedia)?;
    node.set(&[("/properties/root_device", json!({"serial": ROOT_SERIAL}))])?;
    show_addresses(lab, &machine, screen);
    let watch = Watch::start(
        machine.whole_console(),
        screen.clone(),
        lab.ironic().clone(),
        node.uuid().to_owned(),
    );
    stages.run("BMC", "Ironic talks to the server's BMC", || {
        node.manage()?;
        Ok(((), "Redfish: power state and identity".to_owned()))
    })?;
    let learned = discover(lab, &node, &watch, stages)?;
    stages.run("cleaning", "Automated cleaning", || {
        node.provide()?;
        Ok(((), work_of(&watch)))
    })?;
    deploy(lab, &node, &machine, &watch, stages)?;
    let summary = [
        String::new(),
        stages.table(),
        "What Ironic has learned about the server:".to_owned(),
        pairs(&inventory::lines(&learned["inventory"])),
        "The deployed operating system says:".to_owned(),
        indented(watch.seen().system()),
        format!("Image: {}\n", image_sizes(lab)),
    ];
    Ok(summary.join("\n"))
}

/// Two disks, so that a root device hint has something to choose, two network ports and a BMC that
/// the agent can see.
fn spec() -> MachineSpec {
    let mut spec = MachineSpec::new(MACHINE)
        .with_disk(DiskSpec::new(Bus::Scsi, 2, "DEMO-SCSI-1"))
        .with_disk(DiskSpec::new(Bus::Nvme, 6, ROOT_SERIAL));
    spec.macs.push("52:54:00:16:01:02".to_owned());
    spec.ipmi = true;
    spec
}

fn discover(
    lab: &Lab,
    node: &Node<'_>,
    watch: &Watch,
    stages: &mut Stages,
) -> Result<Value, Error> {
    stages.run(
        "discovery",
        "Power on: inspection over virtual media",
        || {
            node.inspect()?;
            let learned = lab.ironic().inventory(node.uuid())?;
            let detail = match watch.seen().reached("inspection") {
                Some(at) => format!("reported {:.1} s after kernel start", seconds(at)),
                None => "reported".to_owned(),
            };
            Ok((learned, detail))
        },
    )
}

fn deploy(
    lab: &Lab,
    node: &Node<'_>,
    machine: &Machine,
    watch: &Watch,
    stages: &mut Stages,
) -> Result<(), Error> {
    let image = &lab.os_images()?.qcow2;
    node.choose_image(&ImageSource::serve(lab, &image.path, "qcow2")?)?;
    let mut console = machine.console();
    let title = format!(
        "Deployment: qcow2 of {} MB with a config drive",
        image.size / 1_000_000
    );
    stages.run("deployment", &title, || {
        node.start_deployment(&config_drive(node))?;
        node.wait_for_deployment()?;
        Ok(((), work_of(watch)))
    })?;
    stages.run("first boot", "The deployed operating system starts", || {
        console.wait_for(&format!("{SYSTEM_MARKER}ready"), START_LIMIT)?;
        let detail = "until it says that it is ready".to_owned();
        Ok(((), detail))
    })?;
    let uuid = node.uuid();
    expect(
        console
            .lines()
            .any(|line| line.contains(SYSTEM_MARKER) && line.contains(uuid)),
        "the deployed system to have read its config drive",
        || "no line of it with the node's UUID".to_owned(),
    )
}

fn config_drive(node: &Node<'_>) -> Value {
    json!({
        "meta_data": {"uuid": node.uuid(), "name": MACHINE},
        "user_data": "#cloud-config of the ironseed demo\n",
    })
}

/// The agent's long commands since the stage before, for the summary.
fn work_of(watch: &Watch) -> String {
    let commands = watch.seen().take_commands();
    let long: Vec<String> = commands
        .iter()
        .filter_map(|(name, how)| Some((name, duration_in(how)?)))
        .filter(|(_, took)| *took >= LONG_COMMAND)
        .map(|(name, took)| format!("{name} {took:.1} s"))
        .collect();
    long.join(", ")
}

/// The seconds in `succeeded after 1.2 s`.
fn duration_in(how: &str) -> Option<f64> {
    let (_, after) = how.split_once(" after ")?;
    after.split(' ').next()?.parse().ok()
}

fn show_addresses(lab: &Lab, machine: &Machine, screen: &Screen) {
    let process = namespace::host_process();
    let ironic = format!("{}/v1/nodes", network::url(IRONIC_PORT));
    for line in [
        format!("serial console: tail -f {}", machine.serial_log().display()),
        format!("Ironic API {ironic}"),
        format!(
            "Redfish {}/redfish/v1/Systems/{}",
            network::url(REDFISH_PORT),
            machine.uuid()
        ),
        format!(
            "logs of all parts: {}",
            lab.run_dir().join("logs").display()
        ),
        format!(
            "these addresses are in a namespace: nsenter --net --target {process} curl {ironic}"
        ),
    ] {
        screen.tell("look at", &line);
    }
}

fn show_logs(lab: &Lab, screen: &Screen, error: &Error) {
    screen.end();
    for (name, path) in lab.logs() {
        screen.print(&format!("--- end of {name}, {} ---", path.display()));
        screen.print(&files::tail(&path, LOG_LINES));
    }
    screen.print("--- end of the logs ---");
    screen.tell("failed", &error.chain());
}

fn stay(lab: &Lab, screen: &Screen) {
    let process = namespace::host_process();
    screen.print("The lab stays, as --keep asks.");
    for (what, how) in [
        (
            "enter it",
            format!("nsenter --mount --net --target {process}"),
        ),
        ("its files", lab.run_dir().display().to_string()),
        ("end it", format!("Ctrl-C here, or kill -KILL {process}")),
    ] {
        screen.print(&format!("  {what:<10} {how}"));
    }
    nix::unistd::pause();
}

fn pairs(pairs: &[(String, String)]) -> String {
    let lines: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name:<12} {value}"))
        .collect();
    indented(&lines)
}

fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("  {line}\n")).collect()
}

fn image_sizes(lab: &Lab) -> String {
    let size = |name: &str| {
        std::fs::metadata(lab.options().image_dir.join(name)).map_or(0, |data| data.len())
    };
    let (kernel, initramfs) = (size(KERNEL), size(INITRAMFS));
    format!(
        "kernel {kernel} + initramfs {initramfs} = {} bytes",
        kernel + initramfs
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_commands() {
        assert_eq!(duration_in("succeeded after 1.2 s"), Some(1.2));
        assert_eq!(duration_in("failed after 0.5 s: no disk"), Some(0.5));
        assert_eq!(duration_in("failed"), None);
        assert_eq!(duration_in("succeeded after all"), None);
    }
}
