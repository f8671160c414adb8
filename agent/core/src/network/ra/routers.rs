// SPDX-License-Identifier: Apache-2.0
//! What is known of the routers of one port, for as long as they say.

use std::net::Ipv6Addr;
use std::time::Duration;

use crate::network::ra::advertisement::{Advertisement, Prefix, RouterPreference, Timed};

/// How many routers, and servers and domains of each, are remembered: a flood
/// of advertisements must not fill the memory.
const MAX_ROUTERS: usize = 16;
const MAX_VALUES: usize = 8;

/// The longest pause between two advertisements of a router (RFC 4861 §6.2.1,
/// `MaxRtrAdvInterval`). What has no time of its own counts as long.
const LONGEST_PAUSE: Duration = Duration::from_secs(1800);

/// A value and when it ends; nothing: never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending<T> {
    /// The value.
    pub value: T,
    /// Time since boot.
    pub until: Option<Duration>,
}

/// One router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Router {
    /// Its link-local address.
    pub address: Ipv6Addr,
    /// When it was heard last; time since boot.
    pub heard: Duration,
    /// Until when it is a default router; time since boot. In the past: it is
    /// none.
    pub default_until: Duration,
    /// How much it shall be liked.
    pub preference: RouterPreference,
    /// Flag M: addresses come from DHCPv6.
    pub managed: bool,
    /// Flag O: other things come from DHCPv6.
    pub other: bool,
    /// The largest packet of the network in bytes.
    pub mtu: Option<u32>,
    /// The prefixes of its last advertisement.
    pub prefixes: Vec<Prefix>,
    /// DNS servers, best first.
    pub dns: Vec<Ending<Ipv6Addr>>,
    /// Search domains, best first.
    pub search: Vec<Ending<String>>,
}

impl Router {
    /// Whether it is a default router.
    #[must_use]
    pub fn is_default(&self, now: Duration) -> bool {
        self.default_until > now
    }

    fn new(address: Ipv6Addr) -> Self {
        Self {
            address,
            heard: Duration::ZERO,
            default_until: Duration::ZERO,
            preference: RouterPreference::default(),
            managed: false,
            other: false,
            mtu: None,
            prefixes: vec![],
            dns: vec![],
            search: vec![],
        }
    }

    /// Until when it is of any interest.
    fn until(&self) -> Duration {
        self.default_until.max(self.heard + LONGEST_PAUSE)
    }

    fn hear(&mut self, heard: &Advertisement, now: Duration) {
        self.heard = now;
        self.default_until = now + heard.lifetime;
        self.preference = heard.preference;
        self.managed = heard.managed;
        self.other = heard.other;
        self.mtu = heard.mtu.or(self.mtu);
        self.prefixes.clone_from(&heard.prefixes);
        self.prefixes.truncate(MAX_VALUES);
        renew(&mut self.dns, &heard.dns, now);
        renew(&mut self.search, &heard.search, now);
    }
}

/// Puts the values of an advertisement into the list: known ones are prolonged,
/// those with no time left are taken out, those not spoken of stay.
fn renew<T: Clone + PartialEq>(list: &mut Vec<Ending<T>>, heard: &[Timed<T>], now: Duration) {
    for timed in heard {
        let until = timed.lifetime.map(|lifetime| now + lifetime);
        for value in &timed.values {
            let known = list.iter().position(|known| known.value == *value);
            match known {
                Some(at) => list[at].until = until,
                None if list.len() < MAX_VALUES => list.push(Ending {
                    value: value.clone(),
                    until,
                }),
                None => {}
            }
        }
    }
    list.retain(|known| known.until.is_none_or(|until| until > now));
}

/// The routers of one port.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Routers(Vec<Router>);

impl Routers {
    /// An advertisement arrived from `address`.
    pub fn hear(&mut self, address: Ipv6Addr, heard: &Advertisement, now: Duration) {
        let known = self.0.iter().position(|router| router.address == address);
        match known {
            Some(at) => self.0[at].hear(heard, now),
            None if self.0.len() < MAX_ROUTERS => {
                let mut router = Router::new(address);
                router.hear(heard, now);
                self.0.push(router);
            }
            None => {}
        }
        self.expire(now);
    }

    /// Forgets what has ended. A router that is heard no more is forgotten when
    /// it is neither a default router nor was heard for the longest pause
    /// there may be, and has nothing to say any more.
    pub fn expire(&mut self, now: Duration) {
        for router in &mut self.0 {
            renew(&mut router.dns, &[], now);
            renew(&mut router.search, &[], now);
        }
        self.0.retain(|router| {
            router.until() > now || !router.dns.is_empty() || !router.search.is_empty()
        });
    }

