// SPDX-License-Identifier: Apache-2.0
//! A real TLS server with certificates of every kind of wrong date.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;
use crate::clock::SystemClock;

const DAY: Duration = Duration::from_secs(86_400);

/// Generous: the answer ends the wait.
const LONG: Duration = Duration::from_secs(60);

fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
}

/// Times from `a` to `b` days from now.
fn days(from: i64, to: i64) -> (SystemTime, SystemTime) {
    let day = |days: i64| {
        let size = DAY * u32::try_from(days.unsigned_abs()).expect("few");
        let today = UNIX_EPOCH + now();
        if days < 0 { today - size } else { today + size }
    };
    (day(from), day(to))
}

/// An authority, and certificates of it.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        let pem = params.self_signed(&key).expect("signed").pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    /// Key and certificate of a server, valid in that time.
    fn server(&self, name: &str, (from, to): (SystemTime, SystemTime)) -> ServerConfig {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.not_before = from.into();
        params.not_after = to.into();
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key))
            .expect("key and certificate")
    }
}

/// Serves one request and gives what it said; nothing if the client went away.
fn serve(
    tls: Option<ServerConfig>,
    date: Option<Duration>,
) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let served = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        match tls {
            None => converse(stream, date),
            Some(config) => {
                let connection = ServerConnection::new(Arc::new(config)).expect("TLS");
                converse(StreamOwned::new(connection, stream), date)
            }
        }
    });
    (format!("{scheme}://127.0.0.1:{port}/"), served)
}

fn converse(mut stream: impl Read + Write, date: Option<Duration>) -> String {
    let mut request = Vec::new();
    let mut bytes = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut bytes) {
            Ok(count @ 1..) => request.extend_from_slice(&bytes[..count]),
            _ => return String::new(),
        }
    }
    let date = date.map_or(String::new(), |date| {
        format!("Date: {}\r\n", http(UNIX_EPOCH + date))
    });
    let answer =
        format!("HTTP/1.1 300 Multiple\r\n{date}Location: /elsewhere\r\nContent-Length: 0\r\n\r\n");
    let _ = stream.write_all(answer.as_bytes());
    let _ = stream.flush();
    String::from_utf8(request).expect("text")
}

/// `Fri, 15 Jan 2027 08:00:10 GMT`.
fn http(date: SystemTime) -> String {
    use ironseed_core::clock::calendar::CalendarTime;
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let unix = date.duration_since(UNIX_EPOCH).expect("after 1970");
    let it = CalendarTime::from_unix(unix);
    let week_day = DAYS[usize::try_from(unix.as_secs() / 86_400 % 7).expect("small")];
    let month = MONTHS[usize::try_from(it.month - 1).expect("small")];
    format!(
        "{week_day}, {:02} {month} {} {:02}:{:02}:{:02} GMT",
        it.day, it.year, it.hour, it.minute, it.second
    )
}

/// Asks with trust in that authority.
async fn ask_trusting(authority: &Authority, url: &str, verify: bool) -> Result<Sample, String> {
    let tree = tempfile::tempdir().expect("a directory");
    std::fs::write(tree.path().join("ca.pem"), &authority.pem).expect("written");
    let root = Root::open(tree.path()).expect("a root");
    let tls = ClientTls {
        verify,
        ca_file: Some("/ca.pem"),
        ..ClientTls::default()
    };
    let answer = ask(url, &root, tls, &SystemClock, LONG).await;
    answer.map_err(|error| error.to_string())
}

/// The machine's clock cannot be changed for a test, so the certificates are
/// from the past and the future instead: to a verifier that is the same.
#[tokio::test]
async fn a_certificate_of_another_time_is_good_for_a_date_within_it() {
    let authority = Authority::new("authority");
    for (from, to) in [(-10, 20), (-60, -20), (400, 800)] {
        let validity = days(from, to);
        let inside = now()
            .checked_add_signed_days((from + to) / 2)
            .expect("a date");
        let (url, served) = serve(Some(authority.server("127.0.0.1", validity)), Some(inside));
        let sample = ask_trusting(&authority, &url, true).await.expect("a date");
        let request = served.join().expect("served");
        let away = sample.date.abs_diff(inside);
        assert!(away <= sample.error + Duration::from_secs(1), "{from} {to}");
        assert!(request.starts_with("GET / HTTP/1.1\r\n"), "{request}");
        let lower = request.to_ascii_lowercase();
        assert!(!lower.contains("token") && !lower.contains("authorization"));
    }
}

#[tokio::test]
async fn a_date_outside_of_the_certificate_is_refused() {
    let authority = Authority::new("authority");
    // The right time, said by somebody whose certificate has ended, and the
    // other way round.
    for (from, to, said) in [(-800, -400, 0), (400, 800, 0), (-10, 20, 400)] {
        let date = now().checked_add_signed_days(said).expect("a date");
        let config = authority.server("127.0.0.1", days(from, to));
        let (url, served) = serve(Some(config), Some(date));
        let refused = ask_trusting(&authority, &url, true)
            .await
            .expect_err("refused");
        served.join().expect("served");
        assert!(refused.contains("does not fit the date"), "{refused}");
    }
}

#[tokio::test]
async fn at_no_time_is_a_stranger_believed() {
    let authority = Authority::new("authority");
    let stranger = Authority::new("somebody else");
    let impostor = Authority::new("authority");
    for (from, to) in [(-10, 20), (-60, -20), (400, 800)] {
        let inside = now()
            .checked_add_signed_days((from + to) / 2)
            .expect("a date");
        for (config, expected) in [
            (
                authority.server("192.0.2.9", days(from, to)),
                "not valid for name",
            ),
            (
                authority.server("ironic.example", days(from, to)),
                "not valid for name",
            ),
            (
                stranger.server("127.0.0.1", days(from, to)),
                "UnknownIssuer",
            ),
            (impostor.server("127.0.0.1", days(from, to)), "BadSignature"),
        ] {
            let (url, served) = serve(Some(config), Some(inside));
            let refused = ask_trusting(&authority, &url, true)
                .await
                .expect_err("refused");
            let request = served.join().expect("served");
            assert_eq!(request, "", "nothing was said to a stranger");
            assert!(refused.contains(expected), "{from} {to}: {refused}");
        }
    }
}

#[tokio::test]
async fn without_verification_only_bounds_count() {
    let (authority, stranger) = (Authority::new("authority"), Authority::new("authority"));
    let bounds = Bounds::of_this_build();
    let possible = bounds.earliest + 100 * DAY;
    for date in [
        Some(possible),
        Some(bounds.earliest - DAY),
        Some(bounds.latest + DAY),
        Some(Duration::ZERO),
        None,
    ] {
        for secure in [false, true] {
            let config = secure.then(|| stranger.server("ironic.example", days(-10, 20)));
            let (url, served) = serve(config, date);
            let sample = ask_trusting(&authority, &url, false).await;
            served.join().expect("served");
            assert_eq!(
                sample.is_ok(),
                date == Some(possible),
                "{date:?} {sample:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}/", listener.local_addr().expect("an address"));
    drop(listener);
    let refused = ask_trusting(&Authority::new("authority"), &url, true)
        .await
        .expect_err("away");
    assert!(refused.contains("Connection refused"), "{refused}");
}

/// Days in either direction.
trait Days: Sized {
    fn checked_add_signed_days(self, days: i64) -> Option<Self>;
}

impl Days for Duration {
    fn checked_add_signed_days(self, days: i64) -> Option<Self> {
        let seconds = self.as_secs().checked_add_signed(days * 86_400)?;
        Some(Self::from_secs(seconds))
    }
}
