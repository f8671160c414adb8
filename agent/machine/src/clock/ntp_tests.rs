// SPDX-License-Identifier: Apache-2.0
//! Servers that lie, are silent or refuse, on addresses of the loopback
//! network; a real one is asked in `tests/clock.rs`.

use std::net::UdpSocket as Socket;

use ironseed_core::clock::ntp::LENGTH;
use ironseed_core::clock::select::choose;

use super::*;
use crate::clock::SystemClock;

/// Unix time that honest servers tell, in seconds.
const TRUTH: u64 = 1_800_000_000;

/// What a server does with a question.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// Tells the time, so many seconds off.
    Tells(i64),
    /// Never answers.
    Silent,
    /// A kiss-o'-death.
    Kiss(&'static [u8; 4]),
    /// Leap indicator 3.
    Unsynchronised,
    /// Answers to another question first, then to this one.
    ForgedFirst,
    /// Only ever answers to other questions.
    Forged,
    /// Noise instead of NTP.
    Noise,
    /// Loses the first question.
    LosesFirst,
}

/// Servers at 127.77.0.1, 127.77.0.2, … of one port, each in a thread that
/// ends with the test's process.
fn serve(manners: &[Manner]) -> (u16, Vec<Server>) {
    let address = |index: usize| format!("127.77.0.{}", index + 1);
    loop {
        let first = Socket::bind((address(0), 0)).expect("a socket");
        let port = first.local_addr().expect("an address").port();
        let rest = (1..manners.len()).map(|index| Socket::bind((address(index), port)));
        // Another test may have this port at one of the other addresses.
        let Ok(rest) = rest.collect::<io::Result<Vec<Socket>>>() else {
            continue;
        };
        for (socket, manner) in std::iter::once(first).chain(rest).zip(manners.to_vec()) {
            std::thread::spawn(move || behave(&socket, manner));
        }
        let servers = (0..manners.len()).map(|index| Server {
            host: address(index),
            origin: ServerOrigin::Dhcp,
        });
        return (port, servers.collect());
    }
}

fn behave(socket: &Socket, manner: Manner) {
    let mut questions = 0;
    let mut bytes = [0; 128];
    while let Ok((_, from)) = socket.recv_from(&mut bytes) {
        questions += 1;
        let send = |answer: &[u8]| {
            let _ = socket.send_to(answer, from);
        };
        let honest = answer(&bytes, 0);
        let mut forged = honest;
        forged[24] ^= 1;
        match manner {
            Manner::Silent => {}
            Manner::LosesFirst if questions == 1 => {}
            Manner::Tells(away) => send(&answer(&bytes, away)),
            Manner::LosesFirst => send(&honest),
            Manner::Kiss(code) => {
                let mut kiss = honest;
                kiss[1] = 0;
                kiss[12..16].copy_from_slice(code);
                send(&kiss);
            }
            Manner::Unsynchronised => {
                let mut leap = honest;
                leap[0] |= 0b11_000_000;
                send(&leap);
            }
            Manner::ForgedFirst => {
                send(&forged);
                send(&honest);
            }
            Manner::Forged => send(&forged),
            Manner::Noise => send(b"220 smtp.example ESMTP"),
        }
    }
}

fn answer(question: &[u8], away: i64) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    bytes[0] = 0b00_100_100;
    bytes[1] = 3;
    bytes[24..32].copy_from_slice(&question[40..48]);
    let seconds = (TRUTH + 2_208_988_800)
        .checked_add_signed(away)
        .expect("a time");
    for at in [32, 40] {
        bytes[at..at + 8].copy_from_slice(&(seconds << 32).to_be_bytes());
    }
    bytes
}

async fn ask(manners: &[Manner], limit: Duration) -> Round {
    let (port, servers) = serve(manners);
    let client = NtpClient::new(Arc::new(SystemClock));
    client.at_port(port).within(limit).ask(&servers).await
}