    /// When [`Routers::expire`] changes something next.
    #[must_use]
    pub fn deadline(&self, now: Duration) -> Option<Duration> {
        let values = self.0.iter().flat_map(|router| {
            let dns = router.dns.iter().filter_map(|server| server.until);
            let search = router.search.iter().filter_map(|domain| domain.until);
            dns.chain(search).chain([router.until()])
        });
        // A router that has passed its own time may still have something to say.
        values.filter(|until| *until > now).min()
    }

    /// The cable was pulled: what the routers said may not be true any more.
    pub fn forget(&mut self) {
        self.0.clear();
    }

    /// All of them, those that shall be liked most first, then as heard.
    #[must_use]
    pub fn list(&self) -> Vec<Router> {
        let mut routers = self.0.clone();
        routers.sort_by_key(|router| std::cmp::Reverse(router.preference));
        routers
    }

    /// Whether any router sends machines to DHCPv6 for addresses (flag M).
    #[must_use]
    pub fn managed(&self) -> bool {
        self.0.iter().any(|router| router.managed)
    }

    /// Whether any router sends machines to DHCPv6 for other things (flag O).
    #[must_use]
    pub fn other(&self) -> bool {
        self.0.iter().any(|router| router.other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    const TWO: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
    const DNS: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x53);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn advertisement(lifetime: u64, dns: Option<u64>) -> Advertisement {
        Advertisement {
            lifetime: seconds(lifetime),
            dns: dns
                .map(|lifetime| Timed {
                    values: vec![DNS],
                    lifetime: Some(seconds(lifetime)),
                })
                .into_iter()
                .collect(),
            ..Advertisement::default()
        }
    }

    #[test]
    fn servers_count_as_long_as_they_are_told() {
        let mut routers = Routers::default();
        routers.hear(ONE, &advertisement(1800, Some(60)), seconds(100));
        assert_eq!(routers.deadline(seconds(100)), Some(seconds(160)));
        routers.hear(ONE, &advertisement(1800, Some(60)), seconds(130));
        assert_eq!(routers.deadline(seconds(130)), Some(seconds(190)));
        // An advertisement that does not speak of them changes nothing.
        routers.hear(ONE, &advertisement(1800, None), seconds(140));
        assert_eq!(routers.list()[0].dns[0].until, Some(seconds(190)));
        routers.expire(seconds(190));
        assert!(routers.list()[0].dns.is_empty());
        // A time of zero takes them back at once.
        routers.hear(ONE, &advertisement(1800, Some(60)), seconds(200));
        routers.hear(ONE, &advertisement(1800, Some(0)), seconds(201));
        assert!(routers.list()[0].dns.is_empty());
    }

    #[test]
    fn a_router_that_is_no_default_router_still_says_where_dns_is() {
        let mut routers = Routers::default();
        routers.hear(ONE, &advertisement(0, Some(9000)), seconds(10));
        let router = &routers.list()[0];
        assert!(!router.is_default(seconds(10)));
        assert_eq!(router.dns.len(), 1);
        // It is heard no more, but the server's time is longer.
        routers.expire(seconds(5000));
        assert_eq!(routers.list().len(), 1);
        assert_eq!(routers.deadline(seconds(10)), Some(seconds(1810)));
        assert_eq!(routers.deadline(seconds(5000)), Some(seconds(9010)));
        routers.expire(seconds(9010));
        assert!(routers.list().is_empty());
        assert_eq!(routers.deadline(seconds(9010)), None);
    }

    #[test]
    fn the_flags_of_any_router_count() {
        let mut routers = Routers::default();
        let managed = Advertisement {
            managed: true,
            preference: RouterPreference::Low,
            ..advertisement(1800, None)
        };
        routers.hear(ONE, &managed, seconds(1));
        routers.hear(TWO, &advertisement(1800, None), seconds(1));
        assert!(routers.managed() && !routers.other());
        let order: Vec<Ipv6Addr> = routers.list().iter().map(|router| router.address).collect();
        assert_eq!(order, [TWO, ONE]);
        routers.hear(ONE, &advertisement(1800, None), seconds(2));
        assert!(!routers.managed());
        routers.forget();
        assert!(routers.list().is_empty());
    }

    #[test]
    fn a_flood_of_routers_and_servers_is_bounded() {
        let mut routers = Routers::default();
        for number in 0..1000_u16 {
            let mut flood = advertisement(1800, None);
            let value = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number);
            flood.dns = vec![Timed {
                values: vec![value],
                lifetime: None,
            }];
            routers.hear(ONE, &flood, seconds(1));
            let address = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, number);
            routers.hear(address, &flood, seconds(1));
        }
        let list = routers.list();
        assert_eq!(list.len(), MAX_ROUTERS);
        assert!(list.iter().all(|router| router.dns.len() <= MAX_VALUES));
    }
}
