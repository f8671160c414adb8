// SPDX-License-Identifier: Apache-2.0
//! What people see: the process `init console` copies the lines of the agent and of init to every
//! console, to `/run/ironseed/agent.log` and (init's own) to the kernel log.
//!
//! ```text
//! agent ── pipe ─┐            ┌─ queue ─ thread ─ /dev/tty0
//!                ├─ program ──┼─ queue ─ thread ─ /dev/ttyS0
//! init  ── pipe ─┘  │         ├─ agent.log, agent.log.1
//! kernel ─ /dev/kmsg ┘        └─ /dev/kmsg (init's lines, debug)
//! ```
//! The kernel writes to its consoles itself. It takes only one console of each driver, so of
//! `console=ttyS0 console=ttyS1` one stays silent; there its messages come from here.
//!
//! A process of its own, because PID 1 must never wait for a terminal. Its pipes belong to PID 1:
//! if it dies, its next life reads on; only what it had read and not yet written is lost.

pub mod agent_log;
pub mod control;
pub mod kernel_message;
pub mod lines;
pub mod names;
pub mod program;
pub mod terminal;
