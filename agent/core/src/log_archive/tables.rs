// SPDX-License-Identifier: Apache-2.0
//! The tables in the log archive, written from our own data in the manner of
//! the programs whose names they bear.

use std::fmt::Write as _;

use crate::block::{BlockDevices, BlockKind};
use crate::snapshot::{NetworkLink, Snapshot};

/// How full a mounted file system is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSystemUse {
    /// Where it is mounted.
    pub place: String,
    /// Its source, `/dev/sda1` or `tmpfs`.
    pub source: String,
    /// Size in bytes.
    pub size: u64,
    /// Bytes free.
    pub free: u64,
}

/// A running process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Content of its `stat` file.
    pub stat: String,
    /// Content of its `cmdline` file; empty for kernel threads.
    pub command_line: Vec<u8>,
}

/// EFI variables that tell how the machine boots: names and values without
/// attributes.
pub type BootVariables = Vec<(String, Vec<u8>)>;

/// Columns aligned to the left, headings first.
fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.len()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let headings: Vec<String> = headings
        .iter()
        .map(|heading| (*heading).to_owned())
        .collect();
    for row in std::iter::once(&headings).chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:<width$} ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// `lsblk`: every block device.
#[must_use]
pub fn tree_of_blocks(blocks: &BlockDevices) -> String {
    let headings = [
        "NAME",
        "MAJ:MIN",
        "RM",
        "SIZE",
        "RO",
        "TYPE",
        "TRAN",
        "FSTYPE",
        "LABEL",
        "MODEL",
        "SERIAL",
        "WWN",
        "MOUNTPOINTS",
    ];
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let rows: Vec<Vec<String>> = blocks
        .0
        .iter()
        .map(|device| {
            let name = device.name.trim_start_matches("/dev/");
            let indent = if device.parent.is_some() { "|-" } else { "" };
            vec![
                format!("{indent}{name}"),
                device.number.clone(),
                u8::from(device.removable).to_string(),
                device.size.to_string(),
                u8::from(device.read_only).to_string(),
                kind(device.kind).to_owned(),
                text(&device.transport),
                text(&device.file_system),
                text(&device.label),
                text(&device.model),
                text(&device.serial),
                text(&device.wwn),
                device.mounts.join(","),
            ]
        })
        .collect();
    table(&headings, &rows)
}

fn kind(kind: BlockKind) -> &'static str {
    match kind {
        BlockKind::Disk => "disk",
        BlockKind::Partition => "part",
        BlockKind::Md => "raid",
        BlockKind::Multipath => "mpath",
        BlockKind::Mapper => "dm",
        BlockKind::Rom => "rom",
        BlockKind::Loop => "loop",
        BlockKind::Other => "other",
    }
}

/// `ip_addr`: every link and its addresses.
#[must_use]
pub fn links(links: &[NetworkLink]) -> String {
    const UP: u32 = 1;
    let mut text = String::new();
    for link in links {
        let admin = if link.flags & UP != 0 { "up" } else { "down" };
        let carrier = if link.flags & NetworkLink::LOWER_UP != 0 {
            "carrier"
        } else {
            "no carrier"
        };
        let _ = write!(text, "{}: {}: {admin}, {carrier}", link.index, link.name);
        if let Some(speed) = link.speed_mbps {
            let _ = write!(text, ", {speed} Mbit/s");
        }
        let _ = writeln!(
            text,
            "\n    link {} permanent {}",
            hardware(&link.address),
            hardware(&link.permanent_address)
        );
        for (address, prefix) in &link.addresses {
            let _ = writeln!(text, "    {address}/{prefix}");
        }
    }
    text
}

fn hardware(address: &[u8]) -> String {
    if address.is_empty() {
        return "none".to_owned();
    }
    let parts: Vec<String> = address.iter().map(|byte| format!("{byte:02x}")).collect();
    parts.join(":")
}

/// `mount`: source, place, type and options of every mount.
#[must_use]
pub fn mounts(mountinfo: &str) -> String {
    let mut text = String::new();
    for line in mountinfo.lines() {
        let Some((fields, rest)) = line.split_once(" - ") else {
            continue;
        };
        let fields: Vec<&str> = fields.split(' ').collect();
        let rest: Vec<&str> = rest.split(' ').collect();
        if let ([_, _, _, _, place, options, ..], [kind, source, ..]) = (&fields[..], &rest[..]) {
            let _ = writeln!(text, "{source} on {place} type {kind} ({options})");
        }
    }
    text
}

/// `df`: sizes of the mounted file systems, in KiB.
#[must_use]
pub fn file_systems(uses: &[FileSystemUse]) -> String {
    let rows: Vec<Vec<String>> = uses
        .iter()
        .map(|usage| {
            let used = usage.size.saturating_sub(usage.free);
            vec![
                usage.source.clone(),
                (usage.size / 1024).to_string(),
                (used / 1024).to_string(),
                (usage.free / 1024).to_string(),
                usage.place.clone(),
            ]
        })
        .collect();
    table(
        &["Filesystem", "1K-blocks", "Used", "Available", "Mounted on"],
        &rows,
    )
}

