// SPDX-License-Identifier: Apache-2.0
//! `modules.dep` and `modules.softdep`: what has to be loaded before (and after) a module. Pure.
//!
//! A line of `modules.dep` is `FILE: FILE …`, files relative to the directory of the kernel
//! version; all dependencies are listed, those to be loaded first stand last (depmod(8)).
//! A line of `modules.softdep` is `softdep NAME pre: NAME … post: NAME …` (modprobe.d(5)).

use std::collections::{HashMap, HashSet};

/// A module that the image has.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Module {
    file: Box<str>,
    /// Names, in the order in which they must be loaded.
    needs: Vec<Box<str>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Soft {
    before: Vec<Box<str>>,
    after: Vec<Box<str>>,
}

/// One module to load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load<'a> {
    /// The name, with `_`.
    pub name: &'a str,
    /// The file, as written in `modules.dep`.
    pub file: &'a str,
}

/// Gives the modules that an alias stands for.
pub type Aliases<'f> = &'f dyn Fn(&str) -> Vec<String>;

/// All modules of the image with their dependencies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dependencies {
    modules: HashMap<Box<str>, Module>,
    soft: HashMap<Box<str>, Soft>,
}

impl Dependencies {
    /// Reads both files; lines of another form are passed over.
    pub fn parse(dep: &str, softdep: &str) -> Self {
        let modules = dep.lines().filter_map(dep_line).collect();
        let mut all = Self {
            modules,
            soft: HashMap::new(),
        };
        for line in softdep.lines() {
            all.insert_soft(line);
        }
        all
    }

    fn insert_soft(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let (Some("softdep"), Some(name)) = (words.next(), words.next()) else {
            return;
        };
        let soft = self.soft.entry(super::canonical(name).into()).or_default();
        let mut after = None;
        for word in words {
            match (word, after) {
                ("pre:", _) => after = Some(false),
                ("post:", _) => after = Some(true),
                (_, Some(false)) => soft.before.push(super::canonical(word).into()),
                (_, Some(true)) => soft.after.push(super::canonical(word).into()),
                (_, None) => {}
            }
        }
    }

    /// How many modules there are.
    pub fn len(&self) -> usize {
        self.modules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.modules.is_empty()
    }

    /// Whether the image has a module of this name (with `_`).
    pub fn contains(&self, name: &str) -> bool {
        self.modules.contains_key(name)
    }

    /// Everything to load for `name`, in order, each module once: what must come before, the
    /// module, what should come after. A soft dependency that is no module's name is an alias
    /// (ext4 names `crc32c`), for which `aliases` gives the modules; what the image does not have
    /// is left out. Rings end where they would begin again.
    pub fn plan<'a>(&'a self, name: &str, aliases: Aliases<'_>) -> Vec<Load<'a>> {
        let mut plan = Vec::new();
        self.add(name, aliases, &mut HashSet::new(), &mut plan);
        plan
    }

    fn add<'a>(
        &'a self,
        name: &str,
        aliases: Aliases<'_>,
        seen: &mut HashSet<&'a str>,
        plan: &mut Vec<Load<'a>>,
    ) {
        let Some((name, module)) = self.modules.get_key_value(name) else {
            return;
        };
        if !seen.insert(name) {
            return;
        }
        let soft = self.soft.get(name);
        for need in &module.needs {
            self.add(need, aliases, seen, plan);
        }
        for before in soft.map_or(&[][..], |soft| &soft.before) {
            self.add_soft(before, aliases, seen, plan);
        }
        plan.push(Load {
            name,
            file: &module.file,
        });
        for after in soft.map_or(&[][..], |soft| &soft.after) {
            self.add_soft(after, aliases, seen, plan);
        }
    }

    fn add_soft<'a>(
        &'a self,
        name: &str,
        aliases: Aliases<'_>,
        seen: &mut HashSet<&'a str>,
        plan: &mut Vec<Load<'a>>,
    ) {
        if self.contains(name) {
            return self.add(name, aliases, seen, plan);
        }
        for module in aliases(name) {
            self.add(&module, aliases, seen, plan);
        }
    }

    /// The names that must be loaded before `name` can be.
    pub fn needs(&self, name: &str) -> impl Iterator<Item = &str> {
        self.modules
            .get(name)
            .into_iter()
            .flat_map(|module| module.needs.iter().map(|need| &**need))
    }
}

