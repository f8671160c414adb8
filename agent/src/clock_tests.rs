// SPDX-License-Identifier: Apache-2.0
//! A machine whose clock is wrong, with servers on the loopback network. The
//! clocks that are set are a test's.

#![expect(
    clippy::disallowed_methods,
    reason = "these tests are the servers that the agent asks"
)]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};

use bootconfig::{RawSources, resolve};
use ironseed_machine::clock::{TestClock, TestSetter};

use super::*;

/// The date that servers tell: 15 January 2027.
const TRUTH: Duration = Duration::from_secs(1_800_000_000);

/// Where the machine's clock stands: 9 September 2001.
const PAST: Duration = Duration::from_secs(1_000_000_000);

/// Generous: what is waited for ends the wait.
const PATIENCE: Duration = Duration::from_secs(60);

const STRICT: &[(&str, &str)] = &[("fail_if_clock_not_set", "true")];

struct Machine {
    keeper: Timekeeper,
    clock: TestClock,
    setter: TestSetter,
    network: watch::Sender<NetworkStatus>,
    _tree: tempfile::TempDir,
}

impl Machine {
    /// A machine whose clocks show a date, with settings from the command line
    /// and others. NTP servers are asked at `port`.
    fn new(cmdline: &str, flags: &[(&str, &str)], shown: Duration, port: u16) -> Self {
        let tree = tempfile::tempdir().expect("a directory");
        let clock = TestClock::new(Duration::from_secs(9), UNIX_EPOCH + shown);
        let setter = TestSetter::new(clock.clone(), Some(shown));
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let (network, status) = watch::channel(NetworkStatus::default());
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let sources = RawSources {
            cmdline: cmdline.as_bytes().to_vec(),
            flags: flags.iter().map(owned).collect(),
            ..RawSources::default()
        };
        let mut keeper = Timekeeper::new(Surroundings {
            clock: Arc::clone(&shared),
            setter: Arc::new(setter.clone()),
            root: Root::open(tree.path()).expect("a root"),
            events: Events::new(shared, Vec::new()),
            network: status,
            settings: resolve(&sources).expect("settings"),
        });
        keeper.client = keeper.client.at_port(port).within(PATIENCE);
        Self {
            keeper,
            clock,
            setter,
            network,
            _tree: tree,
        }
    }

    fn observe_only(self) -> Self {
        self.network
            .send_modify(|it| it.mode = NetworkMode::Observe);
        self
    }

    fn date(&self) -> Duration {
        let now = self.clock.now().duration_since(UNIX_EPOCH);
        now.expect("after 1970")
    }

    fn rtc(&self) -> Option<Duration> {
        self.setter.rtc().expect("readable")
    }

    /// It is written after the boot has gone on.
    async fn until_rtc_shows(&self, date: Duration) {
        let shown = async {
            while self.rtc() != Some(date) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let shown = tokio::time::timeout(PATIENCE, shown).await;
        shown.expect("the real-time clock is set");
    }

    /// Starts, and gives what is known once something is.
    async fn started(&self) -> State {
        let mut state = self.keeper.state.subscribe();
        self.keeper.start();
        let known = state.wait_for(|state| *state != State::Asking);
        let known = tokio::time::timeout(PATIENCE, known).await;
        known.expect("in time").expect("running").clone()
    }
}

/// An NTP server on the loopback network that tells [`TRUTH`]; gives its port.
fn ntp_server() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let port = socket.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let mut bytes = [0; 128];
        while let Ok((_, from)) = socket.recv_from(&mut bytes) {
            let time = (TRUTH.as_secs() + 2_208_988_800) << 32;
            let mut answer = [0; 48];
            answer[..2].copy_from_slice(&[0b00_100_100, 3]);
            answer[24..32].copy_from_slice(&bytes[40..48]);
            answer[32..40].copy_from_slice(&time.to_be_bytes());
            answer[40..48].copy_from_slice(&time.to_be_bytes());
            let _ = socket.send_to(&answer, from);
        }
    });
    port
}

/// A UDP port of the loopback network at which nobody listens.
fn closed_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.local_addr().expect("an address").port()
}

