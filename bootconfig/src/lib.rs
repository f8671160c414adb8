// SPDX-License-Identifier: Apache-2.0
//! What a machine is told: one schema of settings, read on the machine and
//! written for the machine.
//!
//! ```text
//! bytes of every source ── resolve ──► Settings ── apply_lookup ──► Settings
//!  (RawSources)              │          each value with its Origin
//!                            └──► Problems: every bad value at once
//! ```
//!
//! [`schema`] is the one table behind parsing, `bootconfig show`, the
//! documentation and the writing side. Settings and their meaning are those of
//! ironic-python-agent ("contract §2" in the comments of this crate).
//!
//! This library does no I/O and reads no clock: callers hand in bytes and
//! facts. The only file reads are those of the `bootconfig` program.

mod foreign_text;
pub mod ini;
pub mod kind;
pub mod lookup;
pub mod network_words;
pub mod origin;
pub mod problem;
mod resolve;
pub mod schema;
mod secret;
pub mod show;
mod sources;
pub mod suggest;
pub mod value;
pub mod virtual_media;
pub mod words;
pub mod write;

pub use lookup::{LookupConfig, apply_lookup};
pub use network_words::{NETWORK_WORDS, NetworkWord};
pub use origin::{Origin, Setting};
pub use problem::{Problem, Problems, Warning};
pub use resolve::resolve;
pub use schema::{SCHEMA, Settings};
pub use secret::{AgentToken, Password};
pub use sources::{RawFile, RawSources};
pub use value::{
    ApiVersion, AuthStrategy, BootInterface, ContainerRunner, Curve, FaAddresses, LldpMode,
    MacAddr, NetworkFallback, OsismNetwork, Protocol, TlsVersion, UrlList, Verify,
};
