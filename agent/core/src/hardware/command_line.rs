// SPDX-License-Identifier: Apache-2.0
//! Takes secrets out of the kernel command line and of messages that quote it.

use bootconfig::SCHEMA;

/// What stands in place of a secret.
const MASK: &str = "******";
/// Names with one of these in them bring secrets, whoever reads them: dracut's
/// `rd.iscsi.password`, systemd's `systemd.set_credential`.
const SECRET_PARTS: &[&str] = &[
    "apikey",
    "api_key",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "secret",
    "token",
];
/// And names that end like this, such as `temp_url_sig` of object stores.
const SECRET_ENDS: &[&str] = &["_pass", "_pw", "_sig", "signature"];

/// The text with the value of every secret replaced.
///
/// The kernel keeps white space inside double quotes together, Ironic's agents
/// do not know quotes (contract §2.1). A secret is one if either reads it so.
#[must_use]
pub(crate) fn without_secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let blank = rest.len() - rest.trim_start().len();
        let (space, after) = rest.split_at(blank);
        shown.push_str(space);
        let (word, after) = after.split_at(word_length(after));
        shown.push_str(&shown_word(word));
        rest = after;
    }
    shown
}

/// Up to white space outside quotes.
fn word_length(text: &str) -> usize {
    let mut quoted = false;
    text.find(|char: char| {
        quoted ^= char == '"';
        !quoted && char.is_whitespace()
    })
    .unwrap_or(text.len())
}

/// The whole word as the kernel reads it, then each part as Ironic's agents do.
fn shown_word(word: &str) -> String {
    if let Some(masked) = masked(word) {
        return masked;
    }
    word.split_inclusive(char::is_whitespace)
        .map(|piece| {
            let bare = piece.trim_end();
            shown_piece(bare) + &piece[bare.len()..]
        })
        .collect()
}

/// The word without its value if the value is a secret.
fn masked(word: &str) -> Option<String> {
    let (name, _) = word.split_once('=')?;
    is_secret(name.trim_start_matches('"')).then(|| format!("{name}={MASK}"))
}

fn shown_piece(piece: &str) -> String {
    if let Some(masked) = masked(piece) {
        return masked;
    }
    match piece.split_once('=') {
        Some((name, value)) => format!("{name}={}", without_query(&without_user(value))),
        None => without_user(piece),
    }
}

/// Whether a name is that of a secret setting, or looks like one. The kernel
/// takes `-` and `_` for the same.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let secret_setting = SCHEMA.iter().any(|row| {
        row.facts.secret
            && row
                .names
                .word
                .is_some_and(|word| word.replace('-', "_") == name)
    });
    secret_setting
        || name == "pass"
        || SECRET_PARTS.iter().any(|part| name.contains(part))
        || SECRET_ENDS.iter().any(|end| name.ends_with(end))
}

/// Hides `user:password` before an `@`, in URLs and in dracut's `iscsi:` form.
fn without_user(value: &str) -> String {
    let Some((before, host)) = value.rsplit_once('@') else {
        return value.to_owned();
    };
    match before.split_once("//").or_else(|| before.split_once(':')) {
        Some((scheme, _)) => {
            let separator = if before.contains("//") { "//" } else { ":" };
            format!("{scheme}{separator}{MASK}@{host}")
        }
        None => value.to_owned(),
    }
}

/// Hides secret parameters of a URL.
fn without_query(value: &str) -> String {
    let Some((address, query)) = value.split_once('?') else {
        return value.to_owned();
    };
    let shown: Vec<String> = query
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, _)) if is_secret(name) => format!("{name}={MASK}"),
            _ => parameter.to_owned(),
        })
        .collect();
    format!("{address}?{}", shown.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_the_rest_is_as_it_was() {
        for (line, expected) in [
            (
                "BOOT_IMAGE=vmlinuz ro  quiet ip=dhcp",
                "BOOT_IMAGE=vmlinuz ro  quiet ip=dhcp",
            ),
            (
                "a ipa-agent-token=swordfish b",
                "a ipa-agent-token=****** b",
            ),
            ("ipa_agent_token=swordfish", "ipa_agent_token=******"),
            (
                "rd.iscsi.password=swordfish x",
                "rd.iscsi.password=****** x",
            ),
            ("rootpw_pw=\"sword fish\" x", "rootpw_pw=****** x"),
            ("\"password=sword fish\" x", "\"password=****** x"),
            ("password=sword\"f i\"sh x", "password=****** x"),
            ("password=\"sword fish", "password=******"),
            (
                "a=\"b ipa-agent-token=swordfish c\"",
                "a=\"b ipa-agent-token=****** c\"",
            ),
            (
                "ipa-api-url=https://me:swordfish@host/x",
                "ipa-api-url=https://******@host/x",
            ),
            (
                "netroot=iscsi:me:swordfish@192.0.2.1::3260::iqn",
                "netroot=iscsi:******@192.0.2.1::3260::iqn",
            ),
            (
                "root=live:http://h/i?temp_url_sig=swordfish&temp_url_expires=1",
                "root=live:http://h/i?temp_url_sig=******&temp_url_expires=1",
            ),
            (
                "netconsole=4444@10.0.0.1/eth1,9353@10.0.0.2/",
                "netconsole=4444@10.0.0.1/eth1,9353@10.0.0.2/",
            ),
            ("sshkey=\"ssh-ed25519 AAAA\"", "sshkey=\"ssh-ed25519 AAAA\""),
            ("", ""),
        ] {
            assert_eq!(without_secrets(line), expected);
        }
    }

    #[test]
    fn every_secret_setting_is_hidden() {
        let words: Vec<&str> = SCHEMA
            .iter()
            .filter(|row| row.facts.secret)
            .filter_map(|row| row.names.word)
            .collect();
        assert!(words.contains(&"ipa-agent-token"), "{words:?}");
        for word in words {
            let shown = without_secrets(&format!("{word}=swordfish"));
            assert!(!shown.contains("sword"), "{shown}");
        }
    }

    #[test]
    fn no_secret_survives_odd_neighbours() {
        let mut random = crate::inventory::random::Random::new(11);
        let odd = [" ", "\"", "=", "\t", "a", "ä", "\n", "@", ":", "?"];
        let noise = |random: &mut crate::inventory::random::Random| -> String {
            (0..random.below(6))
                .map(|_| odd[random.below(odd.len())])
                .collect()
        };
        for _ in 0..20_000 {
            let (before, after) = (noise(&mut random), noise(&mut random));
            let line = format!("{before} ipa-agent-token=swordfish {after}");
            let shown = without_secrets(&line);
            assert!(!shown.contains("swordfish"), "{line:?} {shown:?}");
        }
    }
}
