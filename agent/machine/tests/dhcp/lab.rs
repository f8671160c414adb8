// SPDX-License-Identifier: Apache-2.0
//! A machine and the networks it is plugged into: its cables, with dnsmasq at
//! the other end.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ironseed_core::event::Event;
use ironseed_core::network::{NetworkStatus, PortStatus};
use ironseed_machine::clock::SystemClock;
use ironseed_machine::net::{Boundaries, Network, NetworkHandle, NetworkSettings};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::wires::{PATIENCE, Wires};

/// The kernel's settings, some of which the agent changes.
const SETTINGS: &str = "proc/sys/net";

/// What a test works with.
pub(crate) struct Lab {
    wires: Wires,
    pub(crate) servers: Vec<(u8, Child)>,
    network: Option<NetworkHandle>,
    events: Option<mpsc::UnboundedReceiver<Event>>,
}

/// A DHCP server on one cable.
pub(crate) struct Server {
    cable: u8,
    network: String,
    options: Vec<String>,
    arguments: Vec<String>,
    authoritative: bool,
}

impl Server {
    /// A server that leases `192.0.2.50` (cable 0) or `198.51.100.50` (other
    /// cables) for an hour.
    pub(crate) fn new(cable: u8) -> Self {
        let network = if cable == 0 { "192.0.2" } else { "198.51.100" };
        Self {
            cable,
            network: network.into(),
            options: vec![],
            arguments: vec![],
            authoritative: false,
        }
    }

    /// Adds a `--dhcp-option`.
    pub(crate) fn option(mut self, option: &str) -> Self {
        self.options.push(option.into());
        self
    }

    /// Adds an argument; a range replaces the usual one.
    pub(crate) fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Serves another network: its first three numbers.
    pub(crate) fn network(mut self, network: &str) -> Self {
        self.network = network.into();
        self
    }

    /// Refuses addresses it does not know instead of keeping silent.
    pub(crate) fn authoritative(mut self) -> Self {
        self.authoritative = true;
        self
    }

    fn arguments(&self, link: &str) -> Vec<String> {
        let network = &self.network;
        let mut arguments = vec![
            "--keep-in-foreground".into(),
            "--conf-file=/dev/null".into(),
            "--port=0".into(),
            "--log-dhcp".into(),
            "--log-facility=-".into(),
            "--no-ping".into(),
            "--leasefile-ro".into(),
            "--pid-file=".into(),
            "--bind-interfaces".into(),
            "--user=root".into(),
            format!("--interface={link}"),
        ];
        if self.arguments.is_empty() {
            let range = format!("--dhcp-range={network}.50,{network}.50,255.255.255.0,1h");
            arguments.push(range);
        }
        arguments.extend(self.arguments.iter().cloned());
        let options = self.options.iter();
        arguments.extend(options.map(|option| format!("--dhcp-option-force={option}")));
        if self.authoritative {
            arguments.push("--dhcp-authoritative".into());
        }
        arguments
    }
}

impl Lab {
    /// Runs a test in a machine without ports.
    pub(crate) fn run(test: impl AsyncFnOnce(&mut Lab)) {
        let wires = Wires::enter(&[
            ("dnsmasq", "dnsmasq-base"),
            ("radvd", "radvd"),
            ("kea-dhcp6", "kea-dhcp6-server"),
        ]);
        show_settings(wires.directory());
        let mut lab = Lab {
            wires,
            servers: vec![],
            network: None,
            events: None,
        };
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(test(&mut lab));
    }

    /// Starts a DHCP server and waits until it listens.
    pub(crate) fn serve(&mut self, server: &Server) {
        let link = format!("s{}", server.cable);
        self.far_ip(&["addr", "flush", "dev", &link]);
        let address = format!("{}.1/24", server.network);
        self.far_ip(&["addr", "add", &address, "dev", &link]);
        self.serve_on(&link, server.cable, server);
    }

