// SPDX-License-Identifier: Apache-2.0
//! Messages against the bytes of the RFCs.

use super::message::*;
use super::notification::Notification;
use super::*;

/// A message with this type and body.
fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(19 + body.len()).expect("short");
    [&[0xff; 16][..], &length.to_be_bytes(), &[kind], body].concat()
}

/// An UPDATE of these attributes and no plain networks.
fn update(attributes: &[&[u8]]) -> Vec<u8> {
    let attributes = attributes.concat();
    let length = u16::try_from(attributes.len()).expect("short");
    framed(
        2,
        &[&[0, 0][..], &length.to_be_bytes(), &attributes].concat(),
    )
}

const ORIGIN: &[u8] = &[0x40, 1, 1, 0];
/// AS 65001.
const PATH: &[u8] = &[0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9];

/// MP_REACH_NLRI for 0.0.0.0/0 with a next hop of that many bytes.
fn reach4(next_hop: &[u8]) -> Vec<u8> {
    let length = u8::try_from(next_hop.len()).expect("short");
    let body = [&[0, 1, 1, length][..], next_hop, &[0, 0]].concat();
    let length = u8::try_from(body.len()).expect("short");
    [&[0x80, 14, length][..], &body].concat()
}

fn link_local() -> Vec<u8> {
    "fe80::1"
        .parse::<std::net::Ipv6Addr>()
        .expect("one")
        .octets()
        .to_vec()
}

fn global() -> Vec<u8> {
    "2001:db8::1"
        .parse::<std::net::Ipv6Addr>()
        .expect("one")
        .octets()
        .to_vec()
}

#[test]
fn what_we_write() {
    let id = std::net::Ipv4Addr::new(10, 1, 2, 3);
    // Version, AS_TRANS, hold time, identifier, one parameter: IPv4 and IPv6
    // unicast, the long AS number, IPv4 over IPv6 next hops.
    let capabilities = [
        &[1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 65, 4][..],
        &4_201_002_003_u32.to_be_bytes(),
        &[5, 6, 0, 1, 0, 1, 0, 2],
    ]
    .concat();
    let body = [
        &[4, 0x5b, 0xa0, 0, 30, 10, 1, 2, 3, 28, 2, 26][..],
        &capabilities,
    ]
    .concat();
    assert_eq!(open(4_201_002_003, id, 30), Ok(framed(1, &body)));
    let described = Open {
        asn: 4_201_002_003,
        id,
        hold_time: 30,
        four_octets: true,
        ipv4: true,
        ipv6: true,
    };
    assert_eq!(read(&framed(1, &body)), Ok(Message::Open(described)));

    assert_eq!(keepalive(), framed(4, &[]));
    let shutdown = Notification::with(Notification::SHUTDOWN, &[2, b'n', b'o']);
    assert_eq!(notification(&shutdown), framed(3, &[6, 2, 2, b'n', b'o']));
    let long = Notification::with((6, 2), &[7; 5000]);
    assert_eq!(notification(&long).len(), 4096);

    let path = &[0x40, 2, 6, 2, 1, 0xfa, 0x66, 0x34, 0x13][..];
    let hop = link_local();
    let mut expected = [&[0x80, 14, 42, 0, 1, 1, 32][..], &hop, &hop, &[0]].concat();
    expected.extend([32, 10, 1, 2, 3]);
    let fe80_1 = "fe80::1".parse().expect("one");
    assert_eq!(
        announce(4_201_002_003, id.into(), fe80_1),
        Ok(update(&[&expected, ORIGIN, path]))
    );
    let own = "fd00::7".parse::<std::net::Ipv6Addr>().expect("one");
    let mut expected = [&[0x80, 14, 54, 0, 2, 1, 32][..], &hop, &hop, &[0, 128]].concat();
    expected.extend(own.octets());
    assert_eq!(
        announce(4_201_002_003, own.into(), fe80_1),
        Ok(update(&[&expected, ORIGIN, path]))
    );
}

#[test]
fn a_stream_is_cut_into_messages() {
    let good = [keepalive(), framed(2, &[0, 0, 0, 0])].concat();
    let mut stream = good[..20].to_vec();
    assert_eq!(first(&mut stream), Ok(Some(keepalive())));
    assert_eq!(first(&mut stream), Ok(None));
    stream.extend(&good[20..]);
    assert_eq!(first(&mut stream), Ok(Some(framed(2, &[0, 0, 0, 0]))));
    assert!(stream.is_empty());

    let mut marker = keepalive();
    marker[3] = 0;
    let mut long = framed(2, &[0; 100]);
    long[16..18].copy_from_slice(&4097_u16.to_be_bytes());
    let cases = [
        (marker, Notification::NOT_SYNCHRONISED),
        (b"GET / HTTP/1.1".to_vec(), Notification::NOT_SYNCHRONISED),
        (framed(4, &[0]), Notification::BAD_LENGTH),
        (framed(1, &[4; 9]), Notification::BAD_LENGTH),
        (long, Notification::BAD_LENGTH),
        (framed(9, &[]), Notification::BAD_TYPE),
    ];
    for (mut stream, expected) in cases {
        let refusal = first(&mut stream).expect_err("refused");
        assert_eq!(refusal.numbers(), expected);
    }
}