/// `ps`: every process (`proc_pid_stat(5)`).
#[must_use]
pub fn processes(all: &[Process]) -> String {
    let rows: Vec<Vec<String>> = all
        .iter()
        .filter_map(|process| {
            // The name stands in parentheses and may hold any character.
            let (before, after) = process.stat.rsplit_once(") ")?;
            let name = before.split_once('(')?.1;
            let fields: Vec<&str> = after.split(' ').collect();
            let pages: u64 = fields.get(21)?.parse().ok()?;
            let words: Vec<String> = process
                .command_line
                .split(|byte| *byte == 0)
                .filter(|word| !word.is_empty())
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect();
            let command = if words.is_empty() {
                format!("[{name}]")
            } else {
                words.join(" ")
            };
            Some(vec![
                process.pid.to_string(),
                (*fields.get(1)?).to_owned(),
                (*fields.first()?).to_owned(),
                (pages * 4).to_string(),
                command,
            ])
        })
        .collect();
    table(&["PID", "PPID", "S", "RSS", "COMMAND"], &rows)
}

/// `efibootmgr`: boot entries and their order (UEFI specification §3.3).
#[must_use]
pub fn efi_entries(variables: &BootVariables) -> String {
    let mut text = String::new();
    for (name, data) in variables {
        let name = name.split('-').next().unwrap_or(name);
        let number = name.strip_prefix("Boot").unwrap_or_default();
        let is_entry = number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_entry {
            let active = data.first().is_some_and(|bits| bits & 1 == 1);
            let mark = if active { "*" } else { " " };
            let _ = writeln!(text, "{name}{mark} {}", description(data));
        } else {
            let numbers: Vec<String> = data
                .chunks_exact(2)
                .map(|pair| format!("{:04X}", u16::from_le_bytes([pair[0], pair[1]])))
                .collect();
            let _ = writeln!(text, "{name}: {}", numbers.join(","));
        }
    }
    text
}

/// The description of a load option: UTF-16 text after attributes and a length.
fn description(option: &[u8]) -> String {
    let units: Vec<u16> = option
        .get(6..)
        .unwrap_or_default()
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .take_while(|unit| *unit != 0)
        .collect();
    String::from_utf16_lossy(&units)
}

/// A record of `/dev/kmsg` as dmesg prints it; `None` if it is none (kernel
/// documentation `ABI/testing/dev-kmsg`).
#[must_use]
pub fn kernel_record(record: &str) -> Option<String> {
    let (prefix, message) = record.split_once(';')?;
    let microseconds: u64 = prefix.split(',').nth(2)?.parse().ok()?;
    // Lines after the first hold a dictionary of the device it is about.
    let message = message.lines().next().unwrap_or_default();
    Some(format!(
        "[{:>5}.{:06}] {message}",
        microseconds / 1_000_000,
        microseconds % 1_000_000
    ))
}

/// What discovery could not read.
#[must_use]
pub fn problems(snapshot: &Snapshot) -> String {
    let mut text = String::new();
    for (subject, words) in &snapshot.problems {
        let _ = writeln!(text, "{subject}: {words}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_records_read_like_dmesg() {
        for (record, expected) in [
            (
                "6,339,5140900,-;NET: Registered protocol family 10\n SUBSYSTEM=net\n",
                Some("[    5.140900] NET: Registered protocol family 10"),
            ),
            ("30,1,0,-;a;b\n", Some("[    0.000000] a;b")),
            ("garbage", None),
            ("6,1;x", None),
        ] {
            assert_eq!(kernel_record(record).as_deref(), expected);
        }
    }

    #[test]
    fn processes_with_odd_names_are_shown() {
        let fields = "1 1 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 4096 25 0";
        let process = |pid, name: &str, command: &[u8]| Process {
            pid,
            stat: format!("{pid} ({name}) S {fields}\n"),
            command_line: command.to_vec(),
        };
        let text = processes(&[
            process(1, "a) (b", b"/init\0--quiet\0"),
            process(2, "kthreadd", b""),
        ]);
        assert_eq!(
            text,
            "PID PPID S RSS COMMAND\n1   1    S 100 /init --quiet\n2   1    S 100 [kthreadd]\n"
        );
        let broken = Process {
            pid: 3,
            stat: "3 (x".into(),
            command_line: Vec::new(),
        };
        assert_eq!(processes(&[broken]), "PID PPID S RSS COMMAND\n");
    }

    #[test]
    fn boot_entries_are_listed() {
        let mut option = vec![1, 0, 0, 0, 4, 0];
        option.extend("debian\0".encode_utf16().flat_map(u16::to_le_bytes));
        option.extend([0x7f, 0xff, 4, 0]);
        let guid = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
        let text = efi_entries(&vec![
            (format!("Boot0001-{guid}"), option),
            (format!("BootOrder-{guid}"), vec![1, 0, 0x0a, 0]),
            (format!("Boot0002-{guid}"), vec![1]),
        ]);
        assert_eq!(text, "Boot0001* debian\nBootOrder: 0001,000A\nBoot0002* \n");
    }

    #[test]
    fn mounts_are_written_as_mount_does() {
        let mountinfo = "22 1 0:5 / /dev rw,nosuid shared:2 - devtmpfs devtmpfs rw\nbroken\n";
        assert_eq!(
            mounts(mountinfo),
            "devtmpfs on /dev type devtmpfs (rw,nosuid)\n"
        );
    }
}
