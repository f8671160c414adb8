// SPDX-License-Identifier: Apache-2.0
//! Firmware variables through efivarfs: a file per variable, four bytes of
//! attributes in front of its value (kernel,
//! Documentation/filesystems/efivarfs.rst).

use std::io::{self, ErrorKind, Write as _};

use ironseed_core::boot::EfiVariable;
use ironseed_core::boot::Refusal;
use ironseed_core::boot::variables::{entry_number, is_boot_variable};
use ironseed_core::fault::Fault;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::{MsFlags, mount};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::immutable;
use crate::root::Root;

const DIRECTORY: &str = "/sys/firmware/efi/efivars";
/// Firmware has less room than this for all its variables together.
const LARGEST: u64 = 1 << 20;

/// The variables of this machine's firmware.
#[derive(Debug, Clone)]
pub struct Efivarfs {
    root: Root,
}

impl Efivarfs {
    /// The variables below a root; nothing is opened or mounted yet.
    #[must_use]
    pub fn new(root: Root) -> Self {
        Self { root }
    }

    /// Every `Boot####`, `BootOrder`, `BootCurrent` and `BootNext`, in the order of their names.
    ///
    /// An entry that cannot be read is listed without a value: its number is taken.
    ///
    /// # Errors
    /// [`Fault::EfiVariable`] if efivarfs cannot be mounted or read.
    pub fn boot_variables(&self) -> Result<Vec<EfiVariable>, Fault> {
        let mut variables = Vec::new();
        for name in mounted_names(&self.root)? {
            if !is_boot_variable(&name) {
                continue;
            }
            match read(&self.root, &name) {
                Ok(variable) => variables.push(variable),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) if entry_number(&name).is_some() => {
                    log::warn!("the boot entry {name} cannot be read: {error}");
                    variables.push(unreadable(name));
                }
                Err(error) => return Err(fault(&name, "reading", &error)),
            }
        }
        Ok(variables)
    }

    /// The variable of this name as the firmware has it now.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn get(&self, name: &str) -> Result<Option<EfiVariable>, Refusal> {
        match read(&self.root, name) {
            Ok(variable) => Ok(Some(variable)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(refusal("reading", &error)),
        }
    }

    /// Sets a variable, or creates it. What the firmware made of it is another
    /// question, which [`Efivarfs::get`] answers.
    ///
    /// # Errors
    /// What kernel and firmware say.
    pub fn set(&self, variable: &EfiVariable) -> Result<(), Refusal> {
        let (root, name) = (&self.root, &variable.name);
        mounted_names(root).map_err(|fault| Refusal::Other(fault.to_string()))?;
        make_mutable(root, name).map_err(|error| refusal("unlocking", &error))?;
        let is_new = path(name).is_ok_and(|path| !root.exists(&path));
        write(root, variable).map_err(|error| {
            if is_new {
                // The kernel has made a file that has no variable behind it.
                let _ = unlink(root, name);
            }
            refusal("writing", &error)
        })
    }

    /// Deletes a variable. One that is not there is not missed.
    ///
    /// # Errors
    /// What kernel and firmware say, and if the firmware keeps it all the same.
    pub fn delete(&self, name: &str) -> Result<(), Refusal> {
        let root = &self.root;
        mounted_names(root).map_err(|fault| Refusal::Other(fault.to_string()))?;
        make_mutable(root, name).map_err(|error| refusal("unlocking", &error))?;
        match unlink(root, name) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(refusal("deleting", &error)),
            _ if path(name).is_ok_and(|path| root.exists(&path)) => Err(Refusal::Other(
                "the firmware accepted its deletion and still has it".to_owned(),
            )),
            _ => Ok(()),
        }
    }
}

