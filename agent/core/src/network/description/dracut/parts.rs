// SPDX-License-Identifier: Apache-2.0
//! The parts of a word: divided at colons outside brackets, and read.

use std::net::{IpAddr, Ipv4Addr};

use bootconfig::MacAddr;
use bootconfig::suggest::nearest;

use super::problem::{Part, WordFault};
use crate::network::description::PortMatch;

/// Longest name of a link in the kernel, in bytes (`IFNAMSIZ` without its end).
const LONGEST_NAME: usize = 15;

/// Longest text of a part in a message, in characters.
const LONGEST_SHOWN: usize = 40;

/// The kernel's smallest MTU of an Ethernet link (RFC 791), and the smallest
/// with which IPv6 works (RFC 8200 section 5).
const SMALLEST_MTU: u32 = 68;
pub(super) const SMALLEST_MTU_OF_IPV6: u32 = 1280;

/// The parts between colons; colons inside brackets belong to their part.
pub(super) fn split(value: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut inside) = (0, false);
    for (at, char) in value.char_indices() {
        match char {
            '[' => inside = true,
            ']' => inside = false,
            ':' if !inside => {
                parts.extend(value.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(value.get(start..));
    parts
}

/// The fault of a part that is something else.
pub(super) fn wrong(part: Part, found: &str) -> WordFault {
    let mut shown: String = found.chars().take(LONGEST_SHOWN).collect();
    if shown.len() < found.len() {
        shown.push('…');
    }
    WordFault::Part {
        part,
        found: shown.escape_debug().to_string(),
        suggestion: None,
    }
}

/// As [`wrong`], with the nearest of the words that would be right.
pub(super) fn wrong_word(part: Part, found: &str, right: &[&'static str]) -> WordFault {
    let meant = nearest(found, right.iter().copied());
    let meant = meant.and_then(|meant| right.iter().copied().find(|one| *one == meant));
    match wrong(part, found) {
        WordFault::Part { part, found, .. } => WordFault::Part {
            part,
            found,
            suggestion: meant,
        },
        other => other,
    }
}

fn without_brackets(text: &str) -> &str {
    text.strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text)
}

/// An address, in brackets or not.
pub(super) fn address(part: Part, text: &str) -> Result<IpAddr, WordFault> {
    without_brackets(text)
        .parse()
        .map_err(|_| wrong(part, text))
}

/// An address, in front of a slash and its prefix length or not; IPv6 may have
/// both inside its brackets.
pub(super) fn network(part: Part, text: &str) -> Result<(IpAddr, Option<u8>), WordFault> {
    let bare = without_brackets(text);
    let (head, mask) = match bare.rsplit_once('/') {
        Some((head, mask)) => (without_brackets(head), Some(mask)),
        None => (bare, None),
    };
    let address = head.parse().map_err(|_| wrong(part, text))?;
    let prefix = mask.map(|mask| prefix_len(mask, address)).transpose()?;
    Ok((address, prefix))
}

/// A dotted mask or a number of bits, for an address.
pub(super) fn prefix_len(text: &str, of: IpAddr) -> Result<u8, WordFault> {
    let most = if of.is_ipv4() { 32 } else { 128 };
    let number = || text.parse::<u8>().ok().filter(|bits| *bits <= most);
    let dotted = || {
        let mask = u32::from(text.parse::<Ipv4Addr>().ok()?);
        let bits = mask.leading_ones();
        let whole = mask.count_ones() == bits && of.is_ipv4();
        whole.then(|| u8::try_from(bits).ok()).flatten()
    };
    number()
        .or_else(dotted)
        .ok_or_else(|| wrong(Part::Netmask, text))
}

/// The name of a link as the kernel takes it.
pub(super) fn interface(text: &str) -> Result<String, WordFault> {
    let fits = !text.is_empty()
        && text.len() <= LONGEST_NAME
        && text != "."
        && text != ".."
        && text.chars().all(|char| {
            !char.is_whitespace() && !char.is_control() && !"/:,[]\u{fffd}".contains(char)
        });
    match fits {
        true => Ok(text.to_owned()),
        false => Err(wrong(Part::Interface, text)),
    }
}

/// How a port with this name is found. `enx` and twelve digits is how systemd
/// names a card by its hardware address; no other program gives such names, so
/// the address is what counts.
pub(super) fn port_match(name: &str) -> PortMatch {
    let octets = || {
        let digits = name.strip_prefix("enx")?;
        let number = u64::from_str_radix(digits, 16).ok()?;
        let [_, _, octets @ ..] = number.to_be_bytes();
        (digits.len() == 12).then_some(MacAddr(octets))
    };
    octets().map_or_else(|| PortMatch::Name(name.to_owned()), PortMatch::Mac)
}

/// Parts that are a hardware address together.
pub(super) fn mac(parts: &[&str]) -> Result<MacAddr, WordFault> {
    let text = parts.join(":");
    text.parse().map_err(|_| wrong(Part::Mac, &text))
}

/// The largest packet, in bytes.
pub(super) fn mtu(text: &str) -> Result<u32, WordFault> {
    let number = text.parse().ok();
    number
        .filter(|mtu| (SMALLEST_MTU..=65_535).contains(mtu))
        .ok_or_else(|| wrong(Part::Mtu, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colons_in_brackets_do_not_divide() {
        let cases: [(&str, &[&str]); 5] = [
            ("", &[""]),
            ("a::b", &["a", "", "b"]),
            (
                "[2001:db8::1]::[fe80::1]:64",
                &["[2001:db8::1]", "", "[fe80::1]", "64"],
            ),
            ("[::1/8]:x", &["[::1/8]", "x"]),
            ("[a:b", &["[a:b"]),
        ];
        for (value, expected) in cases {
            assert_eq!(split(value), expected, "{value}");
        }
    }

    #[test]
    fn masks_are_numbers_or_dotted() {
        let v4 = IpAddr::from([192, 0, 2, 1]);
        let v6 = IpAddr::from([0x2001_u16, 0, 0, 0, 0, 0, 0, 1]);
        for (text, of, expected) in [
            ("255.255.255.0", v4, Some(24)),
            ("0.0.0.0", v4, Some(0)),
            ("32", v4, Some(32)),
            ("33", v4, None),
            ("255.0.255.0", v4, None),
            ("255.255.255.0", v6, None),
            ("64", v6, Some(64)),
            ("129", v6, None),
            ("", v4, None),
        ] {
            assert_eq!(prefix_len(text, of).ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_name_made_of_a_hardware_address_means_that_card() {
        let mac = MacAddr([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
        assert_eq!(port_match("enx525400123456"), PortMatch::Mac(mac));
        for name in ["enx52540012345", "enx52540012345g", "eno1"] {
            assert_eq!(port_match(name), PortMatch::Name(name.into()));
        }
    }
}
