// SPDX-License-Identifier: Apache-2.0
//! An LLDPDU taken apart into its elements (IEEE 802.1AB-2016 clause 8).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Type of the element that ends an LLDPDU (802.1AB table 8-1).
pub(super) const END: u8 = 0;

/// Longest value, in octets.
const LONGEST: usize = 511;

/// One element: 7 bits of type, 9 bits of length, the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tlv<'a> {
    pub(super) kind: u8,
    pub(super) value: &'a [u8],
}

/// One LLDP element as it came: its type and its value in hexadecimal digits,
/// without the header.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub struct RawTlv(pub u8, pub String);

impl From<Tlv<'_>> for RawTlv {
    fn from(tlv: Tlv<'_>) -> Self {
        let digits: Vec<String> = tlv.value.iter().map(|byte| format!("{byte:02x}")).collect();
        Self(tlv.kind, digits.concat())
    }
}

/// Appends one element. A value that is longer than the length field can say is
/// cut; none of ours is.
pub(super) fn write(pdu: &mut Vec<u8>, kind: u8, value: &[u8]) {
    let value = value.get(..LONGEST).unwrap_or(value);
    let length = u16::try_from(value.len()).unwrap_or_default();
    pdu.extend((u16::from(kind) << 9 | length).to_be_bytes());
    pdu.extend(value);
}

/// The whole elements up to the end element, which is among them, and what is
/// wrong with the rest. What comes after the end is padding.
pub(super) fn split(pdu: &[u8]) -> (Vec<Tlv<'_>>, Option<String>) {
    let mut tlvs = Vec::new();
    let mut rest = pdu;
    while let [first, second, after @ ..] = rest {
        let kind = first >> 1;
        let length = usize::from(first & 1) << 8 | usize::from(*second);
        let Some((value, next)) = after.split_at_checked(length) else {
            let problem = format!(
                "TLV type {kind} claims {length} octets, but the frame has only {} more",
                after.len()
            );
            return (tlvs, Some(problem));
        };
        tlvs.push(Tlv { kind, value });
        if kind == END {
            let problem = (length != 0).then(|| format!("the end TLV has {length} octets"));
            return (tlvs, problem);
        }
        rest = next;
    }
    let problem = (!rest.is_empty()).then(|| "half a TLV header ends the frame".to_owned());
    (tlvs, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_elements_survive_what_comes_after_them() {
        let name = Tlv {
            kind: 5,
            value: b"sw1",
        };
        let end = Tlv {
            kind: END,
            value: b"",
        };
        let cases: [(&[u8], &[Tlv<'_>], Option<&str>); 8] = [
            (b"", &[], None),
            (b"\x0a\x03sw1\x00\x00", &[name, end], None),
            (b"\x0a\x03sw1\x00\x00\x00\x00padding", &[name, end], None),
            (b"\x0a\x03sw1", &[name], None),
            (b"\x0a\x03sw1\x0a", &[name], Some("half a TLV header")),
            (b"\x0a\x03sw1\x0b\xffxy", &[name], Some("claims 511 octets")),
            (b"\x0a\x03sw", &[], Some("has only 2 more")),
            (
                b"\x00\x01x",
                &[Tlv {
                    kind: END,
                    value: b"x",
                }],
                Some("the end TLV has 1 octets"),
            ),
        ];
        for (pdu, expected, problem) in cases {
            let (tlvs, told) = split(pdu);
            assert_eq!(tlvs, expected, "{pdu:x?}");
            match problem {
                None => assert_eq!(told, None, "{pdu:x?}"),
                Some(words) => assert!(told.expect("a problem").contains(words), "{pdu:x?}"),
            }
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut pdu = Vec::new();
        write(&mut pdu, 5, b"sw1");
        write(&mut pdu, 127, &[7; 600]);
        write(&mut pdu, END, b"");
        let (tlvs, problem) = split(&pdu);
        let read: Vec<(u8, usize)> = tlvs.iter().map(|tlv| (tlv.kind, tlv.value.len())).collect();
        assert_eq!((read, problem), (vec![(5, 3), (127, 511), (END, 0)], None));
        assert_eq!(pdu[..5], *b"\x0a\x03sw1");
    }

    #[test]
    fn the_raw_form_is_type_and_digits() {
        let raw = RawTlv::from(Tlv {
            kind: 1,
            value: &[4, 0x88, 0x5a],
        });
        assert_eq!(
            serde_json::to_value(raw).expect("json"),
            serde_json::json!([1, "04885a"])
        );
    }
}
