// SPDX-License-Identifier: Apache-2.0
//! A machine and the cables it is plugged into: two network namespaces, one
//! virtual cable per port (`c0` … on the machine, `s0` … at the other end).
//!
//! The machine's namespace belongs to the test's thread, the other one to a
//! sleeping program, and every program dies with the thread: nothing is left
//! behind, however a test ends.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ironseed_machine::root::Root;
use nix::sched::{CloneFlags, unshare};

/// Long enough for any machine; nothing here depends on how much of it is
/// used.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What every test needs, and the Debian packages that have it.
const NEEDED: [(&str, &str); 4] = [
    ("ip", "iproute2"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
];

/// The cables of a machine.
pub(crate) struct Wires {
    directory: tempfile::TempDir,
    /// Keeps the other end's namespace.
    keeper: Child,
}

impl Wires {
    /// Puts this thread into a machine without ports, or fails with what is
    /// missing. `programs` are needed besides those of the cables, each with
    /// its Debian package.
    pub(crate) fn enter(programs: &[(&str, &str)]) -> Self {
        require(programs);
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("etc")).unwrap();
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).unwrap();
        let keeper = dying_with_us("unshare")
            .args(["--net", "sleep", "infinity"])
            .spawn()
            .unwrap();
        let mut wires = Self { directory, keeper };
        wires.wait_for_namespace();
        wires
    }

    /// Until `unshare` has made the other end's namespace.
    fn wait_for_namespace(&mut self) {
        let ours = fs::read_link("/proc/thread-self/ns/net").unwrap();
        let theirs = format!("/proc/{}/ns/net", self.keeper.id());
        loop {
            match fs::read_link(&theirs) {
                Ok(link) if link != ours => return,
                _ => assert!(self.keeper.try_wait().unwrap().is_none(), "unshare ended"),
            }
            std::thread::yield_now();
        }
    }

    /// Where the machine's files are.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The machine's files.
    pub(crate) fn root(&self) -> Root {
        Root::open(self.directory.path()).unwrap()
    }

    /// Lays a cable: port `c<n>` with the hardware address `52:54:00:00:00:0<n>`.
    /// The other end is down, so there is no carrier.
    pub(crate) fn cable(&self, number: u8) {
        let (near, far) = (format!("c{number}"), format!("s{number}"));
        let mac = format!("52:54:00:00:00:0{number}");
        let keeper = self.keeper.id().to_string();
        self.ip(&[
            "link", "add", &near, "address", &mac, "type", "veth", "peer", "name", &far, "netns",
            &keeper,
        ]);
    }

    /// Gives a port carrier.
    pub(crate) fn plug(&self, number: u8) {
        self.far_ip(&["link", "set", &format!("s{number}"), "up"]);
    }

    /// Takes it away.
    pub(crate) fn unplug(&self, number: u8) {
        self.far_ip(&["link", "set", &format!("s{number}"), "down"]);
    }

    /// Runs `ip` on the machine.
    pub(crate) fn ip(&self, arguments: &[&str]) -> String {
        output(Command::new("ip").args(arguments))
    }

    /// Runs `ip` at the other end.
    pub(crate) fn far_ip(&self, arguments: &[&str]) -> String {
        output(self.far("ip").args(arguments))
    }

    /// A program at the other end.
    pub(crate) fn far(&self, program: &str) -> Command {
        let mut command = dying_with_us("nsenter");
        command.args(["--target", &self.keeper.id().to_string(), "--net", program]);
        command
    }
}

impl Drop for Wires {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// A program that is killed when the test's thread ends.
pub(crate) fn dying_with_us(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", program]);
    command.stdin(Stdio::null());
    command
}

/// Runs a program that must succeed.
pub(crate) fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Fails with what is missing.
fn require(programs: &[(&str, &str)]) {
    let mut missing = vec![];
    if !nix::unistd::geteuid().is_root() {
        missing.push("root".to_owned());
    }
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let runs = |program: &str| {
        std::env::split_paths(&path).any(|directory| {
            fs::metadata(directory.join(program))
                .is_ok_and(|found| found.permissions().mode() & 0o111 != 0)
        })
    };
    for (program, package) in NEEDED.iter().chain(programs) {
        if !runs(program) {
            missing.push(format!("{program} (Debian package {package})"));
        }
    }
    assert!(
        missing.is_empty(),
        "this test needs: {}",
        missing.join(", ")
    );
}
