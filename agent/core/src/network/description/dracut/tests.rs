// SPDX-License-Identifier: Apache-2.0
//! Command lines as people write them, and what is made of them.

use std::fmt::Write as _;

use bootconfig::RawSources;

use super::*;
use crate::network::description::DescribedDevice;
use crate::network::plan::Addressing;

const BOOT: MacAddr = MacAddr([0x52, 0x54, 0, 0x12, 0x34, 0x56]);

fn words(cmdline: &str) -> Vec<NetworkWord> {
    let sources = RawSources {
        cmdline: cmdline.as_bytes().to_vec(),
        ..RawSources::default()
    };
    sources.network_words()
}

fn how(addressing: &[Addressing]) -> String {
    let one = |one: &Addressing| match one {
        Addressing::Dhcp4 => "dhcp4".to_owned(),
        Addressing::Dhcp6 => "dhcp6".to_owned(),
        Addressing::Slaac => "slaac".to_owned(),
        Addressing::Static {
            address,
            prefix_len,
        } => format!("{address}/{prefix_len}"),
    };
    addressing.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// A description as text, one line for each thing it says.
fn shown(description: &Description) -> String {
    let mut text = String::new();
    for link in &description.links {
        let device = match &link.device {
            DescribedDevice::Port(port) => format!("port {port}"),
            DescribedDevice::Bond(bond) => {
                let options: Vec<String> = bond
                    .options
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                format!(
                    "{} of {} with {}",
                    bond.mode.name(),
                    bond.ports.join("+"),
                    options.join(" ")
                )
            }
            DescribedDevice::Vlan { parent, id } => format!("vlan {id} on {parent}"),
            DescribedDevice::Dummy => "dummy".to_owned(),
        };
        let _ = write!(text, "{}: {device} [{}]", link.name, how(&link.addressing));
        if let Some(mtu) = link.mtu {
            let _ = write!(text, " mtu {mtu}");
        }
        if let Some(mac) = link.mac {
            let _ = write!(text, " mac {mac}");
        }
        for route in &link.routes {
            let _ = write!(text, " ({route})");
        }
        text.push('\n');
    }
    if let Some(others) = &description.others {
        let _ = writeln!(text, "others [{}]", how(others));
    }
    for server in &description.dns {
        let _ = writeln!(text, "dns {server}");
    }
    if let Some(preferred) = &description.preferred {
        let _ = writeln!(text, "first {preferred}");
    }
    if description.ignore_lease_dns {
        text.push_str("no dns of leases\n");
    }
    text
}

fn read_text(cmdline: &str, boot_mac: Option<MacAddr>) -> String {
    match read(&words(cmdline), boot_mac) {
        Ok(None) => "nothing".to_owned(),
        Ok(Some(description)) => shown(&description),
        Err(problems) => problems.to_string().replace("kernel command line, ", ""),
    }
}

#[test]
fn command_lines_become_descriptions() {
    let cases = [
        ("quiet rd.neednet=1 net.ifnames=0 biosdevname=0", "nothing"),
        ("ip=ibft", "nothing"),
        ("rd.peerdns=1", "nothing"),
        ("ip=dhcp", "others [dhcp4]\n"),
        ("ip=either6", "others [slaac dhcp6]\n"),
        ("ip=dhcp ip=auto6", "others [dhcp4 slaac]\n"),
        ("ip=none", "others []\n"),
        ("ip=::::host::dhcp", "others [dhcp4]\n"),
        (
            "ip=eno1:dhcp:9000:52:54:00:aa:bb:cc ip=eno2:auto6",
            "eno1: port eno1 [dhcp4] mtu 9000 mac 52:54:00:aa:bb:cc\neno2: port eno2 [slaac]\n",
        ),
        (
            "ip=eno1:on::52:54:00:aa:bb:cc",
            "eno1: port eno1 [dhcp4] mac 52:54:00:aa:bb:cc\n",
        ),
        (
            "ip=192.0.2.9::192.0.2.1:255.255.255.0:host:eno1:none:1400",
            "eno1: port eno1 [192.0.2.9/24] mtu 1400 (default via 192.0.2.1)\n",
        ),
        (
            "ip=192.0.2.9:192.0.2.2:192.0.2.1:24:host:eno1:off:192.0.2.53:192.0.2.54:192.0.2.123",
            "eno1: port eno1 [192.0.2.9/24] (default via 192.0.2.1)\ndns 192.0.2.53\ndns 192.0.2.54\n",
        ),
        (
            "ip=[2001:db8::9]::[fe80::1]:64::eno1:none::[2001:db8::53] ip=eno1:dhcp",
            "eno1: port eno1 [2001:db8::9/64 dhcp4] (default via fe80::1)\ndns 2001:db8::53\n",
        ),
        (
            "ip=192.0.2.9:::255.255.255.0::eno1:none::52:54:00:aa:bb:cc",
            "eno1: port eno1 [192.0.2.9/24] mac 52:54:00:aa:bb:cc\n",
        ),
        (
            "ifname=bootnet:52:54:00:12:34:56 ip=bootnet:dhcp nameserver=192.0.2.53 \
             nameserver=[2001:db8::53] nameserver=192.0.2.53 rd.peerdns=0",
            "bootnet: port 52:54:00:12:34:56 [dhcp4]\ndns 192.0.2.53\ndns 2001:db8::53\nno dns of leases\n",
        ),
        (
            "ip=enx525400123456:dhcp",
            "enx525400123456: port 52:54:00:12:34:56 [dhcp4]\n",
        ),
        (
            "bond=bond0:eno1,eno2:mode=4,lacp_rate=fast,arp_ip_target=192.0.2.1;192.0.2.2:9000 \
             vlan=bond0.100:bond0 ip=192.0.2.9::192.0.2.1:24::bond0.100:none",
            "bond0: 802.3ad of eno1+eno2 with lacp_rate=fast arp_ip_target=192.0.2.1,192.0.2.2 \
             miimon=100 [] mtu 9000\n\
             bond0.100: vlan 100 on bond0 [192.0.2.9/24] (default via 192.0.2.1)\n\
             eno1: port eno1 []\neno2: port eno2 []\n",
        ),
        (
            "bond=bond0:eno1,eno2::mode=active-backup",
            "bond0: active-backup of eno1+eno2 with miimon=100 [dhcp4 slaac]\n\
             eno1: port eno1 []\neno2: port eno2 []\n",
        ),
        (
            "bond= vlan=vlan0007:bond0 ip=dhcp",
            "bond0: balance-rr of eth0+eth1 with miimon=100 []\n\
             vlan0007: vlan 7 on bond0 [dhcp4]\n\
             eth0: port eth0 []\neth1: port eth1 []\nothers [dhcp4]\n",
        ),
        (
            "team=team0:eno1,eno2:lacp",
            "team0: 802.3ad of eno1+eno2 with miimon=100 [dhcp4 slaac]\n\
             eno1: port eno1 []\neno2: port eno2 []\n",
        ),
        (
            "ip=192.0.2.9::192.0.2.1:24::eno1:none ip=198.51.100.9::198.51.100.1:24::eno2:none bootdev=eno2",
            "eno1: port eno1 [192.0.2.9/24]\n\
             eno2: port eno2 [198.51.100.9/24] (default via 198.51.100.1)\nfirst eno2\n",
        ),
        (
            "ip=192.0.2.9:::24::eno1:none rd.route=203.0.113.0/255.255.255.0:192.0.2.5 \
             rd.route=[2001:db8:3::/48]:[2001:db8::1]:eno2 rd.route=198.51.100.0/24::eno1",
            "eno1: port eno1 [192.0.2.9/24] (203.0.113.0/24 via 192.0.2.5) (198.51.100.0/24)\n\
             eno2: port eno2 [] (2001:db8:3::/48 via 2001:db8::1)\n",
        ),
        (
            "bootdev=eno2",
            "eno2: port eno2 [dhcp4 slaac]\nothers [dhcp4 slaac]\nfirst eno2\n",
        ),
        (
            "nameserver=192.0.2.53",
            "others [dhcp4 slaac]\ndns 192.0.2.53\n",
        ),
        // What pxelinux adds (`ipappend 1`): no interface, but BOOTIF.
        (
            "ip=192.0.2.9:192.0.2.2:192.0.2.1:255.255.255.0",
            "BOOTIF=: port 52:54:00:12:34:56 [192.0.2.9/24] (default via 192.0.2.1)\n",
        ),
    ];
    for (cmdline, expected) in cases {
        assert_eq!(read_text(cmdline, Some(BOOT)), expected, "{cmdline}");
    }
}

#[test]
fn every_bad_word_is_named_with_what_was_expected() {
    let cases = [
        (
            "ip=eno1:dhcpp",
            "word 1: ip=eno1:dhcpp: expected one of dhcp, on, any, dhcp6, auto6, either6, link6, \
             single-dhcp, ibft, off, none, found dhcpp, did you mean dhcp?",
        ),
        (
            "ip=192.0.2.9 ip=2001:db8::9::2001:db8::1:64::eno1:none",
            "word 1: ip=192.0.2.9: the address has no network mask, expected a network mask or \
             prefix length, such as 255.255.255.0 or 24\n\
             word 2: ip=2001:db8::9::2001:db8::1:64::eno1:none: an IPv6 address must be in brackets here",
        ),
        (
            "ip=192.0.2.300::192.0.2.1:24::eno1:none",
            "word 1: ip=192.0.2.300::192.0.2.1:24::eno1:none: expected an IP address, IPv6 in \
             brackets, found 192.0.2.300",
        ),
        (
            "ip=192.0.2.9::192.0.2.1:255.0.255.0::eno1:none",
            "word 1: ip=192.0.2.9::192.0.2.1:255.0.255.0::eno1:none: expected a network mask or \
             prefix length, such as 255.255.255.0 or 24, found 255.0.255.0",
        ),
        (
            "ip=192.0.2.9::[2001:db8::1]:24::eno1:none",
            "word 1: ip=192.0.2.9::[2001:db8::1]:24::eno1:none: address and gateway must both be \
             IPv4 or both IPv6",
        ),
        (
            "ip=eno1:auto6:1000",
            "word 1: ip=eno1:auto6:1000: expected an MTU from 68 to 65535, with IPv6 at least 1280, \
             found 1000",
        ),
        (
            "ip=eno1:dhcp:1500:52:54:00:aa:bb",
            "word 1: ip=eno1:dhcp:1500:52:54:00:aa:bb: expected a MAC address such as \
             52:54:00:12:34:56, found 52:54:00:aa:bb",
        ),
        (
            "ip=192.0.2.9:::24:::none",
            "word 1: ip=192.0.2.9:::24:::none: names no interface for the address, and neither \
             bootdev= nor BOOTIF= tells it",
        ),
        (
            "ip=192.0.2.9::192.0.2.1:24::eno1:none ip=198.51.100.9::198.51.100.1:24::eno2:none",
            "word 2: ip=198.51.100.9::198.51.100.1:24::eno2:none: eno1 has a default route as well: \
             bootdev= must name the interface whose gateway counts",
        ),
        (
            "bond=bond0:eno1,eno2:mode=lacp,mimon=100",
            "word 1: bond=bond0:eno1,eno2:mode=lacp,mimon=100: expected a bonding mode: balance-rr, \
             active-backup, balance-xor, broadcast, 802.3ad, balance-tlb or balance-alb, or its \
             number, found lacp",
        ),
        (
            "bond=bond0:eno1,eno2:mimon=100",
            "word 1: bond=bond0:eno1,eno2:mimon=100: expected options of the bonding driver such as \
             mode=802.3ad,miimon=100, found mimon, did you mean miimon?",
        ),
        (
            "bond=bond0:eno1,eno2 bond=bond1:eno2,eno3 ip=eno1:dhcp vlan=eno2.5:eno2",
            "word 2: bond=bond1:eno2,eno3: eno2 is a port of bond0 and cannot have its own address, \
             VLAN or other bond\n\
             word 3: ip=eno1:dhcp: eno1 is a port of bond0 and cannot have its own address, VLAN or \
             other bond\n\
             word 4: vlan=eno2.5:eno2: eno2 is a port of bond1 and cannot have its own address, \
             VLAN or other bond",
        ),
        (
            "bond=bond0:vlan5 vlan=vlan5:bond0",
            "word 1: bond=bond0:vlan5: bond0 would carry itself\n\
             word 2: vlan=vlan5:bond0: vlan5 would carry itself",
        ),
        (
            "vlan=vlan4095:eno1 vlan=eno1 bridge=br0:eno1 team=team0:eno1,eno2:lcap",
            "word 1: vlan=vlan4095:eno1: expected a VLAN name that ends in its number from 1 to \
             4094, such as vlan5 or eth0.5, found vlan4095\n\
             word 2: vlan=eno1: expected a VLAN name that ends in its number from 1 to 4094, such \
             as vlan5 or eth0.5, found eno1\n\
             word 3: bridge=br0:eno1: the agent makes no bridges: give the address to the port itself\n\
             word 4: team=team0:eno1,eno2:lcap: expected one of activebackup, roundrobin, broadcast, \
             loadbalance, random, lacp, found lcap",
        ),
        (
            "ifname=a:52:54:00:12:34:56 ifname=a:52:54:00:12:34:57 vlan=a:eno1",
            "word 2: ifname=a:52:54:00:12:34:57: a has another MAC address in kernel command line, word 1\n\
             word 3: vlan=a:eno1: expected a VLAN name that ends in its number from 1 to 4094, such \
             as vlan5 or eth0.5, found a",
        ),
        (
            "ifname=a:52:54:00:12:34:56 ip=a:dhcp:1500:52:54:00:12:34:57",
            "word 2: ip=a:dhcp:1500:52:54:00:12:34:57: ifname= finds this interface by its MAC \
             address, which cannot be replaced as well",
        ),
        (
            "ip=eno1:dhcp:1500 ip=eno1:auto6:9000",
            "word 2: ip=eno1:auto6:9000: eno1 has another MTU in kernel command line, word 1",
        ),
        (
            "ip=eno1:dhcp bootdev=eno2",
            "word 2: bootdev=eno2: no ip= names this interface",
        ),
        (
            "ip=dhcp rd.route=203.0.113.0/24:192.0.2.5 rd.route=203.0.113.0:192.0.2.5:eno1",
            "word 2: rd.route=203.0.113.0/24:192.0.2.5: no address of the other words is in the \
             gateway's network: name the interface behind the gateway\n\
             word 3: rd.route=203.0.113.0:192.0.2.5:eno1: expected a network mask or prefix length, \
             such as 255.255.255.0 or 24, found nothing",
        ),
        (
            "nameserver=dns.example rd.peerdns=maybe ip=a-name-that-is-too-long:dhcp",
            "word 1: nameserver=dns.example: expected the IP address of a DNS server, found dns.example\n\
             word 2: rd.peerdns=maybe: expected 0 or 1, found maybe\n\
             word 3: ip=a-name-that-is-too-long:dhcp: expected the name of a network link, at most \
             15 characters, found a-name-that-is-too-long",
        ),
    ];
    for (cmdline, expected) in cases {
        let found = match read(&words(cmdline), None) {
            Err(problems) => {
                let lines: Vec<String> = problems
                    .0
                    .iter()
                    .map(|problem| {
                        let text = problem.to_string();
                        text.strip_prefix("kernel command line, ")
                            .unwrap_or(&text)
                            .to_owned()
                    })
                    .collect();
                lines.join("\n")
            }
            other => panic!("{cmdline}: {other:?}"),
        };
        assert_eq!(found, expected, "{cmdline}");
    }
}
