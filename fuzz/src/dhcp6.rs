// SPDX-License-Identifier: Apache-2.0
//! A message to a DHCPv6 client.

use std::net::Ipv6Addr;

use ironseed_core::network::dhcp6::lease::{Information, Lease6};
use ironseed_core::network::dhcp6::message::Message;
use ironseed_core::network::dhcp6::options::{Options, code};
use ironseed_core::network::primary::is_routable;

/// The input is a message.
///
/// # Panics
/// If a message does not survive being written, or a lease is of no use.
pub fn run(data: &[u8]) {
    let Ok(message) = Message::decode(data) else {
        return;
    };
    assert_eq!(Message::decode(&message.encode()).as_ref(), Ok(&message));
    let told = Information::read(&message.options);
    for name in &told.search {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'%';
        assert!(!name.is_empty() && name.bytes().all(plain), "{name:?}");
    }
    // The client looks for its own addresses; here any are.
    let association = message.options.get(code::IA_NA);
    let Some(iaid) = association.and_then(|bytes| bytes.first_chunk::<4>()) else {
        return;
    };
    let server = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    let Ok(lease) = Lease6::read(&message, server, *iaid) else {
        return;
    };
    assert!(is_routable(lease.address.into()));
    assert!(lease.valid.is_none_or(|valid| !valid.is_zero()));
    if let (Some(renew), Some(rebind)) = (lease.renew_after, lease.rebind_after) {
        assert!(!renew.is_zero() && renew <= rebind);
    }
    assert!(Options::read(&message.options.write()).is_ok());
}
