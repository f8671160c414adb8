// SPDX-License-Identifier: Apache-2.0
//! The words of the kernel command line that concern PID 1. Pure.
//!
//! Only the kernel's and modprobe's own words are read here (`console=`, `panic=`, `hostname=`,
//! `modprobe.blacklist=`, `rd.driver.blacklist=`, `MODULE.PARAMETER=VALUE`); the settings of the
//! agent are the business of `bootconfig`.
//! Quoting follows the kernel's `next_arg()` (lib/cmdline.c): a double quote anywhere in a word
//! protects white space; quotes around the value or the whole word are taken off.

use std::collections::BTreeSet;

/// The command line, split.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandLine {
    words: Vec<(String, Option<String>)>,
}

impl CommandLine {
    /// Splits the contents of `/proc/cmdline`. Words after a lone `--` are arguments for init
    /// and are left out, as the kernel does.
    pub fn parse(text: &str) -> Self {
        let words = raw_words(text)
            .into_iter()
            .take_while(|word| word != "--")
            .map(|word| split_word(&word))
            .collect();
        Self { words }
    }

    /// All values of `key`, in order; a word without `=` has none.
    pub fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.words
            .iter()
            .filter(move |(k, _)| k == key)
            .filter_map(|(_, value)| value.as_deref())
    }

    /// The last value of `key`, which is the one the kernel heeds.
    pub fn last<'a>(&'a self, key: &'a str) -> Option<&'a str> {
        self.values(key).last()
    }

    /// The `console=` words: device and options (`ttyS0,115200n8` is `ttyS0` and `115200n8`).
    pub fn consoles(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values("console")
            .map(|value| value.split_once(',').unwrap_or((value, "")))
    }

    /// Modules that must not be loaded, with `-` written as `_`.
    pub fn blacklist(&self) -> BTreeSet<String> {
        ["modprobe.blacklist", "rd.driver.blacklist"]
            .iter()
            .flat_map(|key| self.values(key))
            .flat_map(|value| value.split(','))
            .filter(|name| !name.is_empty())
            .map(crate::modules::canonical)
            .collect()
    }

    /// The parameters for `module` (name with `_`), as `finit_module(2)` takes them.
    pub fn module_parameters(&self, module: &str) -> String {
        let mut parameters = Vec::new();
        for (key, value) in &self.words {
            let Some((name, parameter)) = key.split_once('.') else {
                continue;
            };
            if crate::modules::canonical(name) != module || parameter.is_empty() {
                continue;
            }
            parameters.push(match value {
                None => parameter.to_owned(),
                // The kernel takes the quotes off once more when the module parses this.
                Some(value) if value.contains(char::is_whitespace) => {
                    format!("{parameter}=\"{value}\"")
                }
                Some(value) => format!("{parameter}={value}"),
            });
        }
        parameters.join(" ")
    }
}

fn raw_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in text.chars() {
        quoted ^= c == '"';
        if !quoted && (c.is_ascii_whitespace() || c == '\0') {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
        } else {
            word.push(c);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn split_word(word: &str) -> (String, Option<String>) {
    let whole = word
        .strip_prefix('"')
        .map_or(word, |inner| inner.strip_suffix('"').unwrap_or(inner));
    match whole.split_once('=') {
        None => (whole.to_owned(), None),
        Some((key, value)) => {
            let inner = value.strip_prefix('"').unwrap_or(value);
            (
                key.to_owned(),
                Some(inner.strip_suffix('"').unwrap_or(inner).to_owned()),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_as_the_kernel_splits_them() {
        let line = CommandLine::parse(
            "BOOT_IMAGE=/k quiet a=\"b c\" \"d=e f\"\tg==h empty= -- not=this\n",
        );
        assert_eq!(line.last("a"), Some("b c"));
        assert_eq!(line.last("d"), Some("e f"));
        assert_eq!(line.last("g"), Some("=h"));
        assert_eq!(line.last("empty"), Some(""));
        assert_eq!(line.last("quiet"), None);
        assert_eq!(line.last("not"), None);
    }

    #[test]
    fn consoles_in_order() {
        let line = CommandLine::parse("console=tty0 console=ttyS1,115200n8 console=");
        let consoles: Vec<_> = line.consoles().collect();
        assert_eq!(consoles, [("tty0", ""), ("ttyS1", "115200n8"), ("", "")]);
    }

    #[test]
    fn blacklists_are_joined_and_canonical() {
        let line = CommandLine::parse("modprobe.blacklist=a-b,c, rd.driver.blacklist=d");
        let names: Vec<String> = line.blacklist().into_iter().collect();
        assert_eq!(names, ["a_b", "c", "d"]);
    }

    #[test]
    fn module_parameters() {
        let line = CommandLine::parse(
            "nvme-core.multipath=N nvme_core.x y.z=1 nvme_core.s=\"a b\" .q=1 nvme_core.=2",
        );
        assert_eq!(
            line.module_parameters("nvme_core"),
            "multipath=N x s=\"a b\""
        );
        assert_eq!(line.module_parameters("y"), "z=1");
        assert_eq!(line.module_parameters("none"), "");
    }

    #[test]
    fn any_bytes_are_split_without_loss_of_order() {
        let mut random = crate::testing::Random::new(7);
        for _ in 0..2000 {
            let text = random.text(b"ab=\"- .,\t\n", 40);
            let line = CommandLine::parse(&text);
            assert!(line.words.len() <= text.len());
            assert!(line.words.iter().all(|(key, _)| !key.contains('=')));
        }
    }
}
