// SPDX-License-Identifier: Apache-2.0
//! Router advertisements, one after another from the same router.

use std::net::Ipv6Addr;
use std::time::Duration;

use ironseed_core::network::ra::{Advertisement, Routers};

/// The input is an advertisement from its ICMPv6 header on.
///
/// # Panics
/// If a name could spoil a file, or what is known of a router has no end.
pub fn run(data: &[u8]) {
    let Ok(heard) = Advertisement::read(data) else {
        return;
    };
    assert!(heard.prefixes.iter().all(|prefix| prefix.prefix_len <= 128));
    assert!(heard.routes.iter().all(|route| route.prefix_len <= 128));
    for name in heard.search.iter().flat_map(|timed| &timed.values) {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'%';
        assert!(!name.is_empty() && name.bytes().all(plain), "{name:?}");
    }
    let router = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    let mut routers = Routers::default();
    let mut now = Duration::from_secs(9);
    routers.hear(router, &heard, now);
    // Every deadline moves on, and there are not many of them.
    for _ in 0..64 {
        let Some(deadline) = routers.deadline(now) else {
            return;
        };
        assert!(deadline > now);
        now = deadline;
        routers.expire(now);
    }
    panic!("what the router said never ends");
}
