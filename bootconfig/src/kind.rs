// SPDX-License-Identifier: Apache-2.0
//! The kinds of settings: how a text becomes a value, and back.
//!
//! A kind is shared by all settings written the same way. Rules are those of
//! contract §2.1 and of the configuration library of OpenStack (oslo.config).

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::time::Duration;

use url::Url;

use crate::secret::{AgentToken, Password};
use crate::value::{
    ApiVersion, AuthStrategy, BootInterface, ContainerRunner, Curve, FaAddresses, LldpMode,
    NetworkFallback, OsismNetwork, Protocol, TlsVersion, UrlList, Verify,
};

/// How values of one kind are written.
#[derive(Debug, Clone, Copy)]
pub struct Kind<T> {
    /// What a person reads about this kind.
    pub facts: Facts,
    /// Text to value; `None` if it is not one.
    pub parse: fn(&str) -> Option<T>,
    /// The same for the kernel command line and the parameters disk, where it
    /// differs.
    pub parse_word: Option<fn(&str) -> Option<T>>,
    /// Value to text, fit to be shown: secrets masked.
    pub render: fn(&T) -> String,
}

/// What a person reads about a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Short name for tables.
    pub name: &'static str,
    /// What a good value looks like, to follow "expected".
    pub expected: &'static str,
    /// Unit of the number, or empty.
    pub unit: &'static str,
    /// Whether values must not be printed.
    pub secret: bool,
}

impl<T> Kind<T> {
    const fn new(
        name: &'static str,
        expected: &'static str,
        parse: fn(&str) -> Option<T>,
        render: fn(&T) -> String,
    ) -> Self {
        let facts = Facts {
            name,
            expected,
            unit: "",
            secret: false,
        };
        Self {
            facts,
            parse,
            parse_word: None,
            render,
        }
    }

    const fn unit(mut self, unit: &'static str) -> Self {
        self.facts.unit = unit;
        self
    }

    const fn secret(mut self) -> Self {
        self.facts.secret = true;
        self
    }
}

/// A boolean.
pub const BOOL: Kind<bool> = Kind::new(
    "boolean",
    "true, 1, on, yes, false, 0, off or no",
    boolean,
    |value| value.to_string(),
);

/// A boolean that on the kernel command line is never wrong: anything that
/// does not say true is false (`ipa-debug`).
pub const DEBUG: Kind<bool> = Kind {
    parse_word: Some(|text| {
        let text = text.to_ascii_lowercase();
        Some(boolean(&text).unwrap_or(matches!(text.as_str(), "t" | "y")))
    }),
    ..BOOL
};

/// A number of times, 0 allowed.
pub const COUNT: Kind<u32> = Kind::new("number", "a whole number", number, plain);

/// A number of times, at least once.
pub const ATTEMPTS: Kind<u32> = Kind::new(
    "number",
    "a whole number, at least 1",
    |text| number(text).filter(|&count| count > 0),
    plain,
);

/// A size in MiB.
pub const MEBIBYTES: Kind<u32> = Kind::new("number", "a whole number", number, plain).unit("MiB");

/// A priority of a step, 0 to 99.
pub const PRIORITY: Kind<u8> = Kind::new(
    "number",
    "a whole number from 0 to 99",
    |text| number(text).filter(|&priority: &u8| priority <= 99),
    plain,
);

/// A TCP port.
pub const PORT: Kind<u16> = Kind::new(
    "port",
    "a port number from 1 to 65535",
    |text| number(text).filter(|&port: &u16| port > 0),
    plain,
);

/// Whole seconds.
pub const SECONDS: Kind<Duration> =
    Kind::new("seconds", "a whole number of seconds", seconds, |value| {
        value.as_secs().to_string()
    })
    .unit("s");

/// Whole seconds, at least one.
pub const POSITIVE_SECONDS: Kind<Duration> = Kind::new(
    "seconds",
    "a whole number of seconds, at least 1",
    |text| seconds(text).filter(|time| !time.is_zero()),
    |value| value.as_secs().to_string(),
)
.unit("s");

