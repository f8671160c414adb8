// SPDX-License-Identifier: Apache-2.0
//! Everything that can go wrong, with an owner.
//!
//! One closed enum: each fault has a short stable code, a sentence a technician
//! understands, what to check next and whose fault it is. The wire's error type
//! names (contract §11, §13.3) come from here too, so log, screen and Ironic
//! never disagree.

use serde::Serialize;
use thiserror::Error;

use crate::clock::Skew;

/// Who can mend a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// Cabling, switches, DHCP, image servers: the world around the machine.
    Environment,
    /// Whoever asked for this step with these arguments.
    Request,
    /// The machine itself.
    Hardware,
    /// Ironic and its settings.
    ControlPlane,
    /// This program.
    Bug,
}

/// A named failure.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// An argument of a command or a step is missing or wrong.
    #[error("argument {argument}: {problem}")]
    Argument {
        /// Name of the argument.
        argument: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// The step's name is unknown to this agent.
    #[error("there is no {phase} step named {step}")]
    UnknownStep {
        /// `clean`, `deploy` or `service`.
        phase: &'static str,
        /// The name as given.
        step: String,
    },
    /// The image server refused the request.
    #[error("{url} answered HTTP {status}")]
    ImageRefused {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The image server could not be reached, or the transfer broke, on every attempt.
    #[error("downloading {url} failed after {attempts} attempts: {problem}")]
    ImageDownload {
        /// What was asked for.
        url: String,
        /// How often it was tried.
        attempts: u32,
        /// The last problem.
        problem: String,
    },
    /// Where the image shall come from has nothing that could be read.
    #[error("{url} cannot be read: {problem}")]
    ImageSource {
        /// What was asked for.
        url: String,
        /// What is there instead, or the kernel's words.
        problem: String,
    },
    /// The image is not the one that was meant.
    #[error("{url} has the {algorithm} digest {found}, expected {expected}")]
    ImageChecksum {
        /// What was fetched.
        url: String,
        /// Name of the algorithm.
        algorithm: String,
        /// The digest computed over the file as served.
        found: String,
        /// The digest that was wanted.
        expected: String,
    },
    /// The checksum file does not give a digest for the image.
    #[error("the checksum file {url} has no digest for {image}")]
    ChecksumFile {
        /// Where the file is.
        url: String,
        /// The image's file name.
        image: String,
    },
    /// The image's content is not what was declared, not permitted, or not safe.
    #[error("image {image} is refused: {problem}")]
    ImageInvalid {
        /// The image's id.
        image: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The image does not fit.
    #[error("the image needs {needed} bytes, {device} has {available}")]
    ImageTooLarge {
        /// The disk.
        device: String,
        /// Virtual size of the image in bytes.
        needed: u64,
        /// Size of the disk in bytes.
        available: u64,
    },
    /// No disk satisfies the hints or the minimum size.
    #[error("no disk to install on: {problem}")]
    NoRootDevice {
        /// The hints and, for each disk, why not.
        problem: String,
    },
    /// A guard refuses to touch a device.
    #[error("{device} is protected: {problem}")]
    DeviceProtected {
        /// The device.
        device: String,
        /// What protects it.
        problem: String,
    },
    /// The device under this name is not the one the plan was made for.
    #[error("{device} is not the device it was: {problem}")]
    DeviceChanged {
        /// The device's name.
        device: String,
        /// What differs.
        problem: String,
    },
    /// Reading or writing a device failed.
    #[error("{operation} {device} failed: {problem}")]
    DeviceIo {
        /// A gerund: `writing`, `formatting`.
        operation: String,
        /// The device, with the position where it helps.
        device: String,
        /// The kernel's or the controller's words.
        problem: String,
    },
    /// A device took what was written and gives something else back.
    #[error(
        "{device} does not give back what was written: the {length} bytes from byte {offset} on differ"
    )]
    ReadBack {
        /// The device.
        device: String,
        /// Where the range begins in which something differs.
        offset: u64,
        /// Bytes of that range.
        length: u64,
    },
    /// The partition table of a disk is missing or damaged.
    #[error("the partition table of {device}: {problem}")]
    PartitionTable {
        /// The disk.
        device: String,
        /// What is wrong.
        problem: String,
    },
    /// The image was made for smaller sectors than the disk has.
    #[error("the image cannot work on {device} with its sectors of {sector} bytes: {problem}")]
    SectorSize {
        /// The disk.
        device: String,
        /// Bytes of its sectors.
        sector: u32,
        /// What was made for other sectors.
        problem: String,
    },
    /// The config drive cannot be decoded or does not fit.
    #[error("the config drive cannot be used: {problem}")]
    ConfigDrive {
        /// What is wrong.
        problem: String,
    },
    /// The deployed disk has no EFI system partition or no boot loader on it.
    #[error("{device} cannot be made bootable: {problem}")]
    NoBootLoader {
        /// The disk.
        device: String,
        /// What is missing.
        problem: String,
    },
    /// A boot loader would have to be installed in a way this agent does not have.
    #[error("no boot loader can be installed on {device}: {problem}")]
    BootLoaderInstall {
        /// The disk.
        device: String,
        /// Why not.
        problem: String,
    },
    /// The partitions of a partition image cannot be made.
    #[error("{device} cannot be partitioned as wanted: {problem}")]
    PartitionLayout {
        /// The disk.
        device: String,
        /// What does not fit, with the sizes.
        problem: String,
    },
    /// The firmware refuses to store a boot entry.
    #[error("the firmware variable {variable} cannot be changed: {problem}")]
    EfiVariable {
        /// Name of the variable.
        variable: String,
        /// The kernel's words.
        problem: String,
    },
    /// The agent process ended while a command ran; what it did is unknown.
    #[error(
        "the agent ended while {command} was running and was started again; the state of the disks is unknown"
    )]
    AgentRestarted {
        /// The command.
        command: String,
    },
    /// Ironic gave the token away before, and this agent does not have it.
    #[error(
        "Ironic has given this node's agent token to an earlier agent, and this one does not have it"
    )]
    TokenLost,
    /// The clock could not be set, and must be (`fail_if_clock_not_set`).
    #[error("the clock cannot be set: {problem}")]
    ClockNotSet {
        /// Who was asked and why that did not help, or the kernel's words.
        problem: String,
    },
    /// The machine's clock is or was wrong by more than it may drift.
    #[error("the clock {} {skew}, says {by}", tense(.corrected))]
    ClockSkew {
        /// How wrong.
        skew: Skew,
        /// Who said so.
        by: String,
        /// Whether the clock was set right.
        corrected: bool,
    },
    /// A description of the network cannot be meant as it is.
    #[error("{origin} cannot be used: {problem}")]
    NetworkDescription {
        /// Where it stands.
        origin: String,
        /// Everything that is wrong with it.
        problem: String,
    },
    /// Several devices failed; the first failure decides code and owner.
    #[error("{}", join(.0))]
    Several(Vec<Fault>),
    /// A broken invariant of this program.
    #[error("internal error: {0}")]
    Internal(String),
}

