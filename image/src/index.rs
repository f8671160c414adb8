// SPDX-License-Identifier: Apache-2.0
//! The index that PID 1 loads modules by, in the text formats of depmod
//! (modules.dep(5), and the headers of the files it writes).

use std::collections::BTreeSet;
use std::fmt::Write;

use hardware_profiles::Never;

use crate::closure::{Closure, providers};
use crate::modinfo::canonical;

/// `modules.dep`: one line per module, its path and those of everything it needs.
/// The needed ones stand in the reverse of the order they are loaded in, as depmod
/// writes them.
#[must_use]
pub fn dependencies(closure: &Closure) -> String {
    let mut text = String::new();
    for (name, chosen) in &closure.modules {
        let mut order = Vec::new();
        let mut seen = BTreeSet::from([name.as_str()]);
        load_order(closure, name, &mut seen, &mut order);
        let paths = order
            .iter()
            .rev()
            .filter_map(|needed| Some(&closure.modules.get(*needed)?.module.path));
        let _ = write!(text, "{}:", chosen.module.path);
        for path in paths {
            let _ = write!(text, " {path}");
        }
        text.push('\n');
    }
    text
}

/// Appends what `name` needs, each after its own needs.
fn load_order<'a>(
    closure: &'a Closure,
    name: &str,
    seen: &mut BTreeSet<&'a str>,
    order: &mut Vec<&'a str>,
) {
    let Some(chosen) = closure.modules.get(name) else {
        return;
    };
    for needed in &chosen.module.info.depends {
        if seen.insert(needed) {
            load_order(closure, needed, seen, order);
            order.push(needed);
        }
    }
}

/// `modules.alias`: `alias PATTERN MODULE`. The `cpu:` patterns are left out: every
/// machine would load its accelerated ciphers and checksums at boot, which costs
/// 0.2 s, and nothing before dm-crypt uses them.
#[must_use]
pub fn aliases(closure: &Closure) -> String {
    let mut lines = BTreeSet::new();
    for (name, chosen) in &closure.modules {
        for alias in chosen
            .module
            .info
            .aliases
            .iter()
            .filter(|alias| !alias.starts_with("cpu:"))
        {
            lines.insert(format!("alias {alias} {name}\n"));
        }
    }
    lines.into_iter().collect()
}

/// `modules.softdep`: `softdep MODULE pre: A B post: C`. Algorithm names are replaced
/// by the modules that provide them, so that PID 1 needs no second kind of lookup.
#[must_use]
pub fn soft_dependencies(closure: &Closure) -> String {
    let mut text = String::new();
    for (name, chosen) in &closure.modules {
        let info = &chosen.module.info;
        let resolve = |hints: &[String]| {
            let mut seen = BTreeSet::new();
            let found = hints.iter().flat_map(|hint| providers(closure, hint));
            found
                .filter(|module| seen.insert(*module))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let (before, after) = (resolve(&info.soft_before), resolve(&info.soft_after));
        if before.is_empty() && after.is_empty() {
            continue;
        }
        let _ = write!(text, "softdep {name}");
        for (marker, list) in [("pre:", before), ("post:", after)] {
            if !list.is_empty() {
                let _ = write!(text, " {marker} {list}");
            }
        }
        text.push('\n');
    }
    text
}

/// The modules PID 1 loads by name, one per line (modules-load.d(5)).
#[must_use]
pub fn at_boot(closure: &Closure) -> String {
    closure
        .at_boot
        .iter()
        .map(|name| format!("{name}\n"))
        .collect()
}

/// What must not be loaded, with the reasons as comments (modprobe.d(5)).
#[must_use]
pub fn blacklist(never: &[&Never]) -> String {
    let mut text = String::new();
    for entry in never {
        let _ = writeln!(text, "# {}", entry.reason);
        for module in &entry.modules {
            let _ = writeln!(text, "blacklist {}", canonical(module));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use hardware_profiles::Load;

    use super::*;
    use crate::closure::close;
    use crate::closure::tests::{TABLE, group};

    fn closure() -> Closure {
        let groups = [
            group("a", Load::Modalias, &["nvme", "ipmi_si"]),
            group(
                "b",
                Load::Boot,
                &["btrfs", "crc32c-intel", "crc32c_generic"],
            ),
        ];
        close(&TABLE, &groups.iter().collect::<Vec<_>>(), &[]).unwrap()
    }

    #[test]
    fn dependencies_stand_in_reverse_load_order() {
        let expected = "\
kernel/btrfs.ko.xz: kernel/libcrc32c.ko.xz
kernel/crc32c_generic.ko.xz:
kernel/crc32c-intel.ko.xz:
kernel/ipmi_devintf.ko.xz: kernel/ipmi_msghandler.ko.xz
kernel/ipmi_msghandler.ko.xz:
kernel/ipmi_si.ko.xz: kernel/ipmi_msghandler.ko.xz
kernel/libcrc32c.ko.xz:
kernel/nvme.ko.xz: kernel/nvme-core.ko.xz kernel/nvme-auth.ko.xz
kernel/nvme-auth.ko.xz:
kernel/nvme-core.ko.xz: kernel/nvme-auth.ko.xz
";
        assert_eq!(dependencies(&closure()), expected);
    }

    #[test]
    fn aliases_without_processors() {
        let expected = "\
alias crc32c crc32c_generic
alias crc32c crc32c_intel
alias crypto-crc32c crc32c_generic
alias crypto-crc32c crc32c_intel
alias pci:v*sv* nvme
";
        assert_eq!(aliases(&closure()), expected);
    }

    #[test]
    fn soft_dependencies_name_modules() {
        let expected = "\
softdep btrfs pre: crc32c_generic crc32c_intel
softdep ipmi_msghandler post: ipmi_devintf
softdep libcrc32c pre: crc32c_generic crc32c_intel
";
        assert_eq!(soft_dependencies(&closure()), expected);
    }

    #[test]
    fn lists_for_pid_1() {
        assert_eq!(at_boot(&closure()), "btrfs\ncrc32c_intel\ncrc32c_generic\n");
        let never = Never {
            modules: vec!["efi-pstore".to_owned()],
            reason: "It writes NVRAM".to_owned(),
        };
        assert_eq!(
            blacklist(&[&never]),
            "# It writes NVRAM\nblacklist efi_pstore\n"
        );
    }
}
