// SPDX-License-Identifier: Apache-2.0
//! Lists of numbers as the kernel writes them, `0-3,8`.

/// No machine has more processors; a garbled list shall not cost memory.
const MOST: usize = 1 << 16;

/// The numbers of a list, in its order; `None` if it is none. An empty text is
/// an empty list, as the kernel writes it for a node without processors.
pub(crate) fn numbers(list: &str) -> Option<Vec<u32>> {
    let mut found = Vec::new();
    for range in list.trim().split(',').filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let first: u32 = first.trim().parse().ok()?;
        let last: u32 = last.trim().parse().ok()?;
        let more = usize::try_from(last.checked_sub(first)?).ok()?;
        if found.len() + more >= MOST {
            return None;
        }
        found.extend(first..=last);
    }
    Some(found)
}

/// Numbers as a list; they are in ascending order.
pub(crate) fn list(numbers: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*number) => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let texts: Vec<String> = ranges
        .iter()
        .map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        })
        .collect();
    texts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written() {
        for (text, expected) in [
            ("0-3,8\n", Some(vec![0, 1, 2, 3, 8])),
            ("0", Some(vec![0])),
            ("", Some(vec![])),
            ("3-1", None),
            ("0-4294967295", None),
            ("a", None),
            ("1-", None),
        ] {
            assert_eq!(numbers(text), expected, "{text:?}");
        }
        for text in ["0-3,8", "0", "", "1,3,5-6", "4294967295"] {
            assert_eq!(list(&numbers(text).expect("a list")), text);
        }
    }
}
