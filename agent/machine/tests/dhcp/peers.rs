// SPDX-License-Identifier: Apache-2.0
//! IPv6 at the other end of the cables, and what the kernel says about it here.

use std::fs;
use std::time::{Duration, Instant};

use ironseed_core::network::Description;
use ironseed_core::network::description::{DescribedDevice, DescribedLink, PortMatch, Source};
use ironseed_core::network::plan::Addressing;
use ironseed_machine::net::NetworkSettings;
use serde_json::Value;

use crate::lab::{Lab, text};
use crate::wires::PATIENCE;

impl Lab {
    /// Lays a cable whose other end speaks IPv6 already: it is
    /// `2001:db8:<number>::1`. The port here is down.
    pub(crate) fn cable6(&self, number: u8) {
        self.cable(number);
        let (near, far) = (format!("c{number}"), format!("s{number}"));
        for (setting, value) in [("dad_transmits", "0"), ("keep_addr_on_down", "1")] {
            let file = format!("/proc/sys/net/ipv6/conf/{far}/{setting}");
            self.far_write(&file, value);
        }
        self.plug(number);
        self.ip(&["link", "set", &near, "up"]);
        let asked = Instant::now();
        while !self
            .far_ip(&[
                "-6",
                "addr",
                "show",
                "dev",
                &far,
                "scope",
                "link",
                "-tentative",
            ])
            .contains("fe80")
        {
            assert!(asked.elapsed() < PATIENCE);
            std::thread::sleep(Duration::from_millis(5));
        }
        self.ip(&["link", "set", &near, "down"]);
        let address = format!("2001:db8:{number}::1/64");
        self.far_ip(&["addr", "add", &address, "dev", &far, "nodad"]);
    }

    fn far_write(&self, file: &str, value: &str) {
        let mut command = self.far("sh");
        command.args(["-c", &format!("echo {value} > {file}")]);
        assert!(command.status().unwrap().success());
    }

    /// The link-local address of the other end of a cable.
    pub(crate) fn router(&self, number: u8) -> String {
        let link = format!("s{number}");
        let listing = self.far_ip(&["-j", "-6", "addr", "show", "dev", &link, "scope", "link"]);
        let links: Value = serde_json::from_str(&listing).unwrap();
        // What was not asked for is there as an empty object.
        let links = links.as_array().unwrap().iter();
        let mut addresses = links
            .filter_map(|link| link["addr_info"].as_array())
            .flatten()
            .filter_map(|address| address["local"].as_str());
        addresses.next().unwrap().to_owned()
    }

    /// Starts dnsmasq for IPv6 on a cable; without DNS and, unless the arguments
    /// say so, without IPv4.
    pub(crate) fn dnsmasq6(&mut self, cable: u8, arguments: &[&str]) {
        let mut command = self.far("dnsmasq");
        command.args([
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--port=0",
            "--log-dhcp",
            "--log-facility=-",
            "--no-ping",
            "--leasefile-ro",
            "--pid-file=",
            "--bind-dynamic",
            "--user=root",
            &format!("--interface=s{cable}"),
        ]);
        command.args(arguments);
        self.run_server(cable, command, "2001:db8:");
    }

