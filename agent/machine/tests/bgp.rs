// SPDX-License-Identifier: Apache-2.0
//! BGP with real switches (FRR) over virtual cables, each test in network
//! namespaces of its own. What counts is what the kernels on both sides and
//! FRR say, and whether traffic passes, not what the agent believes.
//!
//! Needs root and the programs `ip`, `unshare`, `nsenter`, `setpriv` and FRR's
//! `vtysh`, `zebra` and `bgpd` (Debian packages iproute2, util-linux, frr);
//! without them the tests fail and say what is missing.

#![expect(clippy::unwrap_used, reason = "a test panics on purpose")]
#![expect(clippy::print_stderr, reason = "a test reports its figures")]

#[path = "bgp/lab.rs"]
mod lab;
#[expect(dead_code, reason = "the cables of a rack are plugged at its switches")]
mod wires;

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use bootconfig::Password;
use ironseed_core::event::Wait;
use ironseed_core::network::bgp::plan::HostAddress;
use ironseed_core::network::bgp::{Metalbox, RoutingPlan, RoutingStatus, SessionState};
use serde_json::{Value, json};

use lab::{HOST4, HOST6, Rack};

const OWN4: &str = "10.1.2.3";
const OWN6: &str = "fd00::7";
const AS: u32 = 4_201_002_003;

fn plan() -> RoutingPlan {
    RoutingPlan {
        local_as: AS,
        router_id: Ipv4Addr::new(10, 1, 2, 3),
        ipv4: Some(Ipv4Addr::new(10, 1, 2, 3)),
        ipv6: HostAddress::Given(OWN6.parse().unwrap()),
        mtu: 9000,
        metalbox: None,
        hosts: vec![],
        password: None,
    }
}

/// How far the sessions are, in order of the ports.
fn states(status: &RoutingStatus) -> Vec<SessionState> {
    status.ports.iter().map(|port| port.state).collect()
}

/// Whether both default routes go through that many ports.
fn ways_out(status: &RoutingStatus, wanted: usize) -> bool {
    let defaults = || {
        status
            .routes
            .iter()
            .filter(|(prefix, _)| prefix.is_default())
    };
    let expected = if wanted == 0 { 0 } else { 2 };
    defaults().count() == expected && defaults().all(|(_, hops)| hops.len() == wanted)
}

/// The routes the kernel must have, through these ports.
fn routes(prefixes: [&str; 2], source: &str, kind: &str, ports: &[&str]) -> Vec<String> {
    let hop = |port: &&str| format!("{kind} {port}").trim().to_owned();
    let hops: Vec<String> = ports.iter().map(hop).collect();
    let hops = hops.join(" and ");
    let mut lines: Vec<String> = prefixes
        .iter()
        .map(|prefix| format!("{prefix} metric 20 from {source} via {hops}"))
        .collect();
    lines.sort();
    lines
}

fn assert_kernel_routes(rack: &Rack, ports: &[&str]) {
    assert_eq!(
        rack.kernel_routes("-4"),
        routes(["default", HOST4], OWN4, "inet6", ports)
    );
    assert_eq!(
        rack.kernel_routes("-6"),
        routes(["default", HOST6], OWN6, "", ports)
    );
}

/// The host talks to the machine's own address and the machine to the host's,
/// and each sees the other's own address.
fn talk(rack: &Rack) {
    for (own, host) in [(OWN4, HOST4), (OWN6, HOST6)] {
        let (own, host): (IpAddr, IpAddr) = (own.parse().unwrap(), host.parse().unwrap());
        let listener = TcpListener::bind((own, 7001)).unwrap();
        let caller = rack.host.thread(move || {
            let mut stream = dial((own, 7001).into());
            stream.write_all(b"down").unwrap();
            let mut answer = [0; 2];
            stream.read_exact(&mut answer).unwrap();
            answer
        });
        let (mut stream, from) = listener.accept().unwrap();
        let mut heard = [0; 4];
        stream.read_exact(&mut heard).unwrap();
        stream.write_all(b"ok").unwrap();
        assert_eq!((&heard, from.ip()), (b"down", host));
        assert_eq!(&caller.join().unwrap(), b"ok");

        let (ready, listening) = std::sync::mpsc::channel();
        let listener = rack.host.thread(move || {
            let listener = TcpListener::bind((host, 7002)).unwrap();
            ready.send(()).unwrap();
            listener.accept().unwrap().1.ip()
        });
        listening.recv().unwrap();
        drop(dial((host, 7002).into()));
        assert_eq!(
            listener.join().unwrap(),
            own,
            "the source is our own address"
        );
    }
}

/// Connects, with patience for a kernel that still looks for its neighbour.
fn dial(target: std::net::SocketAddr) -> TcpStream {
    TcpStream::connect_timeout(&target, wires::PATIENCE).unwrap()
}

