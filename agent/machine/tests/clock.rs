// SPDX-License-Identifier: Apache-2.0
//! A real NTP server (`chronyd`) over a virtual cable, in network namespaces of
//! the test's own. The server is told to leave its machine's clock alone, and
//! what the client finds is compared with that clock, which is also the
//! kernel's: it is never set here.
//!
//! Needs root and the programs `ip`, `unshare`, `nsenter`, `setpriv` and
//! `chronyd` (Debian packages iproute2, util-linux, chrony); without them the
//! tests fail and say what is missing.

#![expect(clippy::unwrap_used, reason = "a test panics on purpose")]
#![expect(clippy::print_stderr, reason = "a test reports its figures")]

#[expect(dead_code, reason = "these tests need fewer cables than others")]
mod wires;

use std::fs;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use ironseed_core::clock::select::choose;
use ironseed_core::clock::{Server, Skew, servers};
use ironseed_core::network::ServerName;
use ironseed_machine::clock::ntp::{NtpClient, Round};
use ironseed_machine::clock::{Clock as _, SystemClock, TestClock};

use wires::{PATIENCE, Wires};

/// A machine with the addresses 192.0.2.2 and 2001:db8::2, and `chronyd` at
/// 192.0.2.1 and 2001:db8::1, which has a port of its own beside 123.
struct Lab {
    wires: Wires,
    servers: Vec<Child>,
}

impl Lab {
    fn run(test: impl AsyncFnOnce(&mut Lab)) {
        let wires = Wires::enter(&[("chronyd", "chrony")]);
        wires.cable(0);
        wires.plug(0);
        for (address, side) in [("2", "c0"), ("1", "s0")] {
            for address in [
                format!("192.0.2.{address}/24"),
                format!("2001:db8::{address}/64"),
            ] {
                // No duplicate address detection, which takes a second.
                let mut arguments = vec!["address", "add", &address, "dev", side];
                if address.contains(':') {
                    arguments.push("nodad");
                }
                match side {
                    "c0" => wires.ip(&arguments),
                    _ => wires.far_ip(&arguments),
                };
            }
        }
        wires.ip(&["link", "set", "c0", "up"]);
        let mut lab = Lab {
            wires,
            servers: vec![],
        };
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(test(&mut lab));
    }

    /// Starts `chronyd` at a port, with more lines in its configuration.
    fn chronyd(&mut self, port: u16, lines: &str) {
        let path = |kind: &str| self.wires.directory().join(format!("chrony-{port}.{kind}"));
        let configuration = format!(
            "port {port}\ncmdport 0\nbindcmdaddress /\nallow\npidfile {}\n{lines}\n",
            path("pid").display()
        );
        fs::write(path("conf"), configuration).unwrap();
        let log = fs::File::create(path("log")).unwrap();
        let mut child = self
            .wires
            .far("chronyd")
            // -x: the clock of this machine is left alone.
            .args(["-d", "-x", "-u", "root", "-f"])
            .arg(path("conf"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let log = || fs::read_to_string(path("log")).unwrap_or_default();
        let asked = Instant::now();
        // It opens its sockets before it says this.
        while !log().contains("Disabled control of system clock") {
            assert!(
                child.try_wait().unwrap().is_none() && asked.elapsed() < PATIENCE,
                "chronyd does not start: {}",
                log()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        self.servers.push(child);
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// The servers as the setting and a lease would name them.
fn named(setting: Option<&str>, leased: &[&str]) -> Vec<Server> {
    let address = |text: &&str| ServerName::Address(text.parse().unwrap());
    let leased: Vec<ServerName> = leased.iter().map(address).collect();
    servers(setting, &leased)
}

fn client() -> NtpClient {
    NtpClient::new(Arc::new(SystemClock)).within(PATIENCE)
}

/// Asks until somebody answers: a server that has just started may still say
/// that it is not synchronised.
async fn until_answered(client: &NtpClient, servers: &[Server]) -> Round {
    let asked = Instant::now();
    loop {
        let round = client.ask(servers).await;
        if !round.answers.is_empty() {
            return round;
        }
        assert!(asked.elapsed() < PATIENCE, "{:?}", round.tried);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The kernel's date.
fn kernel_date() -> Duration {
    SystemClock.now().duration_since(UNIX_EPOCH).unwrap()
}

#[test]
fn the_time_of_a_real_server_is_the_kernels() {
    Lab::run(async |lab: &mut Lab| {
        lab.chronyd(123, "local stratum 8");
        for leased in [["192.0.2.1"], ["2001:db8::1"]] {
            let servers = named(None, &leased);
            until_answered(&client(), &servers).await;
            let began = Instant::now();
            let round = client().ask(&servers).await;
            let took = began.elapsed();
            let choice = choose(&round.answers).unwrap();
            let (now, date) = (SystemClock.since_boot(), kernel_date());
            let sample = choice.chosen.sample;
            let skew = Skew::of(date, sample.date_at(now));
            eprintln!(
                "{}: {skew}, error {:?}, took {took:?}",
                leased[0], sample.error
            );
            // Between the two readings of the clock the thread may have waited.
            assert!(
                skew.size < sample.error + Duration::from_millis(500),
                "{skew}"
            );
        }
    });
}

/// What a machine makes of it whose clock stands in 2001.
#[test]
fn a_clock_in_the_past_is_found_behind_by_so_much() {
    Lab::run(async |lab: &mut Lab| {
        lab.chronyd(123, "local stratum 8");
        let servers = named(Some("192.0.2.1"), &["192.0.2.9"]);
        let round = until_answered(&client(), &servers).await;
        let choice = choose(&round.answers).unwrap();
        assert_eq!(
            choice.chosen.server.to_string(),
            "192.0.2.1 (ipa-ntp-server)"
        );
        let year_2001 = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let machine = TestClock::new(SystemClock.since_boot(), year_2001);
        let date = choice.chosen.sample.date_at(machine.since_boot());
        let skew = Skew::of(Duration::from_secs(1_000_000_000), date);
        assert!(skew.behind && skew.to_string().contains("years"), "{skew}");
        machine.set_date(UNIX_EPOCH + date);
        let away = Skew::of(date, kernel_date());
        assert!(away.size < PATIENCE, "{away}");
    });
}

#[test]
fn a_server_without_the_time_and_one_that_denies_it_are_told() {
    Lab::run(async |lab: &mut Lab| {
        // Nobody to learn the time from.
        lab.chronyd(123, "");
        let round = client().ask(&named(None, &["192.0.2.1"])).await;
        assert_eq!(round.answers, []);
        let told = &round.tried[0].problem;
        assert!(told.contains("its own clock is not synchronised"), "{told}");

        // A server that does not serve this network is silent, as is an
        // address where nobody is; both are asked at the same time.
        lab.chronyd(124, "local stratum 8\ndeny 192.0.2.0/24");
        let limit = Duration::from_millis(400);
        let client = NtpClient::new(Arc::new(SystemClock)).at_port(124);
        let round = client
            .within(limit)
            .ask(&named(None, &["192.0.2.1", "192.0.2.77"]))
            .await;
        assert_eq!(round.answers, []);
        assert_eq!(round.tried.len(), 2);
        for tried in &round.tried {
            assert!(
                tried.problem.contains("no answer within 0.4 s"),
                "{tried:?}"
            );
        }
    });
}
