// SPDX-License-Identifier: Apache-2.0
//! The promises of the image, checked on the bytes that were written. Every build runs
//! this, so a file that breaks one is never handed out.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::cpio::Entry;
use crate::elf::{Elf, ElfError};
use crate::firmware::is_xz_with_crc32;
use crate::layout::{AGENT, INIT, module_directory};
use crate::platform::Platform;
use crate::segments::{self, SegmentError};

/// A promise that the image breaks.
#[derive(Debug, Error)]
pub enum Fault {
    /// The initramfs is not a plain segment followed by a compressed one.
    #[error("the initramfs cannot be read back: {}", chain(.0))]
    Segments(SegmentError),
    /// Something without which the image does nothing.
    #[error("{path} is missing")]
    Missing {
        /// Path in the image.
        path: String,
    },
    /// Two entries have the same path.
    #[error("{path} is there twice")]
    Twice {
        /// Path in the image.
        path: String,
    },
    /// A program of ours is not a static program for this architecture.
    #[error("{path} is not a static program for {architecture}: {problem}")]
    Program {
        /// Path in the image.
        path: String,
        /// What the image is for.
        architecture: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Something that can run and is neither PID 1 nor the agent.
    #[error("{path} is a program; the image has only {INIT} and {AGENT}")]
    StrangeProgram {
        /// Path in the image.
        path: String,
    },
    /// A module in the index without file.
    #[error("modules.dep names {path}, which is missing")]
    ModuleMissing {
        /// Path below the module directory.
        path: String,
    },
    /// A module file that the index does not know can never be loaded.
    #[error("{path} is not in modules.dep")]
    ModuleUnknown {
        /// Path in the image.
        path: String,
    },
    /// The kernel could not unpack it.
    #[error("{path} is not an xz file with a CRC32")]
    Compression {
        /// Path in the image.
        path: String,
    },
    /// A link to nothing.
    #[error("{path} links to {target}, which is missing")]
    DanglingLink {
        /// Path of the link.
        path: String,
        /// Where it points.
        target: String,
    },
    /// The kernel file is not one for this architecture.
    #[error("the kernel file is not a kernel for {architecture}")]
    Kernel {
        /// What the image is for.
        architecture: String,
    },
    /// Too large.
    #[error("kernel and initramfs have {total} bytes, {} more than allowed", total - limit)]
    Budget {
        /// Both files, in bytes.
        total: u64,
        /// The limit, in bytes.
        limit: u64,
    },
}

/// Beginnings of files that a kernel runs: ELF and scripts.
const RUNNABLE: [&[u8]; 2] = [b"\x7fELF", b"#!"];

/// Checks the two files of an image; `version` is that of the kernel. An empty list
/// means that every promise is kept.
#[must_use]
pub fn check(platform: &Platform, version: &str, kernel: &[u8], initramfs: &[u8]) -> Vec<Fault> {
    let mut faults = Vec::new();
    check_kernel(platform, kernel, &mut faults);
    let total = (kernel.len() + initramfs.len()) as u64;
    if total > platform.budget {
        faults.push(Fault::Budget {
            total,
            limit: platform.budget,
        });
    }
    match segments::split(initramfs) {
        Err(error) => faults.push(Fault::Segments(error)),
        Ok((plain, compressed)) => {
            let entries: Vec<&Entry> = plain.iter().chain(&compressed).collect();
            check_paths(&entries, &mut faults);
            check_programs(platform, &entries, &mut faults);
            check_modules(version, &entries, &mut faults);
        }
    }
    faults
}

fn check_kernel(platform: &Platform, kernel: &[u8], faults: &mut Vec<Fault>) {
    let (at, magic) = platform.kernel_magic;
    if !kernel.get(at..).is_some_and(|rest| rest.starts_with(magic)) {
        faults.push(Fault::Kernel {
            architecture: platform.architecture.to_string(),
        });
    }
}

/// Nothing is there twice (but directories, which both segments make), and no link
/// points to nothing.
fn check_paths(entries: &[&Entry], faults: &mut Vec<Fault>) {
    let mut seen = BTreeSet::new();
    for entry in entries {
        let is_leaf = entry.is_file() || entry.is_symlink();
        if !seen.insert(entry.path.as_str()) && is_leaf {
            faults.push(Fault::Twice {
                path: entry.path.clone(),
            });
        }
    }
    for link in entries.iter().filter(|entry| entry.is_symlink()) {
        let target = String::from_utf8_lossy(&link.content).into_owned();
        if !seen.contains(target.as_str()) {
            faults.push(Fault::DanglingLink {
                path: link.path.clone(),
                target,
            });
        }
    }
}

fn check_programs(platform: &Platform, entries: &[&Entry], faults: &mut Vec<Fault>) {
    for path in [INIT, AGENT] {
        let program = entries
            .iter()
            .find(|entry| entry.path == path && entry.is_executable());
        match program {
            None => faults.push(Fault::Missing {
                path: path.to_owned(),
            }),
            Some(program) => {
                if let Err(problem) = static_program(platform, &program.content) {
                    let (path, architecture) = (path.to_owned(), platform.architecture.to_string());
                    faults.push(Fault::Program {
                        path,
                        architecture,
                        problem,
                    });
                }
            }
        }
    }
    for entry in entries
        .iter()
        .filter(|entry| entry.is_file() && entry.path != INIT && entry.path != AGENT)
    {
        if entry.is_executable()
            || RUNNABLE
                .iter()
                .any(|magic| entry.content.starts_with(magic))
        {
            faults.push(Fault::StrangeProgram {
                path: entry.path.clone(),
            });
        }
    }
}

fn static_program(platform: &Platform, content: &[u8]) -> Result<(), String> {
    let text = |error: ElfError| error.to_string();
    let elf = Elf::new(content).map_err(text)?;
    let machine = elf.machine().map_err(text)?;
    if machine != platform.elf_machine {
        return Err(format!(
            "its machine is {machine}, not {}",
            platform.elf_machine
        ));
    }
    if elf.has_interpreter().map_err(text)? {
        return Err("it needs a dynamic linker".to_owned());
    }
    Ok(())
}

fn check_modules(version: &str, entries: &[&Entry], faults: &mut Vec<Fault>) {
    let directory = module_directory(version);
    let index = format!("{directory}/modules.dep");
    let Some(dependencies) = entries.iter().find(|entry| entry.path == index) else {
        return faults.push(Fault::Missing { path: index });
    };
    let text = String::from_utf8_lossy(&dependencies.content).into_owned();
    let known: BTreeSet<&str> = text
        .split_whitespace()
        .map(|word| word.trim_end_matches(':'))
        .collect();
    let files: BTreeSet<&str> = entries
        .iter()
        .filter(|e| e.is_file())
        .map(|e| e.path.as_str())
        .collect();
    for path in &known {
        if !files.contains(format!("{directory}/{path}").as_str()) {
            faults.push(Fault::ModuleMissing {
                path: (*path).to_owned(),
            });
        }
    }
    for entry in entries.iter().filter(|entry| entry.path.ends_with(".xz")) {
        if !is_xz_with_crc32(&entry.content) {
            faults.push(Fault::Compression {
                path: entry.path.clone(),
            });
        }
        let inside = entry
            .path
            .strip_prefix(&directory)
            .map(|path| path.trim_start_matches('/'));
        if inside.is_some_and(|path| !known.contains(path)) {
            faults.push(Fault::ModuleUnknown {
                path: entry.path.clone(),
            });
        }
    }
}

/// An error with its causes on one line: faults are listed, not chained.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    std::iter::once(error.to_string())
        .chain(causes.map(ToString::to_string))
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::fixture::program;
    use crate::platform::Architecture;

