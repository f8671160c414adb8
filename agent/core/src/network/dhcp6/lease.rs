// SPDX-License-Identifier: Apache-2.0
//! What a server gives: the meaning of an ADVERTISE or REPLY.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use crate::network::dhcp6::message::{Message, StatusCode};
use crate::network::dhcp6::options::{Options, code};
use crate::network::names::{Compression, ServerName, read_list};
use crate::network::primary::is_routable;

/// For ever, in every time of the protocol (RFC 8415 §7.7).
const INFINITE: u32 = u32::MAX;

/// How often stateless information is asked for again: when nothing is said,
/// and at least (RFC 8415 §7.6, `IRT_DEFAULT` and `IRT_MINIMUM`).
const REFRESH_DEFAULT: u32 = 86_400;
const REFRESH_MIN: u32 = 600;

/// How many servers of a kind are kept of one answer.
const MAX_SERVERS: usize = 8;

/// What a server tells besides an address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Information {
    /// DNS servers, best first. Link-local ones are on the port's own network.
    pub dns: Vec<Ipv6Addr>,
    /// Search domains, best first.
    pub search: Vec<String>,
    /// NTP servers, best first.
    pub ntp: Vec<ServerName>,
    /// When it should be asked for again if there is no lease; nothing: never.
    pub refresh_after: Option<Duration>,
}

/// An address and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease6 {
    /// The address.
    pub address: Ipv6Addr,
    /// The address the answer came from: the server or the relay.
    pub server: Ipv6Addr,
    /// Who the server is, in its own bytes.
    pub server_id: Vec<u8>,
    /// What else the server tells.
    pub information: Information,
    /// When it should be prolonged (T1), from when it was asked for; nothing:
    /// never.
    pub renew_after: Option<Duration>,
    /// When any server should be asked to (T2); nothing: never.
    pub rebind_after: Option<Duration>,
    /// How long new connections may use it; nothing: for ever.
    pub preferred: Option<Duration>,
    /// When it ends; nothing: never.
    pub valid: Option<Duration>,
}

/// Why an answer gives no usable address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable6 {
    /// The server says no.
    #[error("the server answers {0}")]
    Refused(StatusCode),
    /// The answer does not speak of this client's address at all.
    #[error("the server gives no address")]
    NoAddress,
    /// The address cannot belong to one machine.
    #[error("the server gives {0}, which is no machine's address")]
    Address(Ipv6Addr),
    /// It may be used for zero seconds, or shall be preferred for longer than
    /// it is valid.
    #[error("the server gives {0} for no time")]
    NoTime(Ipv6Addr),
    /// It should be prolonged by any server before its own is asked.
    #[error("the server's times contradict each other (T1 {t1} s, T2 {t2} s)")]
    Times {
        /// T1 in seconds.
        t1: u32,
        /// T2 in seconds.
        t2: u32,
    },
}

impl Information {
    /// Reads what a message tells.
    #[must_use]
    pub fn read(options: &Options) -> Self {
        let refresh = options
            .word(code::INFORMATION_REFRESH_TIME)
            .unwrap_or(REFRESH_DEFAULT);
        let mut dns = options.addresses(code::DNS_SERVERS);
        dns.retain(|server| is_machine(*server));
        dns.truncate(MAX_SERVERS);
        Self {
            dns,
            search: options
                .get(code::DOMAIN_LIST)
                .and_then(|bytes| read_list(bytes, Compression::Forbidden))
                .unwrap_or_default(),
            ntp: time_servers(options),
            refresh_after: time(refresh.max(REFRESH_MIN)),
        }
    }
}

impl Lease6 {
    /// Reads an ADVERTISE or REPLY that came from `server`, for the addresses
    /// with the number `iaid`. The first usable address counts.
    ///
    /// # Errors
    ///
    /// [`Unusable6`] says what is missing.
    pub fn read(message: &Message, server: Ipv6Addr, iaid: [u8; 4]) -> Result<Self, Unusable6> {
        succeeded(&message.options)?;
        let association = message.options.all(code::IA_NA);
        let (t1, t2, inside) = association
            .filter_map(|bytes| read_association(bytes, iaid))
            .next()
            .ok_or(Unusable6::NoAddress)?;
        succeeded(&inside)?;
        if t1 > t2 && t2 > 0 {
            return Err(Unusable6::Times { t1, t2 });
        }
        let (address, preferred, valid) = first_address(&inside)?;
        let (renew_after, rebind_after) = times(t1, t2, preferred, valid);
        Ok(Self {
            address,
            server,
            server_id: message
                .options
                .get(code::SERVER_ID)
                .unwrap_or_default()
                .to_vec(),
            information: Information::read(&message.options),
            renew_after,
            rebind_after,
            preferred: time(preferred),
            valid: time(valid),
        })
    }
}

