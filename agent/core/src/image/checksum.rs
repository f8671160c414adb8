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
#[must_use]
pub fn find_in_file(text: &str, image: &str, named: Option<DigestAlgorithm>) -> Option<Digest> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let (first, second) = (lines.next()?, lines.next());
    let digits = if second.is_none() && !first.contains(' ') {
        is_digest(first).then_some(first)
    } else {
        text.lines()
            .map(str::trim)
            .filter(|line| !line.starts_with('#') && names(line, image))
            .find_map(digest_at_either_end)
    }?;
    let by_length = algorithm_of_length(digits.len())?;
    let algorithm = named
        .filter(|named| digits_of(*named) == digits.len())
        .unwrap_or(by_length);
    Some(Digest {
        algorithm,
        hex: digits.to_owned(),
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

fn digest_at_either_end(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let first = words.next()?;
    [Some(first), words.next_back()]
        .into_iter()
        .flatten()
        .find(|word| is_digest(word))
}

fn is_digest(word: &str) -> bool {
    algorithm_of_length(word.len()).is_some() && word.bytes().all(|b| b.is_ascii_hexdigit())
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
                assert!(is_digest(&digest.hex));
            }
        }
    }
}
