// SPDX-License-Identifier: Apache-2.0
//! What a kind of machine is: which drivers it needs and why, which must never
//! be loaded, whose firmware ships with the image, and what is odd about it.
//!
//! Two readers use the same data. The image builder takes the union of all
//! profiles, so that one image fits every machine ([`ProfileSet::driver_groups`]
//! and its siblings). The agent picks one profile for the machine it runs on
//! ([`ProfileSet::select`]) and heeds its quirks.
//!
//! A profile is a file in `profiles/`; the schema is documented in
//! `profiles/README.md`. This crate reads no files and no hardware: the text is
//! compiled in, and the facts are passed by the caller.

mod amount;
mod error;
mod expect;
mod facts;
mod glob;
mod layout;
mod locate;
mod pci;
mod profile;
mod quirk;
mod schema;
mod set;

pub use amount::Amount;
pub use error::ProfileError;
pub use expect::{
    CablingExpect, Date, DimmExpect, DiskExpect, DiskKind, Expect, FirmwareExpect, NeighbourExpect,
    NicExpect, NicFirmware, PciExpect,
};
pub use facts::{MachineFacts, MatchedField, Matcher};
pub use glob::Glob;
pub use layout::{
    Bond, Layout, LogicalDisk, MaxSize, NetworkLayout, PortSelector, RaidConfig, RaidSize,
    RootDevice, Vlan,
};
pub use pci::{NoPciId, PciId};
pub use profile::{Architecture, DriverGroup, FirmwareRule, Load, Never, Profile};
pub use quirk::{Quirk, QuirkKind, UsbId};
pub use set::{LeftOut, ProfileSet, Selection};
