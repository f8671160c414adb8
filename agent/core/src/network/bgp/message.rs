// SPDX-License-Identifier: Apache-2.0
//! BGP messages (RFC 4271 §4), between bytes and values.
//!
//! The only file that knows the library for them, `netgauze-bgp-pkt`. Two
//! things are done here instead, because the library reads an UPDATE as a whole
//! or not at all: messages and path attributes are told apart by their lengths,
//! so that one that cannot be read costs its own routes and not the session
//! (RFC 7606); and a NOTIFICATION is passed on with numbers nobody knows.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use netgauze_bgp_pkt::BgpMessage;
use netgauze_bgp_pkt::capabilities::{
    BgpCapability, ExtendedNextHopEncoding, ExtendedNextHopEncodingCapability,
    FourOctetAsCapability, MultiProtocolExtensionsCapability,
};
use netgauze_bgp_pkt::nlri::{Ipv4Unicast, Ipv4UnicastAddress, Ipv6Unicast, Ipv6UnicastAddress};
use netgauze_bgp_pkt::notification::OpenMessageError;
use netgauze_bgp_pkt::open::{BgpOpenMessage, BgpOpenMessageParameter};
use netgauze_bgp_pkt::path_attribute::{
    As4PathSegment, AsPath, AsPathSegmentType, MpReach, MpUnreach, Origin, PathAttribute,
    PathAttributeValue,
};
use netgauze_bgp_pkt::update::BgpUpdateMessage;
use netgauze_bgp_pkt::wire::deserializer::{BgpMessageParsingError, BgpParsingContext};
use netgauze_iana::address_family::{AddressFamily, AddressType};
use netgauze_parse_utils::WritablePdu;
use netgauze_parse_utils::reader::SliceReader;
use netgauze_parse_utils::traits::{ParseFrom, ParseFromWithOneInput};

use super::notification::Notification;
use super::prefix::Prefix;

/// Bytes before a message's body: marker, length, type.
const HEADER: usize = 19;

/// Longest message (RFC 4271 §4.1; longer ones need a capability, RFC 8654,
/// which is not offered here).
pub const LONGEST: usize = 4096;

/// What stands for a number above 65535 in OPEN (RFC 6793).
const AS_TRANS: u16 = 23456;

/// A message that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The neighbour introduces itself.
    Open(Open),
    /// Routes come and go.
    Update(Update),
    /// The neighbour ends the session.
    Notification(Notification),
    /// It is still there.
    Keepalive,
    /// It wants to hear our routes again (RFC 2918).
    RouteRefresh,
}

/// What a speaker says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// Its autonomous system.
    pub asn: u32,
    /// Its identifier.
    pub id: Ipv4Addr,
    /// Seconds without a message after which it gives up; 0: never.
    pub hold_time: u16,
    /// It knows AS numbers of four octets (RFC 6793).
    pub four_octets: bool,
    /// It takes IPv4 routes in MP_REACH_NLRI, with IPv6 next hops (RFC 4760,
    /// RFC 8950).
    pub ipv4: bool,
    /// It takes IPv6 routes (RFC 4760).
    pub ipv6: bool,
}

/// Routes that come and go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Update {
    /// Networks that have no way through the neighbour any more, or whose new
    /// way cannot be read.
    pub withdrawn: Vec<Prefix>,
    /// Networks it has a way to, with the next hop's link-local address where
    /// it gives one.
    pub reached: Vec<(Prefix, Option<Ipv6Addr>)>,
    /// The ASes on that way.
    pub path: Vec<Segment>,
}

/// A part of an AS path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Any order: it counts as one.
    pub set: bool,
    /// The numbers.
    pub numbers: Vec<u32>,
}

