// SPDX-License-Identifier: Apache-2.0
//! How a machine introduces itself on every port.

use crate::smbios::is_placeholder;

/// Name and description of the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct System {
    /// Name of the machine.
    pub name: Option<String>,
    /// What it is and what runs on it.
    pub description: String,
}

/// What a machine knows of itself when it starts to speak. Texts that firmware
/// ships where a value should have been filled in count as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemFacts {
    /// The kernel's host name.
    pub host_name: Option<String>,
    /// Who made the machine.
    pub manufacturer: Option<String>,
    /// Name of the product.
    pub product: Option<String>,
    /// Serial number of the machine.
    pub serial_number: Option<String>,
}

/// Host names that a kernel has as long as nobody gave it one.
const NO_HOST_NAMES: [&str; 3] = ["(none)", "localhost", "localhost.localdomain"];

impl System {
    /// Name and description. The name is the host name; a machine without one
    /// goes by its serial number. `agent` is the name of the program with its
    /// version.
    #[must_use]
    pub fn new(facts: &SystemFacts, agent: &str) -> Self {
        let known = |text: &Option<String>| {
            let text = text.as_deref()?.trim_matches(['\0', '\n', ' ']);
            (!is_placeholder(text)).then(|| text.to_owned())
        };
        let serial = known(&facts.serial_number);
        let host_name = known(&facts.host_name);
        let host_name = host_name.filter(|name| !NO_HOST_NAMES.contains(&name.as_str()));
        let made = [known(&facts.manufacturer), known(&facts.product)];
        let made: Vec<String> = made.into_iter().flatten().collect();
        let mut description = agent.to_owned();
        if !made.is_empty() {
            description += &format!(" on {}", made.join(" "));
        }
        if let Some(serial) = &serial {
            description += &format!(", serial number {serial}");
        }
        Self {
            name: host_name.or(serial),
            description,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_says_what_it_knows_of_itself() {
        let facts = |host_name: &str, manufacturer: &str, product: &str, serial: &str| {
            let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            SystemFacts {
                host_name: known(host_name),
                manufacturer: known(manufacturer),
                product: known(product),
                serial_number: known(serial),
            }
        };
        for (facts, name, description) in [
            (
                facts("(none)\n", "Dell Inc.\n", "PowerEdge R640\n", "7XK2\n"),
                Some("7XK2"),
                "agent 1 on Dell Inc. PowerEdge R640, serial number 7XK2",
            ),
            (
                facts("node-3\n", "QEMU", "", "Not Specified"),
                Some("node-3"),
                "agent 1 on QEMU",
            ),
            (
                facts("localhost", "", "Raspberry Pi 4\0", "10000000abc\0"),
                Some("10000000abc"),
                "agent 1 on Raspberry Pi 4, serial number 10000000abc",
            ),
            (facts("", "", "", ""), None, "agent 1"),
        ] {
            let system = System::new(&facts, "agent 1");
            assert_eq!(system.name.as_deref(), name);
            assert_eq!(system.description, description);
        }
    }
}