/// What an error of efivarfs means: the kernel makes it of the firmware's
/// (`efi_status_to_err`, drivers/firmware/efi/efi.c).
fn refusal(operation: &str, error: &io::Error) -> Refusal {
    let errno = error.raw_os_error().map(Errno::from_raw);
    let because = |meaning: &str| format!("{operation}: {error}: {meaning}");
    match errno {
        // EFI_OUT_OF_RESOURCES; on x86 the kernel itself keeps 5 KiB free,
        // because some firmware is dead once its store is full.
        Some(Errno::ENOSPC) => Refusal::NoRoom,
        Some(Errno::EROFS) => Refusal::ReadOnly(because(
            "efivarfs is mounted read-only, or the firmware write-protects it",
        )),
        Some(Errno::EPERM) => Refusal::ReadOnly(because(
            "the variable is immutable, or the kernel is locked down",
        )),
        Some(Errno::EACCES) => Refusal::ReadOnly(because(
            "the firmware takes authenticated writes only, or the file may not be written",
        )),
        Some(Errno::EINVAL) => Refusal::Other(because(
            "the firmware calls name, attributes or value invalid",
        )),
        _ => Refusal::Other(format!("{operation}: {error}")),
    }
}

/// An entry of which only the name is known.
fn unreadable(name: String) -> EfiVariable {
    EfiVariable {
        name,
        attributes: 0,
        data: Vec::new(),
    }
}

fn fault(variable: &str, operation: &str, error: &io::Error) -> Fault {
    Fault::EfiVariable {
        variable: variable.to_owned(),
        problem: format!("{operation}: {error}"),
    }
}

/// The names in efivarfs, which is mounted if it is not: no firmware is
/// without variables.
fn mounted_names(root: &Root) -> Result<Vec<String>, Fault> {
    let list = || {
        root.names(DIRECTORY)
            .map_err(|error| fault("efivarfs", "listing", &error))
    };
    let names = list()?;
    if !names.is_empty() {
        return Ok(names);
    }
    let place = root.path().join(DIRECTORY.trim_start_matches('/'));
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let kind = Some("efivarfs");
    let attempt = |flags| mount(kind, &place, kind, flags, None::<&str>);
    let mounted = match attempt(flags) {
        // Firmware that cannot set variables while a system runs; they can
        // still be read.
        Err(Errno::EINVAL | Errno::EROFS) => attempt(flags | MsFlags::MS_RDONLY),
        result => result,
    };
    match mounted {
        // It is mounted there already, and really empty.
        Ok(()) | Err(Errno::EBUSY) => list(),
        Err(error) => Err(fault("efivarfs", "mounting", &error.into())),
    }
}

/// The path of a variable. A name with a slash would lead elsewhere.
fn path(name: &str) -> io::Result<String> {
    if name.contains('/') || name.is_empty() || name == "." || name == ".." {
        return Err(ErrorKind::InvalidInput.into());
    }
    Ok(format!("{DIRECTORY}/{name}"))
}

fn read(root: &Root, name: &str) -> io::Result<EfiVariable> {
    let bytes = root.read_at_most(&path(name)?, LARGEST)?;
    let (attributes, data) = bytes
        .split_first_chunk::<4>()
        .ok_or(ErrorKind::UnexpectedEof)?;
    Ok(EfiVariable {
        name: name.to_owned(),
        attributes: u32::from_le_bytes(*attributes),
        data: data.to_vec(),
    })
}

/// The kernel takes a value only whole: one call of write(2).
fn write(root: &Root, variable: &EfiVariable) -> io::Result<()> {
    let mut bytes = variable.attributes.to_le_bytes().to_vec();
    bytes.extend(&variable.data);
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT;
    let mut file = root.open_at(&path(&variable.name)?, flags)?;
    let written = file.write(&bytes)?;
    if written == bytes.len() {
        Ok(())
    } else {
        Err(ErrorKind::WriteZero.into())
    }
}

