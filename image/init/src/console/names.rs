// SPDX-License-Identifier: Apache-2.0
//! Which consoles there are. Pure.

use crate::cmdline::CommandLine;

/// A terminal that gets every line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Console {
    /// Its name in `/dev`.
    pub name: String,
    /// Whether the kernel writes its own messages there.
    pub has_kernel_messages: bool,
    /// Bits per second, if the command line says so.
    pub speed: Option<u32>,
}

/// The consoles of `/sys/class/tty/console/active` (those the kernel writes to) and those of the
/// command line that the kernel left out; if there is none at all, the screen.
pub fn consoles(active: &str, command_line: &CommandLine) -> Vec<Console> {
    let mut found = Vec::new();
    for name in active.split_whitespace() {
        add(&mut found, name, true, None);
    }
    for (name, options) in command_line.consoles() {
        add(&mut found, name, false, speed(options));
    }
    if found.is_empty() {
        add(&mut found, "tty0", false, None);
    }
    found
}

fn add(found: &mut Vec<Console>, name: &str, has_kernel_messages: bool, speed: Option<u32>) {
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    // `console=null` asks for none; ttynull is its driver.
    let none = matches!(name, "" | "null" | "ttynull");
    if !plain || none || found.iter().any(|console| console.name == name) {
        return;
    }
    found.push(Console {
        name: name.to_owned(),
        has_kernel_messages,
        speed,
    });
}

/// The speed in `115200n8` (Documentation/admin-guide/serial-console.rst).
fn speed(options: &str) -> Option<u32> {
    let end = options
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(options.len());
    options.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_first_then_command_line() {
        for (active, words, expected) in [
            (
                "tty0 ttyS0\n",
                "console=tty0 console=ttyS0,9600",
                &["tty0 kernel", "ttyS0 kernel"][..],
            ),
            (
                "tty0 ttyS1\n",
                "console=ttyS0,115200n8 console=ttyS1",
                &["tty0 kernel", "ttyS1 kernel", "ttyS0 115200"],
            ),
            (
                "",
                "console=tty0 console=ttyS1 console=tty0",
                &["tty0", "ttyS1"],
            ),
            ("\n", "quiet", &["tty0"]),
            ("", "console=../mem console= console=null", &["tty0"]),
            ("", "console=uart8250,io,0x3f8", &["uart8250"]),
        ] {
            let found: Vec<String> = consoles(active, &CommandLine::parse(words))
                .iter()
                .map(|console| {
                    let kernel = if console.has_kernel_messages {
                        " kernel"
                    } else {
                        ""
                    };
                    let speed = console.speed.map(|speed| format!(" {speed}"));
                    format!("{}{kernel}{}", console.name, speed.unwrap_or_default())
                })
                .collect();
            assert_eq!(found, expected, "{active:?} {words}");
        }
    }
}
