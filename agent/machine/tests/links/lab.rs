// SPDX-License-Identifier: Apache-2.0
//! A machine with a described network, and what its kernel says about it.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ironseed_core::event::Event;
use ironseed_core::network::description::{
    DescribedDevice, DescribedLink, Description, PortMatch, Source,
};
use ironseed_core::network::{Addressing, NetworkStatus, PortStatus, Route};
use ironseed_machine::clock::SystemClock;
use ironseed_machine::net::{Boundaries, Network, NetworkHandle, NetworkSettings};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::wires::{PATIENCE, Wires};

/// What a test works with.
pub(crate) struct Lab {
    wires: Wires,
    network: Option<NetworkHandle>,
    events: Option<mpsc::UnboundedReceiver<Event>>,
}

impl Lab {
    /// Runs a test in a machine without ports.
    pub(crate) fn run(test: impl AsyncFnOnce(&mut Lab)) {
        let wires = Wires::enter(&[]);
        // IGNORE_DEAD_ROUTES of the driver: a file of the machine's own.
        let setting = wires
            .directory()
            .join("proc/sys/net/ipv4/conf/all/ignore_routes_with_linkdown");
        std::fs::create_dir_all(setting.parent().unwrap()).unwrap();
        let mut lab = Lab {
            wires,
            network: None,
            events: None,
        };
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(test(&mut lab));
    }

    /// Starts the agent's network; `veth` links are its ports.
    pub(crate) fn start(&mut self, description: Option<Description>) {
        let boundaries = Boundaries {
            root: self.root(),
            clock: Arc::new(SystemClock),
        };
        let settings = NetworkSettings {
            extra_kinds: vec!["veth".into()],
            description,
            ..NetworkSettings::default()
        };
        let (network, events) = Network::start(boundaries, settings).unwrap();
        self.network = Some(network);
        self.events = Some(events);
    }

    /// Ends it, as when the agent's process ends.
    pub(crate) async fn stop(&mut self) {
        self.network.take().unwrap().stop().await;
    }

    pub(crate) fn network(&self) -> &NetworkHandle {
        self.network.as_ref().unwrap()
    }

    /// Describes the network anew.
    pub(crate) fn describe(&self, description: Option<Description>) {
        self.network().describe(description, false);
    }

    pub(crate) fn status(&self) -> NetworkStatus {
        self.network().status().borrow().clone()
    }

    /// The status of one port.
    pub(crate) fn port(&self, name: &str) -> PortStatus {
        let mut ports = self.status().ports.into_iter();
        ports.find(|port| port.name == name).unwrap()
    }

    /// Waits until the status is as described.
    pub(crate) async fn until(&self, what: &str, reached: impl Fn(&NetworkStatus) -> bool) {
        let mut status = self.network().status();
        let waited = tokio::time::timeout(PATIENCE, status.wait_for(|now| reached(now))).await;
        assert!(waited.is_ok(), "waited for: {what}; {:#?}", self.status());
    }

    /// Waits until nothing differs from the plan.
    pub(crate) async fn until_applied(&self) {
        self.until("the plan is applied", |status| {
            status.plan.source.is_some() && status.differences.is_empty()
        })
        .await;
    }

    /// Waits until one of the differences is this one.
    pub(crate) async fn until_differs(&self, text: &str) {
        self.until(text, |status| {
            let mut found = status.differences.iter();
            found.any(|difference| difference.to_string() == text)
        })
        .await;
    }

