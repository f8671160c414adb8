// SPDX-License-Identifier: Apache-2.0
//! The image as data, and its builder.
//!
//! ```text
//! hardware profiles ─┐
//! Debian packages ───┼─> closure, firmware ─> segment 1 (plain cpio) ──┐
//! init, agent ───────┴─> layout ───────────> segment 2 (zstd cpio) ────┴─> initramfs ─> verify ─> manifest
//! ```
//!
//! What the image holds is decided by pure functions over bytes ([`closure`],
//! [`index`], [`firmware`], [`layout`], [`cpio`], [`segments`], [`manifest`],
//! [`budget`], [`verify`]). Effects are in [`debian`] (packages), [`binaries`]
//! (cargo) and [`assemble`] (files). Nothing needs root, and the same inputs give
//! the same bytes.
//!
//! This crate does not know what runs inside: PID 1 is `image/init`, the agent is
//! `agent`.

pub mod assemble;
pub mod binaries;
pub mod budget;
pub mod closure;
pub mod cpio;
pub mod deb;
pub mod debian;
pub mod elf;
pub mod firmware;
pub mod index;
pub mod kernel;
pub mod layout;
pub mod manifest;
pub mod modinfo;
pub mod platform;
pub mod sbom;
pub mod segments;
pub mod sources;
pub mod tool;
pub mod verify;
