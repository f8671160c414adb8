// SPDX-License-Identifier: Apache-2.0
//! A machine and its neighbours: `lldpd` at the other end of its cables.

use std::fs;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::wires::{PATIENCE, Wires};

/// What a test works with.
pub(crate) struct Neighbours {
    wires: Wires,
    speaking: Vec<(u8, Child)>,
}

impl Neighbours {
    /// Puts this thread into a machine without ports and neighbours.
    pub(crate) fn enter() -> Self {
        Self {
            wires: Wires::enter(&[("lldpd", "lldpd"), ("lldpcli", "lldpd")]),
            speaking: vec![],
        }
    }

    /// Runs a test in such a machine.
    pub(crate) fn run(test: impl AsyncFnOnce(&mut Neighbours)) {
        let mut lab = Self::enter();
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(test(&mut lab));
    }

    /// Puts a neighbour at the other end of a cable, which speaks at once. Each
    /// is a chassis of its own.
    pub(crate) fn neighbour(&mut self, cable: u8, name: &str, description: &str) {
        let log = fs::File::create(self.path(cable, "log")).unwrap();
        let configuration = self.path(cable, "conf");
        fs::write(
            &configuration,
            format!("configure system hostname {name}\n"),
        )
        .unwrap();
        let mut child = self
            .far("lldpd")
            .args(["-d", "-I", &format!("s{cable}")])
            .args(["-C", &format!("s{cable}"), "-S", description])
            .arg("-u")
            .arg(self.path(cable, "socket"))
            .arg("-O")
            .arg(configuration)
            .stderr(log.try_clone().unwrap())
            .stdout(log)
            .spawn()
            .unwrap();
        let log = || fs::read_to_string(self.path(cable, "log")).unwrap_or_default();
        let asked = Instant::now();
        // It says so when it has read its configuration.
        while !log().contains("should resume operations") {
            assert!(
                child.try_wait().unwrap().is_none() && asked.elapsed() < PATIENCE,
                "lldpd does not start: {}",
                log()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        self.speaking.push((cable, child));
        self.speak(cable);
    }

    /// Makes a neighbour speak now.
    pub(crate) fn speak(&self, cable: u8) {
        self.control(cable, &["update"]);
    }

    /// Makes a neighbour speak every second.
    pub(crate) fn speak_often(&self, cable: u8) {
        self.control(cable, &["configure", "lldp", "tx-interval", "1"]);
    }

    /// What a neighbour knows of this machine, if anything.
    pub(crate) fn knows(&self, cable: u8) -> Option<Known> {
        let answer = self.ask(cable, &["show", "neighbors", "details"]);
        let found = &answer["lldp"][0]["interface"][0];
        found.is_object().then(|| Known(found.clone()))
    }

    /// How many frames a neighbour has received.
    pub(crate) fn received(&self, cable: u8) -> u64 {
        let answer = self.ask(cable, &["show", "statistics"]);
        let count = &answer["lldp"][0]["interface"][0]["rx"][0]["rx"];
        count.as_str().unwrap().parse().unwrap()
    }

    fn ask(&self, cable: u8, words: &[&str]) -> Value {
        let mut command = Command::new("lldpcli");
        command
            .args(["-f", "json0", "-u"])
            .arg(self.path(cable, "socket"));
        let output = command.args(words).output().unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn control(&self, cable: u8, words: &[&str]) {
        let mut command = Command::new("lldpcli");
        command
            .arg("-u")
            .arg(self.path(cable, "socket"))
            .args(words);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
    }

    /// Ends a neighbour in an orderly way: it says that it leaves.
    pub(crate) fn leave(&mut self, cable: u8) {
        let place = self.speaking.iter().position(|(of, _)| *of == cable);
        let (_, child) = self.speaking.remove(place.unwrap());
        end(child);
    }

    /// The hardware address of a cable's other end.
    pub(crate) fn mac(&self, cable: u8) -> String {
        let listing = self.far_ip(&["-j", "link", "show", "dev", &format!("s{cable}")]);
        let links: Value = serde_json::from_str(&listing).unwrap();
        links[0]["address"].as_str().unwrap().to_owned()
    }

    fn path(&self, cable: u8, kind: &str) -> PathBuf {
        self.directory().join(format!("lldpd-{cable}.{kind}"))
    }
}

/// A machine as lldpd has understood it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Known(Value);

impl Known {
    /// Chassis ID, port ID, name, description, port description and time to
    /// live, each with its kind where it has one; `-` for what was not told.
    pub(crate) fn words(&self) -> [String; 6] {
        let (chassis, port) = (&self.0["chassis"][0], &self.0["port"][0]);
        let value = |of: &Value, key: &str| of[key][0]["value"].as_str().unwrap_or("-").to_owned();
        let id = |of: &Value| {
            let kind = of["id"][0]["type"].as_str().unwrap_or("-");
            format!("{kind} {}", value(of, "id"))
        };
        [
            id(chassis),
            id(port),
            value(chassis, "name"),
            value(chassis, "descr"),
            value(port, "descr"),
            value(port, "ttl"),
        ]
    }

    /// Addresses at which the machine can be managed.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let all = self.0["chassis"][0]["mgmt-ip"].as_array();
        let all = all.into_iter().flatten();
        all.map(|one| one["value"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What it is able to do, and whether it does.
    pub(crate) fn capabilities(&self) -> Vec<(String, bool)> {
        let all = self.0["chassis"][0]["capability"].as_array();
        let all = all.into_iter().flatten();
        all.map(|one| {
            let name = one["type"].as_str().unwrap().to_owned();
            (name, one["enabled"].as_bool().unwrap())
        })
        .collect()
    }
}

/// Ends lldpd, which ends its helper then.
fn end(mut child: Child) {
    let pid = i32::try_from(child.id()).unwrap();
    kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
    child.wait().unwrap();
}

impl Deref for Neighbours {
    type Target = Wires;

    fn deref(&self) -> &Wires {
        &self.wires
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        for (_, child) in self.speaking.drain(..) {
            end(child);
        }
    }
}