/// What a leaf knows of our addresses: the way, the next hop.
fn known(rack: &Rack, leaf: usize) -> Vec<Value> {
    [
        ("ipv4", format!("{OWN4}/32")),
        ("ipv6", format!("{OWN6}/128")),
    ]
    .iter()
    .flat_map(|(family, prefix)| {
        let shown = rack.leaves[leaf].show(&format!("show bgp {family} unicast {prefix}"));
        let paths = shown["paths"].as_array().cloned().unwrap_or_default();
        // Through the machine, not through the host and the other leaf.
        let direct = paths
            .into_iter()
            .filter(|path| path["aspath"]["length"] == json!(1));
        let rows: Vec<Value> = direct
            .map(|path| {
                let hops = path["nexthops"].as_array().cloned().unwrap_or_default();
                let used: Vec<Value> = hops.iter().map(|hop| hop["ip"].clone()).collect();
                json!([path["aspath"]["string"], path["valid"], used])
            })
            .collect();
        rows
    })
    .collect()
}

/// Two leaves share the load; each of them may die, by process or by cable.
#[test]
fn both_leaves_carry_the_traffic_and_each_may_die() {
    Rack::run(async |rack: &mut Rack| {
        let host: IpAddr = HOST4.parse().unwrap();
        let metalbox = rack.host.thread(move || {
            let listener = TcpListener::bind((host, 6385)).unwrap();
            listener.accept().unwrap().1.ip()
        });
        rack.start_host();
        rack.start_leaf(0, "external", &[]);
        rack.start_leaf(1, "external", &[]);
        let begun = Instant::now();
        rack.start(RoutingPlan {
            metalbox: Some(Metalbox {
                address: host,
                timeout: Duration::from_secs(60),
            }),
            hosts: vec![host, HOST6.parse().unwrap()],
            ..plan()
        });
        rack.until("both sessions", |status| {
            ways_out(status, 2)
                && status.routes.len() == 4
                && status.routes.iter().all(|(_, hops)| hops.len() == 2)
        })
        .await;
        eprintln!(
            "start to two ways out: {:.2} s",
            begun.elapsed().as_secs_f64()
        );
        assert_kernel_routes(rack, &["c0", "c1"]);
        assert_eq!(rack.status().local_as, AS);
        assert!(rack.ip(&["link", "show", "c0"]).contains("mtu 9000"));
        let device = rack.status().device.unwrap();
        let addresses = rack.ip(&["addr", "show", "dev", &device]);
        assert!(addresses.contains(&format!("{OWN4}/32")), "{addresses}");
        assert!(addresses.contains(&format!("{OWN6}/128")), "{addresses}");

        for (leaf, port) in [(0, "c0"), (1, "c1")] {
            let hop = rack.link_local(port);
            let row = json!([AS.to_string(), true, [hop, hop]]);
            rack.eventually("the leaf knows our addresses", |rack| {
                known(rack, leaf) == [row.clone(), row.clone()]
            })
            .await;
        }
        rack.eventually("the host has two ways here", |rack| {
            rack.host.hops_to("-4", OWN4) == 2 && rack.host.hops_to("-6", OWN6) == 2
        })
        .await;
        talk(rack);
        rack.until("the metalbox", |status| {
            status
                .metalbox
                .as_ref()
                .is_some_and(|state| state.reached.is_some())
        })
        .await;
        assert_eq!(metalbox.join().unwrap().to_string(), OWN4);
        assert_eq!(rack.status().wait(), None);
        let hosts = std::fs::read_to_string(rack.directory().join("etc/hosts")).unwrap();
        assert_eq!(hosts, format!("{HOST4} metalbox.osism.xyz metalbox\n"));

        // A leaf's routing crashes: the kernel of the leaf closes its sessions.
        let begun = Instant::now();
        rack.leaves[0].crash();
        rack.until("one way out", |status| ways_out(status, 1))
            .await;
        eprintln!(
            "crash to one way out: {:.0} ms",
            begun.elapsed().as_secs_f64() * 1e3
        );
        assert_kernel_routes(rack, &["c1"]);
        rack.eventually("the host has one way here", |rack| {
            rack.host.hops_to("-4", OWN4) == 1 && rack.host.hops_to("-6", OWN6) == 1
        })
        .await;
        talk(rack);

        // It comes back.
        rack.start_leaf(0, "external", &[]);
        rack.until("two ways again", |status| {
            status.routes.len() == 4 && status.routes.iter().all(|(_, hops)| hops.len() == 2)
        })
        .await;
        assert_kernel_routes(rack, &["c0", "c1"]);
        rack.eventually("the host has two ways here again", |rack| {
            rack.host.hops_to("-4", OWN4) == 2 && rack.host.hops_to("-6", OWN6) == 2
        })
        .await;

        // A cable is pulled at the other leaf.
        let begun = Instant::now();
        rack.leaves[1].ip(&["link", "set", "s1", "down"]);
        rack.until("one way out", |status| ways_out(status, 1))
            .await;
        eprintln!(
            "pulled cable to one way out: {:.0} ms",
            begun.elapsed().as_secs_f64() * 1e3
        );
        assert_kernel_routes(rack, &["c0"]);
        rack.eventually("the host has one way here", |rack| {
            rack.host.hops_to("-4", OWN4) == 1 && rack.host.hops_to("-6", OWN6) == 1
        })
        .await;
        talk(rack);

        // And at the last one.
        rack.leaves[0].ip(&["link", "set", "s0", "down"]);
        rack.until("no way out", |status| status.routes.is_empty())
            .await;
        assert!(rack.kernel_routes("-4").is_empty());
        assert!(rack.kernel_routes("-6").is_empty());
        let ports = vec!["c0".into(), "c1".into()];
        assert_eq!(rack.status().wait(), Some(Wait::NoLink { ports }));

        rack.leaves[0].ip(&["link", "set", "s0", "up"]);
        rack.until("a way out again", |status| ways_out(status, 1))
            .await;
        rack.eventually("the leaf knows us", |rack| known(rack, 0).len() == 2)
            .await;
        // The machine goes away, and says so.
        rack.bgp().stop().await;
        assert!(rack.kernel_routes("-4").is_empty());
        rack.eventually("the leaf has forgotten us", |rack| {
            known(rack, 0).is_empty()
        })
        .await;
        let neighbour = rack.leaves[0].show("show bgp neighbors s0");
        let reason = neighbour["s0"]["lastNotificationReason"].to_string();
        assert!(reason.contains("Administrative Shutdown"), "{neighbour:#}");
    });
}