fn tense(over: &bool) -> &'static str {
    if *over { "was" } else { "is" }
}

fn join(faults: &[Fault]) -> String {
    let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// Everything about a kind of fault that does not depend on its subject.
struct Kind {
    code: &'static str,
    owner: Owner,
    next: &'static str,
    wire_type: &'static str,
    wire_code: u16,
}

const fn kind(
    code: &'static str,
    owner: Owner,
    next: &'static str,
    wire_type: &'static str,
    wire_code: u16,
) -> Kind {
    Kind {
        code,
        owner,
        next,
        wire_type,
        wire_code,
    }
}

impl Fault {
    fn kind(&self) -> Kind {
        use Owner::{Bug, Environment, Hardware, Request};
        match self {
            Fault::Argument { .. } => kind(
                "argument",
                Request,
                "compare the request with the step's argsinfo",
                "InvalidCommandParamsError",
                400,
            ),
            Fault::UnknownStep { .. } => kind(
                "unknown-step",
                Request,
                "list the steps with get_clean_steps, get_deploy_steps or get_service_steps",
                "HardwareManagerMethodNotFound",
                500,
            ),
            Fault::ImageRefused { .. } => kind(
                "image-refused",
                Environment,
                "open the image URL from the provisioning network; check path and credentials",
                "ImageDownloadError",
                500,
            ),
            Fault::ImageDownload { .. } => kind(
                "image-download",
                Environment,
                "check the image server and the network between it and this machine",
                "ImageDownloadError",
                500,
            ),
            Fault::ImageSource { .. } => kind(
                "image-source",
                Request,
                "for a file, check that its medium is mounted; for a registry, list what the reference names with 'oras manifest fetch'",
                "ImageDownloadError",
                500,
            ),
            Fault::ImageChecksum { .. } => kind(
                "image-checksum",
                Request,
                "compute the digest of the file on the image server and compare it with the request",
                "ImageChecksumError",
                500,
            ),
            Fault::ChecksumFile { .. } => kind(
                "checksum-file",
                Request,
                "look for the image's file name in the checksum file",
                "ImageDownloadError",
                500,
            ),
            Fault::ImageInvalid { .. } => kind(
                "image-invalid",
                Request,
                "run 'qemu-img info' on the image and compare it with disk_format and permitted_image_formats",
                "InvalidImage",
                500,
            ),
            Fault::ImageTooLarge { .. } => kind(
                "image-too-large",
                Request,
                "choose a larger disk by root_device hints, or a smaller image",
                "InvalidImage",
                500,
            ),
            Fault::NoRootDevice { .. } => kind(
                "no-root-device",
                Request,
                "compare the root_device hints with the node's inventory",
                "DeviceNotFound",
                404,
            ),
            Fault::DeviceProtected { .. } => kind(
                "device-protected",
                Request,
                "detach the device, add it to skip_block_devices, or lift the protection deliberately",
                "ProtectedDeviceError",
                500,
            ),
            Fault::DeviceChanged { .. } => kind(
                "device-changed",
                Hardware,
                "look for loose disks or cables; try the step again",
                "DeviceNotFound",
                404,
            ),
            Fault::DeviceIo { .. } => kind(
                "device-io",
                Hardware,
                "look at the kernel's messages about this disk and its health",
                "BlockDeviceError",
                500,
            ),
            Fault::ReadBack { .. } => kind(
                "read-back",
                Hardware,
                "check cabling, backplane, controller and its cache, then replace the disk; do not trust it with data",
                "BlockDeviceError",
                500,
            ),
            Fault::PartitionTable { .. } => kind(
                "partition-table",
                Request,
                "look at the image with 'fdisk -l'",
                "InvalidImage",
                500,
            ),
            Fault::SectorSize { .. } => kind(
                "sector-size",
                Request,
                "build the image for sectors of 4096 bytes, format the disk for sectors of 512, or choose another disk by root_device hints",
                "InvalidImage",
                500,
            ),
            Fault::ConfigDrive { .. } => kind(
                "config-drive",
                Request,
                "check the size and the encoding of the config drive",
                "InvalidCommandParamsError",
                400,
            ),
            Fault::NoBootLoader { .. } => kind(
                "no-boot-loader",
                Request,
                "check that the image has an EFI system partition with a boot loader for this architecture",
                "DeviceNotFound",
                404,
            ),
            Fault::BootLoaderInstall { .. } => kind(
                "boot-loader-install",
                Request,
                "deploy a whole-disk image, or let the node boot by UEFI (capability boot_mode:uefi)",
                "InvalidImage",
                500,
            ),
            Fault::PartitionLayout { .. } => kind(
                "partition-layout",
                Request,
                "compare root_gb, ephemeral_gb, swap_mb and the root device hints with the disk's size",
                "InvalidCommandParamsError",
                400,
            ),
            Fault::EfiVariable { .. } => kind(
                "efi-variable",
                Hardware,
                "look for firmware settings that lock boot entries, and for a full NVRAM",
                "CommandExecutionError",
                500,
            ),
            Fault::AgentRestarted { .. } => kind(
                "agent-restarted",
                Bug,
                "look at the agent's log for the reason it ended, then start the operation again",
                "CommandExecutionError",
                500,
            ),
            Fault::TokenLost => kind(
                "token-lost",
                Owner::ControlPlane,
                "let Ironic power the node off and on again: it then makes a new token",
                "CommandExecutionError",
                500,
            ),
            Fault::ClockNotSet { .. } => kind(
                "clock-not-set",
                Environment,
                "check that the NTP servers of ipa-ntp-server and DHCP answer on UDP port 123 from this network",
                "CommandExecutionError",
                500,
            ),
            Fault::ClockSkew { .. } => kind(
                "clock-skew",
                Hardware,
                "replace the mainboard's battery; a clock that is off by whole hours runs in local time instead of UTC",
                "CommandExecutionError",
                500,
            ),
            Fault::NetworkDescription { .. } => kind(
                "network-description",
                Owner::ControlPlane,
                "mend each point where it was written: the node's network_data in Ironic, the kernel command line, the firmware's iSCSI settings or the hardware profile",
                "CommandExecutionError",
                500,
            ),
            Fault::Several(faults) => faults.first().map_or(
                kind(
                    "internal",
                    Bug,
                    "send the agent's log to the project",
                    "CommandExecutionError",
                    500,
                ),
                Fault::kind,
            ),
            Fault::Internal(_) => kind(
                "internal",
                Bug,
                "send the agent's log to the project",
                "CommandExecutionError",
                500,
            ),
        }
    }

    /// Short stable name, for searching and for statistics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.kind().code
    }

    /// Who can mend it.
    #[must_use]
    pub fn owner(&self) -> Owner {
        self.kind().owner
    }

    /// What to check next, as an instruction.
    #[must_use]
    pub fn next(&self) -> &'static str {
        self.kind().next
    }

    /// The error class Ironic knows this fault by; `None`-like generic ones are
    /// replaced by the step's phase error (contract §13.3).
    #[must_use]
    pub fn wire_type(&self) -> &'static str {
        self.kind().wire_type
    }

    /// The `code` field of the wire's error object.
    #[must_use]
    pub fn wire_code(&self) -> u16 {
        self.kind().wire_code
    }
}
