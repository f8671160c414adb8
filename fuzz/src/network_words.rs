// SPDX-License-Identifier: Apache-2.0
//! A kernel command line, and the network its words describe.

use std::collections::BTreeSet;

use bootconfig::{MacAddr, RawSources};
use ironseed_core::network::description::{DescribedDevice, Description, PortMatch, dracut};

/// The input is a kernel command line.
///
/// # Panics
/// If a description names a link twice, stands on a link it does not have, or if a problem does not say where it is.
pub fn run(data: &[u8]) {
    let sources = RawSources {
        cmdline: data.to_vec(),
        ..RawSources::default()
    };
    let words = sources.network_words();
    for boot_mac in [None, Some(MacAddr([0x52, 0x54, 0, 0x12, 0x34, 0x56]))] {
        match dracut::read(&words, boot_mac) {
            Ok(None) => {}
            Ok(Some(description)) => check(&description),
            Err(problems) => {
                assert!(!problems.0.is_empty(), "an error without a problem");
                for problem in &problems.0 {
                    assert!(words.iter().any(|word| word.origin == problem.origin));
                }
            }
        }
    }
}

fn check(description: &Description) {
    let mut names = BTreeSet::new();
    for link in &description.links {
        assert!(names.insert(link.name.as_str()), "{} twice", link.name);
        if !matches!(&link.device, DescribedDevice::Port(PortMatch::Mac(_))) {
            assert!((1..=15).contains(&link.name.len()), "{}", link.name);
        }
    }
    for link in &description.links {
        match &link.device {
            DescribedDevice::Bond(bond) => {
                assert!(bond.ports.iter().all(|port| names.contains(port.as_str())));
            }
            DescribedDevice::Vlan { parent, id } => {
                assert!(names.contains(parent.as_str()));
                assert!((1..=4094).contains(id));
            }
            DescribedDevice::Port(_) | DescribedDevice::Dummy => {}
        }
    }
}
