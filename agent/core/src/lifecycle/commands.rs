// SPDX-License-Identifier: Apache-2.0
//! What Ironic says to the agent: one command at a time, and the list of all
//! that were given (contract §11–§13).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Effect, Lifecycle};
use crate::event::{Event, Phase};
use crate::fault::Fault;
use crate::node::Node;
use crate::plan::WrittenImage;
use crate::steps::{self, StepPhase};

/// A command, understood.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// List the steps of a phase.
    GetSteps {
        /// The phase.
        phase: StepPhase,
        /// The node as Ironic has it now.
        node: Map<String, Value>,
    },
    /// Carry out a step.
    ExecuteStep {
        /// The phase.
        phase: StepPhase,
        /// The step object, echoed in the result.
        step: Map<String, Value>,
        /// The node as Ironic has it now.
        node: Map<String, Value>,
        /// The versions Ironic got with the step list; `None`: not checked.
        version: Option<Map<String, Value>>,
    },
    /// Make the deployed disk bootable.
    InstallBootloader(BootloaderRequest),
    /// Tell the UUIDs of what was deployed.
    GetPartitionUuids,
    /// Flush everything.
    Sync,
    /// Power the machine off.
    PowerOff,
    /// Boot what was deployed.
    Reboot,
    /// Pack the logs.
    CollectLogs,
    /// Go silent for ever.
    Lockdown,
    /// Give the inventory.
    GetHardwareInfo,
}

/// The arguments of `install_bootloader`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BootloaderRequest {
    /// File-system UUID or disk identifier of the root.
    pub root_uuid: Option<String>,
    /// UUID of the EFI system partition, for partition images.
    pub efi_system_part_uuid: Option<String>,
    /// Whether a failure is no failure; `None` leaves it to the settings.
    pub ignore_failure: Option<bool>,
}

/// Work outside the life cycle that a command needs.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// Plan, check and execute a step.
    Step {
        /// The phase.
        phase: StepPhase,
        /// The step's name.
        name: String,
        /// Its arguments.
        args: Map<String, Value>,
    },
    /// Set the boot entries of the deployed disk.
    InstallBootloader(BootloaderRequest),
    /// Flush everything.
    Sync,
    /// Power off.
    PowerOff,
    /// Reboot.
    Reboot,
    /// Pack the logs.
    CollectLogs,
    /// Stop the API, take the network down.
    Lockdown,
    /// Read the hardware again.
    ReadHardware,
}

/// What work gave.
#[derive(Debug, Clone, PartialEq)]
pub enum WorkResult {
    /// A step is done; this image is on the disk after it.
    Step(Option<WrittenImage>),
    /// A value for `command_result`.
    Value(Value),
    /// Nothing but success.
    Nothing,
}

/// A command that is not taken, and not recorded either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// Another command is running.
    Busy(String),
}

/// One command in the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandRecord {
    /// UUID of the command.
    pub id: String,
    /// Short name.
    pub name: String,
    /// Whether the answer came before the work.
    pub asynchronous: bool,
    /// What people call it: the step's name for steps.
    pub title: String,
    /// When it started, since the kernel did.
    pub started: Duration,
    /// The step object it echoes, with the phase it belongs to.
    pub step: Option<(StepPhase, Map<String, Value>)>,
    /// How far it is.
    pub state: CommandState,
}

/// How far a command is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommandState {
    /// Under way.
    Running,
    /// Done, with its result.
    Succeeded(Value),
    /// Failed.
    Failed(CommandError),
    /// Ironic's step list is of another agent build.
    VersionMismatch(CommandError),
}

/// The error object of a failed command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandError {
    /// Error class as Ironic knows it.
    pub class: String,
    /// Number of the class.
    pub code: u16,
    /// What failed, in general.
    pub message: String,
    /// What failed, in particular, and what to check next.
    pub details: String,
}

impl CommandError {
    fn new(record: &CommandRecord, fault: &Fault) -> Self {
        let (class, message) = match (&record.step, fault.wire_type()) {
            (Some((phase, _)), "CommandExecutionError") => {
                (phase.error_type(), format!("{} step failed", phase.name()))
            }
            (_, class) => (class, format!("{} failed", record.title)),
        };
        Self {
            class: class.to_owned(),
            code: fault.wire_code(),
            message,
            details: format!(
                "{}: {fault} [{}]; next check: {}",
                record.title,
                fault.code(),
                fault.next()
            ),
        }
    }
}

