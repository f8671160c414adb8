// SPDX-License-Identifier: Apache-2.0
//! A rack: the machine with two ports, a leaf switch (FRR) at the other end of
//! each, and a host behind both, each in a network namespace of its own.
//!
//! ```text
//! machine c0 ── s0 leaf 0 u0 ── h0 host
//!         c1 ── s1 leaf 1 u1 ── h1
//! ```

use std::fs;
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Instant;

use ironseed_core::event::Event;
use ironseed_core::network::bgp::{RoutingPlan, RoutingStatus};
use ironseed_machine::clock::SystemClock;
use ironseed_machine::net::bgp::{BgpHandle, BgpSpeakers};
use ironseed_machine::net::{Boundaries, PortFilter};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, chown};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::wires::{PATIENCE, Wires, dying_with_us, output};

/// The kernel's counters that the agent reads.
const NETSTAT: &str = "proc/thread-self/net/netstat";

/// Where Debian has FRR's daemons.
const FRR: &str = "/usr/lib/frr";

/// The host's addresses.
pub(crate) const HOST4: &str = "203.0.113.10";
pub(crate) const HOST6: &str = "2001:db8:ffff::10";

/// What a test works with.
pub(crate) struct Rack {
    wires: Wires,
    pub(crate) leaves: [Router; 2],
    pub(crate) host: Router,
    bgp: Option<BgpHandle>,
    events: Option<mpsc::UnboundedReceiver<Event>>,
}

/// A namespace with FRR in it.
pub(crate) struct Router {
    directory: PathBuf,
    /// Its process 1 is the keeper's child: when that ends, all of them do.
    keeper: Child,
    init: String,
    daemons: Vec<Child>,
}

impl Rack {
    /// Runs a test in a rack whose switches do not speak yet.
    pub(crate) fn run(test: impl AsyncFnOnce(&mut Rack)) {
        let wires = Wires::enter(&[("vtysh", "frr")]);
        show_netstat(wires.directory());
        // FRR's user must reach its files.
        fs::set_permissions(wires.directory(), fs::Permissions::from_mode(0o755)).unwrap();
        let router = |name: &str| Router::new(&wires.directory().join(name));
        let leaves = [router("leaf0"), router("leaf1")];
        let host = router("host");
        for (number, leaf) in (0_u8..).zip(&leaves) {
            wires.cable(number);
            let near = format!("s{number}");
            wires.far_ip(&["link", "set", &near, "netns", &leaf.init]);
            leaf.ip(&["link", "set", &near, "mtu", "9000", "up"]);
            let (up, down) = (format!("u{number}"), format!("h{number}"));
            leaf.ip(&[
                "link", "add", &up, "type", "veth", "peer", "name", &down, "netns", &host.init,
            ]);
            leaf.ip(&["link", "set", &up, "up"]);
            host.ip(&["link", "set", &down, "up"]);
            wires.ip(&["link", "set", &format!("c{number}"), "up"]);
        }
        host.ip(&["addr", "add", &format!("{HOST4}/32"), "dev", "lo"]);
        host.ip(&["addr", "add", &format!("{HOST6}/128"), "dev", "lo"]);
        let mut rack = Rack {
            wires,
            leaves,
            host,
            bgp: None,
            events: None,
        };
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(test(&mut rack));
    }

    /// Starts the host's BGP.
    pub(crate) fn start_host(&mut self) {
        self.host.start(
            "router bgp 65200
             bgp router-id 192.0.2.200
             no bgp ebgp-requires-policy
             bgp bestpath as-path multipath-relax
             neighbor h0 interface remote-as external
             neighbor h1 interface remote-as external
             address-family ipv4 unicast
              redistribute connected
             exit-address-family
             address-family ipv6 unicast
              neighbor h0 activate
              neighbor h1 activate
              redistribute connected
             exit-address-family",
        );
    }

