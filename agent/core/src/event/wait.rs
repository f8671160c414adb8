// SPDX-License-Identifier: Apache-2.0
//! What the agent waits for, by name.

use std::fmt;

use serde::Serialize;

use crate::fault::Owner;
use crate::lldp::Cabling;

/// What the agent waits for. Closed: every wait has a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    /// The kernel still finds devices and loads drivers.
    Drivers,
    /// No network card has appeared.
    NoNetworkCard,
    /// No cable, or nothing at its other end.
    NoLink {
        /// Names of the ports.
        ports: Vec<String>,
    },
    /// There is link, but no DHCP server answers.
    NoDhcpAnswer {
        /// Names of the ports that have link.
        ports: Vec<String>,
    },
    /// The medium the machine was booted from has not appeared as a device.
    VirtualMedia,
    /// The description of the network names ports that this machine does not
    /// have.
    MissingPorts {
        /// Each described link, and the port it wants.
        ports: Vec<String>,
    },
    /// A bond has no port with link.
    BondWithoutLink {
        /// Its name.
        bond: String,
        /// Names of its ports.
        ports: Vec<String>,
    },
    /// There is link, but LACP keeps traffic away.
    BlockedByLacp {
        /// Names of the ports, each with what LACP has come to.
        ports: Vec<String>,
    },
    /// The network could not be set up as it is described.
    NotAsDescribed {
        /// The first difference.
        difference: String,
    },
    /// The description gives no address to any port that has link.
    NoAddressDescribed {
        /// Names of the ports that have link.
        ports: Vec<String>,
    },
    /// The only addresses that were given belong to other machines.
    AddressInUse {
        /// Port, address and who has it.
        conflicts: Vec<String>,
    },
    /// No disk large enough has appeared.
    NoDisk,
    /// Ironic cannot be reached or did not understand.
    IronicUnreachable {
        /// Base URL.
        url: String,
        /// What happened.
        problem: String,
    },
    /// The host name in Ironic's URL has no address.
    IronicNameUnresolved {
        /// Base URL.
        url: String,
        /// The name and the resolver's words.
        problem: String,
    },
    /// Ironic, or a proxy before it, answers that it cannot serve now.
    IronicUnavailable {
        /// What was asked for.
        url: String,
        /// HTTP status and the words.
        answer: String,
    },
    /// Ironic does not know this machine, or not in a state that allows lookup.
    NodeUnknown {
        /// Ironic's words.
        answer: String,
    },
    /// The node is locked by another operation in Ironic.
    NodeLocked,
    /// Ironic refuses heartbeats.
    HeartbeatRefused {
        /// HTTP status and Ironic's words.
        answer: String,
    },
    /// There is no address yet at which Ironic could call this machine.
    NoCallbackAddress {
        /// What is missing.
        problem: String,
    },
    /// Inspection is done; Ironic powers the machine off.
    PowerOffByIronic,
    /// Nobody told the agent where Ironic is.
    NoApiUrl,
    /// The report waits for what switches say of themselves (LLDP).
    LldpNeighbours {
        /// Names of the ports on which nothing was heard yet.
        ports: Vec<String>,
    },
    /// The machine has fewer neighbours than its profile expects, so its cables
    /// are not all where they belong, or a switch has not spoken yet.
    NeighboursMissing {
        /// How many different ones are expected at least.
        wanted: u64,
        /// Which port has heard whom.
        cabling: Cabling,
    },
    /// There is link, but no router is heard with which BGP could be spoken.
    NoBgpNeighbour {
        /// Names of the ports that have link.
        ports: Vec<String>,
    },
    /// A BGP neighbour is there, but no session with it.
    NoBgpSession {
        /// The port it is on.
        port: String,
        /// Its link-local address.
        neighbour: String,
        /// What happened last.
        problem: String,
        /// What to check next, where the problem says.
        next: Option<&'static str>,
    },
    /// BGP neighbours give no way out: neither a default route nor one to the hosts that are needed.
    NoBgpRoute {
        /// Names of the ports whose sessions are established.
        ports: Vec<String>,
    },
    /// The server OSISM runs in the rack does not answer.
    NoMetalbox {
        /// Its address.
        address: String,
        /// What happened last.
        problem: String,
    },
    /// The image server is tried again.
    ImageServer {
        /// What is asked for.
        url: String,
        /// What happened last.
        problem: String,
    },
    /// The clock must be set (`fail_if_clock_not_set`) and cannot be yet.
    ClockNotSet {
        /// Who was asked, and why that did not help.
        problem: String,
    },
}

