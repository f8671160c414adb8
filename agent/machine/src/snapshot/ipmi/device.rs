// SPDX-License-Identifier: Apache-2.0
//! Messages to the management controller by the kernel's device (`linux/ipmi.h`).

use std::ffi::c_long;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::time::{Duration, Instant};

use ironseed_core::ipmi::Request as Question;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::Controller;
use crate::root::Root;

/// Where the kernel may put the controller's device node.
pub(super) const PLACES: &[&str] = &["/dev/ipmi0", "/dev/ipmi/0", "/dev/ipmidev/0"];
/// How long the controller may take for one answer.
const ANSWER: Duration = Duration::from_secs(1);
/// Longest address the kernel gives back (`IPMI_MAX_ADDR_SIZE`).
const MAX_ADDRESS: usize = 32;
/// Longest message (`IPMI_MAX_MSG_LENGTH`).
const MAX_MESSAGE: usize = 272;
/// `IPMI_SYSTEM_INTERFACE_ADDR_TYPE`.
const SYSTEM_INTERFACE: i32 = 0x0c;
/// `IPMI_BMC_CHANNEL`.
const BMC_CHANNEL: i16 = 0x0f;
/// `IPMI_RESPONSE_RECV_TYPE`.
const RESPONSE: i32 = 1;

/// `struct ipmi_msg`.
#[repr(C)]
#[derive(Debug)]
struct Message {
    netfn: u8,
    cmd: u8,
    data_len: u16,
    data: *mut u8,
}

/// `struct ipmi_req`.
#[repr(C)]
#[derive(Debug)]
struct Request {
    addr: *mut u8,
    addr_len: u32,
    msgid: c_long,
    msg: Message,
}

/// `struct ipmi_recv`.
#[repr(C)]
#[derive(Debug)]
struct Received {
    recv_type: i32,
    addr: *mut u8,
    addr_len: u32,
    msgid: c_long,
    msg: Message,
}

/// `struct ipmi_system_interface_addr`.
#[repr(C)]
#[derive(Debug)]
struct SystemInterface {
    addr_type: i32,
    channel: i16,
    lun: u8,
}

mod ioctl {
    // The kernel's header really says "read" for the sending one.
    nix::ioctl_read!(send, b'i', 13, super::Request);
    // The variant that cuts what does not fit, instead of keeping it for ever.
    nix::ioctl_readwrite!(receive, b'i', 11, super::Received);
}

/// The kernel's device of a controller.
pub(super) struct Device {
    file: File,
    deadline: Instant,
    last: c_long,
}

/// A message that came from the kernel.
struct Incoming {
    kind: i32,
    id: c_long,
    data: Vec<u8>,
}

impl Device {
    /// Where the device is, if there is one.
    pub(super) fn find(root: &Root) -> Option<&'static str> {
        PLACES.iter().copied().find(|place| root.exists(place))
    }

    pub(super) fn open(root: &Root, place: &str) -> io::Result<Self> {
        Ok(Self {
            file: root.open_at(place, OFlag::O_RDWR)?,
            deadline: Instant::now(),
            last: 0,
        })
    }

    /// Allows the controller so much time from now on.
    pub(super) fn be_patient(&mut self, patience: Duration) {
        self.deadline = Instant::now() + patience;
    }

    fn wait(&self, until: Instant) -> io::Result<()> {
        let left = until.saturating_duration_since(Instant::now());
        // Rounded up: a wait of less than a millisecond would not wait.
        let left = PollTimeout::try_from(left + Duration::from_millis(1));
        let mut waiting = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
        if Instant::now() >= until || poll(&mut waiting, left.unwrap_or(PollTimeout::ZERO))? == 0 {
            return Err(Errno::ETIMEDOUT.into());
        }
        Ok(())
    }
}

