// SPDX-License-Identifier: Apache-2.0
//! Runs a test where the kernel knows bonds, VLANs and dummies: here, or else
//! in a virtual machine with the kernel of the image.
//!
//! The virtual machine's only program is this test's executable: the kernel
//! starts it instead of an init, with the name of the test as its arguments.
//! When it ends, the kernel panics, which ends QEMU. So nothing of the image is
//! needed but its kernel package, which is fetched and kept as the image's
//! builder does.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ironseed_image::cpio::{self, Entry};
use ironseed_image::deb::{self, Tree};
use ironseed_image::debian::Archive;
use ironseed_image::elf::Elf;
use ironseed_image::modinfo::{Modinfo, canonical};
use ironseed_image::platform::{Architecture, Platform};
use nix::kmod::{ModuleInitFlags, finit_module};
use nix::mount::{MsFlags, mount};

/// What the tests need of the kernel. Dependencies come by themselves.
const MODULES: [&str; 5] = ["bonding", "8021q", "dummy", "veth", "bridge"];

/// What the tests start.
const PROGRAMS: [&str; 5] = ["ip", "unshare", "nsenter", "setpriv", "sleep"];

/// Less than the runner's limit for a test, so that the console is shown. An
/// emulated processor boots in some seconds.
const PATIENCE: Duration = Duration::from_mins(4);

/// Runs a test of this name.
pub(crate) fn with_kernel_of_the_image(name: &str, test: impl FnOnce()) {
    if std::process::id() == 1 {
        prepare();
        test();
    } else if knows_bonds() {
        test();
    } else {
        boot(name);
    }
}

/// Whether the running kernel makes bonds.
fn knows_bonds() -> bool {
    let script =
        "ip link add bond-try type bond && ip link add vlan-try link bond-try type vlan id 2";
    let tried = Command::new("unshare")
        .args(["--net", "sh", "-c", script])
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

/// What an init would do.
fn prepare() {
    for (kind, place) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")] {
        let flags = MsFlags::empty();
        mount(Some(kind), place, Some(kind), flags, None::<&str>).unwrap();
    }
    let modules = fs::read_dir("/modules").unwrap();
    let mut modules: Vec<PathBuf> = modules.map(|entry| entry.unwrap().path()).collect();
    modules.sort();
    for path in modules {
        let file = File::open(&path).unwrap();
        finit_module(&file, c"", ModuleInitFlags::empty()).unwrap();
    }
}

