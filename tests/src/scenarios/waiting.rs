// SPDX-License-Identifier: Apache-2.0
//! Whatever a machine waits for, its console says so by name, and the wait ends when the trouble
//! does. One machine meets every trouble of its way to Ironic in one boot: cable, DHCP server,
//! Ironic's service, Ironic's knowledge of the node. Another one was never told where Ironic is.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use super::Scenario;
use crate::console::Console;
use crate::error::{Error, expect};
use crate::ironic_config::IronicOptions;
use crate::lab::{INITRAMFS, KERNEL, Lab};
use crate::machine::{Bus, DirectBoot, DiskSpec, Machine, MachineSpec};
use crate::network::{self, ADDRESS, IRONIC_PORT};
use crate::relay;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "waiting",
    summary: "machines in trouble name what they wait for and go on when the trouble is over",
    configure,
    needs_os_image: false,
    play,
};

/// Enough for one wait, boot and back-off of the agent included.
const LIMIT: Duration = Duration::from_mins(5);
/// Nobody listens here until the scenario wants it.
const LATE_IRONIC_PORT: u16 = 6390;
const TROUBLED_MAC: &str = "52:54:00:16:03:01";
const UNTOLD_MAC: &str = "52:54:00:16:03:02";
const MEMORY_MIB: u32 = 512;

fn configure(options: &mut IronicOptions) {
    // Ironic then answers the lookup of a node that it has no work for.
    options.fast_track = true;
}

fn play(lab: &Lab) -> Result<(), Error> {
    let late_ironic = network::url(LATE_IRONIC_PORT);
    // The agent stays patient with cable and DHCP server, however slow this host is.
    let words = format!("ipa-api-url={late_ironic} ipa-inspection-dhcp-wait-timeout=3600");
    let troubled = machine(lab, "troubled", TROUBLED_MAC, &words)?;
    let untold = machine(lab, "untold", UNTOLD_MAC, "")?;
    lab.dhcp().ignore(&[TROUBLED_MAC])?;
    troubled.plug(TROUBLED_MAC, false)?;
    let mut console = troubled.console();
    let mut other = untold.console();
    troubled.power_on()?;
    untold.power_on()?;

    wait(lab, &mut console, "no-link", "reached: link")?;
    troubled.plug(TROUBLED_MAC, true)?;
    console.wait_for("reached: link", LIMIT)?;

    wait(lab, &mut console, "no-dhcp-answer", "reached: address")?;
    lab.dhcp().ignore(&[])?;
    console.wait_for("reached: address", LIMIT)?;

    wait(lab, &mut console, "ironic-unreachable", "reached: lookup")?;
    let from = SocketAddr::from((ADDRESS, LATE_IRONIC_PORT));
    relay::start(from, SocketAddr::from((ADDRESS, IRONIC_PORT)))?;

    wait(lab, &mut console, "node-unknown", "reached: lookup")?;
    let node = create_node(lab)?;
    console.wait_for(&format!("this machine is node {node}"), LIMIT)?;
    console.wait_for("reached: heartbeat", LIMIT)?;
    lab.narrator()
        .say("troubled: all waits are over, Ironic has its heartbeat");

    wait(lab, &mut other, "no-api-url", "reached: lookup")
}

/// A machine that starts the agent's kernel without a boot loader.
fn machine(lab: &Lab, name: &str, mac: &str, words: &str) -> Result<Machine, Error> {
    let image = &lab.options().image_dir;
    let mut spec = MachineSpec::new(name)
        .with_memory(MEMORY_MIB)
        .with_disk(DiskSpec::new(Bus::Virtio, 4, "LAB-VIRTIO-1"));
    spec.cpus = 1;
    spec.macs = vec![mac.to_owned()];
    spec.direct_boot = Some(DirectBoot {
        kernel: image.join(KERNEL),
        initramfs: image.join(INITRAMFS),
        command_line: format!("console=ttyS0,115200n8 {words}"),
    });
    lab.machine(spec)
}

/// Waits until the console names this wait; what must come after it has not come yet.
fn wait(lab: &Lab, console: &mut Console, code: &str, later: &str) -> Result<(), Error> {
    let line = console.wait_for(&format!("[{code}]"), LIMIT)?;
    lab.narrator().say(format!("console: {line}"));
    console.read_new()?;
    let early = console.lines().find(|line| line.contains(later));
    expect(
        early.is_none(),
        &format!("no {later:?} while the machine waits with [{code}]"),
        || early.unwrap_or_default().to_owned(),
    )
}

/// Makes Ironic know the troubled machine; nothing is ever asked of the node.
fn create_node(lab: &Lab) -> Result<String, Error> {
    let node = lab.ironic().create_node(&json!({
        "name": "troubled",
        "driver": "fake-hardware",
        "deploy_interface": "direct",
        "boot_interface": "fake",
    }))?;
    lab.ironic().create_port(&node, TROUBLED_MAC)?;
    Ok(node)
}