    /// Starts a leaf's BGP; `more` is added to its neighbour the machine.
    pub(crate) fn start_leaf(&mut self, number: usize, remote_as: &str, more: &[&str]) {
        let config = leaf_config(number, remote_as, more);
        self.leaves[number].start(&config);
    }

    /// Starts the agent's BGP; `veth` links are its ports.
    pub(crate) fn start(&mut self, plan: RoutingPlan) {
        let boundaries = Boundaries {
            root: self.root(),
            clock: Arc::new(SystemClock),
        };
        let (events, events_out) = mpsc::unbounded_channel();
        let filter = PortFilter {
            extra_kinds: vec!["veth".into()],
            ..PortFilter::default()
        };
        self.bgp = Some(BgpSpeakers::start(boundaries, plan, filter, events).unwrap());
        self.events = Some(events_out);
    }

    /// The running BGP.
    pub(crate) fn bgp(&self) -> &BgpHandle {
        self.bgp.as_ref().unwrap()
    }

    /// Its status now.
    pub(crate) fn status(&self) -> RoutingStatus {
        self.bgp().status().borrow().clone()
    }

    /// Waits until the status is as described.
    pub(crate) async fn until(&self, what: &str, reached: impl Fn(&RoutingStatus) -> bool) {
        let mut status = self.bgp().status();
        let waited = tokio::time::timeout(PATIENCE, status.wait_for(|now| reached(now))).await;
        assert!(waited.is_ok(), "waited for: {what}; {:#?}", self.status());
    }