/// The right password works, another one is named as such.
#[test]
fn a_wrong_password_is_named() {
    Rack::run(async |rack: &mut Rack| {
        rack.start_leaf(0, "external", &["password swordfish"]);
        rack.start_leaf(1, "external", &["password mackerel"]);
        rack.start(RoutingPlan {
            password: Some(Password::new("swordfish")),
            ..plan()
        });
        rack.until("one session and one refusal", |status| {
            let problem = status.ports.get(1).and_then(|port| port.problem.as_ref());
            states(status).first() == Some(&SessionState::Established)
                && problem.is_some_and(|problem| problem.what.contains("another password"))
        })
        .await;
        assert!(ways_out(&rack.status(), 1));
        let problem = rack.status().ports[1].problem.clone().unwrap();
        assert!(problem.next.contains("osism-aa"), "{problem:?}");
        let events = rack.events();
        let warning = "c1: no BGP session with fe80::";
        assert!(
            events.iter().any(|line| line.contains(warning)),
            "{events:?}"
        );
        assert!(!events.concat().contains("swordfish"));

        rack.leaves[1].configure(&["router bgp 65101", "neighbor s1 password swordfish"]);
        rack.until("both sessions", |status| ways_out(status, 2))
            .await;
        assert_eq!(rack.status().ports[1].problem, None);
    });
}

/// Everything that can be missing has its name, one after the other.
#[test]
fn what_is_missing_is_named() {
    Rack::run(async |rack: &mut Rack| {
        rack.start(plan());
        let ports = || vec!["c0".to_owned(), "c1".to_owned()];
        let silent = Some(Wait::NoBgpNeighbour { ports: ports() });
        rack.until("nobody speaks", |status| status.wait() == silent)
            .await;

        // A leaf that expects another AS.
        rack.start_leaf(0, "65000", &[]);
        let said = "the neighbour says: bad peer AS (2/2)";
        rack.until("a refusal", |status| match status.wait() {
            Some(Wait::NoBgpSession {
                port,
                problem,
                next,
                ..
            }) => {
                port == "c0"
                    && problem.starts_with(said)
                    && next.is_some_and(|next| next.contains("osism-ipa-as"))
            }
            _ => false,
        })
        .await;
        rack.leaves[0].configure(&[
            "router bgp 65100",
            "neighbor s0 interface remote-as external",
            "address-family ipv4 unicast",
            "no neighbor s0 default-originate",
            "exit-address-family",
            "address-family ipv6 unicast",
            "no neighbor s0 default-originate",
        ]);
        let nowhere = Some(Wait::NoBgpRoute {
            ports: vec!["c0".into()],
        });
        rack.until("a session without a route", |status| {
            status.wait() == nowhere
        })
        .await;
        assert!(rack.kernel_routes("-4").is_empty());
        rack.leaves[0].configure(&[
            "router bgp 65100",
            "address-family ipv6 unicast",
            "neighbor s0 default-originate",
        ]);
        rack.until("a way out", |status| status.wait().is_none())
            .await;
        assert_eq!(
            rack.kernel_routes("-6"),
            [format!("default metric 20 from {OWN6} via c0")]
        );
    });
}
