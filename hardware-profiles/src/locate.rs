// SPDX-License-Identifier: Apache-2.0
//! From a byte offset in a TOML text to the line and the key that stand there.
//!
//! The TOML reader reports offsets and a sentence, but the person who edits the
//! file thinks in keys. This walks the lines instead of the syntax tree, because
//! it must also work where the text could not be parsed.

/// Where something stands in a profile file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The first line is 1.
    pub(crate) line: usize,
    /// The nearest key at or above the offset, with its table.
    pub(crate) field: String,
}

/// The place of the byte at `offset`; an offset past the end means the last line.
pub(crate) fn locate(text: &str, offset: usize) -> Place {
    let mut table = "";
    let mut key = "";
    let mut start = 0;
    let mut line = 0;
    for raw in text.split_inclusive('\n') {
        if line > 0 && start > offset {
            break;
        }
        line += 1;
        start += raw.len();
        let content = raw.trim();
        if content.starts_with('[') && !content.ends_with(',') && key_of(content).is_none() {
            if let Some(header) = table_of(content) {
                table = header;
                key = "";
            }
        } else if let Some(name) = key_of(content) {
            key = name;
        }
    }
    let field = [table, key]
        .iter()
        .filter(|part| !part.is_empty())
        .copied()
        .collect::<Vec<_>>()
        .join(".");
    let field = if field.is_empty() {
        "top level".to_owned()
    } else {
        field
    };
    Place {
        line: line.max(1),
        field,
    }
}

/// `[match]` and `[[drivers.group]]`, also with a comment behind.
fn table_of(line: &str) -> Option<&str> {
    let inner = line.split('#').next()?.trim();
    let inner = inner.strip_prefix('[')?.strip_suffix(']')?;
    let inner = inner
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(inner);
    is_key(inner.trim()).then(|| inner.trim())
}

fn key_of(line: &str) -> Option<&str> {
    let key = line.split_once('=')?.0.trim();
    is_key(key).then_some(key)
}

fn is_key(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
name = \"x\"

[match]   # all must fit
system_product = [
    \"a\",
    \"b=c\",
]

[[drivers.group]]
load = \"never\"
";

    #[test]
    fn names_line_and_field() {
        for (needle, line, field) in [
            ("\"x\"", 1, "name"),
            ("[match]", 3, "match"),
            ("\"a\"", 5, "match.system_product"),
            ("\"b=c\"", 6, "match.system_product"),
            ("[[drivers", 9, "drivers.group"),
            ("\"never\"", 10, "drivers.group.load"),
        ] {
            let offset = TEXT
                .find(needle)
                .unwrap_or_else(|| panic!("{needle} is in the text"));
            assert_eq!(
                locate(TEXT, offset),
                Place {
                    line,
                    field: field.to_owned()
                },
                "{needle}"
            );
        }
    }

    #[test]
    fn odd_offsets_and_texts() {
        assert_eq!(
            locate("", 7),
            Place {
                line: 1,
                field: "top level".to_owned()
            }
        );
        assert_eq!(locate(TEXT, usize::MAX).line, 10);
        assert_eq!(locate("[[[", 0).line, 1);
    }
}
