// SPDX-License-Identifier: Apache-2.0
//! Dumps links and addresses from the kernel, without waiting for anything.
//!
//! Discovery is a plain blocking function, so this is a plain socket with the
//! message types of `netlink-packet-route`; the network code, which waits for
//! events, uses `rtnetlink`.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd as _, OwnedFd};

use ironseed_core::snapshot::NetworkLink;
use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkMessage, Prop};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};

/// The kernel never sends more than this at once (`NLMSG_GOODSIZE` limits).
const BUFFER: usize = 64 << 10;

/// Every link with its addresses.
pub(super) fn links() -> io::Result<Vec<NetworkLink>> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    let mut links = BTreeMap::new();
    dump(
        &socket,
        RouteNetlinkMessage::GetLink(LinkMessage::default()),
        |message| {
            if let RouteNetlinkMessage::NewLink(link) = message {
                links.insert(link.header.index, link_of(&link));
            }
        },
    )?;
    dump(
        &socket,
        RouteNetlinkMessage::GetAddress(AddressMessage::default()),
        |message| {
            if let RouteNetlinkMessage::NewAddress(address) = message
                && let Some(link) = links.get_mut(&address.header.index)
                && let Some(ip) = ip_of(&address)
            {
                link.addresses.push((ip, address.header.prefix_len));
            }
        },
    )?;
    Ok(links.into_values().collect())
}

fn link_of(message: &LinkMessage) -> NetworkLink {
    let mut link = NetworkLink {
        index: message.header.index,
        hardware_type: u16::from(message.header.link_layer_type),
        flags: message.header.flags.bits(),
        ..NetworkLink::default()
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::Address(address) => link.address.clone_from(address),
            LinkAttribute::PermAddress(address) => link.permanent_address.clone_from(address),
            LinkAttribute::PropList(properties) => {
                link.alternative_names = properties.iter().filter_map(alternative).collect();
            }
            _ => {}
        }
    }
    link
}

fn alternative(property: &Prop) -> Option<String> {
    match property {
        Prop::AltIfName(name) => Some(name.clone()),
        _ => None,
    }
}

/// The link's own address: on point-to-point links `IFA_ADDRESS` is the peer's.
fn ip_of(message: &AddressMessage) -> Option<IpAddr> {
    let own = |attribute: &AddressAttribute| match attribute {
        AddressAttribute::Local(ip) => Some(*ip),
        _ => None,
    };
    let any = |attribute: &AddressAttribute| match attribute {
        AddressAttribute::Address(ip) => Some(*ip),
        _ => None,
    };
    let attributes = &message.attributes;
    attributes
        .iter()
        .find_map(own)
        .or_else(|| attributes.iter().find_map(any))
}

/// Sends a dump request and hands every answer to `each`.
fn dump(
    socket: &OwnedFd,
    request: RouteNetlinkMessage,
    mut each: impl FnMut(RouteNetlinkMessage),
) -> io::Result<()> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_DUMP | NLM_F_REQUEST;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(request));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    let kernel = NetlinkAddr::new(0, 0);
    sendto(socket.as_raw_fd(), &bytes, &kernel, MsgFlags::empty())?;

    let mut buffer = vec![0; BUFFER];
    loop {
        let length = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        let mut rest = &buffer[..length];
        while !rest.is_empty() {
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest)
                .map_err(io::Error::other)?;
            let taken = usize::try_from(message.header.length).map_err(io::Error::other)?;
            // Messages are aligned to four bytes.
            rest = rest.get(taken.next_multiple_of(4)..).unwrap_or_default();
            match message.payload {
                NetlinkPayload::Done(_) => return Ok(()),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::InnerMessage(inner) => each(inner),
                _ => {}
            }
            if taken == 0 {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_back_link_is_there_with_its_name() {
        let links = links().expect("a dump");
        let loop_back = links.iter().find(|link| link.name == "lo").expect("lo");
        assert_eq!(loop_back.hardware_type, 772);
        assert_eq!(loop_back.address, [0; 6]);
    }
    #[test]
    fn both_addresses_and_every_name_of_a_link_are_kept() {
        let mut message = LinkMessage::default();
        message.header.index = 3;
        message.attributes = vec![
            LinkAttribute::IfName("eno2".into()),
            LinkAttribute::Address(vec![0x24, 0x6e, 0x96, 0, 0, 1]),
            LinkAttribute::PermAddress(vec![0x24, 0x6e, 0x96, 0, 0, 2]),
            LinkAttribute::PropList(vec![
                Prop::AltIfName("enp59s0f1".into()),
                Prop::AltIfName("enp59s0f1np1".into()),
            ]),
        ];
        let link = link_of(&message);
        assert_eq!(link.address, [0x24, 0x6e, 0x96, 0, 0, 1]);
        assert_eq!(link.permanent_address, [0x24, 0x6e, 0x96, 0, 0, 2]);
        assert_eq!(link.alternative_names, ["enp59s0f1", "enp59s0f1np1"]);
    }
}
