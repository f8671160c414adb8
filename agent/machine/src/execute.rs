// SPDX-License-Identifier: Apache-2.0
//! Carrying out a checked plan: operation by operation, several devices at a
//! time where the plan allows it. No choice is made here; the one thing that
//! is looked at again is whether each device is still the one that was meant.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use ironseed_core::block::DeviceIdentity;
use ironseed_core::event::Event;
use ironseed_core::fault::Fault;
use ironseed_core::guard::Checked;
use ironseed_core::image_request::{ConfigDrive, DownloadPolicy};
use ironseed_core::plan::{NvmeErase, OnFailure, Op, Outcome, Overwrite, Plan, WrittenImage};

use crate::block::{Block, Disks, io_fault, overwrite, partitions, wipe};
use crate::clock::Clock;
use crate::efi::{self, EfiVariables};
use crate::image;
use crate::partition_image;
use crate::progress::{Meter, Observer, Surroundings};

/// What plans are carried out on.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Its disks.
    pub disks: Arc<dyn Disks>,
    /// Its firmware's variables.
    pub variables: Arc<dyn EfiVariables>,
    /// Its clock.
    pub clock: Arc<dyn Clock>,
}

/// Carries out a plan.
///
/// Blocks until everything is done, so it must not be called from within an
/// asynchronous task. Operations that touch no device keep their place: what
/// stands before them is finished first.
///
/// # Errors
///
/// The first fault, or all of them as [`Fault::Several`] if the plan goes on
/// with the other devices after a failure.
pub fn execute(
    plan: &Checked<Plan>,
    machine: &Machine,
    observer: &Observer<'_>,
) -> Result<Outcome, Fault> {
    let plan = plan.get();
    let run = Run {
        machine,
        observer,
        outcome: Mutex::default(),
        faults: Mutex::default(),
        on_failure: plan.on_failure,
    };
    for section in plan
        .ops
        .chunk_by(|one, two| one.device().is_some() && two.device().is_some())
    {
        run.section(section, plan.concurrency);
        if run.must_stop() {
            break;
        }
    }
    let mut faults = run
        .faults
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    match faults.len() {
        0 => Ok(run
            .outcome
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)),
        1 => Err(faults.remove(0)),
        _ => Err(Fault::Several(faults)),
    }
}

/// A plan under way.
struct Run<'a> {
    machine: &'a Machine,
    observer: &'a Observer<'a>,
    outcome: Mutex<Outcome>,
    faults: Mutex<Vec<Fault>>,
    on_failure: OnFailure,
}

