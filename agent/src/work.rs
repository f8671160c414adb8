// SPDX-License-Identifier: Apache-2.0
//! A command's work: facts are read, a plan is made, the guard checks it, the
//! machine carries it out.

use std::sync::Arc;

use ironseed_core::block::BlockDevices;
use ironseed_core::boot::{self, BootFacts};
use ironseed_core::dry_run::{dry_run, phase_of};
use ironseed_core::event::Event;
use ironseed_core::fault::Fault;
use ironseed_core::guard::{self, Checked, GuardPolicy};
use ironseed_core::hints;
use ironseed_core::inventory::{self, block_devices, booted_by_uefi};
use ironseed_core::lifecycle::{BootloaderRequest, Work, WorkResult};
use ironseed_core::node::Node;
use ironseed_core::plan::{Op, Outcome, Plan, WrittenImage};
use ironseed_core::steps::{self, StepContext, StepPhase, StepSettings};
use ironseed_ironic::error::ApiError;
use ironseed_machine::block::{Identify, KernelDisks};
use ironseed_machine::efi::{self, Efivarfs};
use ironseed_machine::root::Root;
use ironseed_machine::snapshot::{Reach, take};
use ironseed_machine::{execute, power};
use serde_json::{Map, Value, json};

use crate::agent::Agent;
use crate::api::PlanQuestion;
use crate::boot::chain;
use crate::{ironic, logs, settings};

/// Does what a command needs. `written` is the image that is on the disk
/// before it.
pub(crate) async fn run(
    agent: &Arc<Agent>,
    work: Work,
    node: Node,
    written: Option<WrittenImage>,
) -> Result<WorkResult, Fault> {
    match work {
        Work::Step { phase, name, args } => step(agent, phase, &name, &args, node, written)
            .await
            .map(WorkResult::Step),
        Work::InstallBootloader(request) => {
            install_bootloader(agent, &request, &node, written).await
        }
        Work::Sync => sync_disks(agent).await,
        Work::PowerOff => switch(agent, power::PowerAction::PowerOff).await,
        Work::Reboot => switch(agent, power::PowerAction::Reboot).await,
        Work::CollectLogs => Ok(WorkResult::Value(
            json!({"system_logs": collect_logs(agent).await?}),
        )),
        Work::ReadHardware => {
            let inventory = inventory::read(
                &agent.boot.snapshot().await,
                &settings::facts(&agent.settings()),
            );
            let value = serde_json::to_value(inventory)
                .map_err(|error| Fault::Internal(error.to_string()))?;
            Ok(WorkResult::Value(value))
        }
        Work::Lockdown => {
            lock_down(agent).await;
            Ok(WorkResult::Nothing)
        }
    }
}

/// What the plan of a step is made from besides the node.
struct StepFacts {
    blocks: BlockDevices,
    settings: StepSettings,
    uefi: bool,
}

impl StepFacts {
    async fn read(agent: &Arc<Agent>) -> Self {
        let snapshot = agent.boot.snapshot().await;
        Self {
            blocks: block_devices(&snapshot),
            settings: settings::steps(&agent.settings()),
            uefi: booted_by_uefi(&snapshot.files),
        }
    }

    fn context<'a>(&'a self, node: &'a Node, written: Option<&'a WrittenImage>) -> StepContext<'a> {
        StepContext {
            node,
            blocks: &self.blocks,
            settings: &self.settings,
            uefi: self.uefi,
            written,
        }
    }
}

/// Facts, plan, guard, execution of one step. Gives the image that is on the
/// disk afterwards.
async fn step(
    agent: &Arc<Agent>,
    phase: StepPhase,
    name: &str,
    args: &Map<String, Value>,
    node: Node,
    written: Option<WrittenImage>,
) -> Result<Option<WrittenImage>, Fault> {
    let step = steps::find(phase, name)?;
    let node = if step.needs.fresh_node_without_hints {
        refreshed(agent, node).await
    } else {
        node
    };
    let facts = StepFacts::read(agent).await;
    let plan = (step.plan)(&facts.context(&node, written.as_ref()), args)?;
    tell(agent, &plan);
    let destroys = plan.destroys();
    let policy = GuardPolicy::of(&node, &facts.settings, &facts.blocks)?;
    let checked = guard::check(plan, &facts.blocks, &policy)?;
    let outcome = carry_out(agent, checked).await?;
    Ok(outcome.written.or(if destroys { None } else { written }))
}

/// What a step would do, without doing or fetching anything. The node is not
/// looked up again, as the step itself may do.
pub(crate) async fn show(
    agent: &Arc<Agent>,
    question: PlanQuestion,
    node: Node,
    written: Option<WrittenImage>,
) -> Result<Value, ApiError> {
    let refused = |fault: Fault| ApiError::BadRequest(fault.to_string());
    let phase = match question.phase {
        Some(phase) => phase,
        None => phase_of(&question.step).map_err(refused)?,
    };
    let facts = StepFacts::read(agent).await;
    let context = facts.context(question.node.as_ref().unwrap_or(&node), written.as_ref());
    let shown = dry_run(phase, &question.step, &question.args, &context);
    serde_json::to_value(shown).map_err(|error| ApiError::Internal(error.to_string()))
}

