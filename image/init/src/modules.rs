// SPDX-License-Identifier: Apache-2.0
//! Kernel modules: which ones the machine wants ([`alias`], [`depend`], [`config`], [`index`]),
//! loading them ([`load`], [`pool`]), and the two programs that do so: [`coldplug`] follows the
//! devices, [`request`] answers the kernel's own requests (`/proc/sys/kernel/modprobe`).

pub mod alias;
pub mod coldplug;
pub mod config;
pub mod depend;
pub mod index;
pub mod load;
pub mod pool;
pub mod request;

/// A module's name as the kernel lists it: with `_` for `-`.
pub fn canonical(name: &str) -> String {
    name.replace('-', "_")
}
