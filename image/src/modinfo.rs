// SPDX-License-Identifier: Apache-2.0
//! What a kernel module says about itself: the `.modinfo` section, a run of
//! NUL-terminated `key=value` strings (include/linux/moduleparam.h, `MODULE_INFO`).

/// The parts of `.modinfo` that decide what goes into the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Modinfo {
    /// Names of the modules whose symbols it uses, canonical.
    pub depends: Vec<String>,
    /// Names or aliases to be loaded before it.
    pub soft_before: Vec<String>,
    /// Names or aliases to be loaded after it.
    pub soft_after: Vec<String>,
    /// Patterns that device and algorithm names are matched with.
    pub aliases: Vec<String>,
    /// Firmware files it may ask for, relative to /lib/firmware.
    pub firmware: Vec<String>,
}

impl Modinfo {
    /// Reads the content of a `.modinfo` section. Entries of other keys and entries
    /// that are not UTF-8 are passed over: nothing here depends on them.
    #[must_use]
    pub fn parse(section: &[u8]) -> Self {
        let mut info = Self::default();
        for (key, value) in entries(section) {
            info.add(key, value);
        }
        info
    }

    fn add(&mut self, key: &str, value: &str) {
        match key {
            "depends" => self.depends.extend(
                value
                    .split(',')
                    .filter(|name| !name.is_empty())
                    .map(canonical),
            ),
            "alias" => self.aliases.push(value.to_owned()),
            "firmware" => self.firmware.push(value.to_owned()),
            "softdep" => self.add_softdep(value),
            _ => {}
        }
    }

    /// `pre: a b post: c`; names before the first marker are ignored, as kmod does.
    fn add_softdep(&mut self, value: &str) {
        let mut list: Option<&mut Vec<String>> = None;
        for word in value.split_whitespace() {
            match word {
                "pre:" => list = Some(&mut self.soft_before),
                "post:" => list = Some(&mut self.soft_after),
                name => {
                    if let Some(list) = list.as_mut() {
                        list.push(name.to_owned());
                    }
                }
            }
        }
    }
}

/// The aliases of everything built into the kernel, from `modules.builtin.modinfo`:
/// the same strings with the module's name and a dot in front.
#[must_use]
pub fn builtin_aliases(file: &[u8]) -> Vec<String> {
    let names = entries(file)
        .filter_map(|(key, value)| (key.rsplit('.').next()? == "alias").then_some(value));
    names.map(str::to_owned).collect()
}

/// A module's name as the running kernel writes it: file names may have dashes.
#[must_use]
pub fn canonical(name: &str) -> String {
    name.replace('-', "_")
}

fn entries(bytes: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    bytes
        .split(|&byte| byte == 0)
        .filter_map(|entry| std::str::from_utf8(entry).ok()?.split_once('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    /// The entries of Debian's btrfs.ko and nvme.ko of 6.12.117, shortened.
    #[test]
    fn reads_what_real_modules_say() {
        let btrfs =
            b"softdep=pre: blake2b-256\0softdep=pre: crypto-crc32c post: x\0\0\0license=GPL\0\
            alias=devname:btrfs-control\0alias=fs-btrfs\0depends=xor,raid6_pq,libcrc32c\0intree=Y\0\
            vermagic=6.12.117+deb12-amd64 SMP preempt mod_unload modversions \0";
        let expected = Modinfo {
            depends: texts(&["xor", "raid6_pq", "libcrc32c"]),
            soft_before: texts(&["blake2b-256", "crypto-crc32c"]),
            soft_after: texts(&["x"]),
            aliases: texts(&["devname:btrfs-control", "fs-btrfs"]),
            firmware: Vec::new(),
        };
        assert_eq!(Modinfo::parse(btrfs), expected);
        assert_eq!(
            Modinfo::parse(b"depends=nvme-core,nvme-auth").depends,
            texts(&["nvme_core", "nvme_auth"])
        );
        assert_eq!(Modinfo::parse(b"depends=\0"), Modinfo::default());
    }

    #[test]
    fn softdeps_without_a_marker_mean_nothing() {
        for (text, before, after) in [
            (&b"softdep=gcm"[..], vec![], vec![]),
            (b"softdep=pre:", vec![], vec![]),
            (
                b"softdep=post: a b pre: c",
                texts(&["c"]),
                texts(&["a", "b"]),
            ),
        ] {
            let info = Modinfo::parse(text);
            assert_eq!((info.soft_before, info.soft_after), (before, after));
        }
    }

    #[test]
    fn built_in_aliases_lose_the_name_in_front() {
        let file =
            b"sha256_generic.alias=crypto-sha256\0sha256_generic.license=GPL\0fuse.alias=fs-fuse\0";
        assert_eq!(builtin_aliases(file), texts(&["crypto-sha256", "fs-fuse"]));
    }

    /// Truncated and altered sections give fewer or other entries, never a panic.
    #[test]
    fn damaged_sections() {
        let section = b"softdep=pre: a\0depends=b,c\0alias=d\0firmware=e\0";
        let mut state = 0x9e37_79b9_u32;
        for _ in 0..2000 {
            let mut damaged = section.to_vec();
            for _ in 0..3 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let [value, at, ..] = state.to_be_bytes();
                let at = usize::from(at) % damaged.len();
                damaged[at] = value;
            }
            let info = Modinfo::parse(&damaged);
            let found = info
                .depends
                .iter()
                .chain(&info.aliases)
                .chain(&info.firmware)
                .map(String::len)
                .sum::<usize>();
            assert!(found <= damaged.len());
        }
    }
}