/// Takes the first whole message off a stream; nothing if it is not complete
/// yet.
///
/// # Errors
///
/// The stream is not one of BGP messages.
pub fn first(stream: &mut Vec<u8>) -> Result<Option<Vec<u8>>, Notification> {
    let marker = stream.get(..16).unwrap_or(stream);
    if marker.iter().any(|byte| *byte != 0xff) {
        return Err(Notification::new(Notification::NOT_SYNCHRONISED));
    }
    let &[high, low, kind] = stream.get(16..HEADER).unwrap_or_default() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let least = match kind {
        1 => 29,
        2 => 23,
        3 => 21,
        4 => HEADER,
        5 => 23,
        _ => return Err(Notification::with(Notification::BAD_TYPE, &[kind])),
    };
    let most = if kind == 4 { HEADER } else { LONGEST };
    if !(least..=most).contains(&length) {
        return Err(Notification::with(Notification::BAD_LENGTH, &[high, low]));
    }
    if stream.len() < length {
        return Ok(None);
    }
    let rest = stream.split_off(length);
    Ok(Some(std::mem::replace(stream, rest)))
}

/// Reads a message that [`first`] took off the stream.
///
/// # Errors
///
/// What the neighbour shall be told.
pub fn read(message: &[u8]) -> Result<Message, Notification> {
    let kind = message.get(HEADER - 1).copied().unwrap_or_default();
    let body = message.get(HEADER..).unwrap_or_default();
    match (kind, body) {
        (1, _) => read_open(message).map(Message::Open),
        (2, body) => read_update(body).map(Message::Update),
        (3, [code, subcode, data @ ..]) => {
            let notification = Notification::with((*code, *subcode), data);
            Ok(Message::Notification(notification))
        }
        (4, []) => Ok(Message::Keepalive),
        (5, _) => Ok(Message::RouteRefresh),
        _ => Err(Notification::with(Notification::BAD_TYPE, &[kind])),
    }
}

/// How the library reads: AS numbers of four octets, no additional paths, and
/// capabilities that cannot be read are ignored (RFC 5492).
fn context() -> BgpParsingContext {
    BgpParsingContext::new(
        true,
        HashMap::new(),
        HashMap::new(),
        true,
        true,
        false,
        true,
    )
}

fn read_open(message: &[u8]) -> Result<Open, Notification> {
    match BgpMessage::parse(&mut SliceReader::new(message), &mut context()) {
        Ok(BgpMessage::Open(open)) => Ok(describe(&open)),
        Ok(_) => Err(Notification::new(Notification::BAD_OPEN)),
        Err(BgpMessageParsingError::BgpOpenMessageParsingError(error)) => {
            Err(match OpenMessageError::from(error) {
                OpenMessageError::UnsupportedVersionNumber { value } => {
                    Notification::with(Notification::BAD_VERSION, &value)
                }
                OpenMessageError::BadBgpIdentifier { value } => {
                    Notification::with(Notification::BAD_IDENTIFIER, &value)
                }
                OpenMessageError::UnsupportedOptionalParameter { value } => {
                    Notification::with(Notification::BAD_PARAMETER, &value)
                }
                OpenMessageError::UnacceptableHoldTime { value } => {
                    Notification::with(Notification::BAD_HOLD_TIME, &value)
                }
                _ => Notification::new(Notification::BAD_OPEN),
            })
        }
        Err(_) => Err(Notification::new(Notification::BAD_OPEN)),
    }
}

fn describe(open: &BgpOpenMessage) -> Open {
    let mut described = Open {
        asn: open.my_as().into(),
        id: open.bgp_id(),
        hold_time: open.hold_time(),
        four_octets: false,
        ipv4: false,
        ipv6: false,
    };
    let (mut multiprotocol4, mut extended) = (false, false);
    for capability in open.capabilities() {
        match capability {
            BgpCapability::FourOctetAs(number) => {
                described.four_octets = true;
                described.asn = number.asn4();
            }
            BgpCapability::MultiProtocolExtensions(family) => match family.address_type() {
                AddressType::Ipv4Unicast => multiprotocol4 = true,
                AddressType::Ipv6Unicast => described.ipv6 = true,
                _ => {}
            },
            BgpCapability::ExtendedNextHopEncoding(encodings) => {
                extended |= encodings.encodings().contains(&EXTENDED);
            }
            _ => {}
        }
    }
    described.ipv4 = multiprotocol4 && extended;
    described
}

/// IPv4 routes with IPv6 next hops.
const EXTENDED: ExtendedNextHopEncoding =
    ExtendedNextHopEncoding::new(AddressType::Ipv4Unicast, AddressFamily::IPv6);

