// SPDX-License-Identifier: Apache-2.0
//! Everything PID 1 knows about the image's modules, and what to load for a device or a name.
//! Built from texts, so that it is pure; [`Index::read`] alone touches files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::alias::AliasTable;
use super::depend::{Dependencies, Load};
use super::{canonical, config};
use crate::cmdline::CommandLine;

/// Buses whose devices are passed over at coldplug: `cpu:` aliases only ask for accelerated
/// ciphers and sensors and cost 0.2 to 0.3 s in emulation. The ciphers come when the kernel asks
/// for them (`crypto-…`, see [`super::request`]); the image names others in modules-load.d.
const PASSED_OVER: [&str; 1] = ["cpu:"];

/// The texts an [`Index`] is made from.
#[derive(Debug, Default)]
pub struct Texts {
    /// `modules.alias`.
    pub alias: String,
    /// `modules.dep`.
    pub dep: String,
    /// `modules.softdep`.
    pub softdep: String,
    /// All of `/etc/modprobe.d/*.conf`.
    pub modprobe: String,
    /// All of `/etc/modules-load.d/*.conf`.
    pub modules_load: String,
}

/// The image's modules.
#[derive(Debug)]
pub struct Index {
    directory: PathBuf,
    aliases: AliasTable,
    dependencies: Dependencies,
    blacklist: BTreeSet<String>,
    wanted: Vec<String>,
    command_line: CommandLine,
}

impl Index {
    /// Makes the index for the modules in `directory`.
    pub fn new(directory: &Path, texts: &Texts, command_line: CommandLine) -> Self {
        let mut blacklist = command_line.blacklist();
        blacklist.extend(config::blacklisted(&texts.modprobe));
        let mut wanted: Vec<String> = config::wanted(&texts.modules_load).collect();
        // The agent may want EFI variables early; everything else can wait.
        wanted.sort_by_key(|name| name != "efivarfs");
        Self {
            directory: directory.to_owned(),
            aliases: AliasTable::parse(&texts.alias),
            dependencies: Dependencies::parse(&texts.dep, &texts.softdep),
            blacklist,
            wanted,
            command_line,
        }
    }

    /// Reads the files of the running kernel's modules and the configuration in `/etc`. A file
    /// that is missing counts as empty.
    pub fn read() -> Self {
        let release = nix::sys::utsname::uname()
            .map(|uname| uname.release().to_string_lossy().into_owned())
            .unwrap_or_default();
        let directory = Path::new("/lib/modules").join(release);
        let text = |name: &str| read_text(&directory.join(name));
        let texts = Texts {
            alias: text("modules.alias"),
            dep: text("modules.dep"),
            softdep: text("modules.softdep"),
            modprobe: read_directory(Path::new("/etc/modprobe.d")),
            modules_load: read_directory(Path::new("/etc/modules-load.d")),
        };
        let command_line = CommandLine::parse(&read_text(Path::new("/proc/cmdline")));
        Self::new(&directory, &texts, command_line)
    }

    /// How many modules the image has.
    pub fn len(&self) -> usize {
        self.dependencies.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.dependencies.is_empty()
    }

    /// The directory that the files of the modules are relative to.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The modules for a device. Blacklisted ones are left out.
    pub fn for_device(&self, modalias: &str) -> Vec<&str> {
        if PASSED_OVER.iter().any(|bus| modalias.starts_with(bus)) {
            return Vec::new();
        }
        self.by_alias(modalias)
    }

    /// The modules for what the kernel asks for by `request_module()`: a module's name, blacklisted
    /// or not, else an alias (as modprobe(8) does without `-b`).
    pub fn for_request(&self, name: &str) -> Vec<String> {
        let own = canonical(name);
        if self.dependencies.contains(&own) {
            return vec![own];
        }
        owned(self.by_alias(name))
    }

    /// The names of modules-load.d that the image has and nobody blacklisted, efivarfs first.
    pub fn wanted(&self) -> impl Iterator<Item = &str> {
        self.wanted
            .iter()
            .map(String::as_str)
            .filter(|name| self.dependencies.contains(name) && !self.blacklist.contains(*name))
    }

    fn by_alias(&self, alias: &str) -> Vec<&str> {
        let mut modules = self.aliases.modules(alias);
        modules.retain(|name| !self.blacklist.contains(*name));
        modules
    }

    /// What to load for a module, in order; see [`Dependencies::plan`].
    pub fn plan(&self, module: &str) -> Vec<Load<'_>> {
        self.dependencies
            .plan(module, &|alias| owned(self.by_alias(alias)))
    }

    /// The modules without which `module` cannot be loaded.
    pub fn needs(&self, module: &str) -> impl Iterator<Item = &str> {
        self.dependencies.needs(module)
    }

    /// The parameters given to `module` on the command line.
    pub fn parameters(&self, module: &str) -> String {
        self.command_line.module_parameters(module)
    }
}

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

fn read_text(path: &Path) -> String {
    std::fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

/// All `*.conf` of a directory, in the order of their names.
fn read_directory(directory: &Path) -> String {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return String::new();
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "conf")
    });
    paths.sort();
    paths.iter().map(|path| read_text(path) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(command_line: &str) -> Index {
        let texts = Texts {
            alias: "alias pci:v1* disk\nalias pci:v1* other\nalias cpu:type:* aesni\nalias crypto-aes aesni\nalias fs-x disk\n".to_owned(),
            dep: "k/disk.ko.xz: k/core.ko.xz\nk/core.ko.xz:\nk/other.ko.xz:\nk/aesni.ko.xz:\nk/efivarfs.ko.xz:\n".to_owned(),
            softdep: String::new(),
            modprobe: "blacklist other\n".to_owned(),
            modules_load: "core\nabsent\nefivarfs\nother\n".to_owned(),
        };
        Index::new(Path::new("/m"), &texts, CommandLine::parse(command_line))
    }

    #[test]
    fn devices() {
        assert_eq!(index("").for_device("pci:v1"), ["disk"]);
        assert_eq!(
            index("modprobe.blacklist=disk").for_device("pci:v1"),
            [""; 0]
        );
        assert_eq!(index("").for_device("cpu:type:x86"), [""; 0]);
    }

    #[test]
    fn requests_of_the_kernel() {
        assert_eq!(index("").for_request("crypto-aes"), ["aesni"]);
        assert_eq!(index("").for_request("other"), ["other"]);
        assert_eq!(
            index("modprobe.blacklist=disk").for_request("fs-x"),
            [""; 0]
        );
    }

    #[test]
    fn modules_load_names() {
        assert_eq!(index("").wanted().collect::<Vec<_>>(), ["efivarfs", "core"]);
    }
}
