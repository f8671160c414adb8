// SPDX-License-Identifier: Apache-2.0
//! Which consoles there are. Pure.

use crate::cmdline::CommandLine;

/// Names of terminals in `/dev`, from the contents of `/sys/class/tty/console/active` (the
/// consoles the kernel really writes to), or else from the command line, or else the screen.
pub fn consoles(active: &str, command_line: &CommandLine) -> Vec<String> {
    let from_kernel = unique(active.split_whitespace().map(str::to_owned));
    if !from_kernel.is_empty() {
        return from_kernel;
    }
    let from_words = unique(command_line.consoles());
    if from_words.is_empty() {
        return vec!["tty0".to_owned()];
    }
    from_words
}

fn unique(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut kept = Vec::new();
    for name in names {
        let plain = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if plain && !name.is_empty() && !kept.contains(&name) {
            kept.push(name);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_in_order() {
        for (active, words, expected) in [
            ("tty0 ttyS0\n", "console=ttyS5", &["tty0", "ttyS0"][..]),
            (
                "",
                "console=tty0 console=ttyS1,115200 console=tty0",
                &["tty0", "ttyS1"],
            ),
            ("\n", "quiet", &["tty0"]),
            ("", "console=../mem console=", &["tty0"]),
        ] {
            assert_eq!(
                consoles(active, &CommandLine::parse(words)),
                expected,
                "{active:?} {words}"
            );
        }
    }
}