    /// Waits until something outside is as described.
    pub(crate) async fn eventually(&self, what: &str, reached: impl Fn(&Self) -> bool) {
        let asked = Instant::now();
        while !reached(self) {
            assert!(
                asked.elapsed() < PATIENCE,
                "waited for: {what}; {:#?}",
                self.status()
            );
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// The events since the last call, as lines.
    pub(crate) fn events(&mut self) -> Vec<String> {
        let events = self.events.as_mut().unwrap();
        let events = std::iter::from_fn(|| events.try_recv().ok());
        events.map(|event| event.to_string()).collect()
    }

    /// BGP's routes of a family as the kernel has them: destination, metric,
    /// source, and the ports of the next hops.
    pub(crate) fn kernel_routes(&self, family: &str) -> Vec<String> {
        let listing = self.ip(&["-j", family, "route", "show", "proto", "bgp"]);
        let routes: Value = serde_json::from_str(&listing).unwrap();
        let mut lines: Vec<String> = routes.as_array().unwrap().iter().map(describe).collect();
        lines.sort();
        lines
    }

    /// The link-local address of one of the machine's ports.
    pub(crate) fn link_local(&self, port: &str) -> String {
        let listing = self.ip(&["-j", "-6", "addr", "show", "dev", port, "scope", "link"]);
        let links: Value = serde_json::from_str(&listing).unwrap();
        links[0]["addr_info"][0]["local"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

impl Deref for Rack {
    type Target = Wires;

    fn deref(&self) -> &Wires {
        &self.wires
    }
}

impl Drop for Rack {
    fn drop(&mut self) {
        let _ = umount2(&self.directory().join(NETSTAT), MntFlags::MNT_DETACH);
    }
}

/// A leaf's configuration.
fn leaf_config(number: usize, remote_as: &str, more: &[&str]) -> String {
    let more: Vec<String> = more
        .iter()
        .map(|words| format!("neighbor s{number} {words}\n"))
        .collect();
    let more = more.concat();
    format!(
        "router bgp 6510{number}
         bgp router-id 192.0.2.1{number}
         no bgp ebgp-requires-policy
         bgp bestpath as-path multipath-relax
         neighbor s{number} interface remote-as {remote_as}
         neighbor s{number} timers connect 3
         neighbor u{number} interface remote-as external
         {more}
         address-family ipv4 unicast
          neighbor s{number} default-originate
         exit-address-family
         address-family ipv6 unicast
          neighbor s{number} activate
          neighbor u{number} activate
          neighbor s{number} default-originate
         exit-address-family"
    )
}

impl Router {
    fn new(directory: &Path) -> Self {
        fs::create_dir(directory).unwrap();
        let keeper = dying_with_us("unshare")
            .args(["--net", "--pid", "--fork", "--kill-child=KILL"])
            .args(["sleep", "infinity"])
            .spawn()
            .unwrap();
        let mut router = Self {
            directory: directory.to_owned(),
            keeper,
            init: String::new(),
            daemons: vec![],
        };
        router.init = router.wait_for_init();
        router.ip(&["link", "set", "lo", "up"]);
        let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward; \
            echo 1 > /proc/sys/net/ipv6/conf/all/forwarding";
        output(router.inside("sh").args(["-c", forward]));
        router
    }

    /// Until `unshare` has made the namespaces; process 1 of the new one.
    fn wait_for_init(&mut self) -> String {
        loop {
            if let Some(init) = only_child(self.keeper.id()) {
                return init;
            }
            assert!(self.keeper.try_wait().unwrap().is_none(), "unshare ended");
            std::thread::yield_now();
        }
    }

    /// A program in the network, and only there: `ip` has to know processes
    /// outside by their numbers.
    fn inside(&self, program: &str) -> Command {
        let mut command = dying_with_us("nsenter");
        command.args(["--target", &self.init, "--net", program]);
        command
    }

    /// Runs `ip` there.
    pub(crate) fn ip(&self, arguments: &[&str]) -> String {
        output(self.inside("ip").args(arguments))
    }

    /// Starts zebra and bgpd with this configuration and waits until both
    /// answer.
    pub(crate) fn start(&mut self, config: &str) {
        let lines: Vec<&str> = config.lines().map(str::trim).collect();
        let file = self.directory.join("bgpd.conf");
        let text = format!("frr defaults traditional\n{}\n", lines.join("\n"));
        fs::write(&file, text).unwrap();
        fs::write(self.directory.join("zebra.conf"), "").unwrap();
        self.give_to_frr();
        for daemon in ["zebra", "bgpd"] {
            let path = |name: &str| self.directory.join(name).display().to_string();
            // FRR's daemons change their user, which frees them from us; as
            // children of process 1 they end with it all the same.
            let mut command = dying_with_us("nsenter");
            command.args(["--target", &self.init, "--net", "--pid"]);
            command.arg(format!("{FRR}/{daemon}"));
            command.args(["-f", &path(&format!("{daemon}.conf"))]);
            command.args(["-i", &path(&format!("{daemon}.pid"))]);
            command.args(["-z", &path("zserv")]);
            command.args(["--vty_socket", &path(""), "-P", "0"]);
            command.args(["--log", &format!("file:{}", path(&format!("{daemon}.log")))]);
            let log = fs::File::create(self.directory.join(format!("{daemon}.out"))).unwrap();
            let child = command.stdout(log.try_clone().unwrap()).stderr(log);
            self.daemons.push(child.spawn().unwrap());
            self.wait_for(daemon);
        }
    }

    fn give_to_frr(&self) {
        let frr = User::from_name("frr").unwrap().unwrap();
        let (user, group) = (Some(frr.uid), Some(frr.gid));
        chown(&self.directory, user, group).unwrap();
        for entry in fs::read_dir(&self.directory).unwrap() {
            chown(&entry.unwrap().path(), user, group).unwrap();
        }
    }

    fn wait_for(&mut self, daemon: &str) {
        let asked = Instant::now();
        while !self.ask(daemon, &["show version"]).status.success() {
            let out = self.directory.join(format!("{daemon}.out"));
            let ended = self.daemons.last_mut().unwrap().try_wait().unwrap();
            assert!(
                ended.is_none() && asked.elapsed() < PATIENCE,
                "{daemon} does not start: {}",
                fs::read_to_string(out).unwrap_or_default()
            );
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    fn ask(&self, daemon: &str, commands: &[&str]) -> std::process::Output {
        let mut vtysh = Command::new("vtysh");
        vtysh.arg("--vty_socket").arg(&self.directory);
        vtysh.args(["-d", daemon]);
        for command in commands {
            vtysh.args(["-c", command]);
        }
        vtysh.output().unwrap()
    }

    /// What bgpd answers, as JSON.
    pub(crate) fn show(&self, command: &str) -> Value {
        let answer = self.ask("bgpd", &[&format!("{command} json")]);
        serde_json::from_slice(&answer.stdout).unwrap_or(Value::Null)
    }

    /// Changes bgpd's configuration.
    pub(crate) fn configure(&self, commands: &[&str]) {
        let commands = [&["configure terminal"], commands].concat();
        let answer = self.ask("bgpd", &commands);
        let said = String::from_utf8_lossy(&answer.stdout);
        assert!(answer.status.success() && said.trim().is_empty(), "{said}");
    }

    /// Kills zebra and bgpd, without a goodbye, as a switch that crashes.
    pub(crate) fn crash(&mut self) {
        for mut daemon in self.daemons.drain(..).rev() {
            let running = only_child(daemon.id()).unwrap();
            kill(Pid::from_raw(running.parse().unwrap()), Signal::SIGKILL).unwrap();
            daemon.wait().unwrap();
        }
    }

    /// How many next hops the kernel there has for a destination.
    pub(crate) fn hops_to(&self, family: &str, destination: &str) -> usize {
        let listing = self.ip(&["-j", family, "route", "show", destination]);
        let routes: Value = serde_json::from_str(&listing).unwrap();
        match routes[0]["nexthops"].as_array() {
            Some(hops) => hops.len(),
            None => usize::from(routes[0].is_object()),
        }
    }

    /// Runs something in a thread that is in this network.
    pub(crate) fn thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> std::thread::JoinHandle<T> {
        let space = fs::File::open(format!("/proc/{}/ns/net", self.init)).unwrap();
        std::thread::spawn(move || {
            setns(space, CloneFlags::CLONE_NEWNET).unwrap();
            work()
        })
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
        for daemon in &mut self.daemons {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

/// The process that a process has started: `unshare` and `nsenter` do not
/// become the program themselves when it has to be in another process
/// namespace.
fn only_child(of: u32) -> Option<String> {
    let children = format!("/proc/{of}/task/{of}/children");
    let found = fs::read_to_string(children).unwrap_or_default();
    found.split_whitespace().next().map(str::to_owned)
}

fn describe(route: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let hop = |hop: &Value| {
        // IPv4 has the address of another family in "via".
        let address = match &hop["via"] {
            Value::Null => text(&hop["gateway"]),
            via => format!("{} {}", text(&via["family"]), text(&via["host"])),
        };
        let kind = address.split("fe80").next().unwrap_or_default().trim();
        assert!(address.contains("fe80::"), "{address}");
        format!("{kind} {}", text(&hop["dev"])).trim().to_owned()
    };
    let hops: Vec<String> = match route["nexthops"].as_array() {
        Some(hops) => hops.iter().map(hop).collect(),
        None => vec![hop(route)],
    };
    format!(
        "{} metric {} from {} via {}",
        text(&route["dst"]),
        route["metric"],
        text(&route["prefsrc"]),
        hops.join(" and ")
    )
}

/// Shows the counters of this namespace's kernel at their place below `root`,
/// in this thread's own view of the file system only.
fn show_netstat(root: &Path) {
    let nothing = None::<&str>;
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(nothing, "/", nothing, flags, nothing).unwrap();
    let place = root.join(NETSTAT);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(&place, "").unwrap();
    let real = Path::new("/").join(NETSTAT);
    mount(Some(&real), &place, nothing, MsFlags::MS_BIND, nothing).unwrap();
}
