// SPDX-License-Identifier: Apache-2.0
//! Which NTP servers are asked.

use std::fmt;
use std::net::IpAddr;

use crate::network::ServerName;

/// No more servers are asked than this; a DHCP server may name a hundred.
pub const AT_MOST: usize = 8;

/// Who named a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServerOrigin {
    /// The setting `ipa-ntp-server`.
    Setting,
    /// A DHCP server (DHCPv4 option 42, DHCPv6 option 56).
    Dhcp,
}

/// An NTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its name or address.
    pub host: String,
    /// Who named it.
    pub origin: ServerOrigin,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.origin {
            ServerOrigin::Setting => write!(f, "{} (ipa-ntp-server)", self.host),
            ServerOrigin::Dhcp => write!(f, "{} (from DHCP)", self.host),
        }
    }
}

/// The servers to ask, the most preferred first: the one of the setting, then
/// those of leases in their order, which is one of preference (RFC 2132 section
/// 8.3). Addresses that no server can have are left out.
#[must_use]
pub fn servers(setting: Option<&str>, leased: &[ServerName]) -> Vec<Server> {
    let set = setting
        .map(|host| host.trim_matches(['[', ']']))
        .filter(|host| !host.is_empty())
        .map(|host| Server {
            host: host.to_owned(),
            origin: ServerOrigin::Setting,
        });
    let leased = leased
        .iter()
        .filter(|server| match server {
            ServerName::Address(address) => can_answer(*address),
            ServerName::Name(_) => true,
        })
        .map(|server| Server {
            host: server.to_string(),
            origin: ServerOrigin::Dhcp,
        });
    let mut servers: Vec<Server> = Vec::new();
    for server in set.into_iter().chain(leased) {
        if !servers.iter().any(|known| known.host == server.host) {
            servers.push(server);
        }
    }
    servers.truncate(AT_MOST);
    servers
}

fn can_answer(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(address.is_unspecified() || address.is_loopback() || address.is_multicast() || broadcast)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> ServerName {
        match text.parse() {
            Ok(address) => ServerName::Address(address),
            Err(_) => ServerName::Name(text.to_owned()),
        }
    }

    #[test]
    fn the_setting_comes_first_and_nobody_is_asked_twice() {
        type Case<'a> = (Option<&'a str>, &'a [&'a str], &'a [&'a str]);
        let cases: [Case<'_>; 7] = [
            (None, &[], &[]),
            (
                Some("ntp.example"),
                &["192.0.2.1", "2001:db8::1", "time.example"],
                &["ntp.example", "192.0.2.1", "2001:db8::1", "time.example"],
            ),
            (
                None,
                &["192.0.2.2", "192.0.2.1"],
                &["192.0.2.2", "192.0.2.1"],
            ),
            (Some("192.0.2.1"), &["192.0.2.1"], &["192.0.2.1"]),
            (Some("[2001:db8::1]"), &["2001:db8::1"], &["2001:db8::1"]),
            (Some(""), &["192.0.2.1", "192.0.2.1"], &["192.0.2.1"]),
            (
                None,
                &[
                    "0.0.0.0",
                    "127.0.0.1",
                    "255.255.255.255",
                    "224.0.1.1",
                    "::",
                    "ff05::101",
                ],
                &[],
            ),
        ];
        for (setting, leased, expected) in cases {
            let leased: Vec<ServerName> = leased.iter().copied().map(named).collect();
            let found = servers(setting, &leased);
            let hosts: Vec<&str> = found.iter().map(|server| server.host.as_str()).collect();
            assert_eq!(hosts, expected, "{setting:?} {leased:?}");
        }
    }

    #[test]
    fn a_dhcp_server_cannot_make_the_agent_ask_the_world() {
        let address = |n| ServerName::Address(IpAddr::from([192, 0, 2, n]));
        let leased: Vec<ServerName> = (1..=200).map(address).collect();
        let found = servers(Some("ntp.example"), &leased);
        assert_eq!(found.len(), AT_MOST);
        assert_eq!(found[0].to_string(), "ntp.example (ipa-ntp-server)");
        assert_eq!(found[1].to_string(), "192.0.2.1 (from DHCP)");
    }
}