/// Whether a list of options says that it went well.
fn succeeded(options: &Options) -> Result<(), Unusable6> {
    match StatusCode::of(options) {
        StatusCode::Success => Ok(()),
        status => Err(Unusable6::Refused(status)),
    }
}

/// T1, T2 and the options of an IA_NA (RFC 8415 §21.4), if it is the one with
/// this number.
fn read_association(bytes: &[u8], iaid: [u8; 4]) -> Option<(u32, u32, Options)> {
    let (head, rest) = bytes.split_first_chunk::<12>()?;
    let word = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    if head[..4] != iaid {
        return None;
    }
    Some((word(4), word(8), Options::read(rest).ok()?))
}

/// The first address that can be used, with its preferred and valid lifetime
/// (RFC 8415 §21.6); else why the last one cannot.
fn first_address(inside: &Options) -> Result<(Ipv6Addr, u32, u32), Unusable6> {
    let mut problem = Unusable6::NoAddress;
    for bytes in inside.all(code::IA_ADDRESS) {
        let Some((head, rest)) = bytes.split_first_chunk::<24>() else {
            continue;
        };
        let (octets, lifetimes) = head.split_at(16);
        let mut address = [0; 16];
        address.copy_from_slice(octets);
        let address = Ipv6Addr::from(address);
        let word = |at: usize| {
            let bytes = [
                lifetimes[at],
                lifetimes[at + 1],
                lifetimes[at + 2],
                lifetimes[at + 3],
            ];
            u32::from_be_bytes(bytes)
        };
        let (preferred, valid) = (word(0), word(4));
        problem = if !is_routable(address.into()) {
            Unusable6::Address(address)
        } else if valid == 0 || preferred > valid {
            Unusable6::NoTime(address)
        } else if let Some(Err(refused)) = Options::read(rest).ok().map(|inner| succeeded(&inner)) {
            refused
        } else {
            return Ok((address, preferred, valid));
        };
    }
    Err(problem)
}

/// T1 and T2: what the server says, else a half and four fifths of the
/// preferred lifetime (RFC 8415 §21.4). A second at least, or a lease of one
/// second would be asked for at the speed of the network; and before the lease
/// ends.
fn times(t1: u32, t2: u32, preferred: u32, valid: u32) -> (Option<Duration>, Option<Duration>) {
    let base = if preferred > 0 { preferred } else { valid };
    let part = |number: u32, of: u32| match base {
        INFINITE => INFINITE,
        base => (base / of).saturating_mul(number),
    };
    let rebind = if t2 == 0 { part(4, 5) } else { t2 };
    let renew = if t1 == 0 { part(1, 2) } else { t1 };
    let within = |seconds: u32| match (seconds, valid) {
        (seconds, INFINITE) => seconds,
        (seconds, valid) => seconds.min(valid),
    };
    let (renew, rebind) = (within(renew.min(rebind)).max(1), within(rebind).max(1));
    (time(renew), time(rebind))
}

fn time(seconds: u32) -> Option<Duration> {
    (seconds != INFINITE).then(|| Duration::from_secs(seconds.into()))
}

/// Whether one machine can have the address. Link-local addresses may be
/// servers on the port's own network.
fn is_machine(address: Ipv6Addr) -> bool {
    !(address.is_unspecified() || address.is_loopback() || address.is_multicast())
}

