// SPDX-License-Identifier: Apache-2.0
//! The image's two kinds of module configuration: `/etc/modprobe.d/*.conf` (only `blacklist NAME`
//! is understood, see modprobe.d(5)) and `/etc/modules-load.d/*.conf` (a name per line, see
//! modules-load.d(5)). Pure.

/// The blacklisted names, with `_`.
pub fn blacklisted(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("blacklist"), Some(name)) => Some(super::canonical(name)),
            _ => None,
        }
    })
}

/// The names to load in any case, with `_`, in order.
pub fn wanted(text: &str) -> impl Iterator<Item = String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with(['#', ';']))
        .map(super::canonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blacklist() {
        let text = "# no\nblacklist efi-pstore\n  blacklist  x # why\nblacklist\noptions a b=1\n#blacklist y\n";
        assert_eq!(blacklisted(text).collect::<Vec<_>>(), ["efi_pstore", "x"]);
    }

    #[test]
    fn modules_load() {
        let text = "# first\nefivarfs\n\n; no\n dm-mod \n";
        assert_eq!(wanted(text).collect::<Vec<_>>(), ["efivarfs", "dm_mod"]);
    }
}
