// SPDX-License-Identifier: Apache-2.0
//! The metalbox by its names: the line OSISM's image keeps in `/etc/hosts`
//! (hosts(5)), because Ironic's URLs there name it.

use std::net::IpAddr;

/// The names.
const NAMES: [&str; 2] = ["metalbox.osism.xyz", "metalbox"];

/// The file with the metalbox's line: in place of lines that give one of its
/// names to another address, else at the end.
#[must_use]
pub fn with_metalbox(file: &str, address: IpAddr) -> String {
    let names_it = |line: &str| {
        let words = line.split('#').next().unwrap_or_default();
        let mut names = words.split_whitespace().skip(1);
        names.any(|name| NAMES.contains(&name))
    };
    let mut lines: Vec<String> = file
        .lines()
        .filter(|line| !names_it(line))
        .map(str::to_owned)
        .collect();
    lines.push(format!("{address} {}", NAMES.join(" ")));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_there_once() {
        let address = IpAddr::from([10, 42, 0, 1]);
        let line = "10.42.0.1 metalbox.osism.xyz metalbox\n";
        let cases = [
            ("", line.to_owned()),
            (
                "127.0.0.1 localhost\n# metalbox\nfd33::42 metalbox\n::1 localhost # metalbox",
                format!("127.0.0.1 localhost\n# metalbox\n::1 localhost # metalbox\n{line}"),
            ),
            (
                "10.9.9.9 metalbox2\n",
                format!("10.9.9.9 metalbox2\n{line}"),
            ),
        ];
        for (file, expected) in cases {
            assert_eq!(with_metalbox(file, address), expected);
            assert_eq!(with_metalbox(&expected, address), expected);
        }
    }
}
