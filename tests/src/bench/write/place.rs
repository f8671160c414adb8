// SPDX-License-Identifier: Apache-2.0
//! Where the writing is measured: a directory, a loop device, a web server, the program.

use std::fmt::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::error::Error;
use crate::files;
use crate::process::{self, Service};
use crate::wait::{self, Probe};

/// Bytes of a GiB.
pub(super) const GIB: u64 = 1 << 30;

const TARGET: &str = "x86_64-unknown-linux-musl";
const PROGRAM: &str = "write_image";
const PORT: u16 = 18_480;

/// A directory for large files, which is removed in the end.
#[derive(Debug)]
pub(super) struct Workshop(PathBuf);

impl Workshop {
    pub(super) fn make(path: &Path) -> Result<Self, Error> {
        files::remove_dir(path)?;
        files::make_dir(&path.join("www"))?;
        Ok(Self(path.to_owned()))
    }

    /// A file that only this run knows.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A file that the server serves.
    pub(super) fn served(&self, name: &str) -> PathBuf {
        self.0.join("www").join(name)
    }

    pub(super) fn sparse(&self, name: &str, bytes: u64) -> Result<PathBuf, Error> {
        let path = self.file(name);
        files::make_sparse(&path, bytes)?;
        Ok(path)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // What is left is in the lab's directory, which nobody minds to see there.
        drop(files::remove_dir(&self.0));
    }
}

/// A loop device with direct I/O over a sparse file.
#[derive(Debug)]
pub(super) struct LoopDevice(PathBuf);

impl LoopDevice {
    pub(super) fn make(file: &Path, bytes: u64) -> Result<Self, Error> {
        files::make_sparse(file, bytes)?;
        let name = process::run(
            Command::new("losetup")
                .args(["--find", "--show", "--direct-io=on"])
                .arg(file),
        )?;
        Ok(Self(PathBuf::from(name.trim())))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        // The device is named in the error of the next run if it could not be freed.
        drop(process::run(
            Command::new("losetup").arg("--detach").arg(&self.0),
        ));
    }
}

/// nginx on the loopback interface.
#[derive(Debug)]
pub(super) struct Server {
    _service: Service,
}

impl Server {
    pub(super) fn start(workshop: &Workshop) -> Result<Self, Error> {
        let config = workshop.file("nginx.conf");
        files::write(&config, configuration(&workshop.0))?;
        let mut command = Command::new("nginx");
        command.arg("-c").arg(&config).arg("-p").arg(&workshop.0);
        let mut service = Service::start("nginx", &mut command, &workshop.0)?;
        wait::until("nginx", Duration::from_secs(30), || {
            service.check()?;
            Ok(match TcpStream::connect(("127.0.0.1", PORT)) {
                Ok(_) => Probe::Ready(()),
                Err(error) => Probe::NotYet(error.to_string()),
            })
        })?;
        Ok(Self { _service: service })
    }

    #[expect(clippy::unused_self, reason = "there is no URL without a server")]
    pub(super) fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{PORT}/{name}")
    }
}

fn configuration(directory: &Path) -> String {
    let directory = directory.display();
    let mut text = format!(
        "daemon off;\nmaster_process off;\nuser root;\npid {directory}/nginx.pid;\n\
         error_log stderr;\nevents {{ }}\nhttp {{\n  access_log off;\n  sendfile on;\n\
         tcp_nopush on;\n  server {{\n    listen 127.0.0.1:{PORT};\n    root {directory}/www;\n  }}\n"
    );
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = writeln!(text, "  {kind}_temp_path {directory}/{kind};");
    }
    text.push_str("}\n");
    text
}

/// Compiles the agent's pipeline as a program of its own, as the agent of the image is compiled.
pub(super) fn compile(lab_dir: &Path) -> Result<PathBuf, Error> {
    let target = lab_dir.join("write-program");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    process::run(
        Command::new("cargo")
            .current_dir(workspace)
            .args(["build", "--quiet", "--locked", "--profile", "image"])
            .args(["--target", TARGET, "--package", "ironseed-machine"])
            .args(["--example", PROGRAM, "--target-dir"])
            .arg(&target),
    )?;
    Ok(target.join(TARGET).join("image/examples").join(PROGRAM))
}