    /// Starts a DHCP server on any link of the other end, as it is; its log is
    /// that of cable `number`.
    pub(crate) fn serve_on(&mut self, link: &str, number: u8, server: &Server) {
        let mut command = self.far("dnsmasq");
        command.args(server.arguments(link));
        self.run_server(number, command, "IP range");
    }

    /// Starts any server and waits until its log says that it is ready.
    pub(crate) fn run_server(&mut self, cable: u8, mut command: Command, ready: &str) {
        let log = fs::File::create(self.log_path(cable)).unwrap();
        let child = command.stderr(log.try_clone().unwrap()).stdout(log).spawn();
        let mut child = child.unwrap();
        let asked = Instant::now();
        while !self.server_log(cable).contains(ready) {
            assert!(
                child.try_wait().unwrap().is_none() && asked.elapsed() < PATIENCE,
                "{command:?} does not start: {}",
                self.server_log(cable)
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        self.servers.push((cable, child));
    }

    /// Ends the server of a cable.
    pub(crate) fn stop_server(&mut self, cable: u8) {
        let position = self
            .servers
            .iter()
            .position(|(of, _)| *of == cable)
            .unwrap();
        let (_, mut child) = self.servers.remove(position);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// What the server of a cable has logged.
    pub(crate) fn server_log(&self, cable: u8) -> String {
        fs::read_to_string(self.log_path(cable)).unwrap_or_default()
    }

    fn log_path(&self, cable: u8) -> PathBuf {
        self.directory().join(format!("dnsmasq-{cable}.log"))
    }

    /// Starts the agent's network; `veth` links are its ports.
    pub(crate) fn start(&mut self, settings: NetworkSettings) {
        let boundaries = Boundaries {
            root: self.root(),
            clock: Arc::new(SystemClock),
        };
        let settings = NetworkSettings {
            extra_kinds: vec!["veth".into()],
            ..settings
        };
        let (network, events) = Network::start(boundaries, settings).unwrap();
        self.network = Some(network);
        self.events = Some(events);
    }

    /// The running network.
    pub(crate) fn network(&self) -> &NetworkHandle {
        self.network.as_ref().unwrap()
    }

    /// Its status now.
    pub(crate) fn status(&self) -> NetworkStatus {
        self.network().status().borrow().clone()
    }

    /// Waits until the status is as described.
    pub(crate) async fn until(&self, what: &str, reached: impl Fn(&NetworkStatus) -> bool) {
        let mut status = self.network().status();
        let waited = tokio::time::timeout(PATIENCE, status.wait_for(|now| reached(now))).await;
        assert!(waited.is_ok(), "waited for: {what}; {:#?}", self.status());
    }

    /// Waits until the first port is there and as described.
    pub(crate) async fn until_port(&self, what: &str, reached: impl Fn(&PortStatus) -> bool) {
        self.until(what, |status| status.ports.first().is_some_and(&reached))
            .await;
    }

    /// Waits until the server of a cable has logged something.
    pub(crate) async fn until_logged(&self, cable: u8, text: &str) {
        let asked = Instant::now();
        while !self.server_log(cable).contains(text) {
            assert!(asked.elapsed() < PATIENCE, "{}", self.server_log(cable));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the kernel's view is as wanted; `look` is asked again and
    /// again.
    pub(crate) async fn until_kernel<T: PartialEq + std::fmt::Debug>(
        &self,
        look: impl Fn(&Lab) -> T,
        wanted: T,
    ) {
        let asked = Instant::now();
        loop {
            let seen = look(self);
            if seen == wanted {
                return;
            }
            let status = self.status();
            assert!(
                asked.elapsed() < PATIENCE,
                "wanted {wanted:?}, got {seen:?}: {status:#?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until an event says something.
    pub(crate) async fn until_said(&mut self, text: &str) {
        let asked = Instant::now();
        let mut heard = vec![];
        loop {
            heard.extend(self.events());
            if heard.iter().any(|event| event.to_string().contains(text)) {
                return;
            }
            assert!(asked.elapsed() < PATIENCE, "{text}: {heard:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the server of a cable has granted that often.
    pub(crate) async fn until_acks(&self, cable: u8, wanted: usize) {
        let asked = Instant::now();
        while self.server_log(cable).matches("DHCPACK").count() < wanted {
            assert!(asked.elapsed() < PATIENCE, "{}", self.server_log(cable));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The events since the last call.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        let events = self.events.as_mut().unwrap();
        std::iter::from_fn(|| events.try_recv().ok()).collect()
    }

    /// The milestones among them.
    pub(crate) fn milestones(&mut self) -> Vec<String> {
        let events = self.events().into_iter();
        events
            .filter_map(|event| match event {
                Event::Reached(milestone) => Some(milestone.name),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn link(&self, name: &str) -> Value {
        let listing = self.ip(&["-j", "addr", "show", "dev", name]);
        let links: Value = serde_json::from_str(&listing).unwrap();
        links[0].clone()
    }

    /// The IPv4 addresses of a link as the kernel has them.
    pub(crate) fn addresses(&self, link: &str) -> Vec<String> {
        self.ipv4(link)
            .iter()
            .map(|address| format!("{}/{}", text(&address["local"]), address["prefixlen"]))
            .collect()
    }

    fn ipv4(&self, link: &str) -> Vec<Value> {
        let link = self.link(link);
        let addresses = link["addr_info"].as_array().cloned().unwrap_or_default();
        addresses
            .into_iter()
            .filter(|address| address["family"] == "inet")
            .collect()
    }

    /// Whether the kernel will drop the link's address when the hour is over.
    pub(crate) fn address_ends(&self, link: &str) -> bool {
        let seconds = |address: &Value| address["valid_life_time"].as_u64().unwrap();
        self.ipv4(link)
            .iter()
            .all(|address| (3000..=3600).contains(&seconds(address)))
    }

    /// The largest packet of a link.
    pub(crate) fn mtu(&self, link: &str) -> u64 {
        self.link(link)["mtu"].as_u64().unwrap()
    }

    /// Whether a link was told to be down.
    pub(crate) fn is_down(&self, link: &str) -> bool {
        let flags = self.link(link)["flags"].clone();
        !flags.as_array().unwrap().contains(&Value::from("UP"))
    }

    /// The IPv4 routes of the main table as the kernel has them.
    pub(crate) fn routes(&self) -> Vec<String> {
        let listing = self.ip(&["-j", "-4", "route", "show"]);
        let routes: Value = serde_json::from_str(&listing).unwrap();
        let mut lines: Vec<String> = routes.as_array().unwrap().iter().map(describe).collect();
        lines.sort();
        lines
    }

    /// The resolver's file.
    pub(crate) fn resolv_conf(&self) -> String {
        fs::read_to_string(self.directory().join("etc/resolv.conf")).unwrap()
    }

    /// Whether there is one.
    pub(crate) fn has_resolv_conf(&self) -> bool {
        self.directory().join("etc/resolv.conf").exists()
    }
}

impl Deref for Lab {
    type Target = Wires;

    fn deref(&self) -> &Wires {
        &self.wires
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for (_, child) in &mut self.servers {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = umount2(&self.directory().join(SETTINGS), MntFlags::MNT_DETACH);
    }
}

fn describe(route: &Value) -> String {
    let mut line = format!(
        "{} dev {} metric {} from {}",
        text(&route["dst"]),
        text(&route["dev"]),
        route["metric"],
        text(&route["prefsrc"]),
    );
    if let Some(gateway) = route["gateway"].as_str() {
        line += &format!(" via {gateway}");
    }
    line
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

/// Shows the settings of this namespace's kernel at their place below `root`,
/// in this thread's own view of the file system only.
fn show_settings(root: &Path) {
    let nothing = None::<&str>;
    mount(
        nothing,
        "/",
        nothing,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        nothing,
    )
    .unwrap();
    let place = root.join(SETTINGS);
    fs::create_dir_all(&place).unwrap();
    let real = Path::new("/").join(SETTINGS);
    mount(Some(&real), &place, nothing, MsFlags::MS_BIND, nothing).unwrap();
}