/// What has been read of an UPDATE.
#[derive(Debug, Default)]
struct Reading {
    update: Update,
    origin: bool,
    path: bool,
    reach: bool,
    unreach: bool,
    /// Some attribute cannot be read: the routes count as withdrawn.
    malformed: bool,
}

fn read_update(body: &[u8]) -> Result<Update, Notification> {
    let list = || Notification::new(Notification::BAD_ATTRIBUTES);
    let (withdrawn, rest) = counted(body).ok_or_else(list)?;
    let (attributes, networks) = counted(rest).ok_or_else(list)?;
    let mut reading = Reading::default();
    reading.update.withdrawn = ipv4_networks(withdrawn)?;
    // Outside MP_REACH_NLRI the next hop is an IPv4 address, which a link
    // without one cannot use: such routes are as good as withdrawn.
    reading.update.withdrawn.extend(ipv4_networks(networks)?);
    let plain = !reading.update.withdrawn.is_empty();
    read_attributes(attributes, &mut reading)?;
    if reading.malformed && !(plain || reading.reach || reading.unreach) {
        // Nobody knows what it was about (RFC 7606 §5.2).
        return Err(list());
    }
    let Reading {
        mut update,
        origin,
        path,
        malformed,
        ..
    } = reading;
    if malformed || !(origin && path) {
        let reached = update.reached.drain(..).map(|(prefix, _)| prefix);
        update.withdrawn.extend(reached);
        update.path.clear();
    }
    Ok(update)
}

/// Splits off what a two-octet length counts.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let &[high, low, ref rest @ ..] = bytes else {
        return None;
    };
    rest.split_at_checked(u16::from_be_bytes([high, low]).into())
}

fn ipv4_networks(bytes: &[u8]) -> Result<Vec<Prefix>, Notification> {
    let mut reader = SliceReader::new(bytes);
    let mut networks = Vec::new();
    while !reader.is_empty() {
        let network = Ipv4Net::parse(&mut reader)
            .map_err(|_| Notification::new(Notification::BAD_NETWORK))?;
        networks.extend(prefix4(network));
    }
    Ok(networks)
}

fn prefix4(network: Ipv4Net) -> Option<Prefix> {
    Prefix::new(network.addr().into(), network.prefix_len())
}

fn prefix6(network: Ipv6Net) -> Option<Prefix> {
    Prefix::new(network.addr().into(), network.prefix_len())
}

fn read_attributes(mut bytes: &[u8], reading: &mut Reading) -> Result<(), Notification> {
    while !bytes.is_empty() {
        let Some((attribute, rest)) = first_attribute(bytes) else {
            // A length that leads past the end: what came before may have said
            // which networks it is about (RFC 7606 §4).
            reading.malformed = true;
            return Ok(());
        };
        bytes = rest;
        read_attribute(attribute, reading)?;
    }
    Ok(())
}

/// Splits off an attribute: flags, code, length of one or two octets, value.
fn first_attribute(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    const EXTENDED_LENGTH: u8 = 0x10;
    let length = match *bytes {
        [flags, _, high, low, ..] if flags & EXTENDED_LENGTH != 0 => {
            4 + usize::from(u16::from_be_bytes([high, low]))
        }
        [flags, _, length, ..] if flags & EXTENDED_LENGTH == 0 => 3 + usize::from(length),
        _ => return None,
    };
    bytes.split_at_checked(length)
}

