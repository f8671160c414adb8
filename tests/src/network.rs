// SPDX-License-Identifier: Apache-2.0
//! The network of the lab: one bridge, all servers of the lab on its address, no way out.

use std::net::Ipv4Addr;
use std::process::Command;

use crate::error::Error;
use crate::process;

/// The bridge that all machines are plugged into.
pub const BRIDGE: &str = "lab0";
/// The address of everything the lab serves.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(172, 22, 0, 1);
/// First and last address for machines.
pub const LEASES: (Ipv4Addr, Ipv4Addr) = (
    Ipv4Addr::new(172, 22, 0, 100),
    Ipv4Addr::new(172, 22, 0, 199),
);

/// Port of Ironic's API.
pub const IRONIC_PORT: u16 = 6385;
/// Port of the Redfish emulator.
pub const REDFISH_PORT: u16 = 8000;
/// Port of the file server.
pub const FILES_PORT: u16 = 8080;

/// Makes the bridge and brings it and the loopback device up.
///
/// # Errors
/// What `ip` says.
pub fn set_up() -> Result<(), Error> {
    let address = format!("{ADDRESS}/24");
    let commands: [&[&str]; 4] = [
        &["link", "set", "lo", "up"],
        // A fixed hardware address: otherwise it changes with each machine that is plugged in.
        &[
            "link",
            "add",
            BRIDGE,
            "address",
            "52:54:00:16:00:01",
            "type",
            "bridge",
            "forward_delay",
            "0",
        ],
        &["address", "add", &address, "dev", BRIDGE],
        &["link", "set", BRIDGE, "up"],
    ];
    for arguments in commands {
        process::run(Command::new("ip").args(arguments))?;
    }
    Ok(())
}

/// The address of a service of the lab.
#[must_use]
pub fn url(port: u16) -> String {
    format!("http://{ADDRESS}:{port}")
}
