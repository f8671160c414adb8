// SPDX-License-Identifier: Apache-2.0
//! A world of its own for the lab: network, mounts, processes, host name and shared memory are
//! private. The host's libvirt, its network and its files in `/etc`, `/run` and `/var` are never
//! touched, and when the first process of this world ends, however it ends, the kernel takes
//! everything else in it away: virtual machines, bridges, mounts.
//!
//! The lab's program starts itself three times: outside it becomes `unshare`; that starts it as
//! the first process inside ([`run_first_process`]); and that starts it as the lab itself.

use std::env;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, sethostname};

use crate::error::Error;
use crate::{files, network, process};

/// Tells a process of the lab where it is.
const PLACE: &str = "IRONSEED_LAB_PLACE";
/// The process number, on the host, of a process in the lab's mount and network namespaces.
const HOST_PROCESS: &str = "IRONSEED_LAB_HOST_PROCESS";
/// Directories whose changes stay in the lab. The lower layer is the host's directory.
const OVERLAID: [&str; 4] = ["/etc", "/var/lib", "/var/log", "/var/cache"];
/// Where the upper layers of [`OVERLAID`] are kept, in memory.
const LAYERS: &str = "/run/ironseed-lab";
/// Users and groups that libvirt looks up by name and that Debian's package for running libvirt
/// under systemd, which the lab does not need, would have made.
const USERS: &str = "libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin\n";
const GROUPS: &str = "libvirt-qemu:x:64055:\nkvm:x:64056:\nlibvirt:x:64057:\n";

/// Where this process of the lab runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the host.
    Outside,
    /// The first process inside.
    First,
    /// The lab itself.
    Inside,
}

/// Where this process runs.
#[must_use]
pub fn place() -> Place {
    match env::var(PLACE).as_deref() {
        Ok("first") => Place::First,
        Ok("inside") => Place::Inside,
        _ => Place::Outside,
    }
}

/// The process number to give to `nsenter` on the host.
#[must_use]
pub fn host_process() -> String {
    env::var(HOST_PROCESS).unwrap_or_default()
}

/// Replaces this process by one that runs the same program with the same arguments as the first
/// process of new namespaces. Returns only if that fails.
#[must_use]
pub fn enter() -> Error {
    let program = match this_program() {
        Ok(program) => program,
        Err(error) => return error,
    };
    let source = Command::new("unshare")
        .args([
            "--net",
            "--mount",
            "--pid",
            "--ipc",
            "--uts",
            "--mount-proc",
        ])
        // The first process dies with this one, even by SIGKILL.
        .args(["--fork", "--kill-child=SIGKILL", "--"])
        .arg(program)
        .args(env::args_os().skip(1))
        .env(PLACE, "first")
        .env(HOST_PROCESS, std::process::id().to_string())
        .exec();
    Error::Start {
        program: "unshare".to_owned(),
        source,
    }
}

/// Sets the namespaces up, runs the lab in them and reaps what it leaves.
///
/// `kept` is the directory that the lab works in, shared with the host.
///
/// # Errors
/// Any failure to set up; the lab's own result is the exit code.
pub fn run_first_process(kept: &Path) -> Result<ExitCode, Error> {
    sethostname("ironseed-lab").map_err(kernel("set the host name"))?;
    private_files(kept)?;
    network::set_up()?;
    let program = this_program()?;
    let lab = Command::new(&program)
        .args(env::args_os().skip(1))
        .env(PLACE, "inside")
        .spawn()
        .map_err(|source| Error::Start {
            program: program.display().to_string(),
            source,
        })?;
    reap_until(lab.id())
}

fn this_program() -> Result<PathBuf, Error> {
    env::current_exe().map_err(|source| Error::File {
        doing: "find",
        path: PathBuf::from("/proc/self/exe"),
        source,
    })
}

fn kernel(doing: impl Into<String>) -> impl FnOnce(Errno) -> Error {
    let doing = doing.into();
    move |source| Error::Kernel { doing, source }
}

/// Waits for any child until the lab has ended. Daemons that the lab's programs leave behind
/// become children of the first process, and libvirt waits until they are reaped.
fn reap_until(lab: u32) -> Result<ExitCode, Error> {
    let lab = i32::try_from(lab).map(Pid::from_raw).unwrap_or(Pid::this());
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, code)) if pid == lab => {
                return Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == lab => {
                return Err(Error::Program {
                    command: "the lab".to_owned(),
                    status: ExitStatus::from_raw(signal as i32),
                    output: String::new(),
                });
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(source) => return Err(kernel("wait for the lab")(source)),
        }
    }
}

/// Gives the namespace its own `/run`, `/sys` and changeable copies of [`OVERLAID`].
fn private_files(kept: &Path) -> Result<(), Error> {
    let tmpfs = Some("tmpfs");
    mount(tmpfs, "/run", tmpfs, MsFlags::empty(), Some("mode=755"))
        .map_err(kernel("mount /run"))?;
    // A sysfs shows the network of the namespace it was mounted in.
    let sysfs = Some("sysfs");
    mount(sysfs, "/sys", sysfs, MsFlags::empty(), None::<&str>).map_err(kernel("mount /sys"))?;
    let aside = Path::new(LAYERS).join("kept");
    files::make_dir(&aside)?;
    bind(kept, &aside)?;
    for directory in OVERLAID {
        overlay(Path::new(directory))?;
        if kept.starts_with(directory) {
            bind(&aside, kept)?;
        }
    }
    for directory in [
        "/run/lock",
        "/run/libvirt",
        "/var/lib/libvirt",
        "/var/log/libvirt",
    ] {
        files::make_dir(Path::new(directory))?;
    }
    append(Path::new("/etc/passwd"), USERS)?;
    append(Path::new("/etc/group"), GROUPS)?;
    files::write(
        Path::new("/etc/hosts"),
        "127.0.0.1 localhost ironseed-lab\n",
    )
}

fn bind(from: &Path, to: &Path) -> Result<(), Error> {
    mount(Some(from), to, None::<&str>, MsFlags::MS_BIND, None::<&str>).map_err(kernel(format!(
        "mount {} at {}",
        from.display(),
        to.display()
    )))
}

fn overlay(directory: &Path) -> Result<(), Error> {
    let name = directory.to_string_lossy().replace('/', "-");
    let layer = Path::new(LAYERS).join(name);
    let (upper, work) = (layer.join("upper"), layer.join("work"));
    files::make_dir(&upper)?;
    files::make_dir(&work)?;
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        directory.display(),
        upper.display(),
        work.display()
    );
    let kind = Some("overlay");
    mount(
        kind,
        directory,
        kind,
        MsFlags::empty(),
        Some(options.as_str()),
    )
    .map_err(kernel(format!(
        "mount an overlay at {}",
        directory.display()
    )))
}

fn append(path: &Path, lines: &str) -> Result<(), Error> {
    let mut text = files::read_text(path)?;
    for line in lines.lines() {
        let name = line.split(':').next().unwrap_or(line);
        if !text
            .lines()
            .any(|known| known.split(':').next() == Some(name))
        {
            text.push_str(line);
            text.push('\n');
        }
    }
    files::write(path, text)
}

/// Loads kernel modules the lab uses; they are built in or loaded already on most hosts, and what
/// is really missing shows itself when it is used.
pub fn load_modules() {
    for module in ["overlay", "bridge", "tun"] {
        let _loaded = process::run(Command::new("modprobe").args(["--quiet", module]));
    }
}
