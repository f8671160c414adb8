// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;

use super::*;

/// Cards that keep their flags.
#[derive(Debug, Default)]
struct Cards {
    flags: Mutex<BTreeMap<String, Vec<(String, bool)>>>,
    /// A port that refuses, and how.
    refusing: Option<(&'static str, Errno)>,
    /// A port whose card ignores what it is told.
    deaf: Option<&'static str>,
}

impl Cards {
    fn with(ports: &[(&str, &str, bool)]) -> Self {
        let flags =
            |flag: &str, value| vec![("vf-true-promisc".into(), true), (flag.into(), value)];
        let ports = ports.iter();
        let ports = ports.map(|(port, flag, value)| ((*port).to_owned(), flags(flag, *value)));
        Self {
            flags: Mutex::new(ports.collect()),
            ..Self::default()
        }
    }

    fn now(&self) -> Vec<(String, bool)> {
        let all = self.flags.lock().unwrap_or_else(PoisonError::into_inner);
        let second = all.iter().map(|(port, flags)| (port.clone(), flags[1].1));
        second.collect()
    }
}

impl PrivateFlags for Cards {
    fn flags(&self, port: &str) -> io::Result<Vec<(String, bool)>> {
        let all = self.flags.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(all.get(port).cloned().ok_or(Errno::ENODEV)?)
    }

    fn set(&self, port: &str, flag: &str, value: bool) -> io::Result<()> {
        if let Some((refusing, errno)) = self.refusing
            && refusing == port
        {
            return Err(errno.into());
        }
        let mut all = self.flags.lock().unwrap_or_else(PoisonError::into_inner);
        let flags = all.get_mut(port).ok_or(Errno::ENODEV)?;
        let known = flags.iter_mut().find(|(name, _)| name == flag);
        let (_, place) = known.ok_or(Errno::EOPNOTSUPP)?;
        if self.deaf != Some(port) {
            *place = value;
        }
        Ok(())
    }
}

/// Where the kernel shows the drivers of these ports.
fn drivers(ports: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
    let directory = tempfile::tempdir().expect("a directory");
    for (port, driver) in ports {
        let device = directory
            .path()
            .join(format!("sys/class/net/{port}/device"));
        std::fs::create_dir_all(&device).expect("make");
        let target = format!("../../../bus/pci/drivers/{driver}");
        std::os::unix::fs::symlink(target, device.join("driver")).expect("link");
    }
    let root = Root::open(directory.path()).expect("open");
    (directory, root)
}

/// Lets the ports appear; what is wrong with them, in order of the ports.
async fn appear(agents: &mut FirmwareAgents, ports: &[&str]) -> Vec<String> {
    for (index, port) in (1..).zip(ports) {
        agents.port(index, port);
    }
    let mut problems = BTreeMap::new();
    while let Some((index, outcome)) = agents.next().await {
        if let Err(error) = outcome {
            problems.insert(index, error.to_string());
        }
    }
    problems.into_values().collect()
}

#[tokio::test]
async fn agents_are_switched_off_and_put_back_as_they_were() {
    let cards = Arc::new(Cards::with(&[
        ("ens1", "disable-fw-lldp", false),
        ("ens2", "disable-fw-lldp", true),
        ("ens3", "fw-lldp-agent", true),
        ("ens4", "fw-lldp-agent", false),
        ("ens5", "unheard-of", true),
        ("ens6", "fw-lldp-agent", true),
    ]));
    let (_directory, root) = drivers(&[
        ("ens1", "i40e"),
        ("ens2", "i40e"),
        ("ens3", "ice"),
        ("ens4", "ice"),
        ("ens5", "ice"),
        // A flag of that name at another driver means something else.
        ("ens6", "mlx5_core"),
    ]);
    let before = cards.now();
    let mut agents = FirmwareAgents::new(Arc::clone(&cards) as Arc<dyn PrivateFlags>, root);
    let ports = ["ens1", "ens2", "ens3", "ens4", "ens5", "ens6", "ens7"];
    assert_eq!(appear(&mut agents, &ports).await, Vec::<String>::new());
    let values: Vec<bool> = cards.now().into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, [true, true, false, false, true, true]);
    agents.put_back().await;
    assert_eq!(cards.now(), before);
}

#[tokio::test]
async fn a_refusal_names_port_driver_and_the_next_check() {
    let mut cards = Cards::with(&[
        ("ens1", "disable-fw-lldp", false),
        ("ens3", "fw-lldp-agent", true),
    ]);
    cards.refusing = Some(("ens1", Errno::EOPNOTSUPP));
    cards.deaf = Some("ens3");
    let (_directory, root) = drivers(&[("ens1", "i40e"), ("ens3", "ice"), ("ens9", "ice")]);
    let mut agents = FirmwareAgents::new(Arc::new(cards), root);
    let problems = appear(&mut agents, &["ens1", "ens3", "ens9"]).await;
    let expected = [
        ("ens1", "i40e", "os error 95"),
        ("ens3", "ice", "the card kept its agent"),
        ("ens9", "ice", "os error 19"),
    ];
    for (problem, (port, driver, why)) in problems.iter().zip(expected) {
        let start = format!("{port}: the LLDP agent in the firmware of this {driver} card");
        assert!(problem.starts_with(&start), "{problem}");
        assert!(problem.contains(why), "{problem}");
        assert!(
            problem.contains("; next: look at the kernel's messages"),
            "{problem}"
        );
    }
    assert_eq!(problems.len(), 3);
    assert!(agents.switched.is_empty());
}
