// SPDX-License-Identifier: Apache-2.0
//! Asks the management controller for its LAN parameters, over `/dev/ipmi0`.
//!
//! A controller answers in tens of milliseconds or not at all, so it is asked
//! beside everything else and not waited for any longer than [`PATIENCE`].

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ironseed_core::snapshot::{BmcChannel, BmcLan, Bytes, LanParameter, Snapshot};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::recorder::words;
use crate::root::Root;

/// Where the kernel may put the controller's device node.
const DEVICES: &[&str] = &["/dev/ipmi0", "/dev/ipmi/0", "/dev/ipmidev/0"];
/// How long the controller may take for all answers.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it may take for one.
const ANSWER_MS: u16 = 1000;
/// Channels that can be LANs (IPMI 2.0 table 6-1).
const LAN_CHANNELS: std::ops::RangeInclusive<u8> = 1..=11;
/// Parameters asked of each channel that has an IPv4 parameter, with the most
/// sets of each: MAC (5), addressing enables (51), dynamic (59) and static (56)
/// IPv6 addresses.
const PARAMETERS: &[(u8, u8)] = &[(5, 1), (51, 1), (59, 4), (56, 4)];
/// Network function of transport requests, and the command in it.
const TRANSPORT: u8 = 0x0c;
const GET_LAN_CONFIGURATION: u8 = 0x02;

#[repr(C)]
#[derive(Debug)]
struct Message {
    netfn: u8,
    cmd: u8,
    data_len: u16,
    data: *mut u8,
}

/// `struct ipmi_req` of `linux/ipmi.h`.
#[repr(C)]
#[derive(Debug)]
struct Request {
    addr: *mut u8,
    addr_len: u32,
    msgid: std::ffi::c_long,
    msg: Message,
}

/// `struct ipmi_recv` of `linux/ipmi.h`.
#[repr(C)]
#[derive(Debug)]
struct Received {
    recv_type: i32,
    addr: *mut u8,
    addr_len: u32,
    msgid: std::ffi::c_long,
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

/// Longest address the kernel gives back (`IPMI_MAX_ADDR_SIZE`).
const MAX_ADDRESS: usize = 32;
/// Longest message (`IPMI_MAX_MSG_LENGTH`).
const MAX_MESSAGE: usize = 272;

mod ioctl {
    // The kernel's header really says "read" for the sending one.
    nix::ioctl_read!(send, b'i', 13, super::Request);
    nix::ioctl_readwrite!(receive, b'i', 11, super::Received);
}

/// A question that is under way.
pub(super) struct Pending {
    answer: Option<mpsc::Receiver<io::Result<BmcLan>>>,
    deadline: Instant,
}

/// Starts asking, if there is a controller.
pub(super) fn ask_in_background(root: &Root) -> Pending {
    let deadline = Instant::now() + PATIENCE;
    let device = DEVICES.iter().find(|device| root.exists(device));
    let Some(device) = device else {
        return Pending {
            answer: None,
            deadline,
        };
    };
    let (sender, receiver) = mpsc::channel();
    let (root, device) = (root.clone(), (*device).to_owned());
    std::thread::spawn(move || {
        let answer = root
            .open_at(&device, nix::fcntl::OFlag::O_RDWR)
            .and_then(|file| ask(&file, deadline));
        // Nobody listens any more if it took too long.
        let _ = sender.send(answer);
    });
    Pending {
        answer: Some(receiver),
        deadline,
    }
}

impl Pending {
    /// Waits for the answer and puts it into the snapshot.
    pub(super) fn finish(self, snapshot: &mut Snapshot) {
        let Some(answer) = self.answer else {
            return;
        };
        let left = self.deadline.saturating_duration_since(Instant::now());
        let problem = match answer.recv_timeout(left) {
            Ok(Ok(bmc)) => {
                snapshot.bmc = Some(bmc);
                return;
            }
            Ok(Err(error)) => words(&error),
            Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
        };
        snapshot.problems.insert("/dev/ipmi0".into(), problem);
    }
}

fn ask(file: &File, deadline: Instant) -> io::Result<BmcLan> {
    let mut bmc = BmcLan::default();
    for channel in LAN_CHANNELS {
        if Instant::now() >= deadline {
            return Err(Errno::ETIMEDOUT.into());
        }
        // A channel without an IPv4 parameter is none or not a LAN.
        let Some(ipv4) = parameter(file, channel, 3, 0)? else {
            continue;
        };
        let mut parameters = vec![ipv4];
        for (number, sets) in PARAMETERS {
            for set in 0..*sets {
                match parameter(file, channel, *number, set)? {
                    Some(answer) => parameters.push(answer),
                    None => break,
                }
            }
        }
        bmc.channels.push(BmcChannel {
            channel,
            parameters,
        });
    }
    Ok(bmc)
}

/// One parameter; `None` if the controller refuses the question.
fn parameter(file: &File, channel: u8, number: u8, set: u8) -> io::Result<Option<LanParameter>> {
    let answer = exchange(
        file,
        TRANSPORT,
        GET_LAN_CONFIGURATION,
        &mut [channel, number, set, 0],
    )?;
    // Completion code, parameter revision, data.
    Ok(match answer.as_slice() {
        [0, _revision, data @ ..] => Some(LanParameter {
            parameter: number,
            set,
            data: Bytes(data.to_vec()),
        }),
        _ => None,
    })
}

/// Sends a message to the controller and waits for the answer to it.
fn exchange(file: &File, netfn: u8, cmd: u8, data: &mut [u8]) -> io::Result<Vec<u8>> {
    let mut address = SystemInterface {
        addr_type: 0x0c,
        channel: 0x0f,
        lun: 0,
    };
    let mut request = Request {
        addr: (&raw mut address).cast(),
        addr_len: u32::try_from(size_of::<SystemInterface>()).unwrap_or_default(),
        msgid: 0,
        msg: Message {
            netfn,
            cmd,
            data_len: u16::try_from(data.len()).map_err(io::Error::other)?,
            data: data.as_mut_ptr(),
        },
    };
    // SAFETY: address and data are alive and as long as the request says.
    #[expect(unsafe_code, reason = "IPMI messages are sent by ioctl")]
    unsafe { ioctl::send(file.as_raw_fd(), &raw mut request) }?;
    let mut waiting = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
    if poll(&mut waiting, PollTimeout::from(ANSWER_MS))? == 0 {
        return Err(Errno::ETIMEDOUT.into());
    }
    receive(file)
}

fn receive(file: &File) -> io::Result<Vec<u8>> {
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
    unsafe { ioctl::receive(file.as_raw_fd(), &raw mut received) }?;
    let length = usize::from(received.msg.data_len).min(MAX_MESSAGE);
    Ok(data[..length].to_vec())
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
    fn a_machine_without_a_controller_is_not_asked() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = Root::open(directory.path()).expect("open");
        let mut snapshot = Snapshot::default();
        ask_in_background(&root).finish(&mut snapshot);
        assert_eq!(snapshot.bmc, None);
        assert!(snapshot.problems.is_empty());
    }
}
