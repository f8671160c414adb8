// SPDX-License-Identifier: Apache-2.0
//! The URLs that images come from: which kind one is, and how it may be shown.
//!
//! A URL can carry a login before its host and a token in its query, and what
//! is shown ends in logs, on screens and in Ironic's database.

use percent_encoding::percent_decode_str;

/// What serves a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `http://` and `https://`: a web server.
    Http,
    /// `file:///path`: a file of this machine, on a medium that is mounted.
    File,
    /// `oci://` and `oci+http://`: a registry of the OCI distribution specification.
    Registry,
}

/// What a URL is served by; `None` if it is no URL that images can come from.
#[must_use]
pub fn scheme(url: &str) -> Option<Scheme> {
    let (scheme, _) = url.split_once("://")?;
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => Some(Scheme::Http),
        "file" => Some(Scheme::File),
        "oci" | "oci+http" => Some(Scheme::Registry),
        _ => None,
    }
}

/// The path that a `file:` URL names, decoded; `None` if it names another
/// machine's file or none (RFC 8089).
#[must_use]
pub fn path_of_file(url: &str) -> Option<String> {
    let rest = url.split_once("://").map(|(_, rest)| rest)?;
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') || path.contains(['?', '#']) {
        return None;
    }
    let path = percent_decode_str(path).decode_utf8().ok()?;
    (!path.contains('\0')).then(|| path.into_owned())
}

/// A URL without what may be secret in it: login, query and fragment.
#[must_use]
pub fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return without_query(url);
    };
    // Clients ignore further slashes: http:///user@host is a login, too.
    let rest = match scheme.eq_ignore_ascii_case("file") {
        true => rest,
        false => rest.trim_start_matches(['/', '\\']),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = match authority.rsplit_once('@') {
        Some((_, host)) => format!("***@{host}"),
        None => authority.to_owned(),
    };
    format!("{scheme}://{host}{}", without_query(path))
}

fn without_query(text: &str) -> String {
    match text.find(['?', '#']) {
        Some(at) => format!("{}?***", &text[..at]),
        None => text.to_owned(),
    }
}

/// A text whose URLs are shown as [`shown`] does.
#[must_use]
pub fn shown_in(text: &str) -> String {
    let words: Vec<String> = text
        .split(' ')
        .map(|word| match word.contains("://") {
            true => shown(word),
            false => word.to_owned(),
        })
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_says_who_serves() {
        let cases = [
            ("http://h/x", Some(Scheme::Http)),
            ("HTTPS://h/x", Some(Scheme::Http)),
            ("file:///x", Some(Scheme::File)),
            ("oci://h/r:t", Some(Scheme::Registry)),
            ("oci+http://h/r:t", Some(Scheme::Registry)),
            ("ftp://h/x", None),
            ("http:/x", None),
            ("sha256:00", None),
            ("", None),
        ];
        for (url, expected) in cases {
            assert_eq!(scheme(url), expected, "{url}");
        }
    }

    #[test]
    fn file_urls_have_paths_of_this_machine() {
        let cases = [
            ("file:///a/b.raw", Some("/a/b.raw")),
            ("file://localhost/a", Some("/a")),
            ("FILE:///a%20b", Some("/a b")),
            ("file:///a%00b", None),
            ("file:///a%ff", None),
            ("file:///a?b", None),
            ("file://host/a", None),
            ("file://a", None),
            ("file://", None),
        ];
        for (url, expected) in cases {
            assert_eq!(path_of_file(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn secrets_in_urls_are_not_shown() {
        let cases = [
            ("http://h/a/b", "http://h/a/b"),
            ("http://user:hush@h:8080/a", "http://***@h:8080/a"),
            ("http://user:hu@sh@h/a", "http://***@h/a"),
            ("http:///user:hush@h/a", "http://***@h/a"),
            ("https://h/a?sig=hush", "https://h/a?***"),
            ("https://h?hush", "https://h?***"),
            ("https://h/a#hush", "https://h/a?***"),
            ("https://h/a?x@hush/b", "https://h/a?***"),
            ("file:///a/b", "file:///a/b"),
            ("oci://h/r@sha256:00", "oci://h/r@sha256:00"),
            ("/path?hush", "/path?***"),
        ];
        for (url, expected) in cases {
            assert_eq!(shown(url), expected);
        }
        assert_eq!(
            shown_in("no for url (ftp://u:hush@h/x?hush) and nothing else"),
            "no for url (ftp://***@h/x?*** and nothing else"
        );
    }
}
