// SPDX-License-Identifier: Apache-2.0
//! Whether the disk gives back what was written to it.
//!
//! `sums` remember what was written, in a few KiB for an image of any size;
//! `compare` reads the disk and says where it differs. Where a disk, a
//! controller or a cable loses writes in silence, the deployment fails instead
//! of the operating system some weeks later.

mod compare;
mod sums;
#[cfg(test)]
mod tests;

pub(super) use compare::compare;
pub(super) use sums::Sums;
