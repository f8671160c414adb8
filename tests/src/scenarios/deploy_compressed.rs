// SPDX-License-Identifier: Apache-2.0
//! A raw whole-disk image that is served compressed is deployed onto the smallest disk that is
//! large enough, over leftovers of an earlier owner, and boots. Ironic calls such a file raw.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use super::deployed::{self, Deployment};
use super::{Scenario, default_options};
use crate::error::Error;
use crate::lab::{BootInterface, Lab};
use crate::machine::{Bus, DiskSpec, MachineSpec};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "deploy_compressed",
    summary: "a raw image, served as .zst, is deployed to a SCSI disk and boots",
    configure: default_options,
    needs_os_image: true,
    play,
};

/// The fastest; the lab's network is a bridge.
const LEVEL: i32 = 1;

fn play(lab: &Lab) -> Result<(), Error> {
    let spec = MachineSpec::new("deployed-compressed")
        // Too small to be chosen, then the one to be chosen, then a larger one.
        .with_disk(DiskSpec::new(Bus::Scsi, 2, "LAB-SMALL"))
        .with_disk(DiskSpec::new(Bus::Scsi, 6, "LAB-RIGHT"))
        .with_disk(DiskSpec::new(Bus::Scsi, 8, "LAB-LARGE"));
    let images = lab.os_images()?;
    let compressed = lab.run_dir().join("disk.raw.zst");
    compress(&images.raw.path, &compressed)?;
    deployed::check(
        lab,
        &Deployment {
            spec,
            boot: BootInterface::VirtualMedia,
            image: &compressed,
            contents: &images.raw.path,
            disk_format: "raw",
            root_device: None,
            disk: 1,
        },
    )
}

fn compress(raw: &Path, compressed: &Path) -> Result<(), Error> {
    let run = || {
        let from = BufReader::new(File::open(raw)?);
        let to = BufWriter::new(File::create(compressed)?);
        zstd::stream::copy_encode(from, to, LEVEL)
    };
    run().map_err(|source| Error::File {
        doing: "compress",
        path: raw.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test panics on purpose")]

    use super::*;

    #[test]
    fn what_is_compressed_is_the_whole_file() {
        let dir = tempfile::tempdir().unwrap();
        let (raw, compressed) = (dir.path().join("raw"), dir.path().join("raw.zst"));
        let bytes: Vec<u8> = (0..500_000_u32).flat_map(u32::to_le_bytes).collect();
        std::fs::write(&raw, &bytes).unwrap();
        compress(&raw, &compressed).unwrap();
        let file = File::open(&compressed).unwrap();
        assert!(file.metadata().unwrap().len() < 2_000_000);
        assert_eq!(zstd::stream::decode_all(file).unwrap(), bytes);
    }
}
