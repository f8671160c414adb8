// SPDX-License-Identifier: Apache-2.0
//! Carries out the work on the partitions of a partition image. Which work, in
//! which order and where, is decided by `ironseed_core::steps`.

mod boot_loader;
mod fat_tree;
mod identify;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use ironseed_core::block::DeviceIdentity;
use ironseed_core::event::Event;
use ironseed_core::fault::Fault;
use ironseed_core::image::transfer::TransferProfile;
use ironseed_core::image_request::ImageRequest;
use ironseed_core::partition::create;
use ironseed_core::partition::layout::{Layout, Place, Role};
use ironseed_core::plan::{Claim, FileSystem, Outcome, PartitionWork, WrittenImage};

use crate::block::{Block, Window, io_fault, partitions, wipe};
use crate::progress::Surroundings;
use crate::{file_system, image};

/// A disk under work.
struct Disk<'a> {
    block: Arc<dyn Block>,
    device: &'a DeviceIdentity,
    surroundings: Surroundings<'a>,
}

/// Does one piece of work on a disk that was opened and recognised.
///
/// # Errors
///
/// A fault that names the partition.
pub(crate) fn carry_out(
    work: &PartitionWork,
    block: Box<dyn Block>,
    device: &DeviceIdentity,
    surroundings: Surroundings<'_>,
    outcome: &mut Outcome,
) -> Result<(), Fault> {
    let disk = Disk {
        block: Arc::from(block),
        device,
        surroundings,
    };
    disk.note(format!("{work} of {device}"));
    match work {
        PartitionWork::CheckTable { layout } => disk.check_table(layout),
        PartitionWork::WriteImage {
            place,
            image,
            claim,
        } => {
            outcome.transferred = Some(Box::new(disk.write_image(*place, image, claim)?));
            Ok(())
        }
        PartitionWork::MakeFileSystem { place, kind, label } => {
            disk.make_file_system(*place, *kind, label)
        }
        PartitionWork::Wipe { place } => disk.wipe(*place),
        PartitionWork::WriteConfigDrive {
            place,
            drive,
            download,
        } => {
            let bytes = image::config_drive(drive, download, surroundings)?;
            disk.write_config_drive(*place, &bytes)
        }
        PartitionWork::CopyBootLoader { root, esp } => {
            outcome.no_boot_loader = disk.copy_boot_loader(*root, *esp)?;
            Ok(())
        }
        PartitionWork::WriteTable { layout } => disk.write_table(layout),
        PartitionWork::Identify { image_id, layout } => {
            let no_boot_loader = outcome.no_boot_loader.clone();
            let written = identify::written(&disk, image_id, layout, no_boot_loader)?;
            outcome.written = Some(WrittenImage {
                profile: outcome.transferred.take(),
                ..written
            });
            Ok(())
        }
    }
}

impl Disk<'_> {
    fn note(&self, text: String) {
        (self.surroundings.observer)(Event::Note(text));
    }

    fn window(&self, place: Place) -> Window {
        Window::new(Arc::clone(&self.block), place.offset, place.length)
    }

    fn name(&self, place: Place) -> String {
        format!("{place} of {}", self.device)
    }

    fn fault(&self, operation: &str, place: Place) -> impl Fn(io::Error) -> Fault {
        let (operation, name) = (operation.to_owned(), self.name(place));
        move |error| io_fault(&operation, &name, &error)
    }

    fn check_table(&self, layout: &Layout) -> Result<(), Fault> {
        let table = partitions::read_table(&*self.block, &self.device.name)?;
        let found = table.partitions();
        let same = found.len() == layout.places.len()
            && layout.places.iter().zip(&found).all(|(place, found)| {
                (place.number, place.offset, place.length)
                    == (found.number, found.offset, found.length)
            });
        if same {
            return Ok(());
        }
        Err(Fault::DeviceChanged {
            device: self.device.name.clone(),
            problem: "its partitions are others than a moment ago".into(),
        })
    }

    fn write_image(
        &self,
        place: Place,
        image: &ImageRequest,
        claim: &Claim,
    ) -> Result<TransferProfile, Fault> {
        let block = Arc::clone(&self.block);
        let claim = claim.clone();
        let window = self.window(place).claiming(move || take(&block, &claim));
        let name = self.name(place);
        image::write(image, &window, &name, self.surroundings).map(|written| written.profile)
    }

    fn make_file_system(&self, place: Place, kind: FileSystem, label: &str) -> Result<(), Fault> {
        let now = self.surroundings.clock.now();
        file_system::make(&self.window(place), kind, label, now)
            .map_err(self.fault("making a file system in", place))
    }

    fn wipe(&self, place: Place) -> Result<(), Fault> {
        wipe::wipe_metadata(&self.window(place)).map_err(self.fault("wiping", place))
    }

    fn write_config_drive(&self, place: Place, bytes: &[u8]) -> Result<(), Fault> {
        let window = self.window(place);
        if bytes.len() as u64 > window.size() {
            let (needed, name) = (bytes.len(), self.name(place));
            return Err(Fault::ConfigDrive {
                problem: format!("it has {needed} bytes, {name} has {}", window.size()),
            });
        }
        let mut padded = bytes.to_vec();
        padded.resize(
            bytes.len().next_multiple_of(window.sector_size() as usize),
            0,
        );
        let end = padded.len() as u64;
        window
            .write_at(0, &padded)
            .and_then(|()| window.zero(end, window.size() - end))
            .and_then(|()| window.flush())
            .map_err(self.fault("writing the config drive to", place))
    }

    /// Why none could be copied. The EFI system partition is empty then: half
    /// a boot loader is worse than none.
    fn copy_boot_loader(&self, root: Place, esp: Place) -> Result<Option<String>, Fault> {
        let target = self.window(esp);
        match boot_loader::copy(self.window(root), &target) {
            Ok(files) => {
                self.note(format!("{files} files are in {}", self.name(esp)));
                Ok(None)
            }
            Err(problem) => {
                let text = format!("no boot loader for {}: {problem}", self.device);
                (self.surroundings.observer)(Event::Warning(text));
                let label = Role::EfiSystem.partition_name();
                self.make_file_system(esp, FileSystem::Vfat, label)?;
                Ok(Some(problem.to_string()))
            }
        }
    }

    fn write_table(&self, layout: &Layout) -> Result<(), Fault> {
        let mut random = (0..=layout.places.len())
            .map(|_| file_system::random())
            .collect::<io::Result<Vec<_>>>()
            .map_err(|error| Fault::Internal(format!("random numbers: {error}")))?;
        let block = &*self.block;
        let mut unique = || random.pop().unwrap_or_default();
        let patches = create::table(layout, block.sector_size(), block.size(), &mut unique);
        // All else is on the medium before anybody can find it.
        block
            .flush()
            .and_then(|()| {
                patches.iter().try_for_each(|patch| {
                    block.write_at(patch.offset, &patch.bytes)?;
                    block.flush()
                })
            })
            .map_err(|error| io_fault("writing the partition table of", &self.device.name, &error))
    }
}

/// What was bootable or recognised, is no more.
fn take(block: &Arc<dyn Block>, claim: &Claim) -> io::Result<()> {
    match claim {
        Claim::Disk => wipe::wipe_metadata(&**block),
        Claim::Partitions(places) => places.iter().try_for_each(|place| {
            let window = Window::new(Arc::clone(block), place.offset, place.length);
            wipe::wipe_metadata(&window)
        }),
    }
}
