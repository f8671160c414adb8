// SPDX-License-Identifier: Apache-2.0
//! The identifying values of a snapshot in every spelling in which they may
//! appear, and the search for them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Key, shape};
use crate::smbios::is_placeholder;

/// Bytes by which patterns are looked up; no pattern is shorter.
const INDEX: usize = 4;

/// Where a pattern counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Where {
    /// Wherever it appears.
    Anywhere,
    /// Where no letter or digit stands beside it: short values appear in others by accident.
    Word,
}

#[derive(Debug, Clone)]
struct Replacement {
    by: Vec<u8>,
    place: Where,
}

/// Identifying values and their replacements.
#[derive(Debug)]
pub(super) struct Identifiers {
    key: Key,
    patterns: BTreeMap<Vec<u8>, Replacement>,
    addresses: BTreeMap<Ipv4Addr, Ipv4Addr>,
    index: HashMap<[u8; INDEX], Vec<Vec<u8>>>,
}

impl Identifiers {
    pub(super) fn new(key: &Key) -> Self {
        Self {
            key: key.clone(),
            patterns: BTreeMap::new(),
            addresses: BTreeMap::new(),
            index: HashMap::new(),
        }
    }

    /// A serial number, an asset tag, a label: any text that a maker or an
    /// operator chose for this one thing.
    pub(super) fn add_text(&mut self, text: &str) {
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        let first = text.chars().next();
        let same = text.chars().all(|c| Some(c) == first);
        if text.len() < INDEX || same || is_placeholder(text) || text.chars().any(char::is_control)
        {
            return;
        }
        // Short ones, and numbers, appear by accident in other values.
        let number = text.bytes().all(|byte| byte.is_ascii_digit());
        let place = if text.len() < 6 || (number && text.len() < 9) {
            Where::Word
        } else {
            Where::Anywhere
        };
        self.add_spellings(text, place);
    }

    /// The name of a host; names are often words of the language.
    pub(super) fn add_host(&mut self, name: &str) {
        const COMMON: &[&str] = &["(none)", "localhost", "localhost.localdomain"];
        if name.len() < INDEX || COMMON.contains(&name) || name.parse::<IpAddr>().is_ok() {
            return;
        }
        self.add_spellings(name, Where::Word);
        if let Some((first, _)) = name.split_once('.')
            && first.len() >= INDEX
        {
            self.add_spellings(first, Where::Word);
        }
    }

    fn add_spellings(&mut self, text: &str, place: Where) {
        for spelling in [
            text.to_owned(),
            text.to_ascii_lowercase(),
            text.to_ascii_uppercase(),
        ] {
            let by = shape::text(&self.key, &spelling);
            // NVMe names contain serial numbers as hexadecimal digits of their characters,
            // EFI variables as UTF-16.
            self.add(
                hex(spelling.as_bytes()),
                hex(by.as_bytes()),
                Where::Anywhere,
            );
            self.add(utf16(&spelling), utf16(&by), place);
            self.add(spelling.into_bytes(), by.into_bytes(), place);
        }
    }

    /// A MAC address; its first half, the maker's number, stays.
    pub(super) fn add_mac(&mut self, mac: [u8; 6]) {
        if mac != [0; 6] && mac != [0xff; 6] {
            let by = shape::bytes(&self.key, "mac", &mac, 24);
            self.add_bytes(&mac, &by);
        }
    }

    /// A World Wide Name, EUI-64 or port GUID. The maker's number stays.
    pub(super) fn add_wwn(&mut self, name: &[u8]) {
        let first = name.first().copied().unwrap_or_default();
        if name.len() < 8 || !is_telling(name) {
            return;
        }
        // NAA 5 and 6 have a nibble before the 24 bits of the maker (SPC-4 §7.8.6.6),
        // NAA 1 and 2 a nibble and 12 more bits, EUI-64 none.
        let keep = match first >> 4 {
            5 | 6 => 28,
            1 | 2 => 40,
            _ => 24,
        };
        // Names of 16 bytes are a World Wide Name and the vendor's extension, and the former
        // also stands alone.
        let (first, extension) = name.split_at(8);
        let mut by = shape::bytes(&self.key, "wwn", first, keep);
        if is_telling(first) {
            self.add_bytes(first, &by);
        }
        if !extension.is_empty() {
            let whole = shape::bytes(&self.key, "extension", name, 0);
            by.extend(whole.iter().skip(8));
            self.add_bytes(name, &by);
        }
    }

    /// A UUID, in the order of its text.
    pub(super) fn add_uuid(&mut self, id: [u8; 16]) {
        if !is_telling(&id) {
            return;
        }
        let by = shape::uuid(&self.key, id);
        self.add_bytes(&id, &by);
        let (from, to) = (uuid::Uuid::from_bytes(id), uuid::Uuid::from_bytes(by));
        // Firmware and GPT store the first three parts in little-endian order.
        self.add_bytes(&from.to_bytes_le(), &to.to_bytes_le());
        for (from, to) in [
            (from.to_string(), to.to_string()),
            (
                from.to_string().to_uppercase(),
                to.to_string().to_uppercase(),
            ),
        ] {
            self.add(from.into_bytes(), to.into_bytes(), Where::Anywhere);
        }
    }

