// SPDX-License-Identifier: Apache-2.0
//! Cards whose firmware has an LLDP agent of its own, which keeps the frames
//! of the switch from the kernel.
//!
//! Both drivers have a private flag for it (ethtool(8), `--show-priv-flags`),
//! with opposite senses: `disable-fw-lldp` of i40e (X710, XL710, XXV710, X722;
//! since Linux 4.16, firmware 6.01) and `fw-lldp-agent` of ice (E800 series;
//! since Linux 5.4). ice writes the state into the card, where it outlives the
//! machine's power; i40e asks for a change until the next start, but older
//! firmware kept it as well ("i40e: fix FW_LLDP flag on init", "ice: Implement
//! LLDP persistence" in the kernel's history). What is found is therefore put
//! back at the end, for both: an operating system may rely on the agent, which
//! also speaks for data centre bridging.

/// The agent in the firmware of the cards of one driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirmwareAgent {
    /// Kernel driver.
    pub driver: &'static str,
    /// Its private flag.
    pub flag: &'static str,
    /// The value of the flag with which the agent is off.
    pub off: bool,
}

const AGENTS: [FirmwareAgent; 2] = [
    FirmwareAgent {
        driver: "i40e",
        flag: "disable-fw-lldp",
        off: true,
    },
    FirmwareAgent {
        driver: "ice",
        flag: "fw-lldp-agent",
        off: false,
    },
];

/// The agent that cards of this driver can have.
#[must_use]
pub fn firmware_agent(driver: &str) -> Option<FirmwareAgent> {
    AGENTS.into_iter().find(|agent| agent.driver == driver)
}

impl FirmwareAgent {
    /// Whether the agent runs, by the private flags of a port. A card without
    /// the flag has no agent that could be switched off.
    #[must_use]
    pub fn runs(&self, flags: &[(String, bool)]) -> bool {
        flags
            .iter()
            .any(|(name, value)| name == self.flag && *value != self.off)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_senses_of_the_flags_are_opposite() {
        let flags = |name: &str, value| vec![("other".to_owned(), true), (name.to_owned(), value)];
        for (driver, name, value, runs) in [
            ("i40e", "disable-fw-lldp", false, true),
            ("i40e", "disable-fw-lldp", true, false),
            ("i40e", "fw-lldp-agent", true, false),
            ("ice", "fw-lldp-agent", true, true),
            ("ice", "fw-lldp-agent", false, false),
        ] {
            let agent = firmware_agent(driver).expect("known");
            assert_eq!(agent.runs(&flags(name, value)), runs, "{driver} {name}");
        }
        assert_eq!(firmware_agent("mlx5_core"), None);
    }
}
