// SPDX-License-Identifier: Apache-2.0
//! The libvirt definition of a machine.

use std::fmt::Write;

use crate::machine::{
    Bus, DirectBoot, DiskSpec, FIRMWARE_CODE, FIRMWARE_VARIABLES, Machine, MachineSpec,
};
use crate::network::BRIDGE;

/// Where NVMe disks that libvirt does not know are put on the PCI bus, behind all that it places.
const FIRST_NVME_SLOT: usize = 0x10;
/// The firmware tries them after everything whose order the Redfish emulator sets.
const FIRST_NVME_BOOT_INDEX: usize = 100;

/// The definition.
#[must_use]
pub fn render(machine: &Machine) -> String {
    let spec = machine.spec();
    let mut devices = String::new();
    for (index, disk) in spec.disks.iter().enumerate() {
        devices.push_str(&disk_element(machine, index, disk));
    }
    for (index, mac) in spec.macs.iter().enumerate() {
        let order = match index {
            0 if spec.network_first => "<boot order='1'/>",
            _ => "",
        };
        // Without its option ROM the card is driven by the firmware, as on most servers.
        push(
            &mut devices,
            &format!(
                "<interface type='bridge'><mac address='{mac}'/><source bridge='{BRIDGE}'/>\
                 <model type='virtio'/>{order}<rom enabled='no'/></interface>"
            ),
        );
    }
    devices.push_str(&serial_element(machine));
    format!(
        "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n\
         <name>{name}</name>\n\
         <uuid>{uuid}</uuid>\n\
         <sysinfo type='smbios'><system>\
         <entry name='manufacturer'>Ironseed</entry><entry name='product'>Lab</entry>\
         <entry name='serial'>{name}</entry><entry name='uuid'>{uuid}</entry>\
         </system></sysinfo>\n\
         <memory unit='MiB'>{memory}</memory>\n\
         <vcpu>{cpus}</vcpu>\n\
         {os}\
         <features><acpi/><apic/></features>\n\
         {cpu}\n\
         <clock offset='utc'/>\n\
         <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot>\
         <on_crash>destroy</on_crash>\n\
         <devices>\n\
         <controller type='scsi' index='0' model='virtio-scsi'/>\n\
         <controller type='sata' index='0'/>\n\
         {devices}\
         <video><model type='vga'/></video>\n\
         <memballoon model='none'/>\n\
         <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>\n\
         </devices>\n\
         {extra}\
         </domain>\n",
        name = spec.name,
        uuid = machine.uuid(),
        memory = spec.memory_mib,
        cpus = spec.cpus,
        cpu = cpu_element(spec),
        os = os_element(machine),
        extra = command_line(machine),
    )
}

