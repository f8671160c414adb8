// SPDX-License-Identifier: Apache-2.0
//! What routers say of themselves and of the network (RFC 4861, RFC 8106).
//!
//! The kernel does most of it: it solicits, makes addresses, sets routes, the
//! MTU and the hop limit. What it does not do is done here: DNS servers and
//! search domains, and whether DHCPv6 shall be asked (flags M and O). The
//! kernel can pass on the options it does not use (`RTM_NEWNDUSEROPT`), but
//! without the flags, and `netlink-packet-route` 0.34 does not know that
//! message; so advertisements are heard a second time, whole.
//!
//! - [`kernel`] is what the kernel is told to do;
//! - [`advertisement`] is the wire format;
//! - [`routers`] is what is known of the routers of one port, for as long as
//!   they say.

pub mod advertisement;
pub mod kernel;
pub mod routers;

pub use advertisement::{Advertisement, Malformed, Prefix, RouterPreference};
pub use kernel::KernelIpv6;
pub use routers::{Router, Routers};
