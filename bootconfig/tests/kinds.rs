// SPDX-License-Identifier: Apache-2.0
//! Every kind of setting: what it accepts, how it is shown, what it refuses.

use std::time::Duration;

use bootconfig::kind::{self, Kind};
use bootconfig::{SCHEMA, Settings, UrlList};

/// Texts a kind accepts with what it shows for them, and texts it refuses.
fn check<T>(kind: &Kind<T>, good: &[(&str, &str)], bad: &[&str]) {
    for (text, shown) in good {
        let value = (kind.parse)(text).unwrap_or_else(|| panic!("{text:?} is good"));
        assert_eq!((kind.render)(&value), *shown, "{text:?}");
    }
    for text in bad {
        assert!((kind.parse)(text).is_none(), "{text:?} is bad");
    }
}

#[test]
fn booleans() {
    let good = [
        ("true", "true"),
        ("TRUE", "true"),
        ("1", "true"),
        ("On", "true"),
        ("yes", "true"),
        ("false", "false"),
        ("0", "false"),
        ("oFF", "false"),
        ("no", "false"),
    ];
    check(&kind::BOOL, &good, &["", "t", "y", "2", "enabled", "true "]);
    check(&kind::DEBUG, &good, &["t", "maybe"]);
    let word = kind::DEBUG.parse_word.unwrap();
    for (text, on) in [
        ("t", true),
        ("Y", true),
        ("1", true),
        ("maybe", false),
        ("", false),
    ] {
        assert_eq!(word(text), Some(on), "{text:?}");
    }
}

#[test]
fn numbers() {
    let not_numbers = [
        "",
        "-1",
        "+1",
        "1.5",
        "ten",
        " 1",
        "1s",
        "99999999999999999999",
    ];
    check(&kind::COUNT, &[("0", "0"), ("007", "7")], &not_numbers);
    check(&kind::ATTEMPTS, &[("1", "1")], &["0", "-1", ""]);
    check(&kind::MEBIBYTES, &[("550", "550")], &["1 GiB", ""]);
    check(
        &kind::PRIORITY,
        &[("0", "0"), ("99", "99")],
        &["100", "256", "-1"],
    );
    check(
        &kind::PORT,
        &[("1", "1"), ("65535", "65535")],
        &["0", "65536", ""],
    );
    check(
        &kind::SECONDS,
        &[("0", "0"), ("4294967295", "4294967295")],
        &["4294967296", "1.5", ""],
    );
    check(&kind::POSITIVE_SECONDS, &[("1", "1")], &["0", ""]);
    check(
        &kind::DECIMAL_SECONDS,
        &[("30", "30"), ("30.0", "30"), ("2.5", "2.5"), (".5", "0.5")],
        &["", ".", "1e3", "inf", "NaN", "-1", "1.2.3", "99999999999"],
    );
    assert_eq!(
        (kind::DECIMAL_SECONDS.parse)("2.5"),
        Some(Duration::from_millis(2500))
    );
}

#[test]
fn texts_and_lists() {
    check(&kind::TEXT, &[("", ""), ("a b", "a b")], &[]);
    assert_eq!((kind::TEXT.parse)(""), Some(None));
    check(
        &kind::LIST,
        &[("a, b ,,c,", "a,b,c"), ("", ""), (" , ", "")],
        &[],
    );
    check(
        &kind::CIPHER_SUITES,
        &[("A-B:C-D", "A-B:C-D")],
        &["", ":", "A,B", "A B", "!aNULL"],
    );
}

#[test]
fn addresses_of_ironic() {
    let good = [
        ("", ""),
        ("mdns", "mdns"),
        ("http://192.0.2.1:6385", "http://192.0.2.1:6385/"),
        ("https://[2001:db8::1]/a", "https://[2001:db8::1]/a"),
        ("http://a/x, https://b/y", "http://a/x,https://b/y"),
        ("http://u:p@a/", "http://u:******@a/"),
    ];
    let bad = [
        "a",
        "ftp://a",
        "http:a",
        "http://",
        "http://a,mdns",
        "MDNS",
        ",",
        "http://a b/",
    ];
    check(&kind::URLS, &good, &bad);
    let secret = (kind::URLS.parse)("http://u:swordfish@a/").unwrap();
    assert!(!format!("{secret} {secret:?}").contains("swordfish"));
    assert_eq!(secret.expose(), "http://u:swordfish@a/");
    assert_eq!(UrlList::Mdns.urls(), []);
}