    /// Waits until the kernel is as wanted.
    pub(crate) async fn until_kernel(&self, what: &str, reached: impl Fn(&Self) -> bool) {
        let asked = Instant::now();
        while !reached(self) {
            assert!(
                asked.elapsed() < PATIENCE,
                "waited for: {what}; {}\n{:#?}",
                self.ip(&["-d", "addr"]),
                self.status()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The warnings since the last call.
    pub(crate) fn warnings(&mut self) -> Vec<String> {
        let events = self.events.as_mut().unwrap();
        let all = std::iter::from_fn(|| events.try_recv().ok());
        all.filter_map(|event| match event {
            Event::Warning(text) => Some(text),
            _ => None,
        })
        .collect()
    }

    /// Whether there is a link of this name.
    pub(crate) fn has_link(&self, name: &str) -> bool {
        !self.link(name).is_null()
    }

    /// A link as `ip -d -j addr` shows it; nothing if there is none, or not any
    /// more.
    pub(crate) fn link(&self, name: &str) -> Value {
        let links = self.json(&["addr"]);
        let mut links = links.as_array().unwrap().iter();
        let link = links.find(|link| link["ifname"] == name);
        link.cloned().unwrap_or_default()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let listing = self.ip(&[&["-d", "-j"], arguments].concat());
        serde_json::from_str(&listing).unwrap()
    }

    /// The addresses of a link that are valid everywhere, as the kernel has
    /// them.
    pub(crate) fn addresses(&self, link: &str) -> Vec<String> {
        let link = self.link(link);
        let all = link["addr_info"].as_array().unwrap();
        let global = all.iter().filter(|address| address["scope"] == "global");
        let text = |address: &Value| {
            format!(
                "{}/{}",
                address["local"].as_str().unwrap(),
                address["prefixlen"]
            )
        };
        global.map(text).collect()
    }

    /// The routes of the main table as the kernel has them, without those to
    /// link-local networks.
    pub(crate) fn routes(&self) -> Vec<String> {
        let mut lines = vec![];
        for family in ["-4", "-6"] {
            let routes = self.json(&[family, "route", "show"]);
            for route in routes.as_array().unwrap() {
                let word = |key: &str| route[key].as_str().unwrap_or("?").to_owned();
                if word("dst").starts_with("fe80") {
                    continue;
                }
                let mut line = format!(
                    "{} dev {} metric {}",
                    word("dst"),
                    word("dev"),
                    route["metric"]
                );
                if let Some(gateway) = route["gateway"].as_str() {
                    line += &format!(" via {gateway}");
                }
                lines.push(line);
            }
        }
        lines.sort();
        lines
    }

    /// Waits until the other end's kernel answers at this address: it refuses a
    /// connection to a port where nobody listens.
    pub(crate) async fn until_reached(&self, address: &str) {
        let target = SocketAddr::new(address.parse().unwrap(), 9);
        let tries = || match TcpStream::connect_timeout(&target, Duration::from_millis(500)) {
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
            Ok(_) => false,
        };
        self.until_kernel(address, |_| tries()).await;
    }
}

impl Deref for Lab {
    type Target = Wires;

    fn deref(&self) -> &Wires {
        &self.wires
    }
}

/// A description of these links.
pub(crate) fn described(links: Vec<DescribedLink>) -> Description {
    Description {
        links,
        ..Description::of(Source::NetworkData)
    }
}

/// A link that is only brought up.
pub(crate) fn made(name: &str, device: DescribedDevice) -> DescribedLink {
    DescribedLink {
        name: name.into(),
        device,
        mac: None,
        mtu: None,
        addressing: vec![],
        routes: vec![],
    }
}

/// A port by its name.
pub(crate) fn port(name: &str) -> DescribedLink {
    made(name, DescribedDevice::Port(PortMatch::Name(name.into())))
}

/// The link with a static address.
pub(crate) fn with_address(mut link: DescribedLink, text: &str) -> DescribedLink {
    let (address, prefix_len) = text.split_once('/').unwrap();
    link.addressing.push(Addressing::Static {
        address: address.parse().unwrap(),
        prefix_len: prefix_len.parse().unwrap(),
    });
    link
}

/// The link with a default route.
pub(crate) fn with_gateway(mut link: DescribedLink, gateway: &str) -> DescribedLink {
    let gateway: IpAddr = gateway.parse().unwrap();
    link.routes.push(Route::default_through(gateway));
    link
}
