// SPDX-License-Identifier: Apache-2.0
//! From the names that profiles want to the set of modules that makes them loadable:
//! dependencies by symbol, and the ones modules only hint at (softdeps).
//!
//! Softdeps may name algorithms instead of modules. Those must be provided by
//! something that is in the image or built in; what is not is reported, because the
//! image has no way to find out later.

use std::collections::{BTreeMap, BTreeSet};

use hardware_profiles::{DriverGroup, Load, Never};
use thiserror::Error;

use crate::kernel::{Catalogue, KernelError, Module};
use crate::modinfo::canonical;

/// A set of modules that cannot be closed.
#[derive(Debug, Error)]
pub enum ClosureError {
    /// The kernel has no module of a name that a profile wants.
    #[error(
        "driver group {group}: the kernel has no module {module}, neither loadable nor built in"
    )]
    Unknown {
        /// Name of the group in the profile.
        group: String,
        /// The name that was not found.
        module: String,
    },
    /// A profile wants what a profile forbids.
    #[error("driver group {group}: module {module} must never be loaded")]
    Forbidden {
        /// Name of the group in the profile.
        group: String,
        /// The module in question.
        module: String,
    },
    /// A wanted module needs the symbols of one that is forbidden or missing.
    #[error("module {module} depends on {dependency}, which is {problem}")]
    Dependency {
        /// The module that is wanted.
        module: String,
        /// The module it needs.
        dependency: String,
        /// `forbidden` or `not in the kernel`.
        problem: &'static str,
    },
    /// A module could not be read.
    #[error(transparent)]
    Kernel(#[from] KernelError),
}

/// Why a module is in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A driver group names it.
    Group(String),
    /// That module uses its symbols.
    DependencyOf(String),
    /// That module hints that it works better with it.
    SoftDependencyOf(String),
}

/// A module of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The module.
    pub module: Module,
    /// Why it is there; the first reason found.
    pub reason: Reason,
}

/// The modules of the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Closure {
    /// By canonical name.
    pub modules: BTreeMap<String, Chosen>,
    /// Names PID 1 loads itself, in the order of the profiles.
    pub at_boot: Vec<String>,
    /// Softdep hints with nothing in the image that answers: module and hint.
    pub unmet_hints: Vec<(String, String)>,
}

/// Closes the set of modules that the groups name.
///
/// # Errors
/// If a name does not exist in this kernel or is forbidden, or a module is damaged.
pub fn close(
    catalogue: &impl Catalogue,
    groups: &[&DriverGroup],
    never: &[&Never],
) -> Result<Closure, ClosureError> {
    let forbidden = never
        .iter()
        .flat_map(|n| &n.modules)
        .map(|name| canonical(name))
        .collect();
    let mut closing = Closing {
        catalogue,
        forbidden,
        closure: Closure::default(),
    };
    for group in groups {
        for name in &group.modules {
            closing.add_wanted(group, name)?;
        }
    }
    closing.follow_hints()?;
    Ok(closing.closure)
}

struct Closing<'a, C> {
    catalogue: &'a C,
    forbidden: BTreeSet<String>,
    closure: Closure,
}

