// SPDX-License-Identifier: Apache-2.0
//! Against swtpm, a TPM 2.0 in software that was manufactured with certificates
//! of its endorsement keys, and against peers that answer nonsense or nothing.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use ironseed_core::hardware;
use ironseed_core::snapshot::Entry;

use super::*;

/// A software TPM, ended when dropped.
struct Swtpm {
    child: Child,
    socket: UnixStream,
    _state: tempfile::TempDir,
}

impl Drop for Swtpm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes the state of a TPM with a certificate authority of its own, so that
/// nothing outside the directory is written.
fn manufacture(directory: &Path) {
    let at = |name: &str| directory.join(name).display().to_string();
    for name in ["ca", "state"] {
        std::fs::create_dir(directory.join(name)).expect("a directory");
    }
    let authority = format!(
        "statedir = {ca}\nsigningkey = {ca}/key.pem\nissuercert = {ca}/issuer.pem\n\
         certserial = {ca}/serial\n",
        ca = at("ca")
    );
    std::fs::write(at("ca.conf"), authority).expect("write");
    let setup = format!(
        "create_certs_tool = swtpm_localca\ncreate_certs_tool_config = {}\n\
         create_certs_tool_options = /dev/null\n",
        at("ca.conf")
    );
    std::fs::write(at("setup.conf"), setup).expect("write");
    let made = Command::new("swtpm_setup")
        .args(["--tpm2", "--create-ek-cert", "--lock-nvram"])
        .args(["--pcr-banks", "sha256,sha384", "--tpmstate", &at("state")])
        .args(["--config", &at("setup.conf")])
        .output()
        .expect("swtpm_setup of the Debian package swtpm-tools runs");
    let said = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(made.status.success(), "swtpm_setup: {said}");
}

fn start() -> Swtpm {
    let state = tempfile::tempdir().expect("a directory");
    manufacture(state.path());
    let (ours, theirs) = UnixStream::pair().expect("sockets");
    // The TPM's end becomes the program's standard input.
    let child = Command::new("swtpm")
        .args(["socket", "--tpm2", "--server", "type=tcp,fd=0"])
        .args(["--flags", "not-need-init,startup-clear", "--tpmstate"])
        .arg(format!("dir={}", state.path().join("state").display()))
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
        .spawn()
        .expect("swtpm of the Debian package swtpm runs");
    Swtpm {
        child,
        socket: ours,
        _state: state,
    }
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

#[test]
fn a_software_tpm_is_described() {
    let mut swtpm = start();
    let (answers, error) = ask(&mut swtpm.socket, deadline());
    assert!(error.is_none(), "{error:?}");
    let mut snapshot = Snapshot::default();
    let version = Entry::File(Bytes::from("2\n"));
    snapshot
        .files
        .insert("/sys/class/tpm/tpm0/tpm_version_major", version);
    snapshot.tpms.insert("tpm0".into(), answers);
    let hardware = hardware::read(&snapshot);
    let [tpm] = hardware.tpms.as_slice() else {
        panic!("one TPM, not {:?}", hardware.tpms);
    };
    assert_eq!(tpm.manufacturer.as_deref(), Some("IBM"));
    assert_eq!(tpm.model.as_deref(), Some("SW   TPM"));
    assert_eq!(tpm.in_lockout, Some(false));
    let names = |list: &Option<Vec<String>>| list.clone().unwrap_or_default().join(" ");
    assert_eq!(names(&tpm.pcr_banks), "sha256 sha384");
    // Later versions of swtpm_setup make more of them.
    let certificates = names(&tpm.ek_certificates);
    for kind in ["RSA 2048", "ECC P-384"] {
        assert!(certificates.contains(kind), "{kind} in {certificates}");
    }
    assert!(tpm.specification_revision.as_deref() >= Some("1.38"));
    assert!(tpm.firmware_version.is_some());
}

#[test]
fn a_tpm_that_does_not_answer_costs_its_patience() {
    let (mut ours, _theirs) = UnixStream::pair().expect("sockets");
    let soon = Instant::now() + Duration::from_millis(50);
    let (answers, error) = ask(&mut ours, soon);
    assert!(answers.is_empty());
    assert_eq!(words(&error.expect("an error")), "Connection timed out");
}

#[test]
fn answers_that_never_end_are_cut() {
    let (mut ours, mut theirs) = UnixStream::pair().expect("sockets");
    theirs.write_all(&[0xff; 8192]).expect("write");
    let (answers, error) = ask(&mut ours, deadline());
    assert!(answers.is_empty());
    assert_eq!(error.expect("an error").kind(), io::ErrorKind::InvalidData);
    let (mut ours, theirs) = UnixStream::pair().expect("sockets");
    drop(theirs);
    assert!(ask(&mut ours, deadline()).1.is_some());
}

#[test]
fn a_machine_without_a_tpm_is_not_asked() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = Root::open(directory.path()).expect("open");
    let mut snapshot = Snapshot::default();
    ask_in_background(&root, &snapshot).finish(&mut snapshot);
    assert_eq!(snapshot, Snapshot::default());
    let version = Entry::File(Bytes::from("2\n"));
    snapshot
        .files
        .insert("/sys/class/tpm/tpm0/tpm_version_major", version);
    ask_in_background(&root, &snapshot).finish(&mut snapshot);
    assert_eq!(snapshot.problems["/dev/tpm0"], "No such file or directory");
}
