// SPDX-License-Identifier: Apache-2.0
//! A whole lab: every real part started, ready for machines. It must run inside the namespaces of
//! [`crate::namespace`].

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;

use crate::dnsmasq::Dnsmasq;
use crate::error::Error;
use crate::file_server::FileServer;
use crate::ironic::{Ironic, IronicStart};
use crate::ironic_api::IronicApi;
use crate::ironic_config::{Directories, IronicOptions};
use crate::libvirt::Libvirt;
use crate::machine::{Machine, MachineSpec};
use crate::narrate::Narrator;
use crate::network::{self, ADDRESS, FILES_PORT, IRONIC_PORT, REDFISH_PORT};
use crate::os_image::{self, OsImageOptions, OsImages};
use crate::redfish::Redfish;
use crate::{esp, files, packages};

/// The kernel of the image under test.
pub const KERNEL: &str = "ironseed.kernel";
/// Its initramfs.
pub const INITRAMFS: &str = "ironseed.initramfs";
/// Where Ironic keeps the log archives of agents, in the directory of a run.
const AGENT_LOGS: &str = "agent-logs";

/// How a lab is started.
#[derive(Clone, Debug)]
pub struct LabOptions {
    /// The directory with the image under test: [`KERNEL`] and [`INITRAMFS`].
    pub image_dir: PathBuf,
    /// What labs share and keep: the virtual environment, caches, one directory for each run.
    pub lab_dir: PathBuf,
    /// The name of this run and of its directory; an older one of that name is removed.
    pub run: String,
    /// Options of Ironic.
    pub ironic: IronicOptions,
    /// Who is told what happens.
    pub narrator: Narrator,
}

impl LabOptions {
    /// The directory of this run.
    #[must_use]
    pub fn run_dir(&self) -> PathBuf {
        self.lab_dir.join("runs").join(&self.run)
    }

    /// The virtual environment with Ironic.
    #[must_use]
    pub fn venv(&self) -> PathBuf {
        self.lab_dir.join("venv")
    }

    /// Prepares what needs the host's network or changes what labs share. Call it before entering
    /// the namespaces.
    ///
    /// # Errors
    /// [`Error::Missing`] for what must be installed or built first.
    pub fn prepare(&self) -> Result<(), Error> {
        for file in [KERNEL, INITRAMFS] {
            let path = self.image_dir.join(file);
            if !path.exists() {
                return Err(Error::Missing {
                    what: path.display().to_string(),
                    remedy: "scripts/build".to_owned(),
                });
            }
        }
        self.prepare_shared()
    }

    /// Prepares, of that, what does not depend on the image under test.
    ///
    /// # Errors
    /// [`Error::Missing`] for what must be installed first.
    pub fn prepare_shared(&self) -> Result<(), Error> {
        packages::check_programs()?;
        files::make_dir(&self.lab_dir)?;
        let _lock = files::lock(&self.lab_dir.join("prepare.lock"))?;
        packages::ensure_venv(&self.venv(), &self.narrator)
    }
}

impl LabOptions {
    fn os_images_file(&self) -> PathBuf {
        self.lab_dir.join("os-images.json")
    }

    /// Builds the operating system that scenarios deploy, or finds it built. Like
    /// [`LabOptions::prepare`] it is for outside of the namespaces.
    ///
    /// # Errors
    /// [`Error::OsImage`].
    pub fn prepare_os_images(&self) -> Result<(), Error> {
        self.narrator
            .say("Building the operating system to deploy, unless it is there (about a minute)");
        let images = os_image::build(&self.lab_dir.join("os"), &OsImageOptions::default())?;
        let text = serde_json::to_string_pretty(&images).unwrap_or_default();
        let _lock = files::lock(&self.lab_dir.join("prepare.lock"))?;
        // Another lab may be reading the list, which is the same.
        let unfinished = self.os_images_file().with_extension("new");
        files::write(&unfinished, text)?;
        files::rename(&unfinished, &self.os_images_file())
    }
}

/// How the agent image gets onto a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootInterface {
    /// An ISO that Ironic builds and the BMC inserts.
    VirtualMedia,
    /// DHCP, TFTP, iPXE.
    Ipxe,
}

impl BootInterface {
    fn name(self) -> &'static str {
        match self {
            Self::VirtualMedia => "redfish-virtual-media",
            Self::Ipxe => "ipxe",
        }
    }
}

/// A running lab. It ends when this is dropped, and in any case with its namespaces.
#[derive(Debug)]
pub struct Lab {
    options: LabOptions,
    files: FileServer,
    ironic: Ironic,
    _redfish: Redfish,
    dnsmasq: Dnsmasq,
    _libvirt: Libvirt,
}

impl Lab {
    /// Starts all parts.
    ///
    /// # Errors
    /// The part that does not start.
    pub fn start(options: LabOptions) -> Result<Self, Error> {
        let run = options.run_dir();
        files::remove_dir(&run)?;
        let [logs, http, tftp, state] =
            ["logs", "http", "tftp", "ironic"].map(|name| run.join(name));
        for directory in [&logs, &http, &tftp, &state, &run.join("machines")] {
            files::make_dir(directory)?;
        }
        let start = Instant::now();
        let told = |part: &str| {
            options
                .narrator
                .say(format!("{part}, {:.1} s", start.elapsed().as_secs_f64()));
        };
        let files_address = SocketAddr::from((ADDRESS, FILES_PORT));
        let file_server = FileServer::start(&http, files_address)?;
        serve_image(&options.image_dir, &http)?;
        let dnsmasq = Dnsmasq::start(&run, &tftp, &logs)?;
        let libvirt = Libvirt::start(&run, &logs)?;
        told("libvirt, DHCP and the file server are up");
        let redfish = Redfish::start(&options.venv(), &run, &logs)?;
        told(&format!(
            "the Redfish emulator is up at {}",
            network::url(REDFISH_PORT)
        ));
        let agent_logs = run.join(AGENT_LOGS);
        let ironic = Ironic::start(&IronicStart {
            venv: &options.venv(),
            options: &options.ironic,
            directories: Directories {
                state: &state,
                agent_logs: &agent_logs,
                http: &http,
                tftp: &tftp,
            },
            empty_database: &options.lab_dir.join("empty.sqlite"),
            log_dir: &logs,
        })?;
        told(&format!("Ironic is up at {}", network::url(IRONIC_PORT)));
        Ok(Self {
            options,
            files: file_server,
            ironic,
            _redfish: redfish,
            dnsmasq,
            _libvirt: libvirt,
        })
    }

