// SPDX-License-Identifier: Apache-2.0
//! Questions to a family of generic netlink, answered before the call returns.
//!
//! The crates that speak generic netlink are asynchronous, and discovery is a
//! plain blocking function, as in [`super::netlink`].

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

use netlink_packet_core::{
    DefaultNla, Emitable as _, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NetlinkSerializable, Nla as _, NlasIterator, Parseable as _,
};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};

/// `GENL_ID_CTRL` of `linux/genetlink.h`: the family that names the others.
const CONTROLLER: u16 = 0x10;
/// `CTRL_CMD_GETFAMILY`.
const GET_FAMILY: u8 = 3;
/// `CTRL_ATTR_FAMILY_ID`.
const FAMILY_ID: u16 = 1;
/// `CTRL_ATTR_FAMILY_NAME`.
const FAMILY_NAME: u16 = 2;
/// `struct genlmsghdr`: command, version, two reserved bytes.
const HEADER_LENGTH: usize = 4;
/// Longer than any answer: the controller's lists every operation of a family.
const BUFFER: usize = 32 << 10;

/// A family, and a socket to speak to it.
pub(super) struct Family {
    socket: OwnedFd,
    id: u16,
}

impl Family {
    /// Finds the family of this name.
    pub(super) fn open(name: &str) -> io::Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkGeneric,
        )?;
        let controller = Self {
            socket,
            id: CONTROLLER,
        };
        let mut text = name.as_bytes().to_vec();
        text.push(0);
        let answer = controller.request(GET_FAMILY, vec![DefaultNla::new(FAMILY_NAME, text)])?;
        let id = answer
            .iter()
            .find(|attribute| attribute.kind() == FAMILY_ID)
            .filter(|attribute| attribute.value_len() == 2)
            .map(|attribute| {
                let mut bytes = [0; 2];
                attribute.emit_value(&mut bytes);
                u16::from_ne_bytes(bytes)
            });
        match id {
            Some(id) => Ok(Self {
                socket: controller.socket,
                id,
            }),
            None => Err(io::Error::other("the family has no number")),
        }
    }

    /// Sends a command and waits for the attributes of its answer.
    pub(super) fn request(
        &self,
        command: u8,
        attributes: Vec<DefaultNla>,
    ) -> io::Result<Vec<DefaultNla>> {
        let request = Message {
            family: self.id,
            command,
            attributes,
        };
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(request));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        let kernel = NetlinkAddr::new(0, 0);
        sendto(self.socket.as_raw_fd(), &bytes, &kernel, MsgFlags::empty())?;
        let mut buffer = vec![0; BUFFER];
        let length = recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        let answer =
            NetlinkMessage::<Message>::deserialize(&buffer[..length]).map_err(io::Error::other)?;
        match answer.payload {
            NetlinkPayload::InnerMessage(answer) => Ok(answer.attributes),
            NetlinkPayload::Error(error) => Err(error.to_io()),
            _ => Err(io::Error::other("an answer of an unknown kind")),
        }
    }
}

/// The bytes of attributes, to stand in an attribute that nests them.
pub(super) fn attributes_to_bytes(attributes: &[DefaultNla]) -> Vec<u8> {
    let mut bytes = vec![0; attributes.buffer_len()];
    attributes.emit(&mut bytes);
    bytes
}

/// A message of a generic netlink family.
#[derive(Debug)]
struct Message {
    family: u16,
    command: u8,
    attributes: Vec<DefaultNla>,
}

impl NetlinkSerializable for Message {
    fn message_type(&self) -> u16 {
        self.family
    }

    fn buffer_len(&self) -> usize {
        HEADER_LENGTH + self.attributes.as_slice().buffer_len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        let (header, rest) = buffer.split_at_mut(HEADER_LENGTH);
        header.copy_from_slice(&[self.command, 1, 0, 0]);
        self.attributes.as_slice().emit(rest);
    }
}

impl NetlinkDeserializable for Message {
    type Error = netlink_packet_core::DecodeError;

    fn deserialize(header: &NetlinkHeader, payload: &[u8]) -> Result<Self, Self::Error> {
        let mut attributes = Vec::new();
        for attribute in NlasIterator::new(payload.get(HEADER_LENGTH..).unwrap_or_default()) {
            attributes.push(DefaultNla::parse(&attribute?)?);
        }
        Ok(Self {
            family: header.message_type,
            command: payload.first().copied().unwrap_or_default(),
            attributes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_found_by_name() {
        let controller = Family::open("nlctrl").expect("every kernel has it");
        assert_eq!(controller.id, CONTROLLER);
        let error = Family::open("no-such-family").err().expect("there is none");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn broken_answers_are_errors() {
        let header = NetlinkHeader::default();
        for payload in [
            &b"\x01"[..],
            b"\x01\x01\0\0\xff\xff\x01\0",
            b"\x01\x01\0\0\x05",
        ] {
            let read = Message::deserialize(&header, payload);
            let attributes = read.map_or(0, |message| message.attributes.len());
            assert_eq!(attributes, 0, "{payload:?}");
        }
    }
}
