// SPDX-License-Identifier: Apache-2.0
//! The process that must never end.
//!
//! PID 1 only mounts, starts three processes ([`service`]: the agent, `init console`,
//! `init modules`), reaps, starts again what ended, and turns the machine off or on again when it
//! is asked to ([`request`], [`shutdown`]). Everything that parses foreign bytes, waits for a
//! device or loads a driver is in the other processes of the same binary: they may die.
//!
//! Should PID 1 itself panic all the same, its panic hook ([`panic`]) runs the binary again as
//! PID 1, so there is no kernel panic. If the kernel does panic, `kernel.panic` makes the machine
//! boot again after a time in which the message can be read.
//!
//! Not here: a watchdog that firmware left running is not fed yet.

pub mod children;
pub mod ended;
pub mod life;
pub mod panic;
pub mod prepare;
pub mod request;
pub mod service;
pub mod shutdown;
