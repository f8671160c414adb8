// SPDX-License-Identifier: Apache-2.0
//! The build machine's own apt sources, rewritten for the image: the same mirrors, one
//! architecture, with the firmware component. Both formats of sources.list(5) are read.
//!
//! Only Debian's own key is accepted, so a source of somebody else cannot slip a
//! kernel in.

use std::fmt::Write;

/// Components the image takes packages from.
const COMPONENTS: &str = "main non-free-firmware";

/// The key that signs Debian's archives.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// One archive: a mirror and the suites it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Source {
    uris: Vec<String>,
    suites: Vec<String>,
}

/// The private source list for an architecture (Debian's name of it), from the texts of the machine's files
/// (name and content). `None` if no file names an archive of the release.
///
/// Backports are left out: their newer firmware and kernels are not what Debian's
/// security team follows.
#[must_use]
pub fn private_list(
    files: &[(String, String)],
    release: &str,
    architecture: &str,
) -> Option<String> {
    let mut sources: Vec<Source> = Vec::new();
    for (name, text) in files {
        let found = if name.ends_with(".sources") {
            stanzas(text)
        } else {
            lines(text)
        };
        for mut source in found {
            source.suites.retain(|suite| is_wanted(suite, release));
            if !source.suites.is_empty() && !sources.contains(&source) {
                sources.push(source);
            }
        }
    }
    let mut list = String::new();
    for source in &sources {
        let _ = write!(
            list,
            "Types: deb\nURIs: {}\nSuites: {}\nComponents: {COMPONENTS}\nArchitectures: {architecture}\n\
             Signed-By: {KEYRING}\n\n",
            source.uris.join(" "),
            source.suites.join(" "),
        );
    }
    (!list.is_empty()).then_some(list)
}

/// The release's name in os-release(5).
#[must_use]
pub fn release(os_release: &str) -> Option<&str> {
    let value = os_release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    let value = value.trim_matches('"');
    (!value.is_empty()).then_some(value)
}

fn is_wanted(suite: &str, release: &str) -> bool {
    ["", "-updates", "-security"]
        .iter()
        .any(|end| suite == format!("{release}{end}"))
}

/// The deb822 format: stanzas of fields, continued by a leading blank.
fn stanzas(text: &str) -> Vec<Source> {
    let mut stanzas: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let last = stanzas.len() - 1;
        if line.trim().is_empty() {
            stanzas.push(Vec::new());
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = stanzas[last].last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((key, value)) = line.split_once(':') {
            stanzas[last].push((key.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    stanzas
        .iter()
        .filter_map(|stanza| from_fields(stanza))
        .collect()
}

fn from_fields(fields: &[(String, String)]) -> Option<Source> {
    let field = |name: &str| {
        fields
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    let words = |name: &str| {
        field(name)
            .unwrap_or("")
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let is_on = !field("enabled").is_some_and(|value| value.eq_ignore_ascii_case("no"));
    let usable = is_on
        && is_debians(field("signed-by"))
        && words("types").iter().any(|kind| kind == "deb")
        && words("components")
            .iter()
            .any(|component| component == "main");
    usable.then(|| Source {
        uris: words("uris"),
        suites: words("suites"),
    })
}

/// The one-line format: `deb [options] uri suite component...`.
fn lines(text: &str) -> Vec<Source> {
    text.lines().filter_map(from_line).collect()
}

fn from_line(line: &str) -> Option<Source> {
    let line = line.split('#').next()?.trim();
    let mut rest = line.strip_prefix("deb")?;
    if !rest.starts_with([' ', '\t']) {
        return None;
    }
    let mut signed_by = None;
    if let Some(options) = rest.trim_start().strip_prefix('[') {
        let (options, after) = options.split_once(']')?;
        signed_by = options
            .split_whitespace()
            .find_map(|option| option.strip_prefix("signed-by="));
        rest = after;
    }
    let mut words = rest.split_whitespace();
    let (uri, suite) = (words.next()?, words.next()?);
    let usable = is_debians(signed_by) && words.any(|component| component == "main");
    usable.then(|| Source {
        uris: vec![uri.to_owned()],
        suites: vec![suite.to_owned()],
    })
}

/// A source that names another key is not Debian's.
fn is_debians(signed_by: Option<&str>) -> bool {
    signed_by.is_none_or(|key| key.contains("debian-archive"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files of a Debian 12 container with two foreign sources added.
    const DEB822: &str = "\
Types: deb
# http://snapshot.debian.org/archive/debian/20250520T000000Z
URIs: http://mirror.example.org/debian
Suites: bookworm bookworm-updates
 bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb deb-src
URIs: http://mirror.example.org/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: http://mirror.example.org/off
Suites: bookworm
Components: main
Enabled: no

Types: deb
URIs: https://download.example.org/debian
Suites: bookworm
Components: main
Signed-By: /usr/share/keyrings/example.gpg
";

    const EXPECTED: &str = "\
Types: deb
URIs: http://mirror.example.org/debian
Suites: bookworm bookworm-updates
Components: main non-free-firmware
Architectures: arm64
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example.org/debian-security
Suites: bookworm-security
Components: main non-free-firmware
Architectures: arm64
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

";

    fn list(files: &[(&str, &str)], architecture: &str) -> Option<String> {
        let files: Vec<_> = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        private_list(&files, "bookworm", architecture)
    }

    #[test]
    fn deb822_sources() {
        assert_eq!(
            list(&[("debian.sources", DEB822)], "arm64").as_deref(),
            Some(EXPECTED)
        );
    }

    #[test]
    fn one_line_sources() {
        let text = "# comment\ndeb-src http://a/debian bookworm main\n\
            deb [arch=amd64 signed-by=/usr/share/keyrings/other.gpg] http://b/debian bookworm main\n\
            deb https://c/debian nodistro main\ndeb http://d/debian bookworm stable\n\
            deb [arch=amd64] http://mirror.example.org/debian/ bookworm main contrib # ours\n";
        let found =
            list(&[("sources.list", text), ("again.list", text)], "amd64").unwrap_or_default();
        assert_eq!(found.matches("URIs:").count(), 1, "{found}");
        assert!(
            found.contains("URIs: http://mirror.example.org/debian/\nSuites: bookworm\n"),
            "{found}"
        );
    }

    #[test]
    fn no_archive_of_the_release() {
        for text in [
            "",
            "deb",
            "deb [x",
            "deb http://a",
            "deb http://a/debian trixie main",
        ] {
            assert_eq!(list(&[("sources.list", text)], "amd64"), None, "{text:?}");
        }
    }

    #[test]
    fn the_release_of_the_machine() {
        assert_eq!(
            release("ID=debian\nVERSION_CODENAME=bookworm\n"),
            Some("bookworm")
        );
        assert_eq!(release("VERSION_CODENAME=\"\"\n"), None);
        assert_eq!(release("ID=other\n"), None);
    }
}
