// SPDX-License-Identifier: Apache-2.0
//! What can be decided about an image from its bytes alone. Fetching and
//! writing are the machine's work.

pub mod checksum;
pub mod format;
pub mod qcow2;
pub mod read_back;
pub mod spent;
pub mod unfinished;
