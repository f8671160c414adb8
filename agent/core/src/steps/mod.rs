// SPDX-License-Identifier: Apache-2.0
//! The steps this agent offers: one table row per step.
//!
//! The table feeds `get_*_steps`, the checks of arguments and the execution.
//! A step's plan function looks at facts and says what shall happen; it does
//! nothing itself. The boot loader command is not a step: it makes a plan of
//! its own and takes the same road through guard and execution.

mod boot_mode;
mod context;
mod erasable;
mod erase_devices;
mod erase_devices_metadata;
mod image_info;
mod partition_image;
mod write_image;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use context::{ImageServerLogin, PartitionImageSettings, StepContext, StepSettings};

use crate::fault::Fault;
use crate::image_request::ImageRequest;
use crate::plan::{Plan, WrittenImage};

/// Key of the one hardware manager in step lists (contract §13.1).
pub const HARDWARE_MANAGER: &str = "GenericHardwareManager";

/// Name of the hardware manager in version maps (contract §13.2).
pub const HARDWARE_MANAGER_VERSION_NAME: &str = "generic_hardware_manager";

/// Version of the hardware manager. It changes when a step changes its meaning,
/// because Ironic refuses to go on with another one.
pub const HARDWARE_MANAGER_VERSION: &str = "1.2";

/// Which operation of Ironic steps belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepPhase {
    /// Cleaning.
    Clean,
    /// Deployment.
    Deploy,
    /// Servicing of a deployed node.
    Service,
}

impl StepPhase {
    /// The word commands and results use: `clean`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            StepPhase::Clean => "clean",
            StepPhase::Deploy => "deploy",
            StepPhase::Service => "service",
        }
    }

    /// The error type of a step that failed without a type of its own (contract §13.3).
    #[must_use]
    pub fn error_type(self) -> &'static str {
        match self {
            StepPhase::Clean => "CleaningError",
            StepPhase::Deploy => "DeploymentError",
            StepPhase::Service => "ServicingError",
        }
    }
}

/// Makes the plan of a step from what is known and the step's `args`.
pub type PlanFunction = fn(&StepContext<'_>, &Map<String, Value>) -> Result<Plan, Fault>;

/// One step.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Name on the wire.
    pub name: &'static str,
    /// Ironic's interface: `deploy` or `raid`.
    pub interface: &'static str,
    /// Priority in cleaning; `None`: not offered there, 0: only on request.
    pub clean: Option<u32>,
    /// Priority in deployment.
    pub deploy: Option<u32>,
    /// Priority in servicing.
    pub service: Option<u32>,
    /// Whether Ironic may abort the operation while the step runs.
    pub abortable: bool,
    /// Whether the machine must be rebooted after the step.
    pub reboot_requested: bool,
    /// The arguments Ironic checks before it sends the step.
    pub arguments: &'static [Argument],
    /// What must be read from machine or Ironic before the plan is made.
    pub needs: Needs,
    /// What the step does.
    pub plan: PlanFunction,
}

impl Step {
    /// Priority in one phase; `None` if it is not offered there.
    #[must_use]
    pub fn priority(&self, phase: StepPhase) -> Option<u32> {
        match phase {
            StepPhase::Clean => self.clean,
            StepPhase::Deploy => self.deploy,
            StepPhase::Service => self.service,
        }
    }

    fn to_json(self, priority: u32) -> Value {
        let mut object = json!({
            "step": self.name,
            "priority": priority,
            "interface": self.interface,
            "reboot_requested": self.reboot_requested,
            "abortable": self.abortable,
        });
        if !self.arguments.is_empty() {
            object["argsinfo"] = self
                .arguments
                .iter()
                .map(|argument| {
                    let info =
                        json!({"description": argument.description, "required": argument.required});
                    (argument.name.to_owned(), info)
                })
                .collect::<Map<_, _>>()
                .into();
        }
        object
    }
}

/// One argument of a step, as `argsinfo` describes it.
#[derive(Debug, Clone, Copy)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub description: &'static str,
    /// Whether it must be given.
    pub required: bool,
}

/// Facts a step's plan is made from, beside the node that came with the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// The block devices, read afresh.
    pub block_devices: bool,
    /// The node, looked up once more if it has no root device hints (contract §16).
    pub fresh_node_without_hints: bool,
    /// How this machine boots: firmware, EFI variables.
    pub boot_facts: bool,
}

const DISKS_ONLY: Needs = Needs {
    block_devices: true,
    fresh_node_without_hints: false,
    boot_facts: false,
};

/// Every step, in alphabetical order.
pub const STEPS: &[Step] = &[
    Step {
        name: "erase_devices",
        interface: "deploy",
        clean: Some(10),
        deploy: None,
        service: None,
        abortable: true,
        reboot_requested: false,
        arguments: &[],
        needs: DISKS_ONLY,
        plan: erase_devices::plan,
    },
    Step {
        name: "erase_devices_metadata",
        interface: "deploy",
        clean: Some(99),
        deploy: Some(0),
        service: None,
        abortable: true,
        reboot_requested: false,
        arguments: &[],
        needs: DISKS_ONLY,
        plan: erase_devices_metadata::plan,
    },
    Step {
        name: "write_image",
        interface: "deploy",
        clean: None,
        deploy: Some(0),
        service: Some(0),
        abortable: false,
        reboot_requested: false,
        arguments: &[],
        needs: Needs {
            block_devices: true,
            fresh_node_without_hints: true,
            boot_facts: false,
        },
        plan: write_image::plan,
    },
];