/// The ordered list and what the commands remember of each other.
#[derive(Debug, Default)]
pub(super) struct Commands {
    pub(super) list: Vec<CommandRecord>,
    /// A synchronous command at work: it joins the list when it ends.
    pending: Option<CommandRecord>,
    pub(super) node: Node,
    /// The image that is on the disk since this boot. Any step that erases or
    /// writes changes it (contract §31).
    pub(super) written: Option<WrittenImage>,
}

impl Commands {
    /// Takes the list over from the process before. What was running then did
    /// not end well: it is recorded as failed, because a lost entry would look
    /// to Ironic like a finished step (contract §10).
    pub(super) fn restored(mut list: Vec<CommandRecord>, written: Option<WrittenImage>) -> Self {
        for record in &mut list {
            if record.state == CommandState::Running {
                let fault = Fault::AgentRestarted {
                    command: record.title.clone(),
                };
                record.state = CommandState::Failed(CommandError::new(record, &fault));
            }
        }
        Self {
            list,
            written,
            ..Self::default()
        }
    }

    pub(super) fn set_node(&mut self, node: &Map<String, Value>) {
        match serde_json::from_value(Value::Object(node.clone())) {
            Ok(node) => self.node = node,
            // A node whose parts have other types than the contract's keeps
            // its identity; hints are then simply absent.
            Err(_) => {
                let uuid = node.get("uuid").and_then(Value::as_str).unwrap_or_default();
                self.node = Node {
                    uuid: uuid.to_owned(),
                    ..Node::default()
                };
            }
        }
    }

    pub(super) fn is_working(&self) -> bool {
        self.list
            .last()
            .is_some_and(|record| record.state == CommandState::Running)
    }
}

impl Lifecycle {
    /// Takes a command in. `id` is a fresh UUID; the caller answers with
    /// [`Lifecycle::record`] once the command is in the list.
    ///
    /// # Errors
    /// [`Rejection::Busy`] while another command is running.
    pub fn command(
        &mut self,
        now: Duration,
        id: String,
        name: &str,
        command: Command,
    ) -> Result<Vec<Effect>, Rejection> {
        if let Some(last) = self
            .commands
            .list
            .last()
            .filter(|last| last.state == CommandState::Running)
        {
            return Err(Rejection::Busy(last.name.clone()));
        }
        let record = CommandRecord {
            id,
            name: name.to_owned(),
            asynchronous: false,
            title: name.to_owned(),
            started: now,
            step: None,
            state: CommandState::Running,
        };
        Ok(self.start(now, record, command))
    }

    fn start(&mut self, now: Duration, record: CommandRecord, command: Command) -> Vec<Effect> {
        match command {
            Command::GetSteps { phase, node } => {
                self.commands.set_node(&node);
                let name = phase.name();
                let steps = json!({format!("{name}_steps"): steps::list(phase), "hardware_manager_version": steps::version()});
                self.ended_at_once(record, steps)
            }
            Command::ExecuteStep {
                phase,
                step,
                node,
                version,
            } => {
                self.commands.set_node(&node);
                self.start_step(now, record, phase, step, version.as_ref())
            }
            Command::GetPartitionUuids => {
                let written = self.commands.written.as_ref();
                let uuids = written.map_or(json!({}), WrittenImage::partition_uuids);
                self.ended_at_once(record, uuids)
            }
            Command::InstallBootloader(mut request) => {
                request
                    .ignore_failure
                    .get_or_insert(self.settings.ignore_bootloader_failure);
                self.start_asynchronous(record, Work::InstallBootloader(request))
            }
            Command::PowerOff => self.hand_off(record, Work::PowerOff),
            Command::Reboot => self.hand_off(record, Work::Reboot),
            Command::Sync => self.start_synchronous(record, Work::Sync),
            Command::CollectLogs => self.start_synchronous(record, Work::CollectLogs),
            Command::GetHardwareInfo => self.start_synchronous(record, Work::ReadHardware),
            Command::Lockdown => {
                let id = record.id.clone();
                let mut effects = self.ended_at_once(record, Value::Null);
                self.enter(Phase::HandOff, &mut effects);
                effects.push(Effect::Run {
                    id,
                    work: Work::Lockdown,
                });
                effects
            }
        }
    }

    fn start_step(
        &mut self,
        now: Duration,
        mut record: CommandRecord,
        phase: StepPhase,
        step: Map<String, Value>,
        version: Option<&Map<String, Value>>,
    ) -> Vec<Effect> {
        let name = step
            .get("step")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let args = step
            .get("args")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        record.asynchronous = true;
        record.title = name.clone();
        record.step = Some((phase, step));
        if let Some(theirs) = version.filter(|theirs| Some(*theirs) != steps::version().as_object())
        {
            return self.version_mismatch(now, record, theirs);
        }
        if let Err(fault) = steps::find(phase, &name) {
            record.state = CommandState::Failed(CommandError::new(&record, &fault));
            self.commands.list.push(record);
            let mut effects = vec![Effect::Emit(Event::Failed(fault)), Effect::Save];
            effects.extend(self.force_beat(now));
            return effects;
        }
        self.start_asynchronous(record, Work::Step { phase, name, args })
    }

