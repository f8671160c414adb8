// SPDX-License-Identifier: Apache-2.0
//! Identifying values that can be told by their spelling in any text: MAC
//! addresses, GUIDs of ports, UUIDs; and the words of a kernel command line.

use std::net::IpAddr;

use super::identifiers::Identifiers;

/// Variables of the UEFI specification and of boot loaders; the same on every machine.
const WELL_KNOWN: &[&str] = &[
    "8be4df61-93ca-11d2-aa0d-00e098032b8c",
    "d719b2cb-3d3a-4596-a3bc-dad00e67656f",
    "605dab50-e046-4300-abb6-3dd810dd8b23",
    "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f",
];

/// Collects addresses and UUIDs from a text.
pub(super) fn collect(text: &str, found: &mut Identifiers) {
    for word in text.split(|c: char| !(c.is_ascii_hexdigit() || c == ':' || c == '-')) {
        if word.len() < 17 {
            continue;
        }
        for separator in [':', '-'] {
            address(word, separator, found);
        }
        if word.len() == 36
            && !WELL_KNOWN.contains(&word.to_ascii_lowercase().as_str())
            && let Ok(id) = uuid::Uuid::try_parse(word)
        {
            found.add_uuid(*id.as_bytes());
        }
    }
}

/// Pairs of digits: six are a MAC, seven begin with a hardware type (`BOOTIF`),
/// eight are a port's GUID and end an InfiniBand address of twenty.
fn address(word: &str, separator: char, found: &mut Identifiers) {
    let bytes: Option<Vec<u8>> = word
        .trim_matches(separator)
        .split(separator)
        .map(|pair| {
            u8::from_str_radix(pair, 16)
                .ok()
                .filter(|_| pair.len() == 2)
        })
        .collect();
    let Some(bytes) = bytes else { return };
    match (
        bytes.len(),
        bytes.last_chunk::<6>(),
        bytes.last_chunk::<8>(),
    ) {
        (6 | 7, Some(mac), _) => found.add_mac(*mac),
        (8 | 20, _, Some(guid)) => found.add_wwn(guid),
        _ => {}
    }
}

/// Parts of names of parameters whose values nobody else may know.
const SECRET: &[&str] = &[
    "token",
    "passw",
    "secret",
    "rootpwd",
    "sshkey",
    "apikey",
    "credential",
];
/// Parameters whose values are names of this machine.
const NAMES: &[&str] = &["hostname", "systemd.hostname", "ironseed.hostname"];

/// Collects secrets, hosts and addresses from a kernel command line.
pub(super) fn command_line(text: &str, found: &mut Identifiers) {
    for word in text.split_whitespace() {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let value = value.trim_matches('"');
        let name = name.to_ascii_lowercase();
        if SECRET.iter().any(|secret| name.contains(secret)) {
            found.add_text(value);
        } else if NAMES.contains(&name.as_str()) {
            found.add_host(value);
        }
        url(value, found);
        // `ip=` and `nameserver=` have addresses between colons, IPv6 ones in brackets.
        for part in value.split([',', '[', ']', '/', ';', '@']) {
            addresses(part, found);
        }
        if name == "ip"
            && let Some(host) = value.split(':').nth(4)
        {
            found.add_host(host);
        }
    }
}

/// Collects the servers that file systems are mounted from: `server:/export`.
pub(super) fn mounted_from(text: &str, found: &mut Identifiers) {
    for line in text.lines() {
        let source = line
            .split_once(" - ")
            .and_then(|(_, rest)| rest.split(' ').nth(1));
        if let Some((server, _)) = source.and_then(|source| source.split_once(":/")) {
            addresses(server.trim_matches(['[', ']']), found);
            found.add_host(server);
        }
    }
}

fn addresses(part: &str, found: &mut Identifiers) {
    if let Ok(address) = part.parse() {
        found.add_ip(address);
        return;
    }
    for part in part.split(':') {
        if let Ok(address) = part.parse::<IpAddr>() {
            found.add_ip(address);
        }
    }
}

/// Credentials and host of a URL.
fn url(value: &str, found: &mut Identifiers) {
    let Some((_, rest)) = value.split_once("://") else {
        return;
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let (credentials, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    for credential in credentials.split(':') {
        found.add_text(credential);
    }
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    if host.contains('.') {
        found.add_host(host);
    }
    // What stands in the path or the query may be a signed permission.
    for (_, value) in rest
        .split(['?', '&'])
        .filter_map(|part| part.split_once('='))
    {
        found.add_text(value);
    }
}
