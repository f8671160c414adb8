// SPDX-License-Identifier: Apache-2.0
//! The words about the network that dracut made common (dracut.cmdline(7)),
//! handed over as they stand.
//!
//! They are no settings: one name stands for several links and comes as often as
//! there are links, so the last one does not win over those before it. What they
//! mean is the network's business.

use std::fmt;

use crate::foreign_text::{in_message, value_in_message};
use crate::kind::TEXT;
use crate::origin::Origin;
use crate::sources::RawSources;
use crate::suggest::nearest;
use crate::words::words;

/// Every name that is handed over.
pub const NETWORK_WORDS: &[&str] = &[
    "ip",
    "ifname",
    "rd.route",
    "bootdev",
    "nameserver",
    "rd.peerdns",
    "bond",
    "vlan",
    "team",
    "bridge",
];

/// Shorter names resemble too many words of the kernel and of the image.
const LONG_ENOUGH_TO_RESEMBLE: usize = 7;

/// A word about the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkWord {
    /// Where it stands.
    pub origin: Origin,
    /// One of [`NETWORK_WORDS`].
    pub name: &'static str,
    /// What stands behind its first `=`.
    pub value: String,
}

impl fmt::Display for NetworkWord {
    /// The word as it may be shown: cut if it is long, control characters
    /// escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = value_in_message(&self.value, TEXT.facts);
        write!(f, "{}={value}", self.name)
    }
}

impl RawSources {
    /// All words about the network, those of the kernel command line before
    /// those of the parameters disk.
    #[must_use]
    pub fn network_words(&self) -> Vec<NetworkWord> {
        let cmdline = words(&self.cmdline).into_iter().map(|word| {
            let word_number = word.position;
            (word, Origin::KernelCommandLine { word: word_number })
        });
        let parameters = self.parameters_disk.as_deref().unwrap_or_default();
        let parameters = words(parameters).into_iter().map(|word| {
            let line = word.line;
            (word, Origin::ParametersDisk { line })
        });
        cmdline
            .chain(parameters)
            .filter_map(|(word, origin)| {
                let name = NETWORK_WORDS.iter().find(|name| **name == word.name)?;
                Some(NetworkWord {
                    origin,
                    name,
                    value: word.value.into_owned(),
                })
            })
            .collect()
    }
}

/// The word about the network that may be meant by this unknown one.
pub(crate) fn resembled(word: &str) -> Option<String> {
    if NETWORK_WORDS.contains(&word) {
        return None;
    }
    let long = NETWORK_WORDS
        .iter()
        .copied()
        .filter(|name| name.len() >= LONG_ENOUGH_TO_RESEMBLE);
    nearest(word, long).map(in_message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_collected_in_order_and_nothing_else_is() {
        let sources = RawSources {
            cmdline: b"quiet ip=eno1:dhcp console=ttyS0 ip=eno2:auto6 rd.neednet=1 ip=\xff\n"
                .to_vec(),
            parameters_disk: Some(b"ipa-debug=1\nnameserver=192.0.2.53\n".to_vec()),
            ..RawSources::default()
        };
        let found: Vec<String> = sources
            .network_words()
            .iter()
            .map(|word| format!("{}: {word}", word.origin))
            .collect();
        assert_eq!(
            found,
            [
                "kernel command line, word 2: ip=eno1:dhcp",
                "kernel command line, word 4: ip=eno2:auto6",
                "kernel command line, word 6: ip=\u{fffd}",
                "parameters disk, line 2: nameserver=192.0.2.53",
            ]
        );
    }

    #[test]
    fn only_long_names_resemble_others() {
        for (word, expected) in [
            ("nameservers", Some("nameserver")),
            ("rd.routes", Some("rd.route")),
            ("rd_route", Some("rd.route")),
            ("bootdevice", Some("bootdev")),
            ("nameserver", None),
            ("ipx", None),
            ("band", None),
            ("rd.debug", None),
            ("rd.neednet", None),
            ("rd.timeout", None),
            ("rd.retry", None),
            ("rd.break", None),
            ("BOOTIF", None),
            ("boot", None),
        ] {
            assert_eq!(resembled(word).as_deref(), expected, "{word}");
        }
    }
}
