// SPDX-License-Identifier: Apache-2.0
//! Described networks, applied: static addresses and routes, MTUs, bonds,
//! VLANs. Each test is in network namespaces of its own, and what counts is
//! what the kernel says afterwards.
//!
//! Needs root and the programs `ip`, `unshare`, `nsenter`, `setpriv` (Debian
//! packages iproute2, util-linux), and for bonds and VLANs a kernel that has
//! them, or QEMU and Debian's kernel package: see `links/guest.rs`.

#![expect(clippy::unwrap_used, reason = "a test panics on purpose")]
#![expect(clippy::print_stderr, reason = "a test reports its figures")]

#[path = "links/addresses.rs"]
mod addresses;
#[path = "links/bonds.rs"]
mod bonds;
#[path = "links/guest.rs"]
mod guest;
#[path = "links/lab.rs"]
mod lab;
mod wires;
