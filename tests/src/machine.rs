// SPDX-License-Identifier: Apache-2.0
//! A virtual server: what it is made of ([`MachineSpec`]) and the running thing ([`Machine`]).

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;

use crate::console::Console;
use crate::error::Error;
use crate::libvirt::virsh;
use crate::tpm::{self, Tpm};
use crate::wait::{self, Probe};
use crate::{domain_xml, files};

/// UEFI firmware without Secure Boot.
pub const FIRMWARE_CODE: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
/// Its variables, empty.
pub const FIRMWARE_VARIABLES: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";
/// One GiB.
pub const GIB: u64 = 1 << 30;

const POWER_LIMIT: Duration = Duration::from_mins(2);

/// How a disk is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bus {
    /// virtio-scsi.
    Scsi,
    /// AHCI.
    Sata,
    /// virtio-blk.
    Virtio,
    /// NVMe. libvirt does not know it, so it cannot be the machine's only disk: the Redfish
    /// emulator would find nothing to boot from.
    Nvme,
}

/// A disk.
#[derive(Clone, Debug)]
pub struct DiskSpec {
    /// How it is attached.
    pub bus: Bus,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its serial number.
    pub serial: String,
    /// Its world wide name, 16 hexadecimal digits; SCSI only.
    pub wwn: Option<String>,
    /// Bytes of a sector, logical and physical. AHCI disks know 512 only.
    pub sector: u32,
}

impl DiskSpec {
    /// A disk of `gib` GiB.
    #[must_use]
    pub fn new(bus: Bus, gib: u64, serial: &str) -> Self {
        Self {
            bus,
            bytes: gib * GIB,
            serial: serial.to_owned(),
            wwn: None,
            sector: 512,
        }
    }

    /// With sectors of 4096 bytes and no emulation of smaller ones.
    #[must_use]
    pub fn with_large_sectors(mut self) -> Self {
        self.sector = 4096;
        self
    }
}

/// A kernel that is started without a boot loader.
#[derive(Clone, Debug)]
pub struct DirectBoot {
    /// The kernel.
    pub kernel: PathBuf,
    /// Its initramfs.
    pub initramfs: PathBuf,
    /// Its command line.
    pub command_line: String,
}

/// What a virtual server is made of.
#[derive(Clone, Debug)]
pub struct MachineSpec {
    /// Its name, also in libvirt and in Ironic.
    pub name: String,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Number of processors.
    pub cpus: u32,
    /// Its disks.
    pub disks: Vec<DiskSpec>,
    /// The hardware address of each network port.
    pub macs: Vec<String>,
    /// With a BMC behind a KCS interface.
    pub ipmi: bool,
    /// With a TPM 2.0 that has an endorsement certificate.
    pub tpm: bool,
    /// With a smart card reader on USB.
    pub smart_card_reader: bool,
    /// As two sockets and two NUMA nodes, with half of processors and memory each.
    pub numa: bool,
    /// Boots from the network unless a BMC says otherwise.
    pub network_first: bool,
    /// Starts this kernel instead of asking the firmware.
    pub direct_boot: Option<DirectBoot>,
    /// Has UEFI firmware. A BIOS knows no boot entries, but leaves a kernel that is started
    /// directly more memory.
    pub uefi: bool,
}

impl MachineSpec {
    /// A small server: two processors, one network port, no disk.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            memory_mib: 1024,
            cpus: 2,
            disks: Vec::new(),
            macs: vec!["52:54:00:16:01:01".to_owned()],
            ipmi: false,
            tpm: false,
            smart_card_reader: false,
            numa: false,
            network_first: false,
            direct_boot: None,
            uefi: true,
        }
    }

    /// With one more disk.
    #[must_use]
    pub fn with_disk(mut self, disk: DiskSpec) -> Self {
        self.disks.push(disk);
        self
    }

    /// With this much memory.
    #[must_use]
    pub fn with_memory(mut self, mib: u32) -> Self {
        self.memory_mib = mib;
        self
    }
}

/// A virtual server that libvirt knows.
#[derive(Debug)]
pub struct Machine {
    spec: MachineSpec,
    uuid: Uuid,
    dir: PathBuf,
    /// Runs for as long as the machine is defined.
    _tpm: Option<Tpm>,
}

impl Machine {
    /// Makes the disks of a machine and defines it, powered off.
    ///
    /// # Errors
    /// If a file cannot be made or libvirt refuses the definition.
    pub fn define(spec: MachineSpec, machines_dir: &Path) -> Result<Self, Error> {
        let dir = machines_dir.join(&spec.name);
        files::make_dir(&dir)?;
        let tpm = spec.tpm.then(|| Tpm::start(&dir)).transpose()?;
        let machine = Self {
            spec,
            uuid: Uuid::new_v4(),
            dir,
            _tpm: tpm,
        };
        for (index, disk) in machine.spec.disks.iter().enumerate() {
            files::make_sparse(&machine.disk(index), disk.bytes)?;
        }
        let definition = machine.dir.join("domain.xml");
        files::write(&definition, domain_xml::render(&machine))?;
        virsh(&["define", &definition.to_string_lossy()])?;
        Ok(machine)
    }

