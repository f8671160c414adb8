// SPDX-License-Identifier: Apache-2.0
//! The log archive Ironic keeps of an inspection or a failed step (contract
//! §22): a tar.gz in base64, with members named as Ironic's operators know them.
//!
//! Gathering is done by `ironseed-machine`; the tables that other agents get
//! from external programs are written here from the snapshot.

mod tables;

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

pub use tables::{
    BootVariables, FileSystemUse, Process, efi_entries, file_systems, kernel_record, links, mounts,
    problems, processes, tree_of_blocks,
};

/// No member is larger; of longer ones the end is kept, where the news is.
pub const LARGEST_MEMBER: usize = 4 << 20;

/// One file of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Name in the archive, `dmesg`.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
}

impl Member {
    /// A member of this text, without the agent token.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            bytes: masked(text.into()),
        }
    }
}

/// The word that brings the agent token (contract §2.3). The kernel logs its
/// whole command line, so the token stands in every `dmesg`.
const TOKEN_WORD: &[u8] = b"ipa-agent-token=";

/// The text with every value of the token word as `*`, length kept.
fn masked(mut text: Vec<u8>) -> Vec<u8> {
    let mut from = 0;
    while let Some(at) = position(&text[from..], TOKEN_WORD) {
        from += at + TOKEN_WORD.len();
        while let Some(byte) = text
            .get_mut(from)
            .filter(|byte| !b" \t\n\r\"'".contains(byte))
        {
            *byte = b'*';
            from += 1;
        }
    }
    text
}

fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len())
        .position(|window| window == wanted)
}

/// The last `lines` lines of a log, all of it without a limit.
#[must_use]
pub fn last_lines(text: &str, lines: Option<usize>) -> &str {
    let Some(lines) = lines else {
        return text;
    };
    let body = text.strip_suffix('\n').unwrap_or(text);
    let cut = body
        .rmatch_indices('\n')
        .nth(lines.saturating_sub(1))
        .map_or(0, |(at, _)| at + 1);
    if lines == 0 { "" } else { &text[cut..] }
}

/// Packs the members; `unix_time` is the time they are marked with, in seconds.
///
/// # Errors
/// A member's name is longer than tar allows.
pub fn pack(members: &[Member], unix_time: u64) -> std::io::Result<String> {
    // Inspection waits for this: a quick archive beats a small one.
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for member in members {
        let bytes = bounded(&member.bytes);
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(unix_time);
        archive.append_data(&mut header, &member.name, bytes.as_ref())?;
    }
    let mut gzip = archive.into_inner()?;
    gzip.flush()?;
    Ok(STANDARD.encode(gzip.finish()?))
}

fn bounded(bytes: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    let Some(cut) = bytes
        .len()
        .checked_sub(LARGEST_MEMBER)
        .filter(|cut| *cut > 0)
    else {
        return bytes.into();
    };
    let mut kept = format!("[the first {cut} bytes were cut off]\n").into_bytes();
    kept.extend_from_slice(&bytes[cut..]);
    kept.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn unpacked(archive: &str) -> Vec<(String, Vec<u8>, u64)> {
        let bytes = STANDARD.decode(archive).expect("base64");
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        archive
            .entries()
            .expect("entries")
            .map(|entry| {
                let mut entry = entry.expect("an entry");
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).expect("read");
                let name = entry.path().expect("a name").display().to_string();
                (name, bytes, entry.header().mtime().expect("a time"))
            })
            .collect()
    }

    #[test]
    fn the_token_never_leaves_the_machine() {
        let cases = [
            ("a ipa-agent-token=secret b", "a ipa-agent-token=****** b"),
            (
                "ipa-agent-token=x\nipa-agent-token=yz",
                "ipa-agent-token=*\nipa-agent-token=**",
            ),
            (
                "ipa-agent-token= \"ipa-agent-token=q\"",
                "ipa-agent-token= \"ipa-agent-token=*\"",
            ),
            ("no token here", "no token here"),
        ];
        for (text, expected) in cases {
            let bytes = Member::new("dmesg", text).bytes;
            assert_eq!(String::from_utf8_lossy(&bytes), expected);
        }
    }

    #[test]
    fn what_is_packed_comes_out_again() {
        let members = [
            Member::new("dmesg", "[    0.000000] Linux\n"),
            Member::new("udev/sda", vec![0, 1, 255]),
            Member::new("empty", ""),
        ];
        let packed = pack(&members, 1_700_000_000).expect("packed");
        let found = unpacked(&packed);
        assert_eq!(found.len(), 3);
        for (member, (name, bytes, time)) in members.iter().zip(found) {
            assert_eq!((&member.name, &member.bytes), (&name, &bytes));
            assert_eq!(time, 1_700_000_000);
        }
        assert_eq!(packed, pack(&members, 1_700_000_000).expect("packed"));
    }

    #[test]
    fn of_a_long_log_the_end_is_kept() {
        let mut text = vec![b'a'; LARGEST_MEMBER];
        text.extend(b"the end");
        let found = unpacked(&pack(&[Member::new("log", text)], 0).expect("packed"));
        let (_, bytes, _) = &found[0];
        assert!(bytes.starts_with(b"[the first 7 bytes were cut off]\n"));
        assert!(bytes.ends_with(b"the end"));
    }

    #[test]
    fn the_last_lines_are_whole_lines() {
        for (text, lines, expected) in [
            ("a\nb\nc\n", Some(2), "b\nc\n"),
            ("a\nb\nc", Some(2), "b\nc"),
            ("a\nb\n", Some(5), "a\nb\n"),
            ("a\nb\n", Some(0), ""),
            ("a\nb\n", None, "a\nb\n"),
            ("", Some(3), ""),
        ] {
            assert_eq!(last_lines(text, lines), expected, "{text:?} {lines:?}");
        }
    }
}