fn make_mutable(root: &Root, name: &str) -> io::Result<()> {
    match root.open_at(&path(name)?, OFlag::O_RDONLY) {
        Ok(file) => immutable::clear(&file),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn unlink(root: &Root, name: &str) -> io::Result<()> {
    path(name)?;
    let directory = root.open_at(DIRECTORY, OFlag::O_PATH | OFlag::O_DIRECTORY)?;
    Ok(unlinkat(&directory, name, UnlinkatFlags::NoRemoveDir)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ironseed_core::boot::variables::{boot_order_name, entry_name};

    /// A directory in the place of efivarfs. It takes what it is given, so the
    /// firmware's own ideas are not tested with it.
    fn firmware(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Efivarfs) {
        let directory = tempfile::tempdir().expect("a directory");
        let place = directory.path().join("sys/firmware/efi/efivars");
        std::fs::create_dir_all(&place).expect("make");
        for (name, bytes) in files {
            std::fs::write(place.join(name), bytes).expect("write");
        }
        let root = Root::open(directory.path()).expect("open");
        (directory, Efivarfs::new(root))
    }

    fn stored(directory: &tempfile::TempDir, name: &str) -> Option<Vec<u8>> {
        let place = directory.path().join("sys/firmware/efi/efivars");
        std::fs::read(place.join(name)).ok()
    }

    fn variable(name: String, data: &[u8]) -> EfiVariable {
        EfiVariable {
            name,
            attributes: 7,
            data: data.to_vec(),
        }
    }

    #[test]
    fn boot_variables_are_read_and_others_are_not() {
        let order = boot_order_name();
        let entry = entry_name(1);
        let broken = entry_name(2);
        let (_directory, firmware) = firmware(&[
            (&order, &[7, 0, 0, 0, 1, 0]),
            (&entry, &[7, 0, 0, 0, 0xaa]),
            (&broken, &[7, 0]),
            (
                "Lang-8be4df61-93ca-11d2-aa0d-00e098032b8c",
                &[7, 0, 0, 0, 1],
            ),
        ]);
        let expected = [
            variable(entry, &[0xaa]),
            EfiVariable {
                attributes: 0,
                ..variable(broken, &[])
            },
            variable(order, &[1, 0]),
        ];
        assert_eq!(firmware.boot_variables(), Ok(expected.to_vec()));
    }

    #[test]
    fn an_order_that_cannot_be_read_is_a_fault() {
        let order = boot_order_name();
        let (_directory, firmware) = firmware(&[(&order, &[7])]);
        let fault = firmware.boot_variables().expect_err("it is cut off");
        assert!(matches!(fault, Fault::EfiVariable { .. }), "{fault}");
    }

    #[test]
    fn variables_are_created_changed_and_deleted() {
        let (directory, firmware) = firmware(&[("Other", &[0; 5])]);
        let name = entry_name(3);
        for data in [&[1, 2][..], &[3, 4, 5]] {
            firmware.set(&variable(name.clone(), data)).expect("set");
            let mut bytes = vec![7, 0, 0, 0];
            bytes.extend(data);
            assert_eq!(stored(&directory, &name), Some(bytes));
        }
        firmware.delete(&name).expect("delete");
        assert_eq!(stored(&directory, &name), None);
        firmware.delete(&name).expect("delete what is not there");
    }

    #[test]
    fn a_variable_is_read_as_it_is_stored() {
        let (entry, broken) = (entry_name(3), entry_name(4));
        let (_directory, firmware) = firmware(&[(&entry, &[7, 0, 0, 0, 1]), (&broken, &[7])]);
        assert_eq!(firmware.get(&entry), Ok(Some(variable(entry, &[1]))));
        assert_eq!(firmware.get(&entry_name(5)), Ok(None));
        assert!(matches!(firmware.get(&broken), Err(Refusal::Other(_))));
        assert!(matches!(firmware.get("../x"), Err(Refusal::Other(_))));
    }

    #[test]
    fn errors_of_the_kernel_say_what_the_firmware_means() {
        for (errno, expected) in [
            (Errno::ENOSPC, "no room"),
            (Errno::EROFS, "read-only"),
            (Errno::EPERM, "immutable"),
            (Errno::EACCES, "authenticated"),
            (Errno::EINVAL, "invalid"),
            (Errno::EIO, "writing: Input/output error"),
        ] {
            let text = refusal("writing", &errno.into()).to_string();
            assert!(text.contains(expected), "{errno}: {text}");
        }
        assert_eq!(refusal("x", &Errno::ENOSPC.into()), Refusal::NoRoom);
    }

    #[test]
    fn what_cannot_be_written_stays_as_it_was() {
        let (directory, firmware) = firmware(&[("Other", &[0; 5])]);
        let name = entry_name(3);
        // A directory in its place cannot be written.
        let place = directory.path().join("sys/firmware/efi/efivars");
        std::fs::create_dir(place.join(&name)).expect("make");
        let refused = firmware.set(&variable(name.clone(), &[1]));
        assert!(refused.is_err());
        assert!(place.join(&name).is_dir(), "what was there stays");
    }

    #[test]
    fn names_cannot_lead_elsewhere() {
        let (directory, firmware) = firmware(&[("Other", &[0; 5])]);
        let outside = directory.path().join("sys/firmware/efi/outside");
        std::fs::write(&outside, "kept").expect("write");
        for name in ["../outside", "..", ".", ""] {
            assert!(firmware.delete(name).is_err(), "{name}");
            assert!(
                firmware.set(&variable(name.into(), &[1])).is_err(),
                "{name}"
            );
        }
        assert_eq!(std::fs::read(&outside).expect("read"), b"kept");
    }

    #[test]
    fn a_machine_without_variables_is_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = Root::open(directory.path()).expect("open");
        let firmware = Efivarfs::new(root);
        let fault = firmware.boot_variables().expect_err("there is no efivarfs");
        assert!(fault.to_string().contains("efivarfs"), "{fault}");
    }

    /// For a machine with EFI firmware whose variables may be changed, as root:
    /// a plain directory cannot show what a kernel and a firmware insist on.
    #[test]
    #[ignore = "changes the firmware's variables"]
    fn a_real_firmware_stores_an_entry_and_gives_it_back() {
        let firmware = Efivarfs::new(Root::live().expect("open"));
        let before = firmware.boot_variables().expect("read");
        let order = before
            .iter()
            .find(|variable| variable.name == boot_order_name())
            .expect("a boot order");
        // The kernel refuses load options without a device path that ends.
        let entry = variable(
            entry_name(0xf0f0),
            &[1, 0, 0, 0, 4, 0, 65, 0, 66, 0, 0, 0, 127, 255, 4, 0],
        );
        firmware.set(&entry).expect("create");
        let shorter = variable(
            entry.name.clone(),
            &[1, 0, 0, 0, 4, 0, 65, 0, 0, 0, 127, 255, 4, 0],
        );
        firmware.set(&shorter).expect("change");
        assert!(firmware.boot_variables().expect("read").contains(&shorter));
        let mut longer = order.clone();
        longer.data.extend([0xf0, 0xf0]);
        firmware.set(&longer).expect("append to the order");
        firmware.set(order).expect("restore the order");
        firmware.delete(&entry.name).expect("delete");
        // Other variables than those of the boot menu are immutable at first.
        let immutable = EfiVariable {
            attributes: 7,
            ..variable(
                "IronseedTest-5f0b9ab4-4d5c-4b8e-8a6d-2f1b6f3c7d10".into(),
                &[1],
            )
        };
        firmware.set(&immutable).expect("create");
        firmware
            .set(&EfiVariable {
                data: vec![2, 3],
                ..immutable.clone()
            })
            .expect("change");
        let changed = firmware.get(&immutable.name).expect("read").expect("there");
        assert_eq!(changed.data, [2, 3]);
        firmware.delete(&immutable.name).expect("delete");
        assert_eq!(firmware.boot_variables().expect("read"), before);
    }
}
