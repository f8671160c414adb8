// SPDX-License-Identifier: Apache-2.0
//! `modules.alias`: which modules want a device or a name. Pure.
//!
//! A line is `alias PATTERN MODULE` with a pattern of fnmatch(3) (`*`, `?`, `[…]`). Patterns are
//! kept in buckets by the text before their `:` (`pci`, `usb`, `virtio` …), which is the same in
//! the modalias unless it holds a wildcard itself (`acpi*:PNP0A03:*`): those are always tried.
//! As in kmod, `-` outside brackets and `_` are the same character.

use std::collections::HashMap;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Alias {
    pattern: Box<str>,
    module: Box<str>,
}

/// All aliases of the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AliasTable {
    buckets: HashMap<Box<str>, Vec<Alias>>,
    any: Vec<Alias>,
}

impl AliasTable {
    /// Reads the file; lines that are not aliases are passed over.
    pub fn parse(text: &str) -> Self {
        let mut table = Self::default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            if let (Some("alias"), Some(pattern), Some(module)) =
                (words.next(), words.next(), words.next())
            {
                table.insert(pattern, module);
            }
        }
        table
    }

    fn insert(&mut self, pattern: &str, module: &str) {
        let alias = Alias {
            pattern: same_dashes(pattern).into(),
            module: super::canonical(module).into(),
        };
        let bucket = bucket(&alias.pattern);
        if bucket.contains(['*', '?', '[']) {
            self.any.push(alias);
        } else if let Some(aliases) = self.buckets.get_mut(bucket) {
            aliases.push(alias);
        } else {
            self.buckets.insert(bucket.into(), vec![alias]);
        }
    }

    /// The modules for a modalias or a requested name, in file order, each once.
    pub fn modules(&self, wanted: &str) -> Vec<&str> {
        let wanted = wanted.replace('-', "_");
        let bucket = self
            .buckets
            .get(bucket(&wanted))
            .map_or(&[][..], Vec::as_slice);
        let mut found: Vec<&str> = Vec::new();
        for alias in bucket.iter().chain(&self.any) {
            if !found.contains(&&*alias.module) && matches(&alias.pattern, &wanted) {
                found.push(&alias.module);
            }
        }
        found
    }
}

/// The text before the first `:`. Names without one (`fs-ext4`, `char-major-10-*`) share theirs.
fn bucket(text: &str) -> &str {
    text.split_once(':').map_or("", |(before, _)| before)
}

/// Writes `-` as `_` except in brackets, where it makes a range.
fn same_dashes(pattern: &str) -> String {
    let mut in_brackets = false;
    pattern
        .chars()
        .map(|c| match c {
            '[' => {
                in_brackets = true;
                c
            }
            ']' => {
                in_brackets = false;
                c
            }
            '-' if !in_brackets => '_',
            c => c,
        })
        .collect()
}

/// fnmatch(3) without flags and without `\` quoting, which modaliases do not use.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to go on after a mismatch: behind the last `*`, which takes one more byte each time.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            retry = Some((p, t));
            continue;
        }
        let Some(byte) = text.get(t) else {
            return p == pattern.len();
        };
        if let Some(length) = one(pattern.get(p..).unwrap_or_default(), *byte) {
            p += length;
            t += 1;
        } else if let Some((after_star, start)) = retry {
            (p, t) = (after_star, start + 1);
            retry = Some((p, t));
        } else {
            return false;
        }
    }
}

/// Matches one byte with the beginning of `pattern`; the number of pattern bytes used.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', set @ ..] => match bracket(set, byte) {
            // An open bracket without its end stands for itself.
            None => (byte == b'[').then_some(1),
            Some((hit, length)) => hit.then_some(1 + length),
        },
        [first, ..] => (*first == byte).then_some(1),
    }
}

/// Matches a bracket expression, given what follows `[`: whether it holds `byte`, and its length
/// with the `]`. `None` if there is no `]`.
fn bracket(set: &[u8], byte: u8) -> Option<(bool, usize)> {
    let negated = matches!(set.first(), Some(b'!' | b'^'));
    let start = usize::from(negated);
    // A `]` in first place is a member.
    let end = start + 1 + set.get(start + 1..)?.iter().position(|c| *c == b']')?;
    let mut members = set.get(start..end)?;
    let mut hit = false;
    while let Some((low, rest)) = members.split_first() {
        let (high, rest) = match rest {
            [b'-', high, rest @ ..] => (high, rest),
            _ => (low, rest),
        };
        hit |= (*low..=*high).contains(&byte);
        members = rest;
    }
    Some((hit != negated, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
# Aliases extracted from modules themselves.
alias pci:v00008086d000010D3sv*sd*bc*sc*i* e1000e
alias pci:v*d*sv*sd*bc01sc08i02* nvme
alias virtio:d00000001v* virtio_net
alias acpi*:IPI0001:* ipmi_si
alias usb:v05ACp024[9-B]d* appletouch
alias fs-vfat vfat
alias platform:foo-bar foo-bar
alias char-major-10-* misc
alias pci:v00008086d000010D3sv*sd*bc*sc*i* other
alias broken
";

    fn check(wanted: &str, modules: &[&str]) {
        assert_eq!(
            AliasTable::parse(TABLE).modules(wanted),
            modules,
            "{wanted}"
        );
    }

    #[test]
    fn devices_and_names() {
        check(
            "pci:v00008086d000010D3sv00001AF4sd00001100bc02sc00i00",
            &["e1000e", "other"],
        );
        check(
            "pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02",
            &["nvme"],
        );
        check("virtio:d00000001v00001AF4", &["virtio_net"]);
        check("virtio:d00000002v00001AF4", &[]);
        check("acpi:IPI0001:", &["ipmi_si"]);
        check("usb:v05ACp024Ad0100", &["appletouch"]);
        check("usb:v05ACp024Cd0100", &[]);
        check("fs-vfat", &["vfat"]);
        check("platform:foo-bar", &["foo_bar"]);
        check("char-major-10-229", &["misc"]);
        check("", &[]);
    }

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*", "a", true),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXbX", false),
            ("a?c", "abc", true),
            ("a?", "a", false),
            ("[!a]b", "cb", true),
            ("[^a]b", "ab", false),
            ("[]x]", "]", true),
            ("[a", "[a", true),
            ("[a", "a", false),
            ("[a-]", "-", true),
            ("**a", "xa", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    /// The obvious recursive definition, to compare with.
    fn slow(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some(b'*'), _) => {
                slow(&pattern[1..], text) || (!text.is_empty() && slow(pattern, &text[1..]))
            }
            (Some(_), Some(byte)) => {
                one(pattern, *byte).is_some_and(|used| slow(&pattern[used..], &text[1..]))
            }
            _ => false,
        }
    }

    #[test]
    fn generated_patterns_agree_with_the_definition() {
        let mut random = crate::testing::Random::new(3);
        let mut hits = 0;
        for _ in 0..20_000 {
            let pattern = random.text(b"ab*?[]-!", 8);
            let text = random.text(b"ab]-", 6);
            let expected = slow(pattern.as_bytes(), text.as_bytes());
            assert_eq!(matches(&pattern, &text), expected, "{pattern} {text}");
            hits += u32::from(expected);
        }
        assert!(hits > 500, "{hits}");
    }
}
