// SPDX-License-Identifier: Apache-2.0
//! Shell-like patterns for SMBIOS strings and firmware names: `*` stands for any
//! run of characters, `?` for one. There are no classes and no escapes, because no
//! vendor string met so far needed them.

/// A pattern that is compared with the whole text, ignoring ASCII case and
/// surrounding blanks: vendors change both between firmware releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    pattern: String,
    folded: Vec<char>,
}

impl Glob {
    /// Every text is a valid pattern.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self {
            pattern: pattern.to_owned(),
            folded: fold(pattern),
        }
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Characters that stand for themselves: how specific the pattern is.
    #[must_use]
    pub fn literal_len(&self) -> usize {
        self.folded
            .iter()
            .filter(|c| !matches!(c, '*' | '?'))
            .count()
    }

    /// Whether the pattern describes the whole text.
    ///
    /// Only the last `*` is ever retried, which bounds the work to the product of
    /// both lengths whatever the firmware wrote into its strings.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let (pattern, text) = (&self.folded, fold(text));
        let (mut p, mut t) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while t < text.len() {
            match pattern.get(p) {
                Some('*') => {
                    star = Some((p, t));
                    p += 1;
                }
                Some(&c) if c == '?' || c == text[t] => {
                    p += 1;
                    t += 1;
                }
                _ => match star {
                    Some((star_p, star_t)) => {
                        star = Some((star_p, star_t + 1));
                        p = star_p + 1;
                        t = star_t + 1;
                    }
                    None => return false,
                },
            }
        }
        pattern[p..].iter().all(|&c| c == '*')
    }
}

fn fold(text: &str) -> Vec<char> {
    text.trim()
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "x", false),
            ("*", "", true),
            ("*", "anything at all", true),
            ("QEMU", "qemu", true),
            ("QEMU", " QEMU ", true),
            ("QEMU", "QEMU2", false),
            ("Standard PC (Q35*", "Standard PC (Q35 + ICH9, 2009)", true),
            (
                "Standard PC (Q35*",
                "Standard PC (i440FX + PIIX, 1996)",
                false,
            ),
            ("PowerEdge R?50*", "PowerEdge R750xs", true),
            ("PowerEdge R?50*", "PowerEdge R7525", false),
            ("*ProLiant*Gen1?", "HPE ProLiant DL360 Gen11", true),
            ("*ProLiant*Gen1?", "HPE ProLiant DL360 Gen1", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-", false),
        ] {
            assert_eq!(
                Glob::new(pattern).matches(text),
                expected,
                "{pattern:?} on {text:?}"
            );
        }
    }

    #[test]
    fn many_stars_stay_cheap() {
        let glob = Glob::new(&"*a".repeat(50));
        assert!(!glob.matches(&format!("{}b", "a".repeat(5000))));
    }

    #[test]
    fn literal_characters_measure_how_specific_it_is() {
        assert_eq!(Glob::new("R?50*").literal_len(), 3);
        assert_eq!(Glob::new("*").literal_len(), 0);
    }
}
