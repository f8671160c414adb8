// SPDX-License-Identifier: Apache-2.0
//! `SG_IO`: one SCSI command to an open block device (`scsi/sg.h`).

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::ptr::null_mut;
use std::time::Duration;

/// Room for sense data (SPC-5 §4.4.1: 252 bytes at most).
const SENSE_LENGTH: u8 = 252;
/// `SG_DXFER_NONE` and `SG_DXFER_FROM_DEV`.
const NO_DATA: i32 = -1;
const FROM_DEVICE: i32 = -3;
/// Status CHECK CONDITION (SAM-5 §5.3): sense data says why.
const CHECK_CONDITION: u8 = 0x02;

/// `struct sg_io_hdr`.
#[repr(C)]
#[derive(Debug)]
struct Header {
    interface_id: i32,
    direction: i32,
    command_length: u8,
    sense_room: u8,
    iovec_count: u16,
    data_length: u32,
    data: *mut c_void,
    command: *const u8,
    sense: *mut u8,
    timeout_ms: u32,
    flags: u32,
    pack_id: i32,
    user: *mut c_void,
    status: u8,
    masked_status: u8,
    message_status: u8,
    sense_length: u8,
    host_status: u16,
    driver_status: u16,
    residual: i32,
    duration_ms: u32,
    info: u32,
}

mod request {
    use super::Header;

    nix::ioctl_readwrite_bad!(
        /// `SG_IO`.
        sg_io, 0x2285, Header
    );
}

/// What a command left behind.
struct Done {
    status: u8,
    host_status: u16,
    sense: Vec<u8>,
}

/// Sends a command that reads, and gives back as many bytes as the device sent,
/// `length` at most.
pub(crate) fn read(
    device: &File,
    command: &[u8],
    length: u16,
    timeout: Duration,
) -> io::Result<Vec<u8>> {
    let mut data = vec![0; usize::from(length)];
    let (done, count) = send(device, command, &mut data, timeout)?;
    done.check()?;
    data.truncate(count);
    Ok(data)
}

/// Sends a command without data and gives back the sense data it ends with.
pub(crate) fn sense_of(device: &File, command: &[u8], timeout: Duration) -> io::Result<Vec<u8>> {
    let (done, _) = send(device, command, &mut [], timeout)?;
    if done.sense.is_empty() {
        done.check()?;
        return Err(io::Error::other("the device sent no sense data"));
    }
    Ok(done.sense)
}

fn send(
    device: &File,
    command: &[u8],
    data: &mut [u8],
    timeout: Duration,
) -> io::Result<(Done, usize)> {
    let mut sense = vec![0_u8; usize::from(SENSE_LENGTH)];
    let mut header = Header {
        interface_id: i32::from(b'S'),
        direction: if data.is_empty() {
            NO_DATA
        } else {
            FROM_DEVICE
        },
        command_length: u8::try_from(command.len()).map_err(io::Error::other)?,
        sense_room: SENSE_LENGTH,
        iovec_count: 0,
        data_length: u32::try_from(data.len()).map_err(io::Error::other)?,
        data: data.as_mut_ptr().cast(),
        command: command.as_ptr(),
        sense: sense.as_mut_ptr(),
        timeout_ms: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX),
        flags: 0,
        pack_id: 0,
        user: null_mut(),
        status: 0,
        masked_status: 0,
        message_status: 0,
        sense_length: 0,
        host_status: 0,
        driver_status: 0,
        residual: 0,
        duration_ms: 0,
        info: 0,
    };
    #[expect(unsafe_code, reason = "ioctl(2) has no safe interface")]
    // SAFETY: the descriptor is open for the whole call, the header has the
    // kernel's layout, and command, data and sense buffers are of the lengths
    // it tells and live until the call returns; the kernel writes to data and
    // sense only.
    unsafe { request::sg_io(device.as_raw_fd(), &raw mut header) }?;
    sense.truncate(usize::from(header.sense_length));
    let missing = usize::try_from(header.residual).unwrap_or(0);
    let done = Done {
        status: header.status,
        host_status: header.host_status,
        sense,
    };
    Ok((done, data.len().saturating_sub(missing)))
}

impl Done {
    fn check(&self) -> io::Result<()> {
        if self.host_status != 0 {
            return Err(io::Error::other(format!(
                "the host adapter gave up with status {:#04x}",
                self.host_status
            )));
        }
        match self.status {
            0 => Ok(()),
            CHECK_CONDITION => {
                let (key, code, qualifier) = sense_code(&self.sense);
                // Sense key 1: the command was carried out.
                if key == 1 {
                    return Ok(());
                }
                Err(io::Error::other(format!(
                    "the device refused with sense key {key:#x}, code {code:#04x}/{qualifier:#04x}"
                )))
            }
            status => Err(io::Error::other(format!(
                "the device answered with status {status:#04x}"
            ))),
        }
    }
}

/// Sense key, additional code and its qualifier, of descriptor or fixed format
/// (SPC-5 §4.4); zeroes if there are none.
fn sense_code(sense: &[u8]) -> (u8, u8, u8) {
    let byte = |at: usize| sense.get(at).copied().unwrap_or(0);
    match byte(0) & 0x7f {
        0x72 | 0x73 => (byte(1) & 0x0f, byte(2), byte(3)),
        _ => (byte(2) & 0x0f, byte(12), byte(13)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn the_header_has_the_kernels_layout() {
        assert_eq!(size_of::<Header>(), 88);
        assert_eq!(offset_of!(Header, data_length), 12);
        assert_eq!(offset_of!(Header, data), 16);
        assert_eq!(offset_of!(Header, timeout_ms), 40);
        assert_eq!(offset_of!(Header, user), 56);
        assert_eq!(offset_of!(Header, status), 64);
        assert_eq!(offset_of!(Header, host_status), 68);
        assert_eq!(offset_of!(Header, residual), 72);
        assert_eq!(offset_of!(Header, info), 80);
    }

    #[test]
    fn refusals_are_told_in_both_formats_of_sense() {
        let fixed = [0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24, 0, 0, 0, 0, 0];
        let descriptor = [0x72, 5, 0x20, 0, 0, 0, 0, 0];
        for (status, sense, expected) in [
            (0, &[][..], None),
            (2, &fixed[..], Some("key 0x5, code 0x24/0x00")),
            (2, &descriptor[..], Some("key 0x5, code 0x20/0x00")),
            (2, &[0x72, 1, 0, 0x1d][..], None),
            (2, &[][..], Some("key 0x0")),
            (8, &[][..], Some("status 0x08")),
        ] {
            let done = Done {
                status,
                host_status: 0,
                sense: sense.to_vec(),
            };
            let found = done.check().err().map(|error| error.to_string());
            match (&found, expected) {
                (None, None) => {}
                (Some(found), Some(expected)) => assert!(found.contains(expected), "{found}"),
                _ => panic!("{found:?} {expected:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_scsi_device_answers_with_an_error() {
        let file = tempfile::tempfile().expect("a file");
        let soon = Duration::from_secs(1);
        assert!(read(&file, &[0x12, 0, 0, 0, 36, 0], 36, soon).is_err());
        assert!(sense_of(&file, &[0; 6], soon).is_err());
    }
}
