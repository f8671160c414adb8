// SPDX-License-Identifier: Apache-2.0
//! A file on a medium that is mounted: a virtual medium of the BMC, or a disk
//! that brings images to a machine without a network for them.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use ironseed_core::image::location::path_of_file;
use nix::fcntl::OFlag;

use super::{Start, unreadable};
use crate::image::Trouble;
use crate::image::net::Net;
use crate::root::Root;

/// A regular file.
pub(super) struct LocalFile<'a> {
    net: &'a Net<'a>,
    url: &'a str,
    file: File,
    length: u64,
    position: u64,
}

impl<'a> LocalFile<'a> {
    /// Opens the file. Only regular files have a length and an end; a device
    /// or a pipe could block for ever.
    pub(super) fn open(net: &'a Net<'a>, url: &'a str, start: Start) -> Result<Self, Trouble> {
        let path = path_of_file(url).ok_or_else(|| unreadable(url, "it has no absolute path"))?;
        let failed = |error: std::io::Error| unreadable(url, error);
        let root = Root::live().map_err(failed)?;
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK;
        let file = root.open_at(&path, flags).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(unreadable(url, "it is not a regular file"));
        }
        let length = metadata.len();
        if length == 0 {
            return Err(unreadable(url, "it is empty"));
        }
        if start.length.is_some_and(|expected| expected != length) {
            return Err(Trouble::Restart("the file has another length".into()));
        }
        Ok(Self {
            net,
            url,
            file,
            length,
            position: start.position,
        })
    }

    pub(super) fn url(&self) -> &str {
        self.url
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn rest(&self) -> Start {
        Start {
            position: self.position,
            length: Some(self.length),
        }
    }

    pub(super) fn seek(&mut self, position: u64) {
        self.position = position;
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Trouble> {
        self.net.check_deadline(self.url)?;
        let left = self.length.saturating_sub(self.position);
        let wanted = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let at = self.position;
        match self.file.read_at(&mut buffer[..wanted], at) {
            Ok(0) if wanted > 0 => Err(unreadable(self.url, format!("it ends at byte {at}"))),
            Ok(count) => {
                self.position += count as u64;
                Ok(count)
            }
            Err(error) => Err(unreadable(self.url, format!("at byte {at}: {error}"))),
        }
    }

    pub(super) fn range(&mut self, from: u64, length: u64) -> Result<Vec<u8>, Trouble> {
        let length = length.min(self.length.saturating_sub(from));
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.file
            .read_exact_at(&mut bytes, from)
            .map_err(|error| unreadable(self.url, format!("at byte {from}: {error}")))?;
        Ok(bytes)
    }
}