    const XZ: &[u8] = b"\xfd7zXZ\0\0\x01 and so on";

    struct Image {
        kernel: Vec<u8>,
        plain: Vec<Entry>,
        compressed: Vec<Entry>,
    }

    fn good() -> Image {
        let mut kernel = vec![0; 0x202];
        kernel.extend_from_slice(b"HdrS");
        Image {
            kernel,
            plain: vec![
                Entry::directory("usr"),
                Entry::directory("usr/lib"),
                Entry::file("usr/lib/modules/6.12/kernel/a.ko.xz", 0o644, XZ.to_vec()),
                Entry::file("usr/lib/firmware/a.fw.xz", 0o644, XZ.to_vec()),
            ],
            compressed: vec![
                Entry::directory("usr"),
                Entry::symlink("lib", "usr/lib"),
                Entry::file(INIT, 0o755, program(62, 1)),
                Entry::file(AGENT, 0o755, program(62, 1)),
                Entry::file(
                    "usr/lib/modules/6.12/modules.dep",
                    0o644,
                    b"kernel/a.ko.xz:\n".to_vec(),
                ),
            ],
        }
    }

    fn faults(image: &Image) -> Vec<String> {
        let initramfs = segments::join(&image.plain, &image.compressed).unwrap();
        let platform = Platform::of(Architecture::X86_64);
        check(platform, "6.12", &image.kernel, &initramfs.bytes)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_good_image_has_no_faults() {
        assert_eq!(faults(&good()), [""; 0]);
    }

    #[test]
    fn each_broken_promise_is_named() {
        type Break = fn(&mut Image);
        let cases: &[(Break, &str)] = &[
            (
                |i| i.kernel[0x202] = 0,
                "the kernel file is not a kernel for x86_64",
            ),
            (
                |i| i.kernel.resize(34_000_000, 0),
                "kernel and initramfs have ",
            ),
            (|i| drop(i.compressed.remove(2)), "init is missing"),
            (|i| i.compressed[2].mode = 0o100_644, "init is missing"),
            (
                |i| i.compressed[2].content = program(183, 1),
                "init is not a static program for x86_64: its machine is 183, not 62",
            ),
            (
                |i| i.compressed[3].content = program(62, 3),
                "usr/bin/ironseed-agent is not a static program for x86_64: it needs a dynamic linker",
            ),
            (
                |i| i.compressed[3].content = b"#!/bin/sh".to_vec(),
                "usr/bin/ironseed-agent is not a static program for x86_64: not a 64-bit little-endian ELF file",
            ),
            (
                |i| i.plain.push(Entry::file("usr/bin/sh", 0o755, Vec::new())),
                "usr/bin/sh is a program; the image has only init and usr/bin/ironseed-agent",
            ),
            (
                |i| {
                    i.plain
                        .push(Entry::file("usr/lib/libc.so", 0o644, program(62, 1)))
                },
                "usr/lib/libc.so is a program; the image has only init and usr/bin/ironseed-agent",
            ),
            (
                |i| {
                    i.plain
                        .push(Entry::symlink("usr/bin/sh", "usr/bin/busybox"))
                },
                "usr/bin/sh links to usr/bin/busybox, which is missing",
            ),
            (
                |i| drop(i.plain.remove(2)),
                "modules.dep names kernel/a.ko.xz, which is missing",
            ),
            (
                |i| i.compressed[4].content.clear(),
                "usr/lib/modules/6.12/kernel/a.ko.xz is not in modules.dep",
            ),
            (
                |i| drop(i.compressed.remove(4)),
                "usr/lib/modules/6.12/modules.dep is missing",
            ),
            (
                |i| i.plain[3].content = b"\x28\xb5\x2f\xfd".to_vec(),
                "usr/lib/firmware/a.fw.xz is not an xz file with a CRC32",
            ),
            (
                |i| i.compressed.push(i.plain[3].clone()),
                "usr/lib/firmware/a.fw.xz is there twice",
            ),
        ];
        for (damage, expected) in cases {
            let mut image = good();
            damage(&mut image);
            let found = faults(&image);
            assert_eq!(found.len(), 1, "{expected}: {found:?}");
            assert!(found[0].starts_with(expected), "{expected}: {found:?}");
        }
    }

    #[test]
    fn a_compressed_first_segment_is_refused() {
        let platform = Platform::of(Architecture::X86_64);
        let initramfs = zstd::bulk::compress(b"070701", 1).unwrap();
        let found = check(platform, "6.12", &good().kernel, &initramfs);
        let expected = "the initramfs cannot be read back: segment 1 is no cpio archive: cpio archive is cut short";
        assert!(
            found.len() == 1 && found[0].to_string().starts_with(expected),
            "{found:?}"
        );
    }
}