    /// What it is made of.
    #[must_use]
    pub fn spec(&self) -> &MachineSpec {
        &self.spec
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Its identity in libvirt, Redfish and SMBIOS.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// The file of a disk, raw and sparse.
    #[must_use]
    pub fn disk(&self, index: usize) -> PathBuf {
        self.dir.join(format!("disk{index}.raw"))
    }

    /// The file of the firmware's variables.
    #[must_use]
    pub fn firmware_variables(&self) -> PathBuf {
        self.dir.join("variables.fd")
    }

    /// Everything the machine has ever written to its serial port.
    #[must_use]
    pub fn serial_log(&self) -> PathBuf {
        self.dir.join("serial.log")
    }

    pub(crate) fn tpm_socket(&self) -> PathBuf {
        tpm::socket(&self.dir)
    }

    pub(crate) fn serial_socket(&self) -> PathBuf {
        self.dir.join("serial.sock")
    }

    /// Follows the serial console from now on.
    #[must_use]
    pub fn console(&self) -> Console {
        Console::from_end(self.serial_log())
    }

    /// Follows the serial console from its very beginning.
    #[must_use]
    pub fn whole_console(&self) -> Console {
        Console::from_start(self.serial_log())
    }

    /// Switches the machine on.
    ///
    /// # Errors
    /// What libvirt says.
    pub fn power_on(&self) -> Result<(), Error> {
        virsh(&["start", self.name()]).map(drop)
    }

    /// Pulls the plug.
    ///
    /// # Errors
    /// What libvirt says.
    pub fn power_off(&self) -> Result<(), Error> {
        if self.is_on()? {
            virsh(&["destroy", self.name()])?;
        }
        Ok(())
    }

    /// True if it is switched on.
    ///
    /// # Errors
    /// What libvirt says.
    pub fn is_on(&self) -> Result<bool, Error> {
        Ok(virsh(&["domstate", self.name()])?.trim() != "shut off")
    }

    /// Plugs the cable of the network port with this hardware address in or out.
    ///
    /// # Errors
    /// What libvirt says.
    pub fn plug(&self, mac: &str, plugged: bool) -> Result<(), Error> {
        let mut arguments = vec!["domif-setlink", self.name(), mac];
        arguments.push(if plugged { "up" } else { "down" });
        if !self.is_on()? {
            arguments.push("--config");
        }
        virsh(&arguments).map(drop)
    }

    /// Waits until the machine has switched itself off.
    ///
    /// # Errors
    /// [`Error::Timeout`] with the end of its console.
    pub fn wait_until_off(&self, limit: Duration) -> Result<(), Error> {
        wait::until(
            &format!("{} to switch itself off", self.name()),
            limit,
            || {
                Ok(if self.is_on()? {
                    Probe::NotYet(files::tail(&self.serial_log(), 10))
                } else {
                    Probe::Ready(())
                })
            },
        )
    }

    /// Writes bytes onto a disk of the machine, which must be off.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn write_disk(&self, index: usize, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        let path = self.disk(index);
        let write = || {
            let mut file = File::options().write(true).open(&path)?;
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(bytes)
        };
        write().map_err(|source| Error::File {
            doing: "write",
            path: path.clone(),
            source,
        })
    }

    /// Sends SIGKILL to every process of the running system except the first, by the kernel's
    /// SysRq `i` on the serial console. The kernel must have been started with
    /// `sysrq_always_enabled=1`, and something must hold the console open for reading.
    ///
    /// # Errors
    /// If the console cannot be reached or the kernel does not answer.
    pub fn kill_all_processes(&self) -> Result<(), Error> {
        let mut console = self.console();
        let path = self.serial_socket();
        let failed = |source| Error::File {
            doing: "connect to",
            path: path.clone(),
            source,
        };
        let mut socket = UnixStream::connect(&path).map_err(failed)?;
        let send_break = r#"{"execute": "chardev-send-break", "arguments": {"id": "charserial0"}}"#;
        wait::until("the kernel to accept a SysRq", POWER_LIMIT, || {
            // Looking first: a kernel that has done it already must not be told twice.
            let seen = console.read_new()?;
            Ok(if seen.contains("Kill All Tasks") {
                Probe::Ready(())
            } else {
                let last = format!("console: {seen:?}");
                virsh(&["qemu-monitor-command", self.name(), send_break])?;
                socket.write_all(b"i").map_err(failed)?;
                Probe::NotYet(last)
            })
        })
    }
}
