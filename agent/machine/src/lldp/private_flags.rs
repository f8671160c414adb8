// SPDX-License-Identifier: Apache-2.0
//! Private flags of a port: switches that only its driver knows (ethtool(8),
//! `--show-priv-flags`; `linux/ethtool.h`).

use std::io;
use std::os::fd::OwnedFd;

use nix::errno::Errno;

use crate::ethtool::{Command, ask, open, text};

/// `ETHTOOL_GSTRINGS`.
const GSTRINGS: u32 = 0x1b;
/// `ETHTOOL_GPFLAGS`.
const GPFLAGS: u32 = 0x27;
/// `ETHTOOL_SPFLAGS`.
const SPFLAGS: u32 = 0x28;
/// `ETHTOOL_GSSET_INFO`.
const GSSET_INFO: u32 = 0x37;
/// `ETH_SS_PRIV_FLAGS`: the names of the private flags.
const PRIV_FLAGS: u32 = 2;
/// `ETH_GSTRING_LEN`.
const NAME_LENGTH: usize = 32;
/// A driver's flags are the bits of one 32-bit word.
const MOST: usize = 32;

/// Reads and sets private flags. Both can keep the caller waiting while the
/// card's firmware works.
pub trait PrivateFlags: Send + Sync + std::fmt::Debug {
    /// The flags of a port by name; none if its driver has none.
    ///
    /// # Errors
    ///
    /// The port is gone or the driver failed.
    fn flags(&self, port: &str) -> io::Result<Vec<(String, bool)>>;

    /// Sets one flag and leaves the others.
    ///
    /// # Errors
    ///
    /// The port has no such flag, or its driver refused the value.
    fn set(&self, port: &str, flag: &str, value: bool) -> io::Result<()>;
}

/// The kernel's ethtool.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ethtool;

impl PrivateFlags for Ethtool {
    fn flags(&self, port: &str) -> io::Result<Vec<(String, bool)>> {
        let socket = open()?;
        let names = match names(&socket, port) {
            Err(Errno::EOPNOTSUPP) => Vec::new(),
            names => names?,
        };
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let bits = word(&socket, port, GPFLAGS, 0)?;
        let set = |bit: usize| bits >> bit & 1 == 1;
        let named = names.into_iter().enumerate();
        Ok(named.map(|(bit, name)| (name, set(bit))).collect())
    }

    fn set(&self, port: &str, flag: &str, value: bool) -> io::Result<()> {
        let socket = open()?;
        let names = names(&socket, port)?;
        let bit = names.iter().position(|name| name == flag);
        let bit = 1 << bit.ok_or(Errno::EOPNOTSUPP)?;
        let bits = word(&socket, port, GPFLAGS, 0)?;
        let wanted = if value { bits | bit } else { bits & !bit };
        word(&socket, port, SPFLAGS, wanted)?;
        Ok(())
    }
}

/// `struct ethtool_sset_info` with room for one set.
#[repr(C)]
struct StringSets {
    cmd: u32,
    reserved: u32,
    sset_mask: u64,
    length: u32,
}

/// `struct ethtool_gstrings` with room for the most private flags.
#[repr(C)]
struct Strings {
    cmd: u32,
    string_set: u32,
    len: u32,
    data: [u8; MOST * NAME_LENGTH],
}

/// `struct ethtool_value`.
#[repr(C)]
struct Value {
    cmd: u32,
    data: u32,
}

impl Command for StringSets {}
impl Command for Strings {}
impl Command for Value {}

/// The names of the flags from the lowest bit on.
fn names(socket: &OwnedFd, port: &str) -> nix::Result<Vec<String>> {
    let mut sets = StringSets {
        cmd: GSSET_INFO,
        reserved: 0,
        sset_mask: 1 << PRIV_FLAGS,
        length: 0,
    };
    ask(socket, port, &mut sets)?;
    // The kernel clears the bit of a set that the driver does not have.
    let count = usize::try_from(sets.length).unwrap_or(usize::MAX);
    if sets.sset_mask == 0 || count == 0 {
        return Ok(Vec::new());
    }
    if count > MOST {
        return Err(Errno::EOVERFLOW);
    }
    let mut strings = Strings {
        cmd: GSTRINGS,
        string_set: PRIV_FLAGS,
        len: sets.length,
        data: [0; MOST * NAME_LENGTH],
    };
    ask(socket, port, &mut strings)?;
    let (names, _) = strings.data.as_chunks::<NAME_LENGTH>();
    Ok(names.iter().take(count).map(|name| text(name)).collect())
}

/// Reads or writes a word.
fn word(socket: &OwnedFd, port: &str, cmd: u32, data: u32) -> nix::Result<u32> {
    let mut value = Value { cmd, data };
    ask(socket, port, &mut value)?;
    Ok(value.data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    /// Numbers from a C program with the kernel's headers.
    #[test]
    fn structures_have_the_kernels_layout() {
        assert_eq!(offset_of!(StringSets, sset_mask), 8);
        assert_eq!(offset_of!(StringSets, length), 16);
        assert_eq!(offset_of!(Strings, data), 12);
        assert_eq!(size_of::<Value>(), 8);
    }

    #[test]
    fn a_port_that_does_not_exist_is_told() {
        let gone = |result: io::Result<()>| {
            let error = result.expect_err("there is none");
            assert_eq!(error.raw_os_error(), Some(Errno::ENODEV as i32));
        };
        gone(Ethtool.flags("none0").map(drop));
        gone(Ethtool.set("none0", "fw-lldp-agent", false));
    }

    #[test]
    fn the_loopback_has_no_flags() {
        assert_eq!(Ethtool.flags("lo").expect("an answer"), []);
        let error = Ethtool.set("lo", "fw-lldp-agent", false);
        let error = error.expect_err("there is no such flag");
        assert_eq!(error.raw_os_error(), Some(Errno::EOPNOTSUPP as i32));
    }
}
