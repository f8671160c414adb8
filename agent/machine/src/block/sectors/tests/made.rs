// SPDX-License-Identifier: Apache-2.0
//! Makes disk images with sgdisk, mkfs.vfat, mtools and mke2fs, and looks at
//! disks with these programs and with the kernel.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

use crate::block::fake::FakeDisk;

pub(crate) const MIB: u64 = 1 << 20;

/// The volume's serial number, as `/etc/fstab` spells it: `1234-ABCD`.
pub(crate) const SERIAL: u32 = 0x1234_abcd;

/// An image in a file.
pub(crate) struct Made {
    pub(crate) directory: TempDir,
    pub(crate) path: PathBuf,
}

/// Runs a program and returns what it prints.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        // mtools takes the names of files for text of the locale.
        .env("LC_ALL", "C.UTF-8")
        .output();
    let output = output.unwrap_or_else(|error| panic!("{program} must be installed: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {said}{errors}"
    );
    said
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

impl Made {
    /// A GPT with partitions: first MiB, MiB, type as sgdisk has it.
    pub(crate) fn gpt(mib: u64, partitions: &[(u64, u64, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("image");
        let file = std::fs::File::create(&path).expect("a file");
        file.set_len(mib * MIB).expect("resized");
        let mut arguments = Vec::new();
        for (number, (from, size, kind)) in (1..).zip(partitions) {
            arguments.push(format!("-n{number}:{from}M:+{size}M"));
            arguments.push(format!("-t{number}:{kind}"));
        }
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        arguments.push(text(&path));
        run("sgdisk", &arguments);
        Self { directory, path }
    }

    /// A FAT file system with files in it, at a place of the image.
    pub(crate) fn fat(&self, from: u64, mib: u64, options: &[&str], files: &[(&str, Vec<u8>)]) {
        let offset = format!("--offset={}", from * 2048);
        let blocks = (mib * 1024).to_string();
        let mut arguments = vec!["-i", "1234abcd", "-n", "ESP", &offset];
        arguments.extend(options);
        arguments.extend([text(&self.path), &blocks]);
        run("mkfs.vfat", &arguments);
        let root = self.tree(files);
        let place = format!("{}@@{}M", text(&self.path), from);
        for entry in std::fs::read_dir(root).expect("a directory") {
            let entry = entry.expect("an entry").path();
            run("mcopy", &["-s", "-i", &place, text(&entry), "::"]);
        }
    }

    /// An ext4 file system with files in it.
    pub(crate) fn ext4(&self, from: u64, mib: u64, block: u32, files: &[(&str, Vec<u8>)]) {
        let root = self.tree(files);
        let offset = format!("offset={}", from * MIB);
        let size = format!("{mib}M");
        let block = block.to_string();
        let arguments = ["-q", "-F", "-t", "ext4", "-b", &block, "-E", &offset, "-d"];
        let rest = [text(&root), text(&self.path), &size];
        run("mke2fs", &[&arguments[..], &rest].concat());
    }

    fn tree(&self, files: &[(&str, Vec<u8>)]) -> PathBuf {
        let root = tempfile::tempdir_in(self.directory.path());
        let root = root.expect("a directory").keep();
        for (path, content) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            std::fs::write(path, content).expect("a file");
        }
        root
    }

    /// A disk that holds the image; its file can be looked at by its path.
    pub(crate) fn on_disk(&self, size: u64, sector: u32) -> (Arc<FakeDisk>, PathBuf) {
        let path = self.directory.path().join("disk");
        run("cp", &["--sparse=always", text(&self.path), text(&path)]);
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path);
        let disk = FakeDisk::new(file.expect("a file"), "/dev/vda", size, sector);
        (disk.expect("a disk"), path)
    }
}

/// Bytes that are not all the same.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut seed = length as u64 | 1;
    let next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// A loop device with sectors of 4096 bytes over a file.
pub(crate) struct Loop(pub(crate) String);

impl Loop {
    /// `None` where this process may not make one.
    pub(crate) fn new(path: &Path) -> Option<Self> {
        Self::with(path, &["-P"])
    }

    /// One partition as a device: there may be nobody who makes device nodes
    /// for the partitions that the kernel found.
    pub(crate) fn of_partition(path: &Path, offset: u64, length: u64) -> Option<Self> {
        let (offset, length) = (offset.to_string(), length.to_string());
        Self::with(path, &["-o", &offset, "--sizelimit", &length])
    }

    fn with(path: &Path, options: &[&str]) -> Option<Self> {
        let output = Command::new("losetup")
            .args(["-b", "4096", "-f", "--show"])
            .args(options)
            .arg(path)
            .output()
            .expect("losetup is installed");
        let name = String::from_utf8(output.stdout).expect("text");
        output
            .status
            .success()
            .then(|| Self(name.trim().to_owned()))
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").args(["-d", &self.0]).status();
    }
}