/// Contract §16: without hints the node is looked up once more, because they
/// may have been set since.
async fn refreshed(agent: &Arc<Agent>, node: Node) -> Node {
    if node.root_device_hints().is_some() {
        return node;
    }
    match ironic::ask(agent, Some(&node.uuid)).await {
        Ok(answer) => {
            let fresh = serde_json::from_value::<Node>(Value::Object(answer.node)).ok();
            let hints = fresh.as_ref().and_then(Node::root_device_hints).cloned();
            let mut node = node;
            if let Some(hints) = hints {
                node.instance_info
                    .insert("root_device".to_owned(), Value::Object(hints));
            }
            node
        }
        Err(error) => {
            agent.events.warn(format!(
                "looking the node up again for root device hints failed: {}",
                chain(&error)
            ));
            node
        }
    }
}

fn tell(agent: &Agent, plan: &Plan) {
    for choice in &plan.choices {
        let verb = if choice.chosen { "takes" } else { "leaves" };
        agent
            .events
            .note(format!("plan: {verb} {}: {}", choice.device, choice.reason));
    }
}

/// Executes in a thread that may block; its events join the stream.
async fn carry_out(agent: &Arc<Agent>, checked: Checked<Plan>) -> Result<Outcome, Fault> {
    let within = Arc::clone(agent);
    let execute = move || {
        let machine = execute::Machine {
            disks: Arc::new(KernelDisks::new(identify(within.boot.root.clone()))),
            variables: Arc::new(Efivarfs::new(within.boot.root.clone())),
            clock: Arc::clone(&within.clock),
        };
        execute::execute(&checked, &machine, &|event| match event {
            // A milestone is worth its first time only.
            Event::Reached(milestone) => within.events.reached(&milestone.name),
            event => within.events.emit(&event),
        })
    };
    agent.blocking(execute).await?
}

/// Reads a device's identity afresh, the way plans got theirs.
fn identify(root: Root) -> Box<Identify> {
    Box::new(move |name| {
        block_devices(&take(&root, Reach::Live))
            .get(name)
            .map(Into::into)
    })
}

/// Contract §17: boot entries for a UEFI machine; nothing to do for a
/// whole-disk image on a BIOS machine.
async fn install_bootloader(
    agent: &Arc<Agent>,
    request: &BootloaderRequest,
    node: &Node,
    written: Option<WrittenImage>,
) -> Result<WorkResult, Fault> {
    match set_boot_entries(agent, request, node, written).await {
        Ok(()) => {
            agent.events.reached("boot-entry");
            Ok(WorkResult::Nothing)
        }
        Err(fault) if request.ignore_failure == Some(true) => {
            agent.events.emit(&Event::Failed(fault));
            agent
                .events
                .warn("this failure is ignored, as ignore_bootloader_failure says");
            Ok(WorkResult::Nothing)
        }
        Err(fault) => Err(fault),
    }
}

async fn set_boot_entries(
    agent: &Arc<Agent>,
    request: &BootloaderRequest,
    node: &Node,
    written: Option<WrittenImage>,
) -> Result<(), Fault> {
    let blocks = block_devices(&agent.boot.snapshot().await);
    let no_boot_loader = written
        .as_ref()
        .and_then(|written| written.partitions.as_ref()?.no_boot_loader.clone());
    let written = written.and_then(|written| blocks.get(&written.device.name));
    let disk = match written {
        Some(disk) => disk,
        None => hints::choose_root_device(&blocks, node)?.0,
    };
    let (root, esp_uuid) = (
        agent.boot.root.clone(),
        request.efi_system_part_uuid.clone(),
    );
    let disk = disk.clone();
    let read = move || efi::read_boot_facts(&root, &disk, esp_uuid.as_deref());
    let facts: BootFacts = agent.blocking(read).await??;
    let plan = boot::plan(&facts, request).map_err(|fault| with_reason(fault, no_boot_loader))?;
    tell(agent, &plan);
    let wanted = settings::steps(&agent.settings());
    let checked = guard::check(plan, &blocks, &GuardPolicy::of(node, &wanted, &blocks)?)?;
    carry_out(agent, checked).await.map(|_| ())
}

/// The disk has no boot loader because none could be copied from the image.
fn with_reason(fault: Fault, no_boot_loader: Option<String>) -> Fault {
    match (fault, no_boot_loader) {
        (Fault::NoBootLoader { device, problem }, Some(reason)) => Fault::NoBootLoader {
            device,
            problem: format!("{problem}: {reason}"),
        },
        (fault, _) => fault,
    }
}

async fn sync_disks(agent: &Arc<Agent>) -> Result<WorkResult, Fault> {
    let plan = Plan::in_order(vec![Op::Sync]);
    let checked = guard::check(plan, &BlockDevices::default(), &GuardPolicy::default())?;
    carry_out(agent, checked).await.map(|_| WorkResult::Nothing)
}

/// The machine goes down; this returns only if it does not.
async fn switch(agent: &Arc<Agent>, action: power::PowerAction) -> Result<WorkResult, Fault> {
    agent.events.note(match action {
        power::PowerAction::PowerOff => "handing the machine over: power off",
        power::PowerAction::Reboot => "handing the machine over: reboot",
    });
    agent
        .power
        .switch(action)
        .await
        .map_err(|error| Fault::Internal(chain(&error)))?;
    Ok(WorkResult::Nothing)
}

async fn collect_logs(agent: &Arc<Agent>) -> Result<String, Fault> {
    let snapshot = agent.boot.snapshot().await;
    logs::pack(agent, snapshot, None).await
}

/// Takes the network down; nobody can reach the agent any more.
pub(crate) async fn lock_down(agent: &Arc<Agent>) {
    agent
        .events
        .note("locked down: the network goes off, the machine stays on and does nothing more");
    agent.network.stop().await;
    if let Err(error) = ironseed_machine::net::bring_down_all(&agent.boot.root).await {
        agent.events.warn(chain(&error));
    }
}