    /// Starts Kea's DHCPv6 server on a cable: one pool of `2001:db8:<cable>::50`
    /// to `::5f` and whatever else the subnet shall have, as JSON. Kea leaves
    /// links without carrier alone, so the port must be up.
    pub(crate) fn kea(&mut self, cable: u8, subnet: &str) {
        let file = self.directory().join(format!("kea-{cable}.json"));
        let configuration = format!(
            r#"{{"Dhcp6": {{
                "interfaces-config": {{"interfaces": ["s{cable}"]}},
                "lease-database": {{"type": "memfile", "persist": false}},
                "loggers": [{{"name": "kea-dhcp6", "severity": "DEBUG", "debuglevel": 50,
                    "output_options": [{{"output": "stdout"}}]}}],
                "server-id": {{"type": "LL", "identifier": "0{cable}0000000001", "persist": false}},
                "subnet6": [{{"id": 1, "interface": "s{cable}",
                    "subnet": "2001:db8:{cable}::/64",
                    "pools": [{{"pool": "2001:db8:{cable}::50-2001:db8:{cable}::5f"}}],
                    {subnet} }}]
            }} }}"#
        );
        fs::write(&file, configuration).unwrap();
        let mut command = self.far("kea-dhcp6");
        command.arg("-c").arg(&file);
        command.env("KEA_LOCKFILE_DIR", "none");
        command.env("KEA_PIDFILE_DIR", self.directory());
        self.run_server(cable, command, "DHCP6_STARTED");
    }

    /// Starts radvd on a cable with the given lines inside its `interface`.
    pub(crate) fn radvd(&mut self, cable: u8, lines: &str) {
        let file = self.directory().join(format!("radvd-{cable}.conf"));
        let configuration = format!(
            "interface s{cable} {{ AdvSendAdvert on; MinRtrAdvInterval 3; \
             MaxRtrAdvInterval 4; {lines} }};\n"
        );
        fs::write(&file, configuration).unwrap();
        let mut command = self.far("radvd");
        command.args(["--nodaemon", "--debug=1", "--logmethod=stderr"]);
        command.arg("--config").arg(&file);
        let pid = self.directory().join(format!("radvd-{cable}.pid"));
        command.arg("--pidfile").arg(pid);
        self.run_server(cable, command, "version");
    }

    /// The IPv6 addresses of a link that others can reach, as the kernel has
    /// them.
    pub(crate) fn addresses6(&self, link: &str) -> Vec<String> {
        let link = self.link(link);
        let addresses = link["addr_info"].as_array().cloned().unwrap_or_default();
        let mut lines: Vec<String> = addresses
            .iter()
            .filter(|address| address["family"] == "inet6" && address["scope"] == "global")
            .map(|address| format!("{}/{}", text(&address["local"]), address["prefixlen"]))
            .collect();
        lines.sort();
        lines
    }

    /// The longest time a global IPv6 address of a link may still be used, in
    /// seconds.
    pub(crate) fn valid6(&self, link: &str) -> u64 {
        let link = self.link(link);
        let addresses = link["addr_info"].as_array().cloned().unwrap_or_default();
        let lifetimes = addresses
            .iter()
            .filter(|address| address["family"] == "inet6" && address["scope"] == "global")
            .filter_map(|address| address["valid_life_time"].as_u64());
        lifetimes.max().unwrap_or(0)
    }

    /// The IPv6 routes that routers told of, as the kernel has them.
    pub(crate) fn learned_routes(&self) -> Vec<String> {
        let listing = self.ip(&["-j", "-6", "route", "show", "proto", "ra"]);
        let routes: Value = serde_json::from_str(&listing).unwrap();
        let describe = |route: &Value| {
            let (to, port, metric) = (text(&route["dst"]), text(&route["dev"]), &route["metric"]);
            match route["gateway"].as_str() {
                Some(gateway) => format!("{to} dev {port} metric {metric} via {gateway}"),
                None => format!("{to} dev {port} metric {metric}"),
            }
        };
        let mut lines: Vec<String> = routes.as_array().unwrap().iter().map(describe).collect();
        lines.retain(|line| line.contains(" via "));
        lines.sort();
        lines
    }

    /// The name servers of the resolver's file.
    pub(crate) fn name_servers(&self) -> Vec<String> {
        self.resolver_lines("nameserver ")
    }

    /// Its search domains.
    pub(crate) fn search(&self) -> Vec<String> {
        self.resolver_lines("search ")
    }

    fn resolver_lines(&self, what: &str) -> Vec<String> {
        let path = self.directory().join("etc/resolv.conf");
        let file = fs::read_to_string(path).unwrap_or_default();
        let lines = file.lines().filter_map(|line| line.strip_prefix(what));
        lines.map(str::to_owned).collect()
    }
}

/// Settings that describe one port.
pub(crate) fn described(port: &str, addressing: &[Addressing]) -> NetworkSettings {
    NetworkSettings {
        description: Some(description(port, addressing)),
        ..NetworkSettings::default()
    }
}

/// A description of one port.
pub(crate) fn description(port: &str, addressing: &[Addressing]) -> Description {
    Description {
        links: vec![DescribedLink {
            name: port.into(),
            device: DescribedDevice::Port(PortMatch::Name(port.into())),
            mac: None,
            mtu: None,
            addressing: addressing.to_vec(),
            routes: vec![],
        }],
        ..Description::of(Source::NetworkData)
    }
}