impl<C: Catalogue> Closing<'_, C> {
    fn add_wanted(&mut self, group: &DriverGroup, wanted: &str) -> Result<(), ClosureError> {
        let name = canonical(wanted);
        let (group_name, module) = (group.name.clone(), wanted.to_owned());
        if self.forbidden.contains(&name) {
            return Err(ClosureError::Forbidden {
                group: group_name,
                module,
            });
        }
        if self.catalogue.is_builtin(&name) {
            return Ok(());
        }
        if !self.add(&name, Reason::Group(group.name.clone()))? {
            return Err(ClosureError::Unknown {
                group: group_name,
                module,
            });
        }
        if group.load == Load::Boot {
            self.closure.at_boot.push(name);
        }
        Ok(())
    }

    /// Adds a module and everything it uses; false if the kernel does not have it.
    fn add(&mut self, name: &str, reason: Reason) -> Result<bool, ClosureError> {
        if let Some(chosen) = self.closure.modules.get_mut(name) {
            if matches!(reason, Reason::Group(_)) {
                chosen.reason = reason;
            }
            return Ok(true);
        }
        let Some(module) = self.catalogue.module(name)? else {
            return Ok(false);
        };
        let depends = module.info.depends.clone();
        self.closure
            .modules
            .insert(name.to_owned(), Chosen { module, reason });
        for dependency in depends {
            self.add_dependency(name, &dependency)?;
        }
        Ok(true)
    }

    fn add_dependency(&mut self, module: &str, dependency: &str) -> Result<(), ClosureError> {
        if self.catalogue.is_builtin(dependency) {
            return Ok(());
        }
        let problem = if self.forbidden.contains(dependency) {
            "forbidden"
        } else if self.add(dependency, Reason::DependencyOf(module.to_owned()))? {
            return Ok(());
        } else {
            "not in the kernel"
        };
        let (module, dependency) = (module.to_owned(), dependency.to_owned());
        Err(ClosureError::Dependency {
            module,
            dependency,
            problem,
        })
    }

    /// Adds modules that hints name, until no hint adds any, then lists what is unmet.
    fn follow_hints(&mut self) -> Result<(), ClosureError> {
        loop {
            let before = self.closure.modules.len();
            for (module, hint) in self.hints() {
                let name = canonical(&hint);
                if !self.catalogue.is_builtin(&name) && !self.forbidden.contains(&name) {
                    self.add(&name, Reason::SoftDependencyOf(module))?;
                }
            }
            if self.closure.modules.len() == before {
                break;
            }
        }
        let unmet = |hint: &str| {
            !self.catalogue.is_builtin(&canonical(hint))
                && !self.catalogue.has_builtin_alias(hint)
                && providers(&self.closure, hint).is_empty()
        };
        self.closure.unmet_hints = self
            .hints()
            .into_iter()
            .filter(|(_, hint)| unmet(hint))
            .collect();
        Ok(())
    }

    fn hints(&self) -> Vec<(String, String)> {
        let pairs = self.closure.modules.iter().flat_map(|(name, chosen)| {
            let info = &chosen.module.info;
            info.soft_before
                .iter()
                .chain(&info.soft_after)
                .map(|hint| (name.clone(), hint.clone()))
        });
        pairs.collect()
    }
}

