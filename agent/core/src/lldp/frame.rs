// SPDX-License-Identifier: Apache-2.0
//! The Ethernet frame around an LLDPDU (IEEE 802.1AB-2016 clause 7).

/// EtherType of LLDP.
pub const ETHERTYPE: u16 = 0x88cc;

/// The group addresses LLDP is sent to (802.1AB table 7-1): nearest bridge,
/// nearest non-TPMR bridge, nearest customer bridge.
pub const GROUPS: [[u8; 6]; 3] = [
    [0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e],
    [0x01, 0x80, 0xc2, 0x00, 0x00, 0x03],
    [0x01, 0x80, 0xc2, 0x00, 0x00, 0x00],
];

/// EtherTypes of VLAN tags (802.1Q, 802.1ad), each with two octets of tag.
const TAGS: [u16; 2] = [0x8100, 0x88a8];

/// An LLDP frame, from the destination address on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// Who sent it.
    pub(super) source: [u8; 6],
    /// The LLDPDU, with the padding of a short frame.
    pub(super) pdu: &'a [u8],
}

/// Reads the frame's header; nothing if it is no LLDP frame. Some switches put
/// a priority tag (VLAN 0) before LLDP; it says nothing and is skipped.
pub(super) fn parse(frame: &[u8]) -> Option<Frame<'_>> {
    let (addresses, mut rest) = frame.split_first_chunk::<12>()?;
    let [_, _, _, _, _, _, source @ ..] = *addresses;
    loop {
        let (ethertype, after) = rest.split_first_chunk::<2>()?;
        match u16::from_be_bytes(*ethertype) {
            ETHERTYPE => return Some(Frame { source, pdu: after }),
            tag if TAGS.contains(&tag) => rest = after.get(2..)?,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lldp_is_taken_with_or_without_tags() {
        let addresses = [
            0x01, 0x80, 0xc2, 0, 0, 0x0e, 0x44, 0x4c, 0xa8, 0x01, 0x02, 0x03,
        ];
        let with = |rest: &[u8]| [&addresses[..], rest].concat();
        let pdu = |frame: &[u8]| parse(frame).map(|frame| frame.pdu.to_vec());
        assert_eq!(pdu(&with(b"\x88\xccxy")), Some(b"xy".to_vec()));
        assert_eq!(
            pdu(&with(b"\x81\x00\xe0\x00\x88\xccxy")),
            Some(b"xy".to_vec())
        );
        assert_eq!(pdu(&with(b"\x88\xcc")), Some(vec![]));
        for other in [&b"\x08\x00xy"[..], b"\x81\x00\xe0", b"\x88", b""] {
            assert_eq!(pdu(&with(other)), None, "{other:x?}");
        }
        assert_eq!(pdu(&addresses[..11]), None);
        let frame = with(b"\x88\xcc");
        let source = parse(&frame).expect("a frame").source;
        assert_eq!(source, [0x44, 0x4c, 0xa8, 1, 2, 3]);
    }
}