/// Seconds with a fraction.
pub const DECIMAL_SECONDS: Kind<Duration> = Kind::new(
    "seconds",
    "a number of seconds such as 30 or 2.5",
    decimal_seconds,
    |value| value.as_secs_f64().to_string(),
)
.unit("s");

/// Any text; empty means none.
pub const TEXT: Kind<Option<String>> =
    Kind::new("text", "a text", |text| Some(non_empty(text)), optional);

/// A comma-separated list, in order.
pub const LIST: Kind<Vec<String>> = Kind::new(
    "list",
    "words separated by commas",
    |text| Some(split_list(text, ',')),
    |value| value.join(","),
);

/// TLS 1.2 cipher suites by their OpenSSL names.
pub const CIPHER_SUITES: Kind<Vec<String>> = Kind::new(
    "list",
    "OpenSSL names of cipher suites separated by colons",
    cipher_suites,
    |value| value.join(":"),
);

/// Addresses of Ironic.
pub const URLS: Kind<UrlList> = Kind::new(
    "URLs",
    "http:// or https:// URLs separated by commas, or mdns",
    urls,
    plain,
);

/// An IP address; empty means none.
pub const ADDRESS: Kind<Option<IpAddr>> = Kind::new(
    "address",
    "an IPv4 or IPv6 address",
    |text| none_or(text, address),
    optional,
);

/// An IPv4 address; empty means none.
pub const IPV4_ADDRESS: Kind<Option<Ipv4Addr>> = Kind::new(
    "address",
    "an IPv4 address",
    |text| none_or(text, parsed),
    optional,
);

/// An IPv6 address; empty means none.
pub const IPV6_ADDRESS: Kind<Option<Ipv6Addr>> = Kind::new(
    "address",
    "an IPv6 address",
    |text| none_or(text, parsed),
    optional,
);

/// The number of an autonomous system; empty means none. 0, 23456 and the last
/// number are nobody's (RFC 7607, RFC 6793, RFC 7300).
pub const AS_NUMBER: Kind<Option<u32>> = Kind::new(
    "number",
    "a whole number from 1 to 4294967294 other than 23456",
    |text| {
        none_or(text, |text| {
            number(text).filter(|&number: &u32| !matches!(number, 0 | 23456 | u32::MAX))
        })
    },
    optional,
);

/// Bytes of the largest packet; below 1280 there is no IPv6 (RFC 8200 §5).
pub const MTU: Kind<u32> = Kind::new(
    "number",
    "a whole number from 1280 to 65535",
    |text| number(text).filter(|mtu| (1280..=65535).contains(mtu)),
    plain,
)
.unit("B");

/// How the machine is on the network in an OSISM rack; empty means none.
pub const OSISM_NETWORK: Kind<Option<OsismNetwork>> = Kind::new(
    "choice",
    "BGP or OOB",
    |text| none_or(&text.to_ascii_uppercase(), parsed),
    optional,
);

/// A host name or address; empty means none.
pub const HOST: Kind<Option<String>> = Kind::new(
    "host",
    "a host name or an address",
    |text| none_or(text, host),
    optional,
);

/// A version of Ironic's API; empty means none.
pub const API_VERSION: Kind<Option<ApiVersion>> = Kind::new(
    "version",
    "a version such as 1.68",
    |text| none_or(text, parsed),
    optional,
);

/// The boot NIC; empty means none.
pub const BOOT_INTERFACE: Kind<Option<BootInterface>> = Kind::new(
    "MAC address",
    "a MAC address such as aa:bb:cc:dd:ee:ff or 01-aa-bb-cc-dd-ee-ff",
    |text| none_or(text, parsed),
    |value| {
        value
            .as_ref()
            .map_or_else(String::new, |nic| nic.raw.clone())
    },
);

/// A TLS version.
pub const TLS_VERSION: Kind<TlsVersion> = Kind::new("version", "1.2 or 1.3", parsed, plain);

/// A named elliptic curve.
pub const CURVE: Kind<Curve> = Kind::new("choice", "p256, p384 or p521", parsed, plain);

/// What becomes of `fa:` addresses.
pub const FA_ADDRESSES: Kind<FaAddresses> =
    Kind::new("choice", "auto, drop or keep", parsed, plain);