    /// An IP address, unless it means the same on every machine.
    pub(super) fn add_ip(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.add_ipv4(address),
            IpAddr::V6(address) => self.add_ipv6(address),
        }
    }

    fn add_ipv4(&mut self, address: Ipv4Addr) {
        if address.is_loopback()
            || address.is_unspecified()
            || address.is_multicast()
            || address.octets()[0] == 255
            || self.addresses.contains_key(&address)
        {
            return;
        }
        let by = shape::ipv4(&self.key, address, |it| {
            self.addresses.values().any(|by| *by == it)
        });
        self.addresses.insert(address, by);
        self.add(
            address.to_string().into_bytes(),
            by.to_string().into_bytes(),
            Where::Word,
        );
    }

    fn add_ipv6(&mut self, address: Ipv6Addr) {
        if address.is_loopback() || address.is_unspecified() || address.is_multicast() {
            return;
        }
        let by = shape::ipv6(&self.key, address);
        self.add(
            address.octets().to_vec(),
            by.octets().to_vec(),
            Where::Anywhere,
        );
        let (from, to) = (address.to_string(), by.to_string());
        self.add(
            from.to_uppercase().into_bytes(),
            to.to_uppercase().into_bytes(),
            Where::Word,
        );
        self.add(from.into_bytes(), to.into_bytes(), Where::Word);
    }

    /// The bytes themselves, and their digits with and without separators.
    fn add_bytes(&mut self, from: &[u8], to: &[u8]) {
        if is_telling(from) {
            self.add(from.to_vec(), to.to_vec(), Where::Anywhere);
        }
        for separator in ["", ":", "-"] {
            let (lower, by) = (digits(from, separator), digits(to, separator));
            self.add(
                lower.to_uppercase().into_bytes(),
                by.to_uppercase().into_bytes(),
                Where::Anywhere,
            );
            self.add(lower.into_bytes(), by.into_bytes(), Where::Anywhere);
        }
    }

    fn add(&mut self, from: Vec<u8>, by: Vec<u8>, place: Where) {
        if from.len() >= INDEX && from != by {
            let known = self
                .patterns
                .entry(from)
                .or_insert(Replacement { by, place });
            known.place = known.place.min(place);
        }
    }

    /// Ready to search: patterns by their first bytes, the longest first.
    pub(super) fn ready(mut self) -> Self {
        for pattern in self.patterns.keys() {
            if let Some(first) = pattern.first_chunk() {
                self.index.entry(*first).or_default().push(pattern.clone());
            }
        }
        for patterns in self.index.values_mut() {
            patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.len()));
        }
        self
    }

    pub(super) fn spellings(&self) -> Vec<Vec<u8>> {
        self.patterns.keys().cloned().collect()
    }

    /// What an IPv4 address was replaced by.
    pub(super) fn ipv4(&self, address: Ipv4Addr) -> Option<Ipv4Addr> {
        self.addresses.get(&address).copied()
    }

    /// The text with every value replaced.
    pub(super) fn in_text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.replaced(text.as_bytes(), false)).into_owned()
    }

    /// The path with every value in its parts replaced.
    pub(super) fn in_path(&self, path: &str) -> String {
        let parts: Vec<String> = path.split('/').map(|part| self.in_text(part)).collect();
        parts.join("/")
    }

    /// The bytes with every value replaced. In bytes that are no text, pairs may be
    /// swapped: ATA devices give their texts and names that way.
    pub(super) fn in_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        if std::str::from_utf8(bytes).is_ok() && !bytes.contains(&0) {
            return self.replaced(bytes, false);
        }
        let replaced = self.replaced(bytes, true);
        swapped(&self.replaced(&swapped(&replaced), true))
    }

    /// `same_length`: what follows must stay where it is.
    fn replaced(&self, bytes: &[u8], same_length: bool) -> Vec<u8> {
        let mut done = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            if let Some((pattern, by)) = self.pattern_at(bytes, at, rest) {
                if same_length && pattern.len() != by.len() {
                    let text = String::from_utf8_lossy(pattern);
                    done.extend(shape::text(&self.key, &text).as_bytes());
                } else {
                    done.extend(by);
                }
                at += pattern.len();
            } else {
                done.push(rest[0]);
                at += 1;
            }
        }
        done
    }

    fn pattern_at(&self, bytes: &[u8], at: usize, rest: &[u8]) -> Option<(&[u8], &[u8])> {
        let candidates = self.index.get(rest.first_chunk::<INDEX>()?)?;
        let is_beside = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        candidates.iter().find_map(|pattern| {
            let after = rest.strip_prefix(pattern.as_slice())?;
            let replacement = self.patterns.get(pattern)?;
            let before = at.checked_sub(1).and_then(|before| bytes.get(before));
            let word = !is_beside(before) && !is_beside(after.first());
            (replacement.place == Where::Anywhere || word)
                .then_some((pattern.as_slice(), replacement.by.as_slice()))
        })
    }
}

/// Whether bytes are no padding or counter, which stand in any binary structure.
fn is_telling(bytes: &[u8]) -> bool {
    let distinct: BTreeSet<&u8> = bytes.iter().filter(|byte| **byte != 0).collect();
    distinct.len() >= 3
}

/// Every pair of bytes turned round; an odd last byte stays.
pub(super) fn swapped(bytes: &[u8]) -> Vec<u8> {
    let (pairs, last) = bytes.as_chunks::<2>();
    let turned = pairs.iter().flat_map(|[first, second]| [*second, *first]);
    turned.chain(last.iter().copied()).collect()
}

fn digits(bytes: &[u8], separator: &str) -> String {
    let parts: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    parts.join(separator)
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    digits(bytes, "").into_bytes()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
