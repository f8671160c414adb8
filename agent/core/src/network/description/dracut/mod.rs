// SPDX-License-Identifier: Apache-2.0
//! dracut's words about the network (dracut.cmdline(7)), read into a
//! description.
//!
//! | word | what it says |
//! | --- | --- |
//! | `ip=` | how a link, or every port, gets its addresses; also in the kernel's form |
//! | `ifname=` | a name for the card with a hardware address |
//! | `bond=`, `team=` | several ports as one link |
//! | `vlan=` | a tagged network on a link |
//! | `rd.route=` | a route |
//! | `bootdev=` | the link whose address and gateway come first |
//! | `nameserver=`, `rd.peerdns=0` | DNS servers; not those of leases |
//!
//! `bridge=` is refused by name. Words come as often as there are links, so
//! every one counts; two that contradict each other are a problem.
//!
//! Where no `ip=` is among them, the links they make ask for addresses of both
//! families, as every port does without any word.

mod assemble;
mod devices;
mod ip;
mod links;
mod parts;
mod problem;
mod route;
mod said;

use bootconfig::{MacAddr, NetworkWord};

use crate::network::description::Description;
pub use problem::{Part, WordFault, WordProblem, WordProblems};
use said::Said;

/// Reads all words. `boot_mac` is the card the machine booted from (`BOOTIF`):
/// the one meant by an address that names no interface, as boot loaders write
/// it. Nothing if no word says anything.
///
/// # Errors
///
/// Every word that cannot be used, each with what was expected.
pub fn read(
    words: &[NetworkWord],
    boot_mac: Option<MacAddr>,
) -> Result<Option<Description>, WordProblems> {
    let mut problems = Vec::new();
    let said = Said::collect(words, &mut problems);
    let description =
        (!said.is_empty()).then(|| assemble::assemble(&said, boot_mac, &mut problems));
    if problems.is_empty() {
        return Ok(description);
    }
    problems.sort_by(|one, other| one.origin.cmp(&other.origin));
    Err(WordProblems(problems))
}

#[cfg(test)]
mod tests;
