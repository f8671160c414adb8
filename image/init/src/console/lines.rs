// SPDX-License-Identifier: Apache-2.0
//! From bytes of a pipe to lines for a terminal. Pure.

use std::time::Duration;

/// A line longer than this many bytes is shown as several.
const LONGEST: usize = 1024;

/// Cuts a stream of bytes into lines.
#[derive(Debug, Default)]
pub struct LineCutter {
    rest: Vec<u8>,
}

impl LineCutter {
    /// Takes the next bytes; the lines that are complete now, without their ends.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for byte in bytes {
            if *byte == b'\n' {
                lines.push(self.take());
                continue;
            }
            if self.rest.len() == LONGEST {
                lines.push(self.take());
            }
            self.rest.push(*byte);
        }
        lines
    }

    /// What is left when no more bytes come: a last line without an end.
    pub fn finish(&mut self) -> Option<String> {
        (!self.rest.is_empty()).then(|| self.take())
    }

    fn take(&mut self) -> String {
        let line = String::from_utf8_lossy(&self.rest).into_owned();
        self.rest.clear();
        line
    }
}

/// The line as it is shown: with the time since the kernel started, and without characters that
/// would move the cursor or change the terminal.
pub fn stamped(time: Duration, text: &str) -> String {
    let shown: String = text
        .trim_end_matches('\r')
        .chars()
        .map(|c| if c.is_control() && c != '\t' { '?' } else { c })
        .collect();
    format!(
        "[{:>5}.{:03}] {shown}",
        time.as_secs(),
        time.subsec_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_over_several_reads() {
        let mut cutter = LineCutter::default();
        assert_eq!(cutter.push(b"on"), [""; 0]);
        assert_eq!(cutter.push(b"e\n\ntw"), ["one", ""]);
        assert_eq!(cutter.finish().as_deref(), Some("tw"));
        assert_eq!(cutter.finish(), None);
    }

    #[test]
    fn long_lines_are_cut() {
        let mut cutter = LineCutter::default();
        let lines = cutter.push(&[b'x'; LONGEST * 2 + 1]);
        assert_eq!(
            lines.iter().map(String::len).collect::<Vec<_>>(),
            [LONGEST, LONGEST]
        );
        assert_eq!(cutter.push(b"\n"), ["x"]);
    }

    #[test]
    fn stamps() {
        let time = Duration::from_millis(12_345);
        assert_eq!(stamped(time, "a\tb\x1b[2J\r"), "[   12.345] a\tb?[2J");
    }

    #[test]
    fn any_bytes_split_anywhere_give_the_same_lines() {
        let mut random = crate::testing::Random::new(9);
        for _ in 0..500 {
            let bytes = random.bytes(b"ab\n\r\x1b\xc3\xa4\xff\0", 60);
            let mut whole = LineCutter::default();
            let mut expected = whole.push(&bytes);
            expected.extend(whole.finish());
            let mut pieces = LineCutter::default();
            let at = random.below(bytes.len() + 1);
            let mut lines = pieces.push(&bytes[..at]);
            lines.extend(pieces.push(&bytes[at..]));
            lines.extend(pieces.finish());
            assert_eq!(lines, expected);
            assert!(
                lines
                    .iter()
                    .all(|line| !stamped(Duration::ZERO, line).contains(['\x1b', '\0', '\r']))
            );
        }
    }
}