impl Wait {
    /// Short stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Wait::Drivers => "drivers",
            Wait::NoNetworkCard => "no-network-card",
            Wait::NoLink { .. } => "no-link",
            Wait::NoDhcpAnswer { .. } => "no-dhcp-answer",
            Wait::VirtualMedia => "virtual-media",
            Wait::MissingPorts { .. } => "missing-ports",
            Wait::BondWithoutLink { .. } => "bond-without-link",
            Wait::BlockedByLacp { .. } => "blocked-by-lacp",
            Wait::NotAsDescribed { .. } => "network-not-as-described",
            Wait::NoAddressDescribed { .. } => "no-address-described",
            Wait::AddressInUse { .. } => "address-in-use",
            Wait::NoDisk => "no-disk",
            Wait::IronicUnreachable { .. } => "ironic-unreachable",
            Wait::IronicNameUnresolved { .. } => "ironic-name-unresolved",
            Wait::IronicUnavailable { .. } => "ironic-unavailable",
            Wait::NodeUnknown { .. } => "node-unknown",
            Wait::NodeLocked => "node-locked",
            Wait::HeartbeatRefused { .. } => "heartbeat-refused",
            Wait::NoCallbackAddress { .. } => "no-callback-address",
            Wait::PowerOffByIronic => "power-off-by-ironic",
            Wait::NoApiUrl => "no-api-url",
            Wait::LldpNeighbours { .. } => "lldp-neighbours",
            Wait::NeighboursMissing { .. } => "neighbours-missing",
            Wait::NoBgpNeighbour { .. } => "no-bgp-neighbour",
            Wait::NoBgpSession { .. } => "no-bgp-session",
            Wait::NoBgpRoute { .. } => "no-bgp-route",
            Wait::NoMetalbox { .. } => "no-metalbox",
            Wait::ImageServer { .. } => "image-server",
            Wait::ClockNotSet { .. } => "clock-not-set",
        }
    }

    /// Who can end the wait, if it does not end by itself.
    #[must_use]
    pub fn owner(&self) -> Owner {
        match self {
            Wait::Drivers | Wait::NoNetworkCard | Wait::NoDisk => Owner::Hardware,
            Wait::NoLink { .. }
            | Wait::NoDhcpAnswer { .. }
            | Wait::BondWithoutLink { .. }
            | Wait::BlockedByLacp { .. }
            | Wait::NotAsDescribed { .. }
            | Wait::AddressInUse { .. }
            | Wait::LldpNeighbours { .. }
            | Wait::NeighboursMissing { .. }
            | Wait::NoBgpNeighbour { .. }
            | Wait::NoBgpSession { .. }
            | Wait::NoBgpRoute { .. }
            | Wait::NoMetalbox { .. }
            | Wait::IronicNameUnresolved { .. }
            | Wait::NoCallbackAddress { .. }
            | Wait::VirtualMedia
            | Wait::ImageServer { .. }
            | Wait::ClockNotSet { .. } => Owner::Environment,
            Wait::IronicUnreachable { .. }
            | Wait::IronicUnavailable { .. }
            | Wait::NodeUnknown { .. }
            | Wait::NodeLocked
            | Wait::PowerOffByIronic
            | Wait::NoApiUrl
            | Wait::MissingPorts { .. }
            | Wait::NoAddressDescribed { .. }
            | Wait::HeartbeatRefused { .. } => Owner::ControlPlane,
        }
    }

    /// What to check next, as an instruction.
    #[must_use]
    pub fn next(&self) -> &'static str {
        match self {
            Wait::Drivers => "if this lasts, look at the kernel's messages",
            Wait::NoNetworkCard => "look for a card the kernel has no driver for",
            Wait::NoLink { .. } => "check the cables and the switch ports",
            Wait::NoDhcpAnswer { .. } => "check the DHCP server and the VLAN of the switch port",
            Wait::VirtualMedia => "check in the BMC that the boot image is still inserted",
            Wait::MissingPorts { .. } => {
                "compare the hardware addresses in the description of the network with the machine's ports"
            }
            Wait::BondWithoutLink { .. } => "check the cables of the bond and the switch ports",
            Wait::BlockedByLacp { .. } => {
                "make the LACP settings of the switch ports and of the described bond match"
            }
            Wait::NotAsDescribed { .. } => {
                "compare the description of the network with the network at the port"
            }
            Wait::NoAddressDescribed { .. } => {
                "describe an address or DHCP for a port that has link, or plug in the port that has one"
            }
            Wait::AddressInUse { .. } => {
                "find the other machine by its hardware address, and take the address out of the DHCP range or off that machine"
            }
            Wait::NoDisk => "check disks, backplane and RAID controller",
            Wait::IronicUnreachable { .. } => {
                "check ipa-api-url, routes and firewalls between this machine and Ironic"
            }
            Wait::IronicNameUnresolved { .. } => {
                "check the name in ipa-api-url, and the DNS servers that DHCP or the settings name"
            }
            Wait::IronicUnavailable { .. } => {
                "check that ironic-api and ironic-conductor run, and their load"
            }
            Wait::NodeUnknown { .. } => {
                "compare the MAC addresses with the node's ports, and check the node's provision state"
            }
            Wait::NodeLocked => "wait; if it lasts, look for a stuck operation on the node",
            Wait::HeartbeatRefused { .. } => {
                "read Ironic's answer; after a wrong token, or an address that changed, the node must be booted again by Ironic"
            }
            Wait::NoCallbackAddress { .. } => {
                "check addresses and routes of this machine, or set ipa-advertise-host"
            }
            Wait::PowerOffByIronic => {
                "nothing; if this lasts, look at the node's inspection in Ironic"
            }
            Wait::NoApiUrl => "put ipa-api-url=http://… on the kernel command line",
            Wait::LldpNeighbours { .. } => {
                "nothing, the wait ends by itself; if nothing is ever heard, check that the switch sends LLDP on these ports"
            }
            Wait::NeighboursMissing { .. } => {
                "check the cables of these ports, and that their switches send LLDP; the report goes without them after ipa-lldp-timeout"
            }
            Wait::NoBgpNeighbour { .. } => {
                "check that the switch sends router advertisements on these ports, as it does for an unnumbered BGP neighbour"
            }
            Wait::NoBgpSession { next, .. } => {
                next.unwrap_or("nothing; the session is being opened")
            }
            Wait::NoBgpRoute { .. } => {
                "let the switches announce a default route to this machine (FRR: neighbor … default-originate)"
            }
            Wait::NoMetalbox { .. } => {
                "check that Ironic listens on TCP port 6385 of the metalbox, and its route back to this machine"
            }
            Wait::ImageServer { .. } => {
                "check the image server and the network between it and this machine"
            }
            Wait::ClockNotSet { .. } => {
                "check that the NTP servers of ipa-ntp-server and DHCP answer on UDP port 123 from this network"
            }
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wait::Drivers => f.write_str("drivers are still loading"),
            Wait::NoNetworkCard => f.write_str("no network card found"),
            Wait::NoLink { ports } => write!(f, "no link on {}", ports.join(", ")),
            Wait::NoDhcpAnswer { ports } => write!(f, "no DHCP answer on {}", ports.join(", ")),
            Wait::VirtualMedia => f.write_str("the medium this machine booted from is not there"),
            Wait::MissingPorts { ports } => {
                write!(f, "described ports are missing: {}", ports.join("; "))
            }
            Wait::BondWithoutLink { bond, ports } => {
                write!(f, "no link on any port of {bond}: {}", ports.join(", "))
            }
            Wait::BlockedByLacp { ports } => {
                write!(f, "LACP keeps traffic away from {}", ports.join(", "))
            }
            Wait::NotAsDescribed { difference } => {
                write!(f, "the network is not as described: {difference}")
            }
            Wait::NoAddressDescribed { ports } => write!(
                f,
                "the ports with link have no described address: {}",
                ports.join(", ")
            ),
            Wait::AddressInUse { conflicts } => f.write_str(&conflicts.join("; ")),
            Wait::NoDisk => f.write_str("no disk found"),
            Wait::IronicUnreachable { url, problem } => {
                write!(f, "no answer from Ironic at {url}: {problem}")
            }
            Wait::IronicNameUnresolved { url, problem } => {
                write!(f, "the name of Ironic at {url} is not known: {problem}")
            }
            Wait::IronicUnavailable { url, answer } => {
                write!(f, "Ironic at {url} cannot serve now: {answer}")
            }
            Wait::NodeUnknown { answer } => {
                write!(f, "Ironic does not accept this machine: {answer}")
            }
            Wait::NodeLocked => f.write_str("Ironic answered 409: node locked"),
            Wait::HeartbeatRefused { answer } => {
                write!(f, "Ironic refuses the heartbeat: {answer}")
            }
            Wait::NoCallbackAddress { problem } => {
                write!(f, "no address can be told to Ironic: {problem}")
            }
            Wait::PowerOffByIronic => {
                f.write_str("inspection is done, Ironic will power this machine off")
            }
            Wait::NoApiUrl => {
                f.write_str("no ipa-api-url is given, so nobody can be asked what to do")
            }
            Wait::LldpNeighbours { ports } => {
                write!(f, "no LLDP neighbour yet on {}", ports.join(", "))
            }
            Wait::NeighboursMissing { wanted, cabling } => write!(
                f,
                "{} of {wanted} LLDP neighbours heard: {cabling}",
                cabling.neighbours()
            ),
            Wait::NoBgpNeighbour { ports } => {
                write!(f, "no BGP neighbour heard on {}", ports.join(", "))
            }
            Wait::NoBgpSession {
                port,
                neighbour,
                problem,
                ..
            } => {
                write!(f, "no BGP session with {neighbour} on {port}: {problem}")
            }
            Wait::NoBgpRoute { ports } => {
                write!(
                    f,
                    "no default route from the BGP neighbours on {}",
                    ports.join(", ")
                )
            }
            Wait::NoMetalbox { address, problem } => {
                write!(f, "the metalbox {address} does not answer: {problem}")
            }
            Wait::ImageServer { url, problem } => {
                write!(f, "image server trouble, trying again: {url}: {problem}")
            }
            Wait::ClockNotSet { problem } => {
                write!(f, "the clock is not set, and it must be: {problem}")
            }
        }
    }
}