    /// Ironic's REST API.
    #[must_use]
    pub fn ironic(&self) -> &IronicApi {
        self.ironic.api()
    }

    /// The file server.
    #[must_use]
    pub fn files(&self) -> &FileServer {
        &self.files
    }

    /// The DHCP server.
    #[must_use]
    pub fn dhcp(&self) -> &Dnsmasq {
        &self.dnsmasq
    }

    /// Where Ironic keeps the log archives of agents.
    #[must_use]
    pub fn agent_logs(&self) -> PathBuf {
        self.run_dir().join(AGENT_LOGS)
    }

    /// Who is told what happens.
    #[must_use]
    pub fn narrator(&self) -> &Narrator {
        &self.options.narrator
    }

    /// The directory of this run.
    #[must_use]
    pub fn run_dir(&self) -> PathBuf {
        self.options.run_dir()
    }

    /// The operating system to deploy, in several formats.
    ///
    /// # Errors
    /// [`Error::Missing`] if [`LabOptions::prepare_os_images`] was not called.
    pub fn os_images(&self) -> Result<OsImages, Error> {
        let text = files::read_text(&self.options.os_images_file())?;
        serde_json::from_str(&text).map_err(|error| Error::Missing {
            what: format!("a readable list of operating system images ({error})"),
            remedy: "LabOptions::prepare_os_images".to_owned(),
        })
    }

    /// The options this lab was started with.
    #[must_use]
    pub fn options(&self) -> &LabOptions {
        &self.options
    }

    /// Defines a machine, powered off, its disks empty.
    ///
    /// # Errors
    /// What libvirt says.
    pub fn machine(&self, spec: MachineSpec) -> Result<Machine, Error> {
        Machine::define(spec, &self.run_dir().join("machines"))
    }

    /// Puts a file on the file server and returns its URL and its path there.
    ///
    /// # Errors
    /// If it cannot be linked.
    pub fn serve(&self, file: &Path, path: &str) -> Result<String, Error> {
        let target = self.files.root().join(path);
        if let Some(parent) = target.parent() {
            files::make_dir(parent)?;
        }
        files::link(file, &target)?;
        Ok(format!("{}/{path}", network::url(FILES_PORT)))
    }

    /// Makes Ironic know a machine, with its ports, and returns the node's UUID. The node is in
    /// the state "enroll".
    ///
    /// # Errors
    /// Ironic's refusal.
    pub fn enroll(&self, machine: &Machine, boot: BootInterface) -> Result<String, Error> {
        let image = format!("{}/image", network::url(FILES_PORT));
        let node = self.ironic().create_node(&json!({
            "name": machine.name(),
            "driver": "redfish",
            "boot_interface": boot.name(),
            "resource_class": "lab",
            "driver_info": {
                "redfish_address": network::url(REDFISH_PORT),
                "redfish_system_id": format!("/redfish/v1/Systems/{}", machine.uuid()),
                "deploy_kernel": format!("{image}/{KERNEL}"),
                "deploy_ramdisk": format!("{image}/{INITRAMFS}"),
            },
            "properties": {"capabilities": "boot_mode:uefi"},
        }))?;
        for mac in &machine.spec().macs {
            self.ironic().create_port(&node, mac)?;
        }
        Ok(node)
    }

    /// The logs of this run that explain a failure: name and file.
    #[must_use]
    pub fn logs(&self) -> Vec<(String, PathBuf)> {
        let mut logs = vec![("Ironic".to_owned(), self.ironic.log())];
        let machines = self.run_dir().join("machines");
        for name in files::names_in(&machines) {
            logs.push((
                format!("console of {name}"),
                machines.join(&name).join("serial.log"),
            ));
        }
        logs
    }
}

/// Puts the image under test and what boots it onto the file server.
fn serve_image(image_dir: &Path, http: &Path) -> Result<(), Error> {
    let (image, boot) = (http.join("image"), http.join("boot"));
    files::make_dir(&image)?;
    files::make_dir(&boot)?;
    for file in [KERNEL, INITRAMFS] {
        files::link(&image_dir.join(file), &image.join(file))?;
    }
    esp::make(&boot.join("esp.img"))?;
    files::write(&http.join("discover.ipxe"), discover_script())
}

/// What a machine boots that Ironic has no boot script for: the agent, which inspects and lets
/// Ironic enroll the machine.
fn discover_script() -> String {
    let image = format!("{}/image", network::url(FILES_PORT));
    let ironic = network::url(IRONIC_PORT);
    format!(
        "#!ipxe\n\
         kernel {image}/{KERNEL} ipa-inspection-callback-url={ironic}/v1/continue_inspection \
         console=tty0 console=ttyS0,115200n8 BOOTIF=${{mac}} initrd={INITRAMFS}\n\
         initrd {image}/{INITRAMFS}\n\
         boot\n"
    )
}