/// Generous where the answer ends the wait.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn servers_that_do_not_help_say_why() {
    // What they say is waited for until the limit, so it is long enough for
    // what they say to come.
    let asked = [Manner::Silent, Manner::Forged, Manner::Noise];
    let round = ask(&asked, Duration::from_secs(3)).await;
    assert_eq!(round.answers, []);
    assert_eq!(round.tried.len(), asked.len());
    for (number, expected) in [
        (1, "no answer within 3.0 s"),
        (2, "wrong originate timestamp"),
        (3, "22 bytes instead of 48"),
    ] {
        let source = format!("127.77.0.{number} (from DHCP)");
        let tried = round.tried.iter().find(|tried| tried.source == source);
        let told = &tried.expect("a problem").problem;
        assert!(told.contains(expected), "{told}");
    }
    // These end the wait by themselves.
    for (manner, expected) in [
        (
            Manner::Kiss(b"DENY"),
            "kiss-o'-death DENY: access is denied",
        ),
        (
            Manner::Kiss(b"RATE"),
            "kiss-o'-death RATE: it is asked too often",
        ),
        (Manner::Unsynchronised, "its own clock is not synchronised"),
    ] {
        let round = ask(&[manner], LONG).await;
        assert_eq!(round.answers, [], "{manner:?}");
        let told = &round.tried[0].problem;
        assert!(told.contains(expected), "{manner:?}: {told}");
    }
}

#[tokio::test]
async fn a_forged_packet_and_a_lost_one_do_not_matter() {
    for manner in [Manner::Tells(0), Manner::ForgedFirst, Manner::LosesFirst] {
        let round = ask(&[manner], LONG).await;
        assert_eq!(round.tried, [], "{manner:?}");
        let sample = round.answers[0].sample;
        let away = sample.date.abs_diff(Duration::from_secs(TRUTH));
        assert!(away <= sample.error, "{manner:?}: {sample:?}");
    }
}

#[tokio::test]
async fn a_liar_is_outvoted_and_a_silent_server_is_not_waited_for() {
    let manners = [
        Manner::Tells(-86_400),
        Manner::Silent,
        Manner::Tells(0),
        Manner::Tells(0),
        Manner::Tells(0),
    ];
    // Three of five agree, so nobody waits an hour for the silent one.
    let (port, servers) = serve(&manners);
    let hour = Duration::from_secs(3600);
    let client = NtpClient::new(Arc::new(SystemClock)).at_port(port);
    let client = client.within(hour).waiting_for_others(hour);
    let round = client.ask(&servers).await;
    let choice = choose(&round.answers).expect("an answer");
    assert_ne!(choice.chosen.server.host, "127.77.0.1");
    assert_eq!(choice.agree, 3);
    for outlier in choice.outliers {
        assert_eq!(outlier.server.host, "127.77.0.1");
    }
    // One usable answer starts the clock for the others.
    let round = ask(&[Manner::Silent, Manner::Tells(0)], hour).await;
    assert_eq!(round.answers[0].server.host, "127.77.0.2");
    assert_eq!(round.tried, []);
}

#[tokio::test]
async fn the_settings_server_is_waited_for() {
    let (port, mut servers) = serve(&[Manner::LosesFirst, Manner::Tells(-86_400)]);
    servers[0].origin = ServerOrigin::Setting;
    let client = NtpClient::new(Arc::new(SystemClock));
    let round = client.at_port(port).within(LONG).ask(&servers).await;
    let choice = choose(&round.answers).expect("an answer");
    assert_eq!(
        choice.chosen.server.to_string(),
        "127.77.0.1 (ipa-ntp-server)"
    );
}

#[tokio::test]
async fn a_closed_port_and_a_bad_name_are_told_at_once() {
    let closed = Socket::bind("127.77.0.1:0").expect("a socket");
    let port = closed.local_addr().expect("an address").port();
    drop(closed);
    let named = |host: &str| Server {
        host: host.to_owned(),
        origin: ServerOrigin::Setting,
    };
    let client = NtpClient::new(Arc::new(SystemClock)).at_port(port);
    let round = client
        .clone()
        .within(LONG)
        .ask(&[named("127.77.0.1")])
        .await;
    assert_eq!(round.answers, []);
    let told = &round.tried[0].problem;
    assert!(told.contains("Connection refused"), "{told}");

    let round = client.ask(&[named("no-such-host.invalid")]).await;
    assert_eq!(round.answers, []);
    let told = &round.tried[0].problem;
    assert!(told.contains("the name cannot be resolved"), "{told}");
    assert_eq!(
        NtpClient::new(Arc::new(SystemClock)).ask(&[]).await,
        Round::default()
    );
}