/// Runs the test in a virtual machine and passes on how it went.
fn boot(name: &str) {
    let directory = tempfile::tempdir().unwrap();
    let kernel = kernel();
    let initramfs = directory.path().join("initramfs");
    fs::write(&initramfs, cpio::write(&entries(&kernel))).unwrap();
    let console = directory.path().join("console");
    let arguments = format!(
        "console=ttyS0 quiet loglevel=3 panic=-1 rdinit=/test PATH=/bin RUST_BACKTRACE=1 -- \
         --exact {name} --nocapture"
    );
    let started = Instant::now();
    let mut machine = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "qemu-system-x86_64"])
        .args(["-accel", "tcg", "-cpu", "max"])
        .args(["-m", "640", "-nodefaults", "-display", "none", "-no-reboot"])
        .args(["-serial", "stdio", "-kernel"])
        .arg(kernel.join("vmlinuz"))
        .arg("-initrd")
        .arg(&initramfs)
        .args(["-append", &arguments])
        .stdin(Stdio::null())
        .stdout(File::create(&console).unwrap())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("qemu-system-x86_64 (Debian package qemu-system-x86)");
    let said = || String::from_utf8_lossy(&fs::read(&console).unwrap()).into_owned();
    while machine.try_wait().unwrap().is_none() {
        if started.elapsed() > PATIENCE {
            machine.kill().unwrap();
            machine.wait().unwrap();
            panic!("the virtual machine does not end:\n{}", said());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let said = said();
    eprintln!("{said}\nin a virtual machine: {:?}", started.elapsed());
    assert!(
        said.contains("test result: ok. 1 passed"),
        "it failed in the virtual machine"
    );
}

/// A directory with Debian's kernel (`vmlinuz`) and the modules in the order
/// in which they are loaded (`modules/00-….ko`), made once.
fn kernel() -> PathBuf {
    let machine = std::env::consts::ARCH;
    assert_eq!(
        machine, "x86_64",
        "this test needs a kernel with bonds, or an x86-64 machine to emulate one"
    );
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/cache");
    fs::create_dir_all(&cache).unwrap();
    let lock = File::create(cache.join("guest.lock")).unwrap();
    lock.lock().unwrap();
    let platform = Platform::of(Architecture::X86_64);
    let archive = Archive::open(&cache, platform, false).unwrap();
    let (version, package) = archive.find_kernel().unwrap();
    let kernel = cache.join("guest").join(&version);
    if !kernel.is_dir() {
        let mut tree = deb::unpack(&archive.fetch(&package).unwrap()).unwrap();
        let unfinished = cache.join("guest").join(".unfinished");
        let _ = fs::remove_dir_all(&unfinished);
        fs::create_dir_all(unfinished.join("modules")).unwrap();
        let image = tree.take(&format!("boot/vmlinuz-{version}")).unwrap();
        fs::write(unfinished.join("vmlinuz"), image).unwrap();
        for (at, (name, content)) in modules(tree).into_iter().enumerate() {
            let path = unfinished.join(format!("modules/{at:02}-{name}.ko"));
            fs::write(path, content).unwrap();
        }
        fs::rename(&unfinished, &kernel).unwrap();
    }
    kernel
}

/// The modules, unpacked, each after those it depends on.
fn modules(tree: Tree) -> Vec<(String, Vec<u8>)> {
    let mut all = BTreeMap::new();
    for (path, content) in tree.into_files() {
        let name = path.rsplit('/').next().unwrap_or_default();
        if let Some((name, "" | ".xz")) = name.split_once(".ko") {
            all.insert(canonical(name), content);
        }
    }
    let mut chosen = vec![];
    for name in MODULES {
        choose(&canonical(name), &all, &mut chosen);
    }
    chosen
}

fn choose(name: &str, all: &BTreeMap<String, Vec<u8>>, chosen: &mut Vec<(String, Vec<u8>)>) {
    if chosen.iter().any(|(known, _)| known == name) {
        return;
    }
    // One that is not there is built in.
    let Some(packed) = all.get(name) else {
        return;
    };
    let mut plain = packed.clone();
    if !plain.starts_with(b"\x7fELF") {
        plain.clear();
        liblzma::read::XzDecoder::new(packed.as_slice())
            .read_to_end(&mut plain)
            .unwrap();
    }
    let section = Elf::new(&plain)
        .and_then(|elf| elf.section(".modinfo"))
        .unwrap();
    for needed in Modinfo::parse(section).depends {
        choose(&needed, all, chosen);
    }
    chosen.push((name.to_owned(), plain));
}

/// What the virtual machine has: this executable, the programs, their
/// libraries, the modules.
fn entries(kernel: &Path) -> Vec<Entry> {
    let mut files = BTreeMap::new();
    let own = std::env::current_exe().unwrap();
    add_libraries(&own, &mut files);
    files.insert("test".to_owned(), stripped(&own));
    for program in PROGRAMS {
        let path = find(program);
        add_libraries(&path, &mut files);
        files.insert(format!("bin/{program}"), fs::read(path).unwrap());
    }
    for entry in fs::read_dir(kernel.join("modules")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        files.insert(format!("modules/{name}"), fs::read(path).unwrap());
    }
    let mut directories: Vec<String> = ["dev", "proc", "sys", "tmp"].map(str::to_owned).to_vec();
    for path in files.keys() {
        let parents = Path::new(path).ancestors().skip(1);
        directories.extend(parents.map(|parent| parent.to_string_lossy().into_owned()));
    }
    directories.sort();
    directories.dedup();
    let directories = directories.iter().filter(|path| !path.is_empty());
    let mut entries: Vec<Entry> = directories.map(|path| Entry::directory(path)).collect();
    let files = files.into_iter();
    entries.extend(files.map(|(path, content)| Entry::file(&path, 0o755, content)));
    entries
}

/// The executable without what only a debugger reads: the memory of the
/// virtual machine holds it twice while it boots.
fn stripped(path: &Path) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("test");
    let done = Command::new("strip")
        .arg("-o")
        .arg(&target)
        .arg(path)
        .status();
    match done {
        Ok(status) if status.success() => fs::read(target).unwrap(),
        _ => fs::read(path).unwrap(),
    }
}

/// Where a program is.
fn find(program: &str) -> PathBuf {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let mut candidates = std::env::split_paths(&path).map(|directory| directory.join(program));
    let runs = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o111 != 0)
    };
    candidates
        .find(runs)
        .unwrap_or_else(|| panic!("this test needs {program}"))
}

/// The shared libraries of a program, and what loads them, at their own places.
fn add_libraries(program: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    let listing = Command::new("ldd").arg(program).output().unwrap();
    for line in String::from_utf8_lossy(&listing.stdout).lines() {
        let mut words = line.split_whitespace();
        if let Some(path) = words.find(|word| word.starts_with('/')) {
            let place = path.trim_start_matches('/').to_owned();
            files
                .entry(place)
                .or_insert_with(|| fs::read(path).unwrap());
        }
    }
}
