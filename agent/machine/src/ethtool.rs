// SPDX-License-Identifier: Apache-2.0
//! The ioctl by which drivers of links are asked and told (`linux/ethtool.h`).

use std::ffi::{c_char, c_void};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

/// `SIOCETHTOOL` of `linux/sockios.h`.
const SIOCETHTOOL: u16 = 0x8946;
/// Bytes of an interface name with its NUL.
const NAME_LENGTH: usize = 16;

/// A structure that begins with its command and is at least as long as what
/// the kernel reads and writes for it.
pub(crate) trait Command {}

/// `struct ifreq` with the pointer that ethtool requests use.
#[repr(C)]
struct InterfaceRequest {
    name: [c_char; NAME_LENGTH],
    data: *mut c_void,
    rest: [u8; 16],
}

mod request {
    nix::ioctl_readwrite_bad!(ethtool, super::SIOCETHTOOL, super::InterfaceRequest);
}

/// A socket to ask through; any will do.
pub(crate) fn open() -> io::Result<OwnedFd> {
    Ok(socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?)
}

/// Gives the driver of a link a command; its answer is in the structure.
pub(crate) fn ask<T: Command>(
    socket: &impl AsRawFd,
    name: &str,
    command: &mut T,
) -> nix::Result<()> {
    let mut request = InterfaceRequest {
        name: [0; NAME_LENGTH],
        data: std::ptr::from_mut(command).cast(),
        rest: [0; 16],
    };
    if name.len() >= NAME_LENGTH {
        return Err(Errno::ENODEV);
    }
    for (slot, byte) in request.name.iter_mut().zip(name.bytes()) {
        *slot = c_char::from_ne_bytes([byte]);
    }
    // SAFETY: `ifr_name` is NUL-terminated; `data` points to a structure that
    // names its command and is as long as the kernel writes for it, those of
    // variable length with room for the most. It is alive until the call
    // returns.
    #[expect(unsafe_code, reason = "ethtool requests are an ioctl")]
    unsafe { request::ethtool(socket.as_raw_fd(), &raw mut request) }?;
    Ok(())
}

/// A text up to its NUL.
pub(crate) fn text(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number is from a C program with the kernel's headers.
    #[test]
    fn the_request_has_the_kernels_layout() {
        assert_eq!(size_of::<InterfaceRequest>(), 40);
    }

    #[test]
    fn texts_end_at_their_nul() {
        for (bytes, expected) in [
            (&b"ice\0garbage"[..], "ice"),
            (b"4.40 0x8001c967 1.3534.0 ", "4.40 0x8001c967 1.3534.0"),
            (b"\0", ""),
        ] {
            assert_eq!(text(bytes), expected);
        }
    }
}
