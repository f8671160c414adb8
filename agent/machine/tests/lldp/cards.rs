// SPDX-License-Identifier: Apache-2.0
//! Cards with an LLDP agent in their firmware. There is none here: what such a
//! card does is played, and the kernel's ioctl is asked about cards that have
//! no private flags.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::sync::{Arc, Mutex};

use ironseed_core::snapshot::LldpPort;
use ironseed_machine::lldp::{Ethtool, LldpSettings, PrivateFlags};

use crate::neighbours::Neighbours;
use crate::{hears, start_with, until};

/// One card with the flag of ice. A card whose agent is on refuses to let go
/// of it if it is stubborn.
#[derive(Debug)]
struct Card {
    agent: Mutex<bool>,
    stubborn: bool,
}

impl Card {
    fn agent(&self) -> bool {
        *self.agent.lock().unwrap()
    }
}

impl PrivateFlags for Card {
    fn flags(&self, _: &str) -> io::Result<Vec<(String, bool)>> {
        Ok(vec![("fw-lldp-agent".to_owned(), self.agent())])
    }

    fn set(&self, _: &str, flag: &str, value: bool) -> io::Result<()> {
        assert_eq!(flag, "fw-lldp-agent");
        if self.stubborn {
            return Err(io::Error::other("the card refuses"));
        }
        *self.agent.lock().unwrap() = value;
        Ok(())
    }
}

/// Makes the machine's files say that a port has this driver.
fn driver(lab: &Neighbours, port: &str, driver: &str) {
    let device = lab.directory().join(format!("sys/class/net/{port}/device"));
    fs::create_dir_all(&device).unwrap();
    let target = format!("../../../../bus/pci/drivers/{driver}");
    symlink(target, device.join("driver")).unwrap();
}

fn flags(flags: Arc<dyn PrivateFlags>) -> LldpSettings {
    LldpSettings {
        private_flags: Some(flags),
        ..LldpSettings::default()
    }
}

fn says(words: &str) -> impl Fn(Option<&LldpPort>) -> bool {
    move |port| {
        let problem = port.and_then(|port| port.problem.as_ref());
        problem.is_some_and(|problem| problem.contains(words))
    }
}

#[test]
fn the_agent_of_a_card_is_off_while_the_machine_listens() {
    Neighbours::run(async |lab: &mut Neighbours| {
        let card = Arc::new(Card {
            agent: Mutex::new(true),
            stubborn: false,
        });
        let listener = start_with(lab, flags(Arc::clone(&card) as Arc<_>));
        // The port appears later, as its driver is loaded.
        driver(lab, "c0", "ice");
        lab.cable(0);
        lab.ip(&["link", "set", "c0", "up"]);
        lab.plug(0);
        lab.neighbour(0, "leaf-1", "heard by the kernel");
        until(&listener, "c0", |port| hears(port) && !card.agent()).await;
        assert_eq!(listener.heard()["c0"].problem, None);
        listener.stop().await;
        assert!(card.agent(), "it is put back");
    });
}

#[test]
fn a_card_that_refuses_is_named_and_costs_nobody_else() {
    Neighbours::run(async |lab: &mut Neighbours| {
        for (cable, name) in [(0, "ice"), (1, "virtio_net")] {
            driver(lab, &format!("c{cable}"), name);
            lab.cable(cable);
            lab.ip(&["link", "set", &format!("c{cable}"), "up"]);
            lab.plug(cable);
        }
        let card = Arc::new(Card {
            agent: Mutex::new(true),
            stubborn: true,
        });
        let listener = start_with(lab, flags(card));
        lab.neighbour(1, "leaf-1", "the other port");
        until(&listener, "c1", hears).await;
        until(
            &listener,
            "c0",
            says("c0: the LLDP agent in the firmware of this ice card"),
        )
        .await;
        until(&listener, "c0", says("the card refuses")).await;
        assert_eq!(listener.heard()["c1"].problem, None);
    });
}

/// The kernel's own answer for a card without private flags is no news.
#[test]
fn a_card_without_flags_is_silent() {
    Neighbours::run(async |lab: &mut Neighbours| {
        driver(lab, "c0", "i40e");
        lab.cable(0);
        lab.ip(&["link", "set", "c0", "up"]);
        lab.plug(0);
        assert_eq!(Ethtool.flags("c0").unwrap(), []);
        let refused = Ethtool.set("c0", "disable-fw-lldp", true).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(nix::libc::EOPNOTSUPP));
        let listener = start_with(lab, flags(Arc::new(Ethtool)));
        lab.neighbour(0, "leaf-1", "heard");
        until(&listener, "c0", hears).await;
        listener.stop().await;
        assert_eq!(listener.heard()["c0"].problem, None);
    });
}