/// NTP servers: option 56 with its suboptions 1 (address) and 3 (name), then
/// the old option 31. A multicast group (suboption 2) has no use for a client
/// that asks once.
fn time_servers(options: &Options) -> Vec<ServerName> {
    let mut servers = Vec::new();
    for list in options.all(code::NTP_SERVER) {
        let Ok(inside) = Options::read(list) else {
            continue;
        };
        servers.extend(inside.all(1).filter_map(|bytes| {
            let octets: [u8; 16] = bytes.try_into().ok()?;
            Some(ServerName::Address(octets.into()))
        }));
        let names = inside.all(3);
        servers.extend(
            names
                .filter_map(|bytes| read_list(bytes, Compression::Forbidden))
                .flatten()
                .map(ServerName::Name),
        );
    }
    let old = options.addresses(code::SNTP_SERVERS);
    servers.extend(
        old.into_iter()
            .map(|server| ServerName::Address(server.into())),
    );
    let usable = |server: &ServerName| match server {
        ServerName::Address(IpAddr::V6(address)) => is_machine(*address),
        _ => true,
    };
    let mut kept: Vec<ServerName> = Vec::new();
    for server in servers.into_iter().filter(usable) {
        if kept.len() < MAX_SERVERS && !kept.contains(&server) {
            kept.push(server);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::dhcp6::message::MessageType;

    const IAID: [u8; 4] = [0, 1, 2, 3];
    const SERVER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    const ADDRESS: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x50);

    /// What dnsmasq 2.90 answered to a SOLICIT with rapid commit, captured with
    /// tcpdump.
    const DNSMASQ: &str = "070000020001000a000300015254000000000002000a000300019e6351c801be\
         000e000000030028000000000000070800000c4e0005001820010db800000000\
         000000000000005600000e1000000e10000d0009000073756363657373000700\
         0100001f001020010db800000000000000000000012400380014000100102001\
         0db80000000000000000000001230018001b047261636b076578616d706c6500\
         036c6162076578616d706c65000017001020010db80000000000000000000000\
         53";

    #[test]
    fn an_answer_of_dnsmasq_is_understood() {
        let digits: Vec<char> = DNSMASQ.chars().collect();
        let byte = |pair: &[char]| {
            let text: String = pair.iter().collect();
            u8::from_str_radix(&text, 16).expect("two digits")
        };
        let bytes: Vec<u8> = digits.chunks(2).map(byte).collect();
        let message = Message::decode(&bytes).expect("well formed");
        assert_eq!((message.kind, message.xid), (MessageType::Reply, 2));
        assert!(message.options.get(code::RAPID_COMMIT).is_some());
        let lease = Lease6::read(&message, SERVER, [0; 4]).expect("usable");
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let (told, times) = (&lease.information, (lease.renew_after, lease.rebind_after));
        assert_eq!(times, (seconds(1800), seconds(3150)));
        assert_eq!(
            (lease.preferred, lease.valid),
            (seconds(3600), seconds(3600))
        );
        assert_eq!(told.search, ["rack.example", "lab.example"]);
        let ntp: Vec<String> = told.ntp.iter().map(ToString::to_string).collect();
        assert_eq!(ntp, ["2001:db8::123", "2001:db8::124"]);
        assert_eq!(lease.server_id[..4], [0, 3, 0, 1]);
    }

    fn address(address: Ipv6Addr, preferred: u32, valid: u32, inside: &[u8]) -> Vec<u8> {
        let mut bytes = address.octets().to_vec();
        bytes.extend(preferred.to_be_bytes());
        bytes.extend(valid.to_be_bytes());
        bytes.extend(inside);
        bytes
    }

    fn association(iaid: [u8; 4], t1: u32, t2: u32, inside: &Options) -> Vec<u8> {
        let mut bytes = iaid.to_vec();
        bytes.extend(t1.to_be_bytes());
        bytes.extend(t2.to_be_bytes());
        bytes.extend(inside.write());
        bytes
    }

    fn options(list: &[(u16, Vec<u8>)]) -> Options {
        let mut options = Options::default();
        for (code, value) in list {
            options.push(*code, value.clone());
        }
        options
    }

    fn reply(list: &[(u16, Vec<u8>)]) -> Message {
        Message {
            kind: MessageType::Reply,
            xid: 1,
            options: options(list),
        }
    }

    fn with_address(t1: u32, t2: u32, preferred: u32, valid: u32) -> Message {
        let inside = options(&[(code::IA_ADDRESS, address(ADDRESS, preferred, valid, &[]))]);
        reply(&[
            (code::SERVER_ID, vec![0, 3, 0, 1, 1, 1, 1, 1, 1, 1]),
            (code::IA_NA, association(IAID, t1, t2, &inside)),
        ])
    }

    #[test]
    fn an_answer_is_understood() {
        let mut message = with_address(100, 160, 200, 300);
        let dns = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x53);
        let mut servers = dns.octets().to_vec();
        servers.extend([0; 16]);
        message.options.push(code::DNS_SERVERS, servers);
        let search = b"\x04rack\x07example\x00\x03lab\x00".to_vec();
        message.options.push(code::DOMAIN_LIST, search);
        let time = options(&[
            (1, dns.octets().to_vec()),
            (2, vec![0xff; 16]),
            (3, b"\x03ntp\x07example\x00".to_vec()),
            (3, b"\x09cut".to_vec()),
        ]);
        message.options.push(code::NTP_SERVER, time.write());
        let old = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x124);
        message.options.push(code::SNTP_SERVERS, old.octets());
        let expected = Lease6 {
            address: ADDRESS,
            server: SERVER,
            server_id: vec![0, 3, 0, 1, 1, 1, 1, 1, 1, 1],
            information: Information {
                dns: vec![dns],
                search: vec!["rack.example".into(), "lab".into()],
                ntp: vec![
                    ServerName::Address(dns.into()),
                    ServerName::Name("ntp.example".into()),
                    ServerName::Address(old.into()),
                ],
                refresh_after: Some(Duration::from_secs(86_400)),
            },
            renew_after: Some(Duration::from_secs(100)),
            rebind_after: Some(Duration::from_secs(160)),
            preferred: Some(Duration::from_secs(200)),
            valid: Some(Duration::from_secs(300)),
        };
        assert_eq!(Lease6::read(&message, SERVER, IAID), Ok(expected));
    }

    #[test]
    fn an_answer_without_use_is_refused() {
        let status = |number: u8| (code::STATUS_CODE, vec![0, number, b'x']);
        let inside = |list: &[(u16, Vec<u8>)]| {
            let association = association(IAID, 0, 0, &options(list));
            reply(&[(code::IA_NA, association)])
        };
        let given = |bytes: Vec<u8>| inside(&[(code::IA_ADDRESS, bytes)]);
        let other = association([9; 4], 0, 0, &Options::default());
        let refused = options(&[status(2)]).write();
        let cases = [
            (reply(&[status(1)]), "the server answers UnspecFail"),
            (reply(&[]), "the server gives no address"),
            (
                reply(&[(code::IA_NA, other)]),
                "the server gives no address",
            ),
            (
                reply(&[(code::IA_NA, vec![0; 11])]),
                "the server gives no address",
            ),
            (inside(&[status(2)]), "the server answers NoAddrsAvail"),
            (inside(&[status(77)]), "the server answers status 77"),
            (
                given(address(SERVER, 10, 10, &[])),
                "the server gives fe80::1, which is no machine's address",
            ),
            (
                given(address(ADDRESS, 0, 0, &[])),
                "the server gives 2001:db8::50 for no time",
            ),
            (
                given(address(ADDRESS, 11, 10, &[])),
                "the server gives 2001:db8::50 for no time",
            ),
            (
                given(address(ADDRESS, 10, 10, &refused)),
                "the server answers NoAddrsAvail",
            ),
            (given(vec![0; 23]), "the server gives no address"),
            (
                with_address(20, 10, 30, 30),
                "the server's times contradict each other (T1 20 s, T2 10 s)",
            ),
        ];
        for (message, expected) in cases {
            let error = Lease6::read(&message, SERVER, IAID).expect_err(expected);
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn the_first_address_that_can_be_used_counts() {
        let list = options(&[
            (code::IA_ADDRESS, address(SERVER, 10, 10, &[])),
            (code::IA_ADDRESS, address(ADDRESS, 10, 10, &[])),
        ]);
        let message = reply(&[(code::IA_NA, association(IAID, 0, 0, &list))]);
        let lease = Lease6::read(&message, SERVER, IAID);
        assert_eq!(lease.map(|lease| lease.address), Ok(ADDRESS));
    }

    #[test]
    fn times_that_are_not_said_follow_from_the_lifetimes() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let cases = [
            ((0, 0, 1000, 2000), (seconds(500), seconds(800))),
            ((7, 9, 1000, 2000), (seconds(7), seconds(9))),
            ((7, 0, 1000, 2000), (seconds(7), seconds(800))),
            ((0, 9, 1000, 2000), (seconds(9), seconds(9))),
            ((0, 0, 0, 1000), (seconds(500), seconds(800))),
            ((0, 0, 1, 1), (seconds(1), seconds(1))),
            ((90, 99, 10, 20), (seconds(20), seconds(20))),
            ((0, 0, INFINITE, INFINITE), (None, None)),
            ((5, 9, INFINITE, INFINITE), (seconds(5), seconds(9))),
        ];
        for ((t1, t2, preferred, valid), expected) in cases {
            let lease = Lease6::read(&with_address(t1, t2, preferred, valid), SERVER, IAID);
            let got = lease.map(|lease| (lease.renew_after, lease.rebind_after));
            assert_eq!(got, Ok(expected), "{t1} {t2} {preferred} {valid}");
        }
    }

    #[test]
    fn information_is_refreshed_in_time_but_not_at_the_speed_of_the_network() {
        let cases = [
            (None, Some(86_400)),
            (Some(0), Some(600)),
            (Some(1200), Some(1200)),
            (Some(INFINITE), None),
        ];
        for (told, expected) in cases {
            let mut list = Options::default();
            if let Some(told) = told {
                list.push(code::INFORMATION_REFRESH_TIME, u32::to_be_bytes(told));
            }
            let refresh = Information::read(&list).refresh_after;
            assert_eq!(refresh, expected.map(Duration::from_secs), "{told:?}");
        }
    }
}
