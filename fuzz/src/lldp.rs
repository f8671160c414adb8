// SPDX-License-Identifier: Apache-2.0
//! An LLDP frame of a stranger, and one of our own.

use std::net::IpAddr;
use std::time::Duration;

use ironseed_core::lldp::{Announcement, Cabling, LocalAddress, System, Table, decode, raw};
use ironseed_core::network::{Link, LinkKind, MacAddr};

const PORT: u32 = 3;
const NAME: &str = "eno3";
const NOW: Duration = Duration::from_secs(7);

/// The input is a frame, from the destination address on; and once more the
/// numbers and texts of which a frame of our own is made.
///
/// # Panics
/// If a table keeps what is no neighbour, a value is out of its bounds, or our
/// own frame is read as something else than what it says.
pub fn run(data: &[u8]) {
    hear(data);
    speak(data);
}

fn hear(frame: &[u8]) {
    let mut table = Table::default();
    table.link(NOW, &link());
    let new = table.frame(NOW, PORT, frame);
    assert!(!table.frame(NOW, PORT, frame), "the same one is not new");
    let heard = table.heard(NOW);
    assert_eq!(heard[NAME].frames.len(), usize::from(new));
    assert_eq!(Cabling::of(&heard).neighbours(), u64::from(new));
    let sound = raw(&heard, NAME);
    let found = decode(frame).map_or_else(Vec::new, |neighbour| neighbour.vlan_ids());
    assert!(found.is_sorted_by(|one, next| one < next));
    assert!(found.iter().all(|id| (1..=4094).contains(id)));
    let Some(neighbour) = decode(frame) else {
        assert!(!new && sound.is_empty() && found.is_empty());
        return;
    };
    assert!(sound.iter().all(|tlv| neighbour.tlvs.contains(tlv)));
    if new {
        assert_eq!(found, neighbour.vlan_ids());
    }
}

fn link() -> Link {
    Link {
        index: PORT,
        name: NAME.to_owned(),
        kind: LinkKind::Ethernet,
        mac: None,
        details: ironseed_core::network::LinkDetails::default(),
        permanent: None,
        internal: false,
        up: true,
        carrier: true,
        carrier_ups: 1,
        mtu: 1500,
        controller: None,
    }
}

fn speak(data: &[u8]) {
    let said = announcement(data);
    let frame = said.frame();
    assert!((60..=1514).contains(&frame.len()), "{}", frame.len());
    let read = decode(&frame).expect("an LLDP frame");
    assert_eq!(read.problems, Vec::<String>::new());
    assert_eq!(read.source_address, said.source.to_string());
    let id = |id: Option<ironseed_core::lldp::Identifier>| id.map(|id| id.value);
    assert_eq!(id(read.chassis_id), Some(said.chassis.to_string()));
    assert_eq!(id(read.port_id), Some(said.port.to_string()));
    let name = said.system.name.as_deref().unwrap_or_default();
    survives(read.port_description, &said.port_name);
    survives(read.system_name, name);
    survives(read.system_description, &said.system.description);
    let read = read.management_addresses.into_iter();
    let read: Vec<(String, Option<u32>)> = read
        .map(|found| (found.address, found.interface_number))
        .collect();
    let told = said.addresses.iter().take(8);
    let told: Vec<(String, Option<u32>)> = told
        .map(|told| (told.address.to_string(), Some(told.link)))
        .collect();
    assert_eq!(read, told);

    // The same neighbour that spoke is the one that leaves.
    let mut table = Table::default();
    table.link(NOW, &link());
    assert!(table.frame(NOW, PORT, &frame));
    table.frame(NOW, PORT, &said.farewell());
    assert!(table.heard(NOW)[NAME].frames.is_empty());
}

/// A text is read as it was written, up to where it was cut, without what
/// moves cursors.
fn survives(read: Option<String>, written: &str) {
    let moves = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    let clean: String = written.chars().filter(|c| !moves(*c)).collect();
    let read = read.unwrap_or_default();
    assert!(clean.starts_with(&read), "{read:?} of {clean:?}");
    assert!(read == clean || read.len() > 251, "{read:?} of {clean:?}");
}

/// Three hardware addresses, a number of addresses, and the rest as text.
fn announcement(data: &[u8]) -> Announcement {
    let mut rest = data;
    let mut byte = move || {
        let (first, after) = rest.split_first().unwrap_or((&0, &[]));
        rest = after;
        *first
    };
    let mut mac = || MacAddr(std::array::from_fn(|_| byte()));
    let (chassis, port, source) = (mac(), mac(), mac());
    let count = usize::from(byte() % 12);
    let addresses = (0..count).map(|_| {
        let link = u32::from_be_bytes(std::array::from_fn(|_| byte()));
        let address = match byte() % 2 {
            0 => IpAddr::from(std::array::from_fn::<u8, 4, _>(|_| byte())),
            _ => IpAddr::from(std::array::from_fn::<u8, 16, _>(|_| byte())),
        };
        LocalAddress { link, address }
    });
    let addresses = addresses.collect();
    let text = |from: usize| {
        let octets = data.get(from..).unwrap_or_default();
        String::from_utf8_lossy(octets).into_owned()
    };
    Announcement {
        chassis,
        port,
        source,
        port_name: text(19),
        system: System {
            name: (count > 2).then(|| text(7)),
            description: text(0),
        },
        addresses,
    }
}