#[test]
fn hosts_and_versions() {
    check(
        &kind::ADDRESS,
        &[
            ("", ""),
            ("::", "::"),
            ("[::1]", "::1"),
            ("192.0.2.1", "192.0.2.1"),
        ],
        &["host", "192.0.2", "[::1", "192.0.2.1/24"],
    );
    let longest = "a".repeat(253);
    check(
        &kind::HOST,
        &[
            ("ntp_1.example", "ntp_1.example"),
            ("2001:db8::1", "2001:db8::1"),
            (&longest, &longest),
        ],
        &["a b", "a;b", "a/b", &"a".repeat(254), "ä"],
    );
    check(
        &kind::API_VERSION,
        &[("1.68", "1.68"), ("", "")],
        &["1", "latest", "1.x", "1.6.8"],
    );
    check(
        &kind::TLS_VERSION,
        &[("1.2", "1.2"), ("1.3", "1.3")],
        &["", "1.1", "TLSv1.3"],
    );
    check(
        &kind::CURVE,
        &[("p256", "p256"), ("p384", "p384"), ("p521", "p521")],
        &["P384", ""],
    );
    check(
        &kind::PROTOCOL,
        &[("http", "http"), ("https", "https")],
        &["HTTP", ""],
    );
    check(
        &kind::AUTH_STRATEGY,
        &[("noauth", "noauth"), ("http_basic", "http_basic")],
        &["basic", ""],
    );
    check(
        &kind::RUNNER,
        &[("podman", "podman"), ("docker", "docker")],
        &["runc"],
    );
}

#[test]
fn boot_interfaces() {
    let good = [
        ("", ""),
        ("52:54:00:12:34:56", "52:54:00:12:34:56"),
        ("01-52-54-00-12-34-56", "01-52-54-00-12-34-56"),
        ("52-54-00-12-34-56", "52-54-00-12-34-56"),
        ("52:54:00:AB:cd:EF", "52:54:00:AB:cd:EF"),
    ];
    let bad = [
        "${mac}",
        "52:54:00:12:34",
        "52:54:00:12:34:56:78",
        "zz-52-54-00-12-34-56",
        "52:54-00:12:34:56",
        "5:254:00:12:34:56",
        "+1:54:00:12:34:56",
    ];
    check(&kind::BOOT_INTERFACE, &good, &bad);
    for text in ["01-52-54-00-AB-CD-EF", "52:54:00:ab:cd:ef"] {
        let nic = (kind::BOOT_INTERFACE.parse)(text).unwrap().unwrap();
        assert_eq!(nic.mac.to_string(), "52:54:00:ab:cd:ef");
        assert_eq!(nic.raw, text);
    }
}

#[test]
fn secrets_are_masked() {
    check(&kind::TOKEN, &[("swordfish", "******"), ("", "")], &[]);
    check(&kind::PASSWORD, &[("swordfish", "******"), ("", "")], &[]);
}

#[test]
fn names_are_unique_and_every_row_is_documented() {
    let mut names = Vec::new();
    for row in SCHEMA {
        let keys = [row.names.key, row.names.former_key].into_iter().flatten();
        names.extend(keys.map(|(section, key)| format!("[{section}] {key}")));
        names.extend(row.names.word.map(str::to_owned));
        assert!(row.doc.trim().ends_with('.'), "{}: {}", row.field, row.doc);
    }
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
    assert_eq!(Settings::default().shown().len(), SCHEMA.len());
}

#[test]
fn verify() {
    let good = [("off", "off"), ("sample", "sample"), ("full", "full")];
    check(&kind::VERIFY, &good, &["", "yes", "Full", "half"]);
}

#[test]
fn lldp_mode() {
    let good = [("off", "off"), ("listen", "listen"), ("send", "send")];
    check(&kind::LLDP_MODE, &good, &["", "on", "Send"]);
}

#[test]
fn fa_addresses() {
    let good = [("auto", "auto"), ("drop", "drop"), ("keep", "keep")];
    check(&kind::FA_ADDRESSES, &good, &["", "yes", "dropped"]);
}

#[test]
fn words_of_osism() {
    let good = [("BGP", "BGP"), ("bgp", "BGP"), ("Oob", "OOB"), ("", "")];
    check(&kind::OSISM_NETWORK, &good, &["DHCP", "BGP "]);
    let good = [("4200155960", "4200155960"), ("65001", "65001"), ("", "")];
    let bad = ["0", "23456", "4294967295", "42001002003", "1.10", "AS65001"];
    check(&kind::AS_NUMBER, &good, &bad);
    check(
        &kind::MTU,
        &[("9000", "9000"), ("1280", "1280")],
        &["1279", "65536", ""],
    );
    let good = [("10.10.10.123", "10.10.10.123"), ("", "")];
    check(
        &kind::IPV4_ADDRESS,
        &good,
        &["10.10.10", "10.10.10.1/32", "::1"],
    );
    let good = [("fd33:fd0e:2aee::7", "fd33:fd0e:2aee::7"), ("", "")];
    check(&kind::IPV6_ADDRESS, &good, &["10.1.2.3", "fd33::/64"]);
}