/// How much of an image is read back.
pub const VERIFY: Kind<Verify> = Kind::new("choice", "off, sample or full", parsed, plain);

/// What is done with LLDP.
pub const LLDP_MODE: Kind<LldpMode> = Kind::new("choice", "off, listen or send", parsed, plain);

/// What the network does without a description that can be used.
pub const NETWORK_FALLBACK: Kind<NetworkFallback> =
    Kind::new("choice", "dhcp or none", parsed, plain);

/// `http` or `https`.
pub const PROTOCOL: Kind<Protocol> = Kind::new("choice", "http or https", parsed, plain);

/// How to identify to image servers.
pub const AUTH_STRATEGY: Kind<AuthStrategy> =
    Kind::new("choice", "noauth or http_basic", parsed, plain);

/// A container runner.
pub const RUNNER: Kind<ContainerRunner> = Kind::new("choice", "podman or docker", parsed, plain);

/// The agent token; empty means none.
pub const TOKEN: Kind<Option<AgentToken>> = Kind::new(
    "secret",
    "a token",
    |text| Some(non_empty(text).map(AgentToken::new)),
    optional,
)
.secret();

/// A password; empty means none.
pub const PASSWORD: Kind<Option<Password>> = Kind::new(
    "secret",
    "a password",
    |text| Some(non_empty(text).map(Password::new)),
    optional,
)
.secret();

fn plain<T: Display>(value: &T) -> String {
    value.to_string()
}

fn optional<T: Display>(value: &Option<T>) -> String {
    value.as_ref().map_or_else(String::new, T::to_string)
}

fn parsed<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Outer `None` is a bad text, inner `None` an empty one.
#[expect(
    clippy::option_option,
    reason = "a parser's failure and an absent value are different answers"
)]
fn none_or<T>(text: &str, parse: fn(&str) -> Option<T>) -> Option<Option<T>> {
    if text.is_empty() {
        return Some(None);
    }
    parse(text).map(Some)
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "on" | "yes" => Some(true),
        "false" | "0" | "off" | "no" => Some(false),
        _ => None,
    }
}

/// Digits only: a sign or a unit is a mistake worth telling.
fn number<T: FromStr>(text: &str) -> Option<T> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// At most `u32::MAX` seconds, so that adding it to an instant cannot overflow.
fn seconds(text: &str) -> Option<Duration> {
    number::<u32>(text).map(|count| Duration::from_secs(count.into()))
}

fn decimal_seconds(text: &str) -> Option<Duration> {
    let digits = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let count: f64 = text.parse().ok().filter(|_| digits)?;
    if count > f64::from(u32::MAX) {
        return None;
    }
    Duration::try_from_secs_f64(count).ok()
}

/// Items are trimmed and empty ones dropped.
fn split_list(text: &str, separator: char) -> Vec<String> {
    text.split(separator)
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

fn cipher_suites(text: &str) -> Option<Vec<String>> {
    let well_formed = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':'));
    let suites = split_list(text, ':');
    (well_formed && !suites.is_empty()).then_some(suites)
}

fn urls(text: &str) -> Option<UrlList> {
    match text.trim() {
        "" => Some(UrlList::Unset),
        "mdns" => Some(UrlList::Mdns),
        list => {
            let items = split_list(list, ',');
            let urls: Option<Vec<Url>> = items.iter().map(|item| http_url(item)).collect();
            let urls = urls?;
            (!urls.is_empty()).then_some(UrlList::Urls(urls))
        }
    }
}

fn http_url(text: &str) -> Option<Url> {
    // The URL standard forgives `http:host`; Ironic's other readers do not.
    let has_scheme = ["http://", "https://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    let url = Url::parse(text).ok().filter(|_| has_scheme)?;
    url.has_host().then_some(url)
}

fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(text).parse().ok()
}

/// The rule upstream has for NTP servers, used for every host: letters,
/// digits and `.:_-`, at most 253 of them (contract §2.2).
fn host(text: &str) -> Option<String> {
    let well_formed = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'_' | b'-'));
    (well_formed && text.len() <= 253).then(|| text.to_owned())
}
