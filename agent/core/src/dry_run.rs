// SPDX-License-Identifier: Apache-2.0
//! A plan that is shown instead of carried out: the devices with the reason
//! for each, the operations in order, and what the guard says.
//!
//! It comes out of the functions that the real step uses, so that what is
//! shown is what would happen.

mod image;

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde_json::{Map, Value};

pub use image::{ImageFacts, Served, judge};

use crate::block::DeviceIdentity;
use crate::config_drive;
use crate::fault::{Fault, Owner};
use crate::guard::{self, GuardPolicy};
use crate::hints;
use crate::image_request::ConfigDrive;
use crate::plan::{Choice, NvmeErase, Op, Overwrite, Plan};
use crate::steps::{self, StepContext, StepPhase};

/// What a step would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DryRun {
    /// Name of the step.
    pub step: String,
    /// The phase it was planned for.
    pub phase: StepPhase,
    /// Whether the step could begin.
    pub possible: bool,
    /// Every device that was looked at, with the reason for taking it or not.
    pub devices: Vec<Choice>,
    /// What would happen, in order; empty if there is no plan.
    pub operations: Vec<Operation>,
    /// How many devices would be worked on at the same time.
    pub concurrency: usize,
    /// What the guard says of the plan.
    pub guard: Verdict,
    /// Why there is no plan.
    pub problem: Option<Problem>,
}

/// One operation of the plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Operation {
    /// Name of the operation: `write-image`.
    pub operation: String,
    /// The device it touches, if it touches one.
    pub device: Option<DeviceIdentity>,
    /// Whether data on the device is lost.
    pub destroys: bool,
    /// What it does, as half a sentence.
    pub description: String,
}

/// What the guard says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// Nothing is in the way.
    Passed,
    /// A protection forbids the plan.
    Refused {
        /// Which, and of which device.
        problem: Problem,
    },
    /// There is no plan to be guarded.
    NoPlan,
}

/// A fault as it would be told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Problem {
    /// Short stable name of the fault.
    pub code: &'static str,
    /// Who can mend it.
    pub owner: Owner,
    /// The fault as a sentence.
    pub text: String,
    /// What to check next.
    pub next: &'static str,
}

impl From<&Fault> for Problem {
    fn from(fault: &Fault) -> Self {
        Self {
            code: fault.code(),
            owner: fault.owner(),
            text: fault.to_string(),
            next: fault.next(),
        }
    }
}

impl Problem {
    /// Whether somebody asked for something that does not exist or has no
    /// meaning: another machine would say the same.
    #[must_use]
    pub fn is_of_the_question(&self) -> bool {
        matches!(self.code, "argument" | "unknown-step")
    }
}

/// The first phase that has a step of this name: cleaning, deployment, servicing.
///
/// # Errors
///
/// [`Fault::UnknownStep`] if no phase has it.
pub fn phase_of(step: &str) -> Result<StepPhase, Fault> {
    [StepPhase::Clean, StepPhase::Deploy, StepPhase::Service]
        .into_iter()
        .find(|phase| steps::find(*phase, step).is_ok())
        .map_or_else(
            || steps::find(StepPhase::Deploy, step).map(|_| StepPhase::Deploy),
            Ok,
        )
}

/// The step's argument `configdrive` for a file that holds a config drive at
/// any stage of packing: its image, a gzip of it, base64 of that.
///
/// # Errors
///
/// [`Fault::ConfigDrive`] if it cannot be unpacked or is too large.
pub fn config_drive_argument(file: Vec<u8>) -> Result<String, Fault> {
    let image = config_drive::from_download(file)?;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    let packed = gzip.write_all(&image).and_then(|()| gzip.finish());
    let packed =
        packed.map_err(|error| Fault::Internal(format!("packing the config drive: {error}")))?;
    Ok(STANDARD.encode(packed))
}