/// An Ironic that answers with a date; gives its URL.
fn ironic(date: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a client");
            let mut bytes = [0; 4096];
            let _ = stream.read(&mut bytes);
            let answer = format!("HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

const BY_SETTING: &str = "ipa-ntp-server=127.0.0.1";

fn set_by_ntp() -> State {
    State::Set(Source::Ntp("127.0.0.1 (ipa-ntp-server)".into()))
}

#[tokio::test]
async fn a_clock_that_is_years_behind_is_stepped_and_kept() {
    for shown in [Duration::ZERO, PAST, TRUTH + Duration::from_secs(86_400)] {
        let machine = Machine::new(BY_SETTING, STRICT, shown, ntp_server());
        assert!(!machine.keeper.is_confirmed());
        assert_eq!(machine.started().await, set_by_ntp());
        machine.keeper.before_ironic().await;
        assert!(machine.keeper.is_confirmed());
        assert_eq!((machine.date(), machine.setter.steps()), (TRUTH, 1));
        machine.until_rtc_shows(TRUTH).await;
        assert_eq!(machine.keeper.with.events.timeline()[0].name, "clock");
        // Again at the hand-off, where nothing is left to do.
        assert_eq!(machine.keeper.hand_over().await, Ok(()));
        assert_eq!(machine.setter.steps(), 1);
    }
}

#[tokio::test]
async fn a_clock_that_is_right_is_left_alone() {
    let shown = TRUTH + Duration::from_millis(100);
    let machine = Machine::new(BY_SETTING, &[], shown, ntp_server());
    assert_eq!(machine.started().await, set_by_ntp());
    assert_eq!((machine.date(), machine.setter.steps()), (shown, 0));
}

#[tokio::test]
async fn a_systems_own_clock_is_looked_at_only() {
    let machine = Machine::new(BY_SETTING, STRICT, PAST, ntp_server()).observe_only();
    assert_eq!(machine.started().await, State::Unset(vec![]));
    machine.keeper.before_ironic().await;
    assert_eq!(machine.keeper.hand_over().await, Ok(()));
    assert_eq!((machine.date(), machine.rtc()), (PAST, Some(PAST)));
    assert_eq!(machine.setter.steps(), 0);

    // The same by a date: it is told once, and that is all there is to do.
    let cmdline = format!("ipa-api-url={}", ironic("Fri, 15 Jan 2027 08:00:00 GMT"));
    let machine = Machine::new(&cmdline, &[], PAST, closed_port()).observe_only();
    let kept = tokio::time::timeout(PATIENCE, machine.keeper.keep()).await;
    assert!(kept.is_ok(), "it is asked again and again");
    assert_eq!((machine.date(), machine.setter.steps()), (PAST, 0));
}

#[tokio::test]
async fn ironics_date_is_the_last_resort_within_bounds() {
    let (possible, impossible) = (
        "Fri, 15 Jan 2027 08:00:00 GMT",
        "Thu, 15 Jan 1970 08:00:00 GMT",
    );
    for (ntp, date, believed) in [
        ("", possible, true),
        (BY_SETTING, possible, true),
        ("", impossible, false),
    ] {
        let url = ironic(date);
        let cmdline = format!("ipa-api-url={url} {ntp}");
        let machine = Machine::new(&cmdline, &[], PAST, closed_port());
        let state = machine.started().await;
        if believed {
            assert_eq!(state, State::Set(Source::HttpDate(url)), "{cmdline}");
            assert_eq!(machine.date(), TRUTH + Duration::from_millis(500));
        } else {
            let State::Unset(tried) = state else {
                panic!("{state:?}");
            };
            assert!(tell_tried(&tried).contains("dated 1970-01-15"), "{tried:?}");
            assert_eq!(machine.date(), PAST);
        }
    }
}

#[tokio::test]
async fn a_clock_that_must_be_set_holds_the_boot_and_the_hand_off() {
    for (flags, holds) in [(&[][..], false), (STRICT, true)] {
        let machine = Machine::new(BY_SETTING, flags, PAST, closed_port());
        let State::Unset(tried) = machine.started().await else {
            panic!("nobody told the time");
        };
        assert!(
            tell_tried(&tried).contains("Connection refused"),
            "{tried:?}"
        );
        let waiting = machine.keeper.before_ironic();
        let went_on = tokio::time::timeout(Duration::from_millis(200), waiting).await;
        assert_eq!(went_on.is_err(), holds);
        match machine.keeper.hand_over().await {
            Ok(()) => assert!(!holds),
            Err(fault) => {
                assert!(holds);
                assert_eq!(fault.code(), "clock-not-set");
                assert!(fault.to_string().contains("127.0.0.1"), "{fault}");
            }
        }
        assert_eq!(machine.setter.steps(), 0);
    }
    // Without anybody to ask nothing is held.
    let machine = Machine::new("", STRICT, PAST, closed_port());
    assert_eq!(machine.started().await, State::Unset(vec![]));
    machine.keeper.before_ironic().await;
    assert_eq!(machine.keeper.hand_over().await, Ok(()));
}

#[tokio::test]
async fn only_verified_certificates_are_worth_a_wait() {
    for (cmdline, expected) in [
        ("", false),
        ("ipa-api-url=http://192.0.2.1:6385", false),
        ("ipa-api-url=https://192.0.2.1:6385", true),
        ("ipa-api-url=https://192.0.2.1:6385 ipa-insecure=1", false),
        (
            "ipa-api-url=http://192.0.2.1:6385,https://192.0.2.2:6385",
            true,
        ),
    ] {
        let machine = Machine::new(cmdline, &[], PAST, closed_port());
        assert_eq!(machine.keeper.needs_tls(), expected, "{cmdline}");
    }
}

#[tokio::test]
async fn a_clock_that_cannot_be_set_is_told() {
    let machine = Machine::new(BY_SETTING, STRICT, PAST, ntp_server());
    machine.setter.refuse();
    let State::Unset(tried) = machine.started().await else {
        panic!("it cannot be set");
    };
    assert!(
        tell_tried(&tried).contains("the kernel's clock cannot be set"),
        "{tried:?}"
    );
    let refused = machine.keeper.hand_over().await.expect_err("strict");
    assert_eq!(refused.code(), "clock-not-set");
}
