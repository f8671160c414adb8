// SPDX-License-Identifier: Apache-2.0
//! NVMe administration by the kernel's pass-through: one command, and who uses
//! it. Format erases; everything else only reads.

mod command;
mod format;
mod read;

pub use format::format;
pub(crate) use read::{feature, identify, log_page};
