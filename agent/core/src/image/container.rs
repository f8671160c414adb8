// SPDX-License-Identifier: Apache-2.0
//! Containers: files that hold a disk in pieces, with tables that tell where
//! each piece belongs.
//!
//! A container is read in stages. Each stage wants some ranges of the file,
//! takes their bytes, and tells from them what the next stage
//! wants, until the map of the disk is complete. Who fetches the ranges, and
//! how, is not its business.

use std::fmt::Debug;

use thiserror::Error;

use super::extents::{DiskMap, Map, MapError};
use super::qcow2::{self, Qcow2Error};
use super::vhd::{self, VhdError};
use super::vhdx::{self, VhdxError};
use super::vmdk::{self, VmdkError};

/// Containers whose tables are learnt before their data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// QEMU's.
    Qcow2,
    /// VMware's `monolithicSparse`.
    Vmdk,
    /// Virtual PC's dynamic disks.
    Vhd,
    /// Hyper-V's.
    Vhdx,
}

/// How compressed units are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Raw deflate, without a zlib header.
    Deflate,
    /// Zstandard.
    Zstd,
}

/// A container that is being learnt.
pub trait Container: Debug {
    /// What must be read of the file in this stage; nothing when the map is
    /// complete. The places "on the disk" are those that [`Container::take`]
    /// knows the bytes by.
    fn wanted(&self) -> Option<&Map>;

    /// Takes bytes that were wanted, by the address that the map gave them.
    /// The bytes of one range come in their order; address and length are
    /// multiples of eight, but for the end of a range.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    fn take(&mut self, address: u64, bytes: &[u8]) -> Result<(), ContainerError>;

    /// Everything that was wanted has been taken: on to the next stage.
    ///
    /// # Errors
    ///
    /// What is wrong with all of it together.
    fn advance(&mut self) -> Result<(), ContainerError>;

    /// Size of the disk in bytes, as soon as it is known.
    fn size(&self) -> Option<u64>;

    /// How compressed units are compressed.
    fn compression(&self) -> Compression {
        Compression::Deflate
    }

    /// Whether the file may end within its last piece, the rest of which reads
    /// as zero then.
    fn may_end_short(&self) -> bool {
        false
    }

    /// Where everything on the disk comes from, once nothing more is wanted.
    ///
    /// # Errors
    ///
    /// [`ContainerError::Unfinished`] before.
    fn finish(self: Box<Self>) -> Result<DiskMap, ContainerError>;
}

/// Begins to learn a container. `head` is the file's beginning, `file_size` its
/// length in bytes, where it is known.
///
/// # Errors
///
/// The first reason not to read the file.
pub fn open(
    kind: Kind,
    head: &[u8],
    file_size: Option<u64>,
) -> Result<Box<dyn Container>, ContainerError> {
    Ok(match kind {
        Kind::Qcow2 => {
            let header = qcow2::Header::parse(head)?;
            Box::new(qcow2::Tables::new(header, file_size)?)
        }
        Kind::Vmdk => {
            let header = vmdk::Header::parse(head)?;
            Box::new(vmdk::Tables::new(header, file_size)?)
        }
        Kind::Vhd => {
            let footer = vhd::Footer::parse(head)?;
            Box::new(vhd::Tables::new(footer, file_size)?)
        }
        Kind::Vhdx => Box::new(vhdx::Tables::new(head, file_size)?),
    })
}

/// Learns a container whose whole file is at hand.
///
/// # Errors
///
/// The first reason not to read it.
pub fn read(kind: Kind, file: &[u8]) -> Result<DiskMap, ContainerError> {
    let mut container = open(kind, file, Some(file.len() as u64))?;
    while let Some(wanted) = container.wanted() {
        for extent in wanted.extents() {
            let place = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
            let bytes = file
                .get(place(extent.host)..place(extent.host_end()))
                .ok_or(ContainerError::CutOff)?;
            container.take(extent.guest, bytes)?;
        }
        container.advance()?;
    }
    container.finish()
}

/// Why a container is not read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ContainerError {
    /// A reason of the format's own.
    #[error(transparent)]
    Qcow2(#[from] Qcow2Error),
    /// A reason of the format's own.
    #[error(transparent)]
    Vmdk(#[from] VmdkError),
    /// A reason of the format's own.
    #[error(transparent)]
    Vhd(#[from] VhdError),
    /// A reason of the format's own.
    #[error(transparent)]
    Vhdx(#[from] VhdxError),
    /// A reason that every format can have.
    #[error(transparent)]
    Map(#[from] MapError),
    /// It ends before the end of a table.
    #[error("its tables are cut off")]
    CutOff,
    /// The map was asked for too early.
    #[error("its tables were not read to their end")]
    Unfinished,
}

/// Whether an offset can be right: inside the file, where its length is known.
pub(super) fn inside(file_size: Option<u64>, offset: u64) -> bool {
    file_size.is_none_or(|size| offset < size)
}
