// SPDX-License-Identifier: Apache-2.0
//! Digests and checksum files (contract §14.2). Computing digests is not done here.

use crate::image_request::{Digest, DigestAlgorithm};

/// The algorithm Ironic calls by this name in `os_hash_algo`, if this agent computes it.
#[must_use]
pub fn algorithm_named(name: &str) -> Option<DigestAlgorithm> {
    match name.to_ascii_lowercase().as_str() {
        "md5" => Some(DigestAlgorithm::Md5),
        "sha1" => Some(DigestAlgorithm::Sha1),
        "sha224" => Some(DigestAlgorithm::Sha224),
        "sha256" => Some(DigestAlgorithm::Sha256),
        "sha384" => Some(DigestAlgorithm::Sha384),
        "sha512" => Some(DigestAlgorithm::Sha512),
        _ => None,
    }
}

/// The name of an algorithm, as `os_hash_algo` spells it.
#[must_use]
pub fn name_of(algorithm: DigestAlgorithm) -> &'static str {
    match algorithm {
        DigestAlgorithm::Md5 => "md5",
        DigestAlgorithm::Sha1 => "sha1",
        DigestAlgorithm::Sha224 => "sha224",
        DigestAlgorithm::Sha256 => "sha256",
        DigestAlgorithm::Sha384 => "sha384",
        DigestAlgorithm::Sha512 => "sha512",
    }
}

/// The algorithm a bare digest of this many digits comes from. The others can
/// only be named by `os_hash_algo`.
#[must_use]
pub fn algorithm_of_length(digits: usize) -> Option<DigestAlgorithm> {
    match digits {
        32 => Some(DigestAlgorithm::Md5),
        64 => Some(DigestAlgorithm::Sha256),
        128 => Some(DigestAlgorithm::Sha512),
        _ => None,
    }
}

/// Finds the digest of an image in a checksum file.
///
/// Known forms: a single bare digest, `digest  [*]name` as coreutils write it,
/// and `SHA256 (name) = digest` as BSD does. `named` is the algorithm that was
/// asked for, if one was; a contradiction to the digest's length only picks the
/// length's algorithm, because the length cannot lie.
///
/// Of several lines for the image the first counts, but one of the algorithm
/// that was asked for goes before, and MD5 comes last. Digits stay as they are:
/// upper-case ones never match what is computed (contract §14.2).
#[must_use]
pub fn find_in_file(text: &str, image: &str, named: Option<DigestAlgorithm>) -> Option<Digest> {
    // Editors on Windows begin a file with a mark that is no part of it.
    let text = text.trim_start_matches('\u{feff}');
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let (first, second) = (lines.next()?, lines.next());
    if second.is_none() && !first.contains(' ') {
        return digest(first, named);
    }
    let found = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#') && names(line, image))
        .filter_map(|line| digest_at_either_end(line, named));
    found.min_by_key(|digest| {
        let wanted = named == Some(digest.algorithm);
        (!wanted, digest.algorithm == DigestAlgorithm::Md5)
    })
}

/// A word as a digest, if it is one.
fn digest(word: &str, named: Option<DigestAlgorithm>) -> Option<Digest> {
    let by_length = algorithm_of_length(word.len()).filter(|_| is_hex(word))?;
    let algorithm = named
        .filter(|named| digits_of(*named) == word.len())
        .unwrap_or(by_length);
    Some(Digest {
        algorithm,
        hex: word.to_owned(),
    })
}

/// The file name a checksum file would use for an image: the last part of the URL's path.
#[must_use]
pub fn base_name(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    path.rsplit('/').next().unwrap_or(path)
}

fn digits_of(algorithm: DigestAlgorithm) -> usize {
    match algorithm {
        DigestAlgorithm::Md5 => 32,
        DigestAlgorithm::Sha1 => 40,
        DigestAlgorithm::Sha224 => 56,
        DigestAlgorithm::Sha256 => 64,
        DigestAlgorithm::Sha384 => 96,
        DigestAlgorithm::Sha512 => 128,
    }
}

fn names(line: &str, image: &str) -> bool {
    if line.contains(&format!(" ({image}) ")) {
        return true;
    }
    line.strip_suffix(image).is_some_and(|before| {
        before
            .strip_suffix('*')
            .unwrap_or(before)
            .ends_with(char::is_whitespace)
    })
}

fn digest_at_either_end(line: &str, named: Option<DigestAlgorithm>) -> Option<Digest> {
    let mut words = line.split_whitespace();
    let ends = [words.next(), words.next_back()];
    ends.into_iter()
        .flatten()
        .find_map(|word| digest(word, named))
}

