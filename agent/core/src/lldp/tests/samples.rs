// SPDX-License-Identifier: Apache-2.0
//! Frames as switches send them, put together from the vendors' documented
//! output: which subtypes, which organizational TLVs, in which order; and one
//! as it was captured.

use crate::network::{Link, LinkKind};

/// Appends one TLV.
pub(in crate::lldp) fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).expect("short");
    let header = u16::from(kind) << 9 | length;
    [&header.to_be_bytes(), value].concat()
}

/// A frame with these TLVs, padded as Ethernet demands.
pub(in crate::lldp) fn frame(tlvs: &[(u8, &[u8])]) -> Vec<u8> {
    let mut frame = vec![
        0x01, 0x80, 0xc2, 0, 0, 0x0e, 0x44, 0x4c, 0xa8, 0x01, 0x02, 0x03, 0x88, 0xcc,
    ];
    for (kind, value) in tlvs {
        frame.extend(tlv(*kind, value));
    }
    frame.resize(frame.len().max(60), 0);
    frame
}

/// The least a neighbour may say.
pub(in crate::lldp) fn minimal(number: u8, ttl: u16) -> Vec<u8> {
    let chassis = [4, 0x44, 0x4c, 0xa8, 0, 0, number];
    frame(&[
        (1, &chassis),
        (2, b"\x05Ethernet1"),
        (3, &ttl.to_be_bytes()),
        (0, b""),
    ])
}

/// Arista EOS: interface name as port, 802.1 and 802.3 TLVs.
pub(in crate::lldp) fn arista() -> Vec<u8> {
    frame(&[
        (1, b"\x04\x44\x4c\xa8\x12\x34\x56"),
        (2, b"\x05Ethernet7/1"),
        (3, b"\x00\x78"),
        (4, b"server-42"),
        (5, b"leaf-1.example.org"),
        (
            6,
            b"Arista Networks EOS version 4.28.3M running on an Arista Networks DCS-7050CX3-32S",
        ),
        (7, b"\x00\x14\x00\x14"),
        (8, b"\x05\x01\xc0\x00\x02\x0a\x02\x00\x0f\x42\x3f\x00"),
        (127, b"\x00\x80\xc2\x01\x00\x64"),
        (127, b"\x00\x12\x0f\x03\x01\x00\x00\x00\x00"),
        (127, b"\x00\x12\x0f\x04\x24\x14"),
        (0, b""),
    ])
}

/// Cisco IOS on a Catalyst: short interface name, power, physical layer.
pub(in crate::lldp) fn cisco() -> Vec<u8> {
    frame(&[
        (1, b"\x04\x88\x5a\x92\xec\x54\x00"),
        (2, b"\x05Gi1/0/18"),
        (3, b"\x00\x78"),
        (4, b"GigabitEthernet1/0/18"),
        (5, b"access-3"),
        (
            6,
            b"Cisco IOS Software, C3750E Software (C3750E-UNIVERSALK9-M), Version 15.2(4)E8\n\
              Technical Support: http://www.cisco.com/techsupport",
        ),
        (7, b"\x00\x14\x00\x04"),
        (8, b"\x05\x01\xc0\x00\x02\x14\x03\x00\x00\x00\x01\x00"),
        (127, b"\x00\x80\xc2\x01\x00\x0a"),
        (127, b"\x00\x12\x0f\x01\x03\x6c\x01\x00\x1e"),
        (127, b"\x00\x12\x0f\x02\x07\x01\x05\x50\x00\xff\x00\xff"),
        (0, b""),
    ])
}

/// Junos: port number as local identifier, name as description, VLAN names,
/// both places of link aggregation, the vendor's own TLVs.
pub(in crate::lldp) fn juniper() -> Vec<u8> {
    frame(&[
        (1, b"\x04\x40\xa6\x77\x9a\x0b\x40"),
        (2, b"\x07517"),
        (3, b"\x00\x78"),
        (4, b"xe-0/0/4"),
        (5, b"qfx-7"),
        (
            6,
            b"Juniper Networks, Inc. qfx5100-48s-6q Ethernet Switch, kernel JUNOS 18.4R2",
        ),
        (7, b"\x00\x14\x00\x14"),
        (
            8,
            b"\x05\x01\xc0\x00\x02\x1e\x02\x00\x00\x00\x21\x0c\x01\x03\x06\x01\x02\x01\x1f\x01\x01\x01\x21\x00",
        ),
        (127, b"\x00\x90\x69\x01VF3716060123"),
        (127, b"\x00\x12\x0f\x01\x01\x00\x00\x00\x00"),
        (127, b"\x00\x12\x0f\x03\x01\x00\x00\x00\x00"),
        (127, b"\x00\x12\x0f\x04\x05\xea"),
        (127, b"\x00\x80\xc2\x01\x00\x00"),
        (127, b"\x00\x80\xc2\x02\x02\x00\x00"),
        (127, b"\x00\x80\xc2\x03\x00\x65\x08vlan-101"),
        (127, b"\x00\x80\xc2\x03\x00\x66\x08vlan-102"),
        (127, b"\x00\x80\xc2\x06\x03\xe8"),
        (127, b"\x00\x80\xc2\x07\x03\x00\x00\x00\x21"),
        (0, b""),
    ])
}

/// SONiC and Cumulus: `lldpd` on the switch, addresses of both families.
pub(in crate::lldp) fn sonic() -> Vec<u8> {
    frame(&[
        (1, b"\x04\x1c\x34\xda\x00\x11\x22"),
        (2, b"\x07Eth5/1"),
        (3, b"\x00\x78"),
        (5, b"sonic-leaf-2"),
        (
            6,
            b"SONiC Software Version: SONiC.202205 - HwSku: ACS-MSN2700 - Distribution: Debian 11.4",
        ),
        (7, b"\x00\x1c\x00\x14"),
        (8, b"\x05\x01\xc0\x00\x02\x28\x02\x00\x00\x00\x02\x00"),
        (
            8,
            b"\x11\x02\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x28\x02\x00\x00\x00\x02\x00",
        ),
        (4, b"Ethernet16"),
        (0, b""),
    ])
}

/// Captured from Debian's lldpd 1.0.16 on a virtual cable, with a name and a
/// description of its own.
pub(in crate::lldp) fn lldpd() -> Vec<u8> {
    frame(&[
        (1, b"\x04\x12\x67\xc5\x01\x4c\x0f"),
        (2, b"\x03\x12\x67\xc5\x01\x4c\x0f"),
        (3, b"\x00\x78"),
        (5, b"leaf-1"),
        (6, b"Ironseed test switch"),
        (7, b"\x00\x9c\x00\x80"),
        (4, b"s0"),
        (127, b"\x00\x12\x0f\x03\x01\x00\x00\x00\x00"),
        (127, b"\x00\x12\x0f\x01\x00\x80\x00\x00\x36"),
        (0, b""),
    ])
}

/// A port without a hardware address, `eno<index>`.
pub(in crate::lldp) fn link(index: u32, carrier: bool, carrier_ups: u32) -> Link {
    Link {
        index,
        name: format!("eno{index}"),
        kind: LinkKind::Ethernet,
        mac: None,
        details: crate::network::LinkDetails::default(),
        permanent: None,
        internal: false,
        up: true,
        carrier,
        carrier_ups,
        mtu: 1500,
        controller: None,
    }
}