/// The modules of the image that a hint means: the one of that name, or all that
/// answer to it as an alias. Kernel algorithms have exact aliases, so no pattern
/// matching is needed.
#[must_use]
pub fn providers<'a>(closure: &'a Closure, hint: &str) -> Vec<&'a str> {
    if let Some((name, _)) = closure.modules.get_key_value(&canonical(hint)) {
        return vec![name];
    }
    let answers = |chosen: &Chosen| chosen.module.info.aliases.iter().any(|alias| alias == hint);
    closure
        .modules
        .iter()
        .filter(|(_, chosen)| answers(chosen))
        .map(|(name, _)| name.as_str())
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::modinfo::Modinfo;

    /// A kernel written down as name and `.modinfo`.
    pub(crate) struct Table {
        pub(crate) modules: &'static [(&'static str, &'static str)],
        pub(crate) builtin: &'static [&'static str],
        pub(crate) builtin_aliases: &'static [&'static str],
    }

    impl Catalogue for Table {
        fn module(&self, name: &str) -> Result<Option<Module>, KernelError> {
            let found = self
                .modules
                .iter()
                .find(|(module, _)| canonical(module) == name);
            Ok(found.map(|(module, section)| Module {
                name: name.to_owned(),
                path: format!("kernel/{module}.ko.xz"),
                info: Modinfo::parse(section.as_bytes()),
            }))
        }

        fn is_builtin(&self, name: &str) -> bool {
            self.builtin.contains(&name)
        }

        fn has_builtin_alias(&self, alias: &str) -> bool {
            self.builtin_aliases.contains(&alias)
        }
    }

    pub(crate) const TABLE: Table = Table {
        modules: &[
            ("nvme", "depends=nvme-core\0alias=pci:v*sv*\0"),
            ("nvme-core", "depends=nvme-auth\0"),
            ("nvme-auth", "depends=\0"),
            (
                "btrfs",
                "depends=libcrc32c\0softdep=pre: sha256\0softdep=pre: crypto-crc32c\0softdep=pre: xxhash64\0",
            ),
            ("libcrc32c", "softdep=pre: crc32c\0"),
            ("crc32c_generic", "alias=crc32c\0alias=crypto-crc32c\0"),
            (
                "crc32c-intel",
                "alias=crc32c\0alias=crypto-crc32c\0alias=cpu:type:x86*\0",
            ),
            ("ipmi_msghandler", "softdep=post: ipmi_devintf\0"),
            ("ipmi_si", "depends=ipmi_msghandler\0"),
            ("ipmi_devintf", "depends=ipmi_msghandler\0"),
            ("orphan", "depends=gone\0"),
            ("risky", "depends=efi_pstore\0"),
            ("efi_pstore", ""),
        ],
        builtin: &["virtio_pci"],
        builtin_aliases: &["sha256"],
    };

    pub(crate) fn group(name: &str, load: Load, modules: &[&str]) -> DriverGroup {
        DriverGroup {
            name: name.to_owned(),
            reason: "test".to_owned(),
            load,
            modules: modules.iter().map(|&module| module.to_owned()).collect(),
            architectures: Vec::new(),
        }
    }

    fn never() -> Never {
        Never {
            modules: vec!["efi-pstore".to_owned()],
            reason: "test".to_owned(),
        }
    }

    fn names(closure: &Closure) -> Vec<&str> {
        closure.modules.keys().map(String::as_str).collect()
    }

    #[test]
    fn follows_dependencies_and_hints() {
        for (wanted, expected) in [
            (&["nvme"][..], &["nvme", "nvme_auth", "nvme_core"][..]),
            (&["virtio-pci"], &[]),
            (
                &["ipmi_si"],
                &["ipmi_devintf", "ipmi_msghandler", "ipmi_si"],
            ),
            (
                &["btrfs", "crc32c-intel"],
                &["btrfs", "crc32c_intel", "libcrc32c"],
            ),
        ] {
            let closure = close(&TABLE, &[&group("g", Load::Modalias, wanted)], &[]).unwrap();
            assert_eq!(names(&closure), expected);
        }
    }

    #[test]
    fn keeps_the_reasons() {
        let groups = [
            group("a", Load::Modalias, &["nvme"]),
            group("b", Load::Boot, &["nvme-core", "ipmi_devintf"]),
        ];
        let closure = close(&TABLE, &groups.iter().collect::<Vec<_>>(), &[]).unwrap();
        let reason = |name: &str| closure.modules.get(name).unwrap().reason.clone();
        assert_eq!(reason("nvme"), Reason::Group("a".to_owned()));
        assert_eq!(
            reason("nvme_core"),
            Reason::Group("b".to_owned()),
            "being wanted says more than being needed"
        );
        assert_eq!(
            reason("nvme_auth"),
            Reason::DependencyOf("nvme_core".to_owned())
        );
        assert_eq!(closure.at_boot, ["nvme_core", "ipmi_devintf"]);
    }

    #[test]
    fn reports_hints_that_nothing_answers() {
        let wanted = group("g", Load::Demand, &["btrfs", "crc32c_generic"]);
        let closure = close(&TABLE, &[&wanted], &[]).unwrap();
        assert_eq!(
            closure.unmet_hints,
            [("btrfs".to_owned(), "xxhash64".to_owned())]
        );
        assert_eq!(providers(&closure, "crypto-crc32c"), ["crc32c_generic"]);
    }

    #[test]
    fn refuses_what_cannot_be_closed() {
        for (module, expected) in [
            (
                "mlx6",
                "driver group g: the kernel has no module mlx6, neither loadable nor built in",
            ),
            (
                "efi_pstore",
                "driver group g: module efi_pstore must never be loaded",
            ),
            (
                "orphan",
                "module orphan depends on gone, which is not in the kernel",
            ),
            (
                "risky",
                "module risky depends on efi_pstore, which is forbidden",
            ),
        ] {
            let error = close(
                &TABLE,
                &[&group("g", Load::Modalias, &[module])],
                &[&never()],
            )
            .unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
