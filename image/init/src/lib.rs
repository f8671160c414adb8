// SPDX-License-Identifier: Apache-2.0
//! PID 1 of the image. Knows nothing of Ironic, networks or disks.
//!
//! One binary, `/init`, with several uses, of which only the first must never die:
//!
//! ```text
//! PID 1 ─┬─ init agent    becomes /usr/bin/ironseed-agent run
//!        ├─ init console  copies lines to every console and to agent.log
//!        └─ init modules  loads what devices ask for: coldplug, then hotplug
//! kernel ── init -q -- NAME   answers request_module()
//! ```
//!
//! PID 1 keeps to what cannot fail badly (see [`pid1`]); the pure parts (aliases, dependencies,
//! command line, uevents, lines, back-off, services) are in files of their own.

pub mod backoff;
pub mod clock;
pub mod cmdline;
pub mod console;
pub mod modules;
pub mod mounts;
pub mod pid1;
pub mod say;
pub mod timeline;
pub mod uevent;

#[cfg(test)]
mod testing;