impl Controller for Device {
    fn ask(&mut self, question: &Question) -> io::Result<Vec<u8>> {
        let now = Instant::now();
        if now >= self.deadline {
            return Err(Errno::ETIMEDOUT.into());
        }
        self.last = self.last.wrapping_add(1);
        send(&self.file, self.last, question)?;
        let until = self.deadline.min(now + ANSWER);
        answer_to(self.last, || {
            self.wait(until)?;
            receive(&self.file)
        })
    }
}

/// The answer to a message, from what comes in. A message that was given up can
/// still be answered later; that is recognised by its number and thrown away, as
/// are events and commands of others.
fn answer_to(id: c_long, mut next: impl FnMut() -> io::Result<Incoming>) -> io::Result<Vec<u8>> {
    loop {
        let incoming = next()?;
        if incoming.kind == RESPONSE && incoming.id == id {
            return Ok(incoming.data);
        }
    }
}

fn send(file: &File, id: c_long, question: &Question) -> io::Result<()> {
    let mut address = SystemInterface {
        addr_type: SYSTEM_INTERFACE,
        channel: BMC_CHANNEL,
        lun: question.lun,
    };
    let mut data = question.data.clone();
    let mut request = Request {
        addr: (&raw mut address).cast(),
        addr_len: u32::try_from(size_of::<SystemInterface>()).unwrap_or_default(),
        msgid: id,
        msg: Message {
            netfn: question.netfn,
            cmd: question.command,
            data_len: u16::try_from(data.len()).map_err(io::Error::other)?,
            data: data.as_mut_ptr(),
        },
    };
    // SAFETY: address and data are alive and as long as the request says.
    #[expect(unsafe_code, reason = "IPMI messages are sent by ioctl")]
    unsafe { ioctl::send(file.as_raw_fd(), &raw mut request) }?;
    Ok(())
}

fn receive(file: &File) -> io::Result<Incoming> {
    let mut address = [0_u8; MAX_ADDRESS];
    let mut data = [0_u8; MAX_MESSAGE];
    let mut received = Received {
        recv_type: 0,
        addr: address.as_mut_ptr(),
        addr_len: u32::try_from(MAX_ADDRESS).unwrap_or_default(),
        msgid: 0,
        msg: Message {
            netfn: 0,
            cmd: 0,
            data_len: u16::try_from(MAX_MESSAGE).unwrap_or_default(),
            data: data.as_mut_ptr(),
        },
    };
    // SAFETY: both buffers are alive and as long as the structure says.
    #[expect(unsafe_code, reason = "IPMI messages are received by ioctl")]
    match unsafe { ioctl::receive(file.as_raw_fd(), &raw mut received) } {
        // Cut to the buffer; the rest of the structure is as always.
        Ok(_) | Err(Errno::EMSGSIZE) => {}
        Err(error) => return Err(error.into()),
    }
    let length = usize::from(received.msg.data_len);
    Ok(Incoming {
        kind: received.recv_type,
        id: received.msgid,
        data: data.iter().copied().take(length).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_have_the_kernels_layout() {
        assert_eq!(size_of::<Request>(), 40);
        assert_eq!(size_of::<Received>(), 48);
        assert_eq!(std::mem::offset_of!(Request, msg), 24);
        assert_eq!(size_of::<SystemInterface>(), 8);
    }

    #[test]
    fn a_late_answer_is_not_taken_for_the_next_ones() {
        const EVENT: i32 = 2;
        let incoming = |kind, id, data| Incoming {
            kind,
            id,
            data: vec![data],
        };
        let mut queue = vec![
            incoming(RESPONSE, 6, 1),
            incoming(EVENT, 7, 2),
            incoming(RESPONSE, 7, 3),
        ]
        .into_iter();
        let mut next = || queue.next().ok_or(Errno::ETIMEDOUT.into());
        assert_eq!(answer_to(7, &mut next).expect("an answer"), [3]);
        assert!(answer_to(8, &mut next).is_err());
    }
}
