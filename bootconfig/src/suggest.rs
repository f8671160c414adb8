// SPDX-License-Identifier: Apache-2.0
//! "Did you mean …?" for names that nobody knows.

/// The candidate nearest to `name`, if it is near enough to be meant.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = folded(name);
    // One slip in three letters is a typing error (two exchanged letters count
    // as two), more is another word.
    let farthest = (wanted.len() / 3).clamp(1, 3);
    // A name from outside can be long; the distance takes time by its length.
    if wanted.len() > 64 {
        return None;
    }
    candidates
        .map(|candidate| (distance(&wanted, &folded(candidate)), candidate))
        .filter(|(steps, _)| *steps <= farthest)
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, candidate)| candidate)
}

/// Case and the choice of dash or underscore are one and the same mistake.
fn folded(name: &str) -> Vec<char> {
    let name = name.to_ascii_lowercase().replace('_', "-");
    name.chars().collect()
}

/// Levenshtein distance: insertions, deletions and replacements.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        let mut next = vec![before];
        for (b, &above) in right.iter().zip(row.iter().skip(1)) {
            let replaced = diagonal + usize::from(a != b);
            before = replaced.min(above + 1).min(before + 1);
            next.push(before);
            diagonal = above;
        }
        row = next;
    }
    row.last().copied().unwrap_or(left.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let names = ["ipa-api-url", "ipa-insecure", "ipa-debug", "BOOTIF"];
        let cases = [
            ("ipa-api-urls", Some("ipa-api-url")),
            ("ipa_api_url", Some("ipa-api-url")),
            ("IPA-API-URL", Some("ipa-api-url")),
            ("ipa-insecur", Some("ipa-insecure")),
            ("ipa-dbeug", Some("ipa-debug")),
            ("bootif", Some("BOOTIF")),
            ("ipa-something-else", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(nearest(name, names.iter().copied()), expected, "{name}");
        }
        assert_eq!(nearest(&"x".repeat(10_000), names.iter().copied()), None);
    }
}