    fn version_mismatch(
        &mut self,
        now: Duration,
        mut record: CommandRecord,
        theirs: &Map<String, Value>,
    ) -> Vec<Effect> {
        let ours = steps::version();
        record.state = CommandState::VersionMismatch(CommandError {
            class: "VersionMismatch".to_owned(),
            code: 409,
            message: "Hardware managers version mismatch, reload agent with correct version"
                .to_owned(),
            details: format!(
                "Agent version {ours}, node version {}",
                Value::Object(theirs.clone())
            ),
        });
        self.commands.list.push(record);
        let mut effects = vec![Effect::Save];
        effects.extend(self.force_beat(now));
        effects
    }

    fn start_asynchronous(&mut self, mut record: CommandRecord, work: Work) -> Vec<Effect> {
        record.asynchronous = true;
        let id = record.id.clone();
        let mut effects = Vec::new();
        self.enter(Phase::Working, &mut effects);
        effects.push(Effect::Emit(Event::CommandStarted {
            name: record.title.clone(),
        }));
        self.commands.list.push(record);
        effects.push(Effect::Save);
        effects.push(Effect::Run { id, work });
        effects
    }

    fn start_synchronous(&mut self, record: CommandRecord, work: Work) -> Vec<Effect> {
        let id = record.id.clone();
        let started = Event::CommandStarted {
            name: record.title.clone(),
        };
        self.commands.pending = Some(record);
        vec![Effect::Emit(started), Effect::Run { id, work }]
    }

    fn hand_off(&mut self, record: CommandRecord, work: Work) -> Vec<Effect> {
        let mut effects = self.start_asynchronous(record, work);
        self.enter(Phase::HandOff, &mut effects);
        effects
    }

    fn ended_at_once(&mut self, mut record: CommandRecord, result: Value) -> Vec<Effect> {
        record.state = CommandState::Succeeded(result);
        self.commands.list.push(record);
        vec![Effect::Save]
    }

    pub(super) fn work_ended(
        &mut self,
        now: Duration,
        id: &str,
        result: Result<WorkResult, Fault>,
    ) -> Vec<Effect> {
        let pending = self.commands.pending.take_if(|record| record.id == id);
        let synchronous = pending.is_some();
        if let Some(record) = pending {
            self.commands.list.push(record);
        }
        let Some(index) = self.commands.list.iter().position(|record| record.id == id) else {
            return Vec::new();
        };
        let record = &mut self.commands.list[index];
        match &result {
            Ok(WorkResult::Step(written)) => self.commands.written.clone_from(written),
            // A step that failed leaves nothing behind that can be relied on.
            Err(_) if record.step.is_some() => self.commands.written = None,
            _ => {}
        }
        let ended = Event::CommandEnded {
            name: record.title.clone(),
            result: result.as_ref().map(|_| ()).map_err(Clone::clone),
            took: now.saturating_sub(record.started),
        };
        record.state = match result {
            Ok(result) => CommandState::Succeeded(command_result(record.step.as_ref(), result)),
            Err(fault) => CommandState::Failed(CommandError::new(record, &fault)),
        };
        let mut effects = vec![Effect::Emit(ended), Effect::Save];
        if !synchronous {
            self.enter(Phase::Serving, &mut effects);
            effects.extend(self.force_beat(now));
        }
        effects
    }

    /// Every command in the list, oldest first.
    #[must_use]
    pub fn records(&self) -> &[CommandRecord] {
        &self.commands.list
    }

    /// One command of the list.
    #[must_use]
    pub fn record(&self, id: &str) -> Option<&CommandRecord> {
        self.commands.list.iter().find(|record| record.id == id)
    }

    /// The image that is on the disk since this boot, if there is one.
    #[must_use]
    pub fn written(&self) -> Option<&WrittenImage> {
        self.commands.written.as_ref()
    }
}

/// `command_result` of a command that succeeded.
fn command_result(step: Option<&(StepPhase, Map<String, Value>)>, result: WorkResult) -> Value {
    match (step, result) {
        (Some((phase, step)), WorkResult::Step(written)) => {
            steps::result(*phase, Value::Object(step.clone()), written.as_ref())
        }
        (_, WorkResult::Value(value)) => value,
        (_, WorkResult::Nothing | WorkResult::Step(_)) => Value::Null,
    }
}