fn dep_line(line: &str) -> Option<(Box<str>, Module)> {
    let (file, needs) = line.split_once(':')?;
    let file = file.trim();
    let module = Module {
        file: file.into(),
        needs: needs
            .split_whitespace()
            .rev()
            .filter_map(module_name)
            .map(Into::into)
            .collect(),
    };
    Some((module_name(file)?.into(), module))
}

/// The module in a file: `kernel/fs/dir/nls-utf8.ko.xz` holds `nls_utf8`.
fn module_name(file: &str) -> Option<String> {
    let base = file.rsplit('/').next()?;
    let (stem, _) = base.split_once(".ko")?;
    (!stem.is_empty()).then(|| super::canonical(stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEP: &str = "\
kernel/drivers/nvme/host/nvme-core.ko.xz:
kernel/drivers/nvme/host/nvme.ko.xz: kernel/drivers/nvme/host/nvme-core.ko.xz
kernel/fs/ext4/ext4.ko.xz: kernel/lib/crc16.ko.xz kernel/fs/mbcache.ko.xz kernel/fs/jbd2/jbd2.ko.xz
kernel/lib/crc16.ko.xz:
kernel/fs/mbcache.ko.xz:
kernel/fs/jbd2/jbd2.ko.xz: kernel/fs/mbcache.ko.xz
kernel/a.ko:
kernel/b.ko:
kernel/c.ko:
not a module:
";
    const SOFT: &str = "\
# Soft dependencies.
softdep ext4 pre: c not-there crc32c
softdep a pre: b post: c
softdep b pre: a
softdep
softdep c
";

    fn aliases(name: &str) -> Vec<String> {
        if name == "crc32c" {
            vec!["b".to_owned()]
        } else {
            Vec::new()
        }
    }

    fn names(name: &str) -> Vec<String> {
        let all = Dependencies::parse(DEP, SOFT);
        all.plan(name, &aliases)
            .iter()
            .map(|load| load.name.to_owned())
            .collect()
    }

    #[test]
    fn order_of_loading() {
        assert_eq!(names("nvme"), ["nvme_core", "nvme"]);
        assert_eq!(
            names("ext4"),
            ["mbcache", "jbd2", "crc16", "c", "a", "b", "ext4"]
        );
        assert_eq!(names("unknown"), [""; 0]);
    }

    #[test]
    fn a_ring_of_soft_dependencies_ends() {
        assert_eq!(names("a"), ["b", "a", "c"]);
        assert_eq!(names("b"), ["a", "c", "b"]);
    }

    #[test]
    fn files_are_kept_as_written() {
        let all = Dependencies::parse(DEP, "");
        assert_eq!(
            all.plan("nvme_core", &aliases),
            [Load {
                name: "nvme_core",
                file: "kernel/drivers/nvme/host/nvme-core.ko.xz"
            }]
        );
        assert_eq!(all.len(), 9);
    }

    #[test]
    fn damaged_files_do_no_harm() {
        let mut random = crate::testing::Random::new(5);
        for _ in 0..2000 {
            let dep = random.text(b"abc:/. \nko", 120).replace('k', ".ko");
            let soft = random
                .text(b"abc \n", 60)
                .replace('b', " softdep a pre: c ");
            let all = Dependencies::parse(&dep, &soft);
            for name in ["a", "b", "c"] {
                let plan = all.plan(name, &aliases);
                let unique: HashSet<&str> = plan.iter().map(|load| load.name).collect();
                assert_eq!(unique.len(), plan.len());
                assert_eq!(unique.contains(name), all.contains(name));
            }
        }
    }
}