/// The step of this name in a phase.
///
/// # Errors
///
/// [`Fault::UnknownStep`] if there is none, or not in this phase.
pub fn find(phase: StepPhase, name: &str) -> Result<&'static Step, Fault> {
    STEPS
        .iter()
        .find(|step| step.name == name && step.priority(phase).is_some())
        .ok_or_else(|| Fault::UnknownStep {
            phase: phase.name(),
            step: name.to_owned(),
        })
}

/// The image that the arguments of `write_image` ask for.
///
/// # Errors
///
/// [`Fault::Argument`] if they are incomplete.
pub fn image_request(
    arguments: &Map<String, Value>,
    settings: &StepSettings,
) -> Result<ImageRequest, Fault> {
    image_info::request(image_info::object(arguments)?, settings)
}

/// The steps of a phase as `get_*_steps` answers them (contract §12, §13.1):
/// `{"GenericHardwareManager": [step objects]}`.
#[must_use]
pub fn list(phase: StepPhase) -> Value {
    let steps: Vec<Value> = STEPS
        .iter()
        .filter_map(|step| Some(step.to_json(step.priority(phase)?)))
        .collect();
    json!({ HARDWARE_MANAGER: steps })
}

/// The `hardware_manager_version` map (contract §13.2).
#[must_use]
pub fn version() -> Value {
    json!({ HARDWARE_MANAGER_VERSION_NAME: HARDWARE_MANAGER_VERSION })
}

/// The result of a step that succeeded: `{"clean_result": …, "clean_step": …}`,
/// the step echoed as it came.
///
/// `written` is the image the agent remembers after the step: the one of the
/// plan's `Outcome`, else the one that stood there already.
#[must_use]
pub fn result(phase: StepPhase, received: Value, written: Option<&WrittenImage>) -> Value {
    let value = match (received["step"].as_str(), written) {
        (Some("write_image"), Some(written)) => write_image::result(written),
        _ => Value::Null,
    };
    let name = phase.name();
    let mut object = Map::new();
    object.insert(format!("{name}_result"), value);
    object.insert(format!("{name}_step"), received);
    Value::Object(object)
}

#[cfg(test)]
mod partition_plans;
#[cfg(test)]
pub(crate) mod plans;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::block::DeviceIdentity;
    use crate::image::spent::Spent;
    use crate::image::transfer::{Amounts, TransferProfile};

    #[test]
    fn lists_are_what_the_contract_shows() {
        let names = |phase| -> Vec<(String, u64)> {
            list(phase)[HARDWARE_MANAGER]
                .as_array()
                .expect("a list")
                .iter()
                .map(|step| {
                    (
                        step["step"].as_str().expect("a name").to_owned(),
                        step["priority"].as_u64().expect("a priority"),
                    )
                })
                .collect()
        };
        assert_eq!(
            names(StepPhase::Clean),
            [
                ("erase_devices".to_owned(), 10),
                ("erase_devices_metadata".to_owned(), 99)
            ]
        );
        assert_eq!(
            names(StepPhase::Deploy),
            [
                ("erase_devices_metadata".to_owned(), 0),
                ("write_image".to_owned(), 0)
            ]
        );
        assert_eq!(names(StepPhase::Service), [("write_image".to_owned(), 0)]);
    }

    #[test]
    fn steps_are_found_only_in_their_phases() {
        assert!(find(StepPhase::Clean, "erase_devices").is_ok());
        let fault = find(StepPhase::Deploy, "erase_devices").expect_err("not in deployment");
        assert_eq!(fault.wire_type(), "HardwareManagerMethodNotFound");
        assert_eq!(
            fault.to_string(),
            "there is no deploy step named erase_devices"
        );
    }

    #[test]
    fn names_are_sorted_and_unique() {
        assert!(STEPS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn results_echo_the_step() {
        let step = json!({"step": "erase_devices", "args": {"x": 1}});
        assert_eq!(
            result(StepPhase::Clean, step.clone(), None),
            json!({"clean_result": null, "clean_step": step})
        );
        let mut written = WrittenImage {
            image_id: "debian".into(),
            device: DeviceIdentity {
                name: "/dev/sda".into(),
                size: 1,
                serial: None,
                wwn: None,
            },
            disk_identifier: 0x1a2b,
            profile: None,
            partitions: None,
        };
        let step = json!({"step": "write_image"});
        assert_eq!(
            result(StepPhase::Deploy, step.clone(), Some(&written)),
            json!({"deploy_result": {"result":
                "prepare_image: image (debian) written to device /dev/sda root_uuid=0x00001a2b"},
                "deploy_step": step})
        );
        written.profile = Some(Box::new(TransferProfile {
            image: "debian".into(),
            device: "/dev/sda".into(),
            amounts: Amounts::default(),
            elapsed: Duration::from_secs(1),
            spent: Spent::default(),
        }));
        let with_profile = result(StepPhase::Deploy, step, Some(&written));
        let inner = &with_profile["deploy_result"];
        assert!(
            inner["result"]
                .as_str()
                .expect("text")
                .starts_with("prepare_image: ")
        );
        assert_eq!(inner["profile"]["elapsed_ms"], 1000);
    }
}