/// One processor per core and no threads; with NUMA, half of them in each of two sockets.
fn cpu_element(spec: &MachineSpec) -> String {
    if !spec.numa {
        return "<cpu mode='maximum'/>".to_owned();
    }
    let (cores, memory) = (spec.cpus / 2, spec.memory_mib / 2);
    let last = spec.cpus.saturating_sub(1);
    format!(
        "<cpu mode='maximum'><topology sockets='2' cores='{cores}' threads='1'/><numa>\
         <cell id='0' cpus='0-{}' memory='{memory}' unit='MiB'/>\
         <cell id='1' cpus='{cores}-{last}' memory='{memory}' unit='MiB'/></numa></cpu>",
        cores.saturating_sub(1)
    )
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn os_element(machine: &Machine) -> String {
    let direct = machine
        .spec()
        .direct_boot
        .as_ref()
        .map(direct_boot)
        .unwrap_or_default();
    let firmware = if machine.spec().uefi {
        uefi(machine)
    } else {
        String::new()
    };
    format!(
        "<os><type arch='x86_64' machine='q35'>hvm</type>\
         {firmware}{direct}<smbios mode='sysinfo'/></os>\n"
    )
}

fn uefi(machine: &Machine) -> String {
    format!(
        "<loader readonly='yes' type='pflash'>{FIRMWARE_CODE}</loader>\
         <nvram template='{FIRMWARE_VARIABLES}'>{}</nvram>",
        machine.firmware_variables().display()
    )
}

fn direct_boot(boot: &DirectBoot) -> String {
    format!(
        "<kernel>{}</kernel><initrd>{}</initrd><cmdline>{}</cmdline>",
        boot.kernel.display(),
        boot.initramfs.display(),
        boot.command_line
    )
}

/// libvirt's name for a bus and the prefix of its device names.
fn bus_names(bus: Bus) -> Option<(&'static str, &'static str)> {
    match bus {
        Bus::Scsi => Some(("scsi", "sd")),
        Bus::Sata => Some(("sata", "sd")),
        Bus::Virtio => Some(("virtio", "vd")),
        Bus::Nvme => None,
    }
}

fn disk_element(machine: &Machine, index: usize, disk: &DiskSpec) -> String {
    let Some((bus, prefix)) = bus_names(disk.bus) else {
        return String::new();
    };
    let letter = char::from(b'a' + u8::try_from(index).unwrap_or(0));
    let wwn = disk
        .wwn
        .as_ref()
        .map(|wwn| format!("<wwn>{wwn}</wwn>"))
        .unwrap_or_default();
    format!(
        "<disk type='file' device='disk'>\
         <driver name='qemu' type='raw' cache='unsafe' discard='unmap' detect_zeroes='unmap'/>\
         <source file='{file}'/><target dev='{prefix}{letter}' bus='{bus}'/>\
         {sectors}<serial>{serial}</serial>{wwn}</disk>\n",
        sectors = sectors_element(disk),
        file = machine.disk(index).display(),
        serial = disk.serial,
    )
}

/// Nothing for sectors of the usual size.
fn sectors_element(disk: &DiskSpec) -> String {
    match disk.sector {
        512 => String::new(),
        bytes => {
            format!("<blockio logical_block_size='{bytes}' physical_block_size='{bytes}'/>")
        }
    }
}

/// A serial port whose output is kept in a file and that can be typed at through a socket.
fn serial_element(machine: &Machine) -> String {
    format!(
        "<serial type='unix'><source mode='bind' path='{}'/>\
         <log file='{}' append='on'/><target port='0'/></serial>\n",
        machine.serial_socket().display(),
        machine.serial_log().display()
    )
}

/// What libvirt has no words for.
fn command_line(machine: &Machine) -> String {
    let spec = machine.spec();
    let mut arguments: Vec<String> = Vec::new();
    let nvme = spec
        .disks
        .iter()
        .enumerate()
        .filter(|(_, disk)| disk.bus == Bus::Nvme);
    for (count, (index, disk)) in nvme.enumerate() {
        arguments.extend(nvme_arguments(machine, count, index, disk));
    }
    if spec.ipmi {
        arguments.extend(ipmi_arguments());
    }
    if spec.tpm {
        arguments.extend(tpm_arguments(machine));
    }
    if spec.smart_card_reader {
        arguments.extend(smart_card_reader_arguments());
    }
    let mut text = String::from("<qemu:commandline>\n");
    for argument in arguments {
        // Writing to a string cannot fail.
        let _written = writeln!(text, "<qemu:arg value='{argument}'/>");
    }
    text.push_str("</qemu:commandline>\n");
    text
}

fn nvme_arguments(machine: &Machine, count: usize, index: usize, disk: &DiskSpec) -> [String; 4] {
    let file = machine.disk(index);
    let slot = FIRST_NVME_SLOT + count;
    let order = FIRST_NVME_BOOT_INDEX + count;
    [
        "-drive".to_owned(),
        format!(
            "file={},if=none,id=nvme{count},format=raw,cache=unsafe,discard=unmap,\
             detect-zeroes=unmap",
            file.display()
        ),
        "-device".to_owned(),
        format!(
            "nvme,drive=nvme{count},serial={},bus=pcie.0,addr={slot:#x},bootindex={order},\
             logical_block_size={sector},physical_block_size={sector}",
            disk.serial,
            sector = disk.sector,
        ),
    ]
}

fn smart_card_reader_arguments() -> [String; 4] {
    [
        "-device",
        "qemu-xhci,id=reader-usb,bus=pcie.0,addr=0x18",
        "-device",
        "usb-ccid,bus=reader-usb.0",
    ]
    .map(str::to_owned)
}

fn tpm_arguments(machine: &Machine) -> [String; 6] {
    [
        "-chardev".to_owned(),
        format!(
            "socket,id=tpm-socket,path={}",
            machine.tpm_socket().display()
        ),
        "-tpmdev".to_owned(),
        "emulator,id=tpm0,chardev=tpm-socket".to_owned(),
        "-device".to_owned(),
        "tpm-crb,tpmdev=tpm0".to_owned(),
    ]
}

fn ipmi_arguments() -> [String; 4] {
    [
        "-device",
        "ipmi-bmc-sim,id=bmc0",
        "-device",
        "isa-ipmi-kcs,bmc=bmc0",
    ]
    .map(str::to_owned)
}
