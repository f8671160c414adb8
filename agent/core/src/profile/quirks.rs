// SPDX-License-Identifier: Apache-2.0
//! What is odd about the machine, as the agent heeds it.

use std::time::Duration;

use hardware_profiles::{Profile, QuirkKind};

use crate::event::Wait;
use crate::hardware::Absence;
use crate::inventory::{FaAddresses, Facts};
use crate::network::InternalRule;

/// Names under which a missing BMC is told.
const BMC_SUBJECTS: &[&str] = &["bmc", "/dev/ipmi0"];

/// The quirks of one profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quirks {
    carrier_delays: Vec<(String, Duration)>,
    no_bmc: bool,
    internal: Vec<InternalRule>,
    keep_fa_addresses: bool,
}

impl From<&Profile> for Quirks {
    fn from(profile: &Profile) -> Self {
        let mut quirks = Self::default();
        for quirk in &profile.quirks {
            match &quirk.kind {
                QuirkKind::CarrierDelay {
                    driver,
                    milliseconds,
                } => {
                    let delay = Duration::from_millis(u64::from(*milliseconds));
                    quirks.carrier_delays.push((driver.clone(), delay));
                }
                QuirkKind::NoBmc => quirks.no_bmc = true,
                QuirkKind::IgnoreInterface {
                    driver,
                    mac_prefix,
                    usb,
                } => quirks.internal.push(InternalRule {
                    driver: driver.clone(),
                    mac_prefix: mac_prefix.clone(),
                    usb: *usb,
                }),
                QuirkKind::KeepFaAddresses => quirks.keep_fa_addresses = true,
            }
        }
        quirks
    }
}

impl Quirks {
    /// How long a wait shall last before it is told: `usual`, or longer if it
    /// is for the link of a port whose driver is known to be slow. A quarter is
    /// added to the usual time of such a driver.
    #[must_use]
    pub fn patience(
        &self,
        wait: &Wait,
        usual: Duration,
        driver_of: impl Fn(&str) -> Option<String>,
    ) -> Duration {
        let Wait::NoLink { ports } = wait else {
            return usual;
        };
        let delay = |driver: &str| {
            let known = self.carrier_delays.iter();
            known.rev().find(|(name, _)| name == driver)
        };
        ports
            .iter()
            .filter_map(|port| driver_of(port))
            .filter_map(|driver| delay(&driver))
            .map(|(_, delay)| *delay + *delay / 4)
            .fold(usual, Duration::max)
    }

    /// The facts of the inventory with what the quirks change: interfaces that
    /// are left out, and `fa:` addresses that are kept unless the settings say
    /// that they are dropped.
    #[must_use]
    pub fn inventory_facts(&self, facts: Facts) -> Facts {
        let fa_addresses = match facts.fa_addresses {
            FaAddresses::DropOnHardware if self.keep_fa_addresses => FaAddresses::Keep,
            other => other,
        };
        Facts {
            fa_addresses,
            internal: self.internal.clone(),
            ..facts
        }
    }

    /// Which network cards lead to the BMC only.
    #[must_use]
    pub fn internal_rules(&self) -> &[InternalRule] {
        &self.internal
    }

    /// Takes out what is not missing on such a machine: a BMC, where there is none.
    pub fn heed(&self, absent: &mut Vec<Absence>) {
        if self.no_bmc {
            absent.retain(|absence| !BMC_SUBJECTS.contains(&absence.subject.as_str()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hardware_profiles::ProfileSet;

    fn quirks(name: &str) -> Quirks {
        Quirks::from(ProfileSet::builtin().get(name).expect("a profile"))
    }

    #[test]
    fn a_slow_driver_is_waited_for() {
        let no_link = |ports: &[&str]| Wait::NoLink {
            ports: ports.iter().map(|port| (*port).to_owned()).collect(),
        };
        let answer = Wait::NoDhcpAnswer {
            ports: vec!["eno1".into()],
        };
        let usual = Duration::from_secs(3);
        let driver_of = |port: &str| match port {
            "eno1" => Some("e1000e".to_owned()),
            "eno2" => Some("virtio_net".to_owned()),
            _ => None,
        };
        for (name, wait, expected_ms) in [
            ("qemu-q35", no_link(&["eno2", "eno1"]), 4000),
            ("qemu-q35", no_link(&["eno2", "eno3"]), 3000),
            ("qemu-q35", answer, 3000),
            ("qemu-q35", Wait::NoDisk, 3000),
            ("generic", no_link(&["eno1"]), 3000),
        ] {
            let found = quirks(name).patience(&wait, usual, driver_of);
            assert_eq!(found, Duration::from_millis(expected_ms), "{name} {wait:?}");
        }
    }

    #[test]
    fn a_missing_bmc_is_no_news_where_there_is_none() {
        let absence = |subject: &str| Absence {
            subject: subject.into(),
            value: "everything".into(),
            reason: "no answer within 5 s".into(),
        };
        for (name, left) in [("qemu-q35", 1), ("generic", 3)] {
            let mut absent = vec![absence("/dev/ipmi0"), absence("bmc"), absence("/dev/sda")];
            quirks(name).heed(&mut absent);
            assert_eq!(absent.len(), left, "{name}");
        }
    }

    #[test]
    fn addresses_are_kept_unless_the_settings_drop_them() {
        let keeping = Quirks {
            keep_fa_addresses: true,
            ..Quirks::default()
        };
        for (quirks, given, expected) in [
            (&keeping, FaAddresses::DropOnHardware, FaAddresses::Keep),
            (&keeping, FaAddresses::Drop, FaAddresses::Drop),
            (
                &Quirks::default(),
                FaAddresses::DropOnHardware,
                FaAddresses::DropOnHardware,
            ),
        ] {
            let facts = quirks.inventory_facts(Facts {
                fa_addresses: given,
                ..Facts::default()
            });
            assert_eq!(facts.fa_addresses, expected);
        }
        let dell = quirks("dell-poweredge-14g").inventory_facts(Facts::default());
        let drivers = dell
            .internal
            .iter()
            .filter_map(|rule| rule.driver.as_deref());
        assert_eq!(drivers.collect::<Vec<_>>(), ["cdc_ether"]);
    }
}