fn is_hex(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    const MD5: &str = "098f6bcd4621d373cade4e832627b4f6";

    #[test]
    fn digests_are_found_in_every_known_form() {
        let cases = [
            (format!("{SHA256}\n"), Some(SHA256)),
            (format!("\n  {MD5}\n\n"), Some(MD5)),
            (format!("{SHA256}  disk.qcow2\n"), Some(SHA256)),
            (
                format!("{MD5}  other\n{SHA256} *disk.qcow2\n"),
                Some(SHA256),
            ),
            (format!("SHA256 (disk.qcow2) = {SHA256}\n"), Some(SHA256)),
            (format!("# {SHA256}  disk.qcow2\n{MD5}  x\n"), None),
            (format!("{SHA256}  mydisk.qcow2\n{MD5}  x\n"), None),
            (format!("{SHA256}  disk.qcow2.sig\n"), None),
            (format!("{SHA256}\r\n"), Some(SHA256)),
            (
                format!("# sums\r\n{MD5}  other\r\n{SHA256}  disk.qcow2\r\n"),
                Some(SHA256),
            ),
            (format!("\u{feff}{SHA256}  disk.qcow2\n"), Some(SHA256)),
            (format!("\u{feff}{SHA256}"), Some(SHA256)),
            (format!("{SHA256}\tdisk.qcow2\n{MD5}  x\n"), Some(SHA256)),
            (
                format!("SHA256 (disk.qcow2.asc) = {MD5}\nSHA256 (disk.qcow2) = {SHA256}\n"),
                Some(SHA256),
            ),
            (format!("{SHA256}  dir/disk.qcow2\n{MD5}  x\n"), None),
            (format!("{}  disk.qcow2\n", &SHA256[1..]), None),
            (format!("g{}  disk.qcow2\n", &SHA256[1..]), None),
            ("not a digest\n".to_owned(), None),
            ("abc\n".to_owned(), None),
            (String::new(), None),
        ];
        for (text, expected) in cases {
            let found = find_in_file(&text, "disk.qcow2", None);
            assert_eq!(found.as_ref().map(|d| d.hex.as_str()), expected, "{text:?}");
        }
    }

    #[test]
    fn of_several_lines_the_best_counts() {
        let other = SHA256.replace('9', "8");
        let sha512 = SHA256.repeat(2);
        let text = format!(
            "MD5 (disk) = {MD5}\nSHA256 (disk) = {SHA256}\nSHA256 (disk) = {other}\nSHA512 (disk) = {sha512}\n"
        );
        let cases = [
            (None, SHA256),
            (Some(DigestAlgorithm::Sha256), SHA256),
            (Some(DigestAlgorithm::Sha512), sha512.as_str()),
            (Some(DigestAlgorithm::Md5), MD5),
            (Some(DigestAlgorithm::Sha1), SHA256),
        ];
        for (named, expected) in cases {
            let found = find_in_file(&text, "disk", named).expect("a digest");
            assert_eq!(found.hex, expected, "{named:?}");
        }
        let md5_only = find_in_file(&format!("MD5 (disk) = {MD5}\n"), "disk", None);
        let algorithm = md5_only.map(|digest| digest.algorithm);
        assert_eq!(algorithm, Some(DigestAlgorithm::Md5));
    }

    #[test]
    fn digits_are_not_changed() {
        let upper = SHA256.to_uppercase();
        let found = find_in_file(&upper, "disk", None).expect("a digest");
        assert_eq!(found.hex, upper);
    }

    #[test]
    fn the_length_decides_when_the_name_contradicts_it() {
        let named = |algorithm| find_in_file(SHA256, "x", Some(algorithm)).map(|d| d.algorithm);
        assert_eq!(
            named(DigestAlgorithm::Sha512),
            Some(DigestAlgorithm::Sha256)
        );
        assert_eq!(
            named(DigestAlgorithm::Sha256),
            Some(DigestAlgorithm::Sha256)
        );
    }

    #[test]
    fn file_names_come_from_the_path_of_the_url() {
        let cases = [
            ("http://h/a/disk.qcow2", "disk.qcow2"),
            ("https://h/disk.raw?token=a/b#c", "disk.raw"),
            ("http://h/", ""),
        ];
        for (url, name) in cases {
            assert_eq!(base_name(url), name);
        }
    }

    #[test]
    fn any_text_is_survived() {
        let line = format!("{SHA256} *disk é (disk) = {MD5}\n# x\n");
        for cut in (0..=line.len()).filter(|cut| line.is_char_boundary(*cut)) {
            let _ = find_in_file(&line[..cut], "disk", None);
            if let Some(digest) = find_in_file(&line[cut..], "disk", None) {
                assert!(is_hex(&digest.hex) && algorithm_of_length(digest.hex.len()).is_some());
            }
        }
    }
}