/// Plans a step without doing anything.
#[must_use]
pub fn dry_run(
    phase: StepPhase,
    step: &str,
    arguments: &Map<String, Value>,
    context: &StepContext<'_>,
) -> DryRun {
    let mut shown = DryRun {
        step: step.to_owned(),
        phase,
        possible: false,
        devices: Vec::new(),
        operations: Vec::new(),
        concurrency: 1,
        guard: Verdict::NoPlan,
        problem: None,
    };
    let planned = steps::find(phase, step).and_then(|step| (step.plan)(context, arguments));
    match planned {
        Ok(plan) => shown.add(plan, context),
        Err(fault) => {
            if matches!(fault, Fault::NoRootDevice { .. }) {
                let looked_at = hints::considered(context.blocks, context.node);
                shown.devices = looked_at.unwrap_or_default();
            }
            shown.problem = Some((&fault).into());
        }
    }
    shown
}

impl DryRun {
    fn add(&mut self, plan: Plan, context: &StepContext<'_>) {
        self.operations = plan.ops.iter().map(Operation::from).collect();
        self.devices.clone_from(&plan.choices);
        self.concurrency = plan.concurrency;
        let checked = GuardPolicy::of(context.node, context.settings, context.blocks)
            .and_then(|policy| guard::check(plan, context.blocks, &policy));
        self.guard = match checked {
            Ok(_) => Verdict::Passed,
            Err(fault) => Verdict::Refused {
                problem: (&fault).into(),
            },
        };
        self.possible = self.guard == Verdict::Passed;
    }

    /// The disk that a whole-disk image would be written to.
    #[must_use]
    pub fn target(&self) -> Option<&DeviceIdentity> {
        let writes = |operation: &&Operation| operation.operation == "write-image";
        self.operations.iter().find(writes)?.device.as_ref()
    }
}

impl From<&Op> for Operation {
    fn from(op: &Op) -> Self {
        // The name that plans have on the wire; an enum always has its tag.
        let value = serde_json::to_value(op).unwrap_or_default();
        Self {
            operation: value["op"].as_str().unwrap_or_default().to_owned(),
            device: op.device().cloned(),
            destroys: op.destroys(),
            description: description(op),
        }
    }
}

fn description(op: &Op) -> String {
    match op {
        Op::WipeMetadata { .. } => "erases partition tables and signatures".to_owned(),
        Op::NvmeFormat {
            erase,
            or_overwrite,
            ..
        } => {
            let erase = match erase {
                NvmeErase::UserData => "lets the controller erase the user data",
                NvmeErase::Cryptographic => "lets the controller throw its key away",
            };
            match or_overwrite {
                Some(how) => format!("{erase}; should that fail: {}", overwriting(*how)),
                None => erase.to_owned(),
            }
        }
        Op::Overwrite { how, .. } => overwriting(*how),
        Op::WriteImage { image, .. } => {
            let format = image.declared_format.as_deref();
            format!(
                "writes {} ({}), its first MiB last",
                image.urls.join(" or "),
                format.unwrap_or("the format that is found")
            )
        }
        Op::RepairGptBackup { .. } => "moves the backup GPT to the end, if there is a GPT".into(),
        Op::RereadPartitions { .. } => "makes the kernel read the new partition table".into(),
        Op::WriteConfigDrive { drive, .. } => match drive {
            ConfigDrive::Image(bytes) => {
                format!(
                    "puts the config drive of {} bytes into its partition",
                    bytes.len()
                )
            }
            ConfigDrive::Url(_) => "fetches the config drive and puts it into its partition".into(),
        },
        Op::Partition { work, .. } => work.to_string(),
        Op::SetBootEntries { entries } => entries.to_string(),
        Op::Sync => "flushes every cache".to_owned(),
    }
}

fn overwriting(how: Overwrite) -> String {
    let passes = match how.random_passes {
        0 => String::new(),
        1 => "one pass of random data".to_owned(),
        passes => format!("{passes} passes of random data"),
    };
    match (passes.is_empty(), how.zeroize) {
        (true, true) => "writes zeroes over every byte".to_owned(),
        (true, false) => "writes nothing".to_owned(),
        (false, true) => format!("{passes}, then zeroes over every byte"),
        (false, false) => format!("{passes} over every byte"),
    }
}

#[cfg(test)]
mod tests;