#[test]
fn an_introduction_is_read_or_refused() {
    let open = |parameters: &[u8]| {
        let length = u8::try_from(parameters.len()).expect("short");
        let fixed = [4, 0xfd, 0xe9, 0, 90, 192, 0, 2, 1, length];
        framed(1, &[&fixed[..], parameters].concat())
    };
    let plain = Open {
        asn: 65001,
        id: std::net::Ipv4Addr::new(192, 0, 2, 1),
        hold_time: 90,
        four_octets: false,
        ipv4: false,
        ipv6: false,
    };
    let good = [
        (open(&[]), plain),
        // IPv4 without IPv6 next hops is of no use on such a link.
        (open(&[2, 6, 1, 4, 0, 1, 0, 1]), plain),
        (
            open(&[2, 6, 65, 4, 0, 1, 0, 0]),
            Open {
                asn: 65536,
                four_octets: true,
                ..plain
            },
        ),
        // Capabilities nobody knows.
        (open(&[2, 5, 200, 3, 1, 2, 3]), plain),
    ];
    for (bytes, expected) in good {
        assert_eq!(read(&bytes), Ok(Message::Open(expected)), "{bytes:02x?}");
    }
    let changed = |at: usize, to: u8| {
        let mut bytes = open(&[]);
        bytes[at] = to;
        bytes
    };
    let cases = [
        (changed(19, 3), Notification::BAD_VERSION),
        (changed(23, 2), Notification::BAD_HOLD_TIME),
        (changed(24, 0), Notification::BAD_IDENTIFIER),
        (open(&[7, 0]), Notification::BAD_PARAMETER),
        (open(&[2, 9, 1]), Notification::BAD_OPEN),
    ];
    for (mut bytes, expected) in cases {
        match expected {
            Notification::BAD_HOLD_TIME => bytes[22] = 0,
            Notification::BAD_IDENTIFIER => bytes[24..28].fill(0),
            _ => {}
        }
        let refusal = read(&bytes).expect_err("refused");
        assert_eq!(refusal.numbers(), expected, "{bytes:02x?}");
    }
}

#[test]
fn routes_are_read_or_count_as_withdrawn() {
    let default = Prefix::DEFAULT4;
    let hop: std::net::Ipv6Addr = "fe80::1".parse().expect("one");
    let path = vec![Segment {
        set: false,
        numbers: vec![65001],
    }];
    let reached = |hop| Update {
        withdrawn: vec![],
        reached: vec![(default, hop)],
        path: path.clone(),
    };
    let withdrawn = Update {
        withdrawn: vec![default],
        ..Update::default()
    };
    let both = [global(), link_local()].concat();
    let reach = reach4(&both);
    let unreach: &[u8] = &[0x80, 15, 4, 0, 1, 1, 0];
    let cases: Vec<(Vec<u8>, Update)> = vec![
        (update(&[&reach, ORIGIN, PATH]), reached(Some(hop))),
        (
            update(&[&reach4(&link_local()), ORIGIN, PATH]),
            reached(Some(hop)),
        ),
        (update(&[&reach4(&global()), ORIGIN, PATH]), reached(None)),
        // The end of the table (RFC 4724).
        (update(&[]), Update::default()),
        (update(&[unreach]), withdrawn.clone()),
        // RFC 7606: origin of 3, no path, an unknown well-known attribute, a
        // length that leads past the end, confederation segments.
        (update(&[&reach, &[0x40, 1, 1, 3], PATH]), withdrawn.clone()),
        (update(&[&reach, ORIGIN]), withdrawn.clone()),
        (
            update(&[&reach, ORIGIN, PATH, &[0x40, 99, 0]]),
            withdrawn.clone(),
        ),
        (
            update(&[&reach, ORIGIN, PATH, &[0xc0, 8, 9, 0]]),
            withdrawn.clone(),
        ),
        (
            update(&[&reach, ORIGIN, &[0x40, 2, 6, 3, 1, 0, 0, 0, 1]]),
            withdrawn.clone(),
        ),
        // Communities are not ours to judge.
        (
            update(&[&reach, ORIGIN, PATH, &[0xc0, 8, 3, 0, 0, 0]]),
            reached(Some(hop)),
        ),
        // The second of two counts for nothing.
        (
            update(&[&reach, ORIGIN, PATH, &[0x40, 1, 1, 3]]),
            reached(Some(hop)),
        ),
        // An IPv4 next hop cannot be used here.
        (
            update(&[&reach4(&[192, 0, 2, 1]), ORIGIN, PATH]),
            Update {
                path: path.clone(),
                ..Update::default()
            },
        ),
        // Plain networks, as withdrawn and as announced.
        (framed(2, &[0, 1, 0, 0, 0]), withdrawn.clone()),
        (framed(2, &[0, 0, 0, 0, 0]), withdrawn),
    ];
    for (bytes, expected) in cases {
        assert_eq!(read(&bytes), Ok(Message::Update(expected)), "{bytes:02x?}");
    }
}

#[test]
fn what_cannot_be_told_apart_ends_the_session() {
    let reach = reach4(&link_local());
    let cases = [
        (framed(2, &[0, 9, 0, 0]), Notification::BAD_ATTRIBUTES),
        (framed(2, &[0, 0, 0, 9]), Notification::BAD_ATTRIBUTES),
        (framed(2, &[0, 1, 99, 0, 0]), Notification::BAD_NETWORK),
        (update(&[&[0x40, 1, 9, 0]]), Notification::BAD_ATTRIBUTES),
        (update(&[&reach, &reach]), Notification::BAD_ATTRIBUTES),
        (
            update(&[&reach4(&[1, 2, 3]), ORIGIN, PATH]),
            Notification::BAD_OPTIONAL_ATTRIBUTE,
        ),
        (
            // A network of 99 bits.
            update(&[&[0x80, 15, 4, 0, 1, 1, 99]]),
            Notification::BAD_OPTIONAL_ATTRIBUTE,
        ),
    ];
    for (bytes, expected) in cases {
        let refusal = read(&bytes).expect_err("refused");
        assert_eq!(refusal.numbers(), expected, "{bytes:02x?}");
    }
}