impl Run<'_> {
    /// Operations between which the order only matters on the same device.
    fn section(&self, ops: &[Op], concurrency: usize) {
        let groups = by_device(ops);
        let workers = concurrency.clamp(1, groups.len().max(1));
        if workers == 1 {
            groups.into_iter().for_each(|group| self.group(&group));
            return;
        }
        let queue = Mutex::new(groups);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    loop {
                        let next = queue
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .pop_front();
                        match next {
                            Some(group) => self.group(&group),
                            None => break,
                        }
                    }
                });
            }
        });
    }

    /// Operations on one device, up to the first failure.
    fn group(&self, ops: &[&Op]) {
        for op in ops {
            if self.must_stop() {
                return;
            }
            if let Err(fault) = self.op(op) {
                // While others go on, the end of the whole is far away; a
                // plan that stops is told by whoever asked for it.
                if self.on_failure == OnFailure::FinishOthers {
                    (self.observer)(Event::Failed(fault.clone()));
                }
                self.faults
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(fault);
                return;
            }
        }
    }

    fn must_stop(&self) -> bool {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        self.on_failure == OnFailure::Stop && !faults.is_empty()
    }

    fn note(&self, text: String) {
        (self.observer)(Event::Note(text));
    }

    fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            clock: &*self.machine.clock,
            observer: self.observer,
        }
    }

    fn op(&self, op: &Op) -> Result<(), Fault> {
        match op {
            Op::WipeMetadata { device } => self.wipe(device),
            Op::NvmeFormat {
                device,
                erase,
                or_overwrite,
            } => self.nvme_format(device, *erase, *or_overwrite),
            Op::Overwrite { device, how } => self.overwrite(device, *how),
            Op::WriteImage { device, image } => {
                let block = self.open(device)?;
                self.note(format!("writing image {} to {device}", image.id));
                let written = image::write(image, &*block, &device.name, self.surroundings())?;
                let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
                outcome.written = Some(WrittenImage {
                    image_id: image.id.clone(),
                    device: device.clone(),
                    disk_identifier: written.disk_identifier,
                    profile: Some(Box::new(written.profile)),
                    partitions: None,
                });
                Ok(())
            }
            Op::RepairGptBackup { device } => {
                let block = self.open(device)?;
                if let Some(problem) = partitions::repair_gpt_backup(&*block, &device.name)? {
                    let text = format!("the GPT of {device} is not repaired: {problem}");
                    (self.observer)(Event::Warning(text));
                }
                Ok(())
            }
            Op::RereadPartitions { device } => {
                partitions::reread(&*self.open(device)?, &device.name)
            }
            Op::WriteConfigDrive {
                device,
                drive,
                download,
                rebuild,
            } => self.config_drive(device, drive, download, *rebuild),
            Op::Partition { device, work } => {
                let block = self.open(device)?;
                // Such a plan has one device, so nobody else waits for it.
                let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
                let surroundings = self.surroundings();
                partition_image::carry_out(work, block, device, surroundings, &mut outcome)
            }
            Op::SetBootEntries { entries } => {
                efi::apply(entries, &*self.machine.variables, self.observer)
            }
            Op::Sync => {
                self.machine.disks.sync();
                Ok(())
            }
        }
    }

    /// Opens a device, then makes sure that it is the one that was meant: in
    /// this order nobody can take the name in between.
    fn open(&self, device: &DeviceIdentity) -> Result<Box<dyn Block>, Fault> {
        let name = &device.name;
        let disks = &self.machine.disks;
        let block = disks.open(name).map_err(|error| match error.kind() {
            io::ErrorKind::ResourceBusy => Fault::DeviceProtected {
                device: name.clone(),
                problem: "the kernel says that it is in use".into(),
            },
            _ => io_fault("opening", name, &error),
        })?;
        let found = disks
            .identity(name)
            .map_err(|error| io_fault("identifying", name, &error))?;
        let size = block.size();
        match found {
            Some(found) if found == *device && size == device.size => Ok(block),
            found => Err(Fault::DeviceChanged {
                device: name.clone(),
                problem: difference(device, found.as_ref(), size),
            }),
        }
    }

    fn wipe(&self, device: &DeviceIdentity) -> Result<(), Fault> {
        let block = self.open(device)?;
        self.note(format!("erasing the metadata of {device}"));
        wipe::wipe_metadata(&*block).map_err(|error| io_fault("wiping", &device.name, &error))?;
        self.forget_partitions(&*block, device);
        Ok(())
    }

    /// After an erasure the kernel shall not offer partitions that are gone.
    /// A partition has none itself, which the kernel calls an invalid request.
    fn forget_partitions(&self, block: &dyn Block, device: &DeviceIdentity) {
        match partitions::tell_kernel(block) {
            Err(error) if error.kind() != io::ErrorKind::InvalidInput => {
                let text = format!("the kernel keeps the old partitions of {device}: {error}");
                (self.observer)(Event::Warning(text));
            }
            _ => (),
        }
    }

    fn nvme_format(
        &self,
        device: &DeviceIdentity,
        erase: NvmeErase,
        or_overwrite: Option<Overwrite>,
    ) -> Result<(), Fault> {
        let block = self.open(device)?;
        self.note(format!("formatting {device}, which may take long"));
        match (block.nvme_format(erase), or_overwrite) {
            (Ok(()), _) => {
                self.forget_partitions(&*block, device);
                Ok(())
            }
            (Err(error), None) => Err(io_fault("formatting", &device.name, &error)),
            (Err(error), Some(how)) => {
                let text = format!("{device} cannot be formatted, it is written over: {error}");
                (self.observer)(Event::Warning(text));
                drop(block);
                self.overwrite(device, how)
            }
        }
    }

    fn overwrite(&self, device: &DeviceIdentity, how: Overwrite) -> Result<(), Fault> {
        let block = self.open(device)?;
        let total = overwrite::total(device.size, how);
        let what = format!("writing over {device}");
        let mut meter = Meter::new(self.surroundings(), what, Some(total));
        overwrite::overwrite(&*block, how, &mut |bytes| meter.add(bytes))
            .map_err(|error| io_fault("writing over", &device.name, &error))?;
        meter.finish();
        self.forget_partitions(&*block, device);
        Ok(())
    }

    fn config_drive(
        &self,
        device: &DeviceIdentity,
        drive: &ConfigDrive,
        download: &DownloadPolicy,
        rebuild: bool,
    ) -> Result<(), Fault> {
        let bytes = image::config_drive(drive, download, self.surroundings())?;
        let mut unique = [0; 16];
        getrandom::fill(&mut unique)
            .map_err(|error| Fault::Internal(format!("random numbers: {error}")))?;
        let block = self.open(device)?;
        self.note(format!("writing the config drive to {device}"));
        let told = partitions::write_config_drive(&*block, &device.name, &bytes, unique, rebuild)?;
        if let Some(text) = told {
            (self.observer)(Event::Warning(text));
        }
        Ok(())
    }
}

/// The operations of each device, in the order of first appearance.
fn by_device(ops: &[Op]) -> VecDeque<Vec<&Op>> {
    let mut groups: VecDeque<Vec<&Op>> = VecDeque::new();
    for op in ops {
        let name = op.device().map(|device| &device.name);
        let group = groups
            .iter_mut()
            .find(|group| name.is_some() && group[0].device().map(|device| &device.name) == name);
        match group {
            Some(group) => group.push(op),
            None => groups.push_back(vec![op]),
        }
    }
    groups
}

fn difference(wanted: &DeviceIdentity, found: Option<&DeviceIdentity>, size: u64) -> String {
    let Some(found) = found else {
        return "it is gone".into();
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".into());
    if found.serial != wanted.serial {
        let (old, new) = (text(&wanted.serial), text(&found.serial));
        format!("its serial number was {old} and is {new}")
    } else if found.wwn != wanted.wwn {
        let (old, new) = (text(&wanted.wwn), text(&found.wwn));
        format!("its world wide name was {old} and is {new}")
    } else {
        format!("it had {} bytes and has {size}", wanted.size)
    }
}