fn read_attribute(attribute: &[u8], reading: &mut Reading) -> Result<(), Notification> {
    const OPTIONAL: u8 = 0x80;
    let (flags, code) = match *attribute {
        [flags, code, ..] => (flags, code),
        _ => return Ok(()),
    };
    // Of an attribute that comes twice the first counts; two lists of networks
    // end the session (RFC 7606 §3.g).
    match code {
        1 if reading.origin => Ok(()),
        2 if reading.path => Ok(()),
        14 if reading.reach => Err(Notification::new(Notification::BAD_ATTRIBUTES)),
        15 if reading.unreach => Err(Notification::new(Notification::BAD_ATTRIBUTES)),
        1 | 2 | 14 | 15 => read_known(attribute, code, reading),
        // These say nothing about what this machine routes and are not passed
        // on, so they are not read.
        3..=40 | 128 => Ok(()),
        _ if flags & OPTIONAL == 0 => {
            reading.malformed = true;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn read_known(attribute: &[u8], code: u8, reading: &mut Reading) -> Result<(), Notification> {
    if !has_known_next_hop(attribute, code) {
        return Err(Notification::new(Notification::BAD_OPTIONAL_ATTRIBUTE));
    }
    let value = PathAttribute::parse(&mut SliceReader::new(attribute), &mut context());
    let value = match value {
        Ok(value) => value,
        // Networks that cannot be read leave no way to say which routes are
        // wrong (RFC 7606 §5.3).
        Err(_) if code >= 14 => {
            return Err(Notification::with(
                Notification::BAD_OPTIONAL_ATTRIBUTE,
                attribute.get(..256).unwrap_or(attribute),
            ));
        }
        Err(_) => {
            reading.malformed = true;
            return Ok(());
        }
    };
    match value.value() {
        PathAttributeValue::Origin(_) => reading.origin = true,
        PathAttributeValue::AsPath(path) => {
            reading.path = true;
            match segments(path) {
                Some(path) => reading.update.path = path,
                None => reading.malformed = true,
            }
        }
        PathAttributeValue::MpReach(reach) => {
            reading.reach = true;
            reading.update.reached = reached(reach);
        }
        PathAttributeValue::MpUnreach(unreach) => {
            reading.unreach = true;
            reading.update.withdrawn.extend(unreached(unreach));
        }
        _ => {}
    }
    Ok(())
}

/// Whether the next hop in MP_REACH_NLRI has a length it can have; the library
/// takes any for IPv6.
fn has_known_next_hop(attribute: &[u8], code: u8) -> bool {
    const EXTENDED_LENGTH: u8 = 0x10;
    if code != 14 {
        return true;
    }
    let header = match attribute.first() {
        Some(flags) if flags & EXTENDED_LENGTH != 0 => 4,
        _ => 3,
    };
    match attribute.get(header..) {
        Some(&[0, 1, 1, length, ..]) => matches!(length, 4 | 16 | 32),
        Some(&[0, 2, 1, length, ..]) => matches!(length, 16 | 32),
        // Another family: it was not asked for, and is not looked at.
        Some(&[_, _, _, _, ..]) => true,
        _ => false,
    }
}

/// Confederation segments, which no external neighbour may send (RFC 5065 §5),
/// are not read by the library; nothing for a path of two-octet numbers.
fn segments(path: &AsPath) -> Option<Vec<Segment>> {
    let AsPath::As4PathSegments(segments) = path else {
        return None;
    };
    let read = |segment: &As4PathSegment| Segment {
        set: segment.segment_type() == AsPathSegmentType::AsSet,
        numbers: segment.as_numbers().to_vec(),
    };
    Some(segments.iter().map(read).collect())
}

fn reached(reach: &MpReach) -> Vec<(Prefix, Option<Ipv6Addr>)> {
    let local = |candidates: [Option<Ipv6Addr>; 2]| {
        let mut known = candidates.into_iter().flatten();
        known.find(Ipv6Addr::is_unicast_link_local)
    };
    match reach {
        MpReach::Ipv4Unicast {
            next_hop: IpAddr::V6(next_hop),
            next_hop_local,
            nlri,
        } => {
            let hop = local([*next_hop_local, Some(*next_hop)]);
            let networks = nlri
                .iter()
                .filter_map(|nlri| prefix4(nlri.network().address()));
            networks.map(|network| (network, hop)).collect()
        }
        MpReach::Ipv6Unicast {
            next_hop_global,
            next_hop_local,
            nlri,
        } => {
            let hop = local([*next_hop_local, Some(*next_hop_global)]);
            let networks = nlri
                .iter()
                .filter_map(|nlri| prefix6(nlri.network().address()));
            networks.map(|network| (network, hop)).collect()
        }
        _ => Vec::new(),
    }
}

fn unreached(unreach: &MpUnreach) -> Vec<Prefix> {
    match unreach {
        MpUnreach::Ipv4Unicast { nlri } => {
            let networks = nlri.iter().map(|nlri| nlri.network().address());
            networks.filter_map(prefix4).collect()
        }
        MpUnreach::Ipv6Unicast { nlri } => {
            let networks = nlri.iter().map(|nlri| nlri.network().address());
            networks.filter_map(prefix6).collect()
        }
        _ => Vec::new(),
    }
}

/// Our OPEN.
///
/// # Errors
///
/// The library's words.
pub fn open(asn: u32, id: Ipv4Addr, hold_time: u16) -> Result<Vec<u8>, String> {
    let capabilities = vec![
        BgpCapability::MultiProtocolExtensions(MultiProtocolExtensionsCapability::new(
            AddressType::Ipv4Unicast,
        )),
        BgpCapability::MultiProtocolExtensions(MultiProtocolExtensionsCapability::new(
            AddressType::Ipv6Unicast,
        )),
        BgpCapability::FourOctetAs(FourOctetAsCapability::new(asn)),
        BgpCapability::ExtendedNextHopEncoding(ExtendedNextHopEncodingCapability::new(vec![
            EXTENDED,
        ])),
    ];
    let short = u16::try_from(asn).unwrap_or(AS_TRANS);
    let parameters = vec![BgpOpenMessageParameter::new_capabilities(capabilities)];
    let open = BgpOpenMessage::new(short, hold_time, id, parameters);
    written(&BgpMessage::Open(open))
}

/// Our KEEPALIVE.
#[must_use]
pub fn keepalive() -> Vec<u8> {
    framed(4, &[])
}

/// A reason to end the session.
#[must_use]
pub fn notification(notification: &Notification) -> Vec<u8> {
    let mut body = vec![notification.code, notification.subcode];
    let room = LONGEST - HEADER - body.len();
    let data = &notification.data;
    body.extend(data.get(..room).unwrap_or(data));
    framed(3, &body)
}

/// Announces one of our own addresses, reachable at our link-local address. It
/// stands for the global one too, as in FRR (RFC 2545 §3 knows no link without
/// global addresses).
///
/// # Errors
///
/// The library's words.
pub fn announce(asn: u32, own: IpAddr, link_local: Ipv6Addr) -> Result<Vec<u8>, String> {
    let reach = match own {
        IpAddr::V4(address) => MpReach::Ipv4Unicast {
            next_hop: link_local.into(),
            next_hop_local: Some(link_local),
            nlri: Box::new([Ipv4UnicastAddress::new_no_path_id(
                Ipv4Unicast::from_net(address.into()).map_err(|_| format!("{own} is no host"))?,
            )]),
        },
        IpAddr::V6(address) => MpReach::Ipv6Unicast {
            next_hop_global: link_local,
            next_hop_local: Some(link_local),
            nlri: Box::new([Ipv6UnicastAddress::new(
                None,
                Ipv6Unicast::from_net(address.into()).map_err(|_| format!("{own} is no host"))?,
            )]),
        },
    };
    let path = AsPath::As4PathSegments(Box::new([As4PathSegment::new(
        AsPathSegmentType::AsSequence,
        vec![asn],
    )]));
    let attribute = |optional: bool, value| {
        PathAttribute::from(optional, !optional, false, false, value)
            .map_err(|(_, error)| format!("{error:?}"))
    };
    // MP_REACH_NLRI first (RFC 7606 §5.1).
    let attributes = vec![
        attribute(true, PathAttributeValue::MpReach(reach))?,
        attribute(false, PathAttributeValue::Origin(Origin::IGP))?,
        attribute(false, PathAttributeValue::AsPath(path))?,
    ];
    written(&BgpMessage::Update(BgpUpdateMessage::new(
        vec![],
        attributes,
        vec![],
    )))
}

fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(HEADER + body.len()).unwrap_or(u16::MAX);
    let mut message = vec![0xff; 16];
    message.extend(length.to_be_bytes());
    message.push(kind);
    message.extend(body);
    message
}

fn written(message: &BgpMessage) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    message
        .write(&mut bytes)
        .map_err(|error| error.to_string())?;
    Ok(bytes)
}
