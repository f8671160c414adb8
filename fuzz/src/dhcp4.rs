// SPDX-License-Identifier: Apache-2.0
//! A packet to a DHCPv4 client, from the IP header on.

use std::net::Ipv4Addr;

use ironseed_core::network::dhcp4::datagram;
use ironseed_core::network::dhcp4::lease::Lease;
use ironseed_core::network::dhcp4::message::Message;
use ironseed_core::network::dhcp4::options::code;

/// The input is a packet, or a message alone.
///
/// # Panics
/// If a message does not survive being written, or a lease is of no use.
pub fn run(data: &[u8]) {
    let message = match datagram::parse(data) {
        Ok((_, payload)) => payload,
        Err(_) => data,
    };
    let Ok(message) = Message::decode(message) else {
        return;
    };
    // Options that go on in other fields are written in one place.
    if message.options.get(code::OVERLOAD).is_none() {
        assert_eq!(Message::decode(&message.encode()).as_ref(), Ok(&message));
    }
    let Ok(lease) = Lease::read(&message, Ipv4Addr::new(192, 0, 2, 1), [2; 6]) else {
        return;
    };
    assert!((1..=32).contains(&lease.prefix_len));
    assert!(!lease.renew_after.is_zero() && lease.renew_after <= lease.rebind_after);
    assert!(lease.routes.iter().all(|route| route.prefix_len <= 32));
    let names = lease.search.iter().chain(&lease.domain);
    for name in names {
        let plain = |byte: u8| byte.is_ascii_graphic();
        assert!(!name.is_empty() && name.bytes().all(plain), "{name:?}");
    }
}
