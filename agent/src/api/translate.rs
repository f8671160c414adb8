// SPDX-License-Identifier: Apache-2.0
//! Between the wire's words and the life cycle's: commands in, records out.

use ironseed_core::lifecycle::{BootloaderRequest, Command, CommandRecord, CommandState};
use ironseed_core::steps::StepPhase;
use ironseed_ironic::request::{Request, StepKind};
use ironseed_ironic::result::{CommandError, CommandResult, CommandStatus};
use serde_json::Value;

/// The life cycle's command for a request.
pub(crate) fn command(request: Request) -> Command {
    match request {
        Request::GetSteps { kind, node } => Command::GetSteps {
            phase: phase(kind),
            node,
        },
        Request::ExecuteStep {
            kind,
            step,
            node,
            version,
        } => Command::ExecuteStep {
            phase: phase(kind),
            step,
            node,
            version,
        },
        Request::InstallBootloader {
            root_uuid,
            efi_system_part_uuid,
            target_boot_mode: _,
            ignore_failure,
        } => Command::InstallBootloader(BootloaderRequest {
            root_uuid,
            efi_system_part_uuid,
            ignore_failure,
        }),
        Request::GetPartitionUuids => Command::GetPartitionUuids,
        Request::Sync => Command::Sync,
        Request::PowerOff => Command::PowerOff,
        Request::RunImage => Command::Reboot,
        Request::CollectSystemLogs => Command::CollectLogs,
        Request::Lockdown => Command::Lockdown,
        Request::GetHardwareInfo => Command::GetHardwareInfo,
    }
}

fn phase(kind: StepKind) -> StepPhase {
    match kind {
        StepKind::Clean => StepPhase::Clean,
        StepKind::Deploy => StepPhase::Deploy,
        StepKind::Service => StepPhase::Service,
    }
}

/// The wire's object for a record.
pub(crate) fn wire_result(record: &CommandRecord) -> CommandResult {
    let (status, error, result) = match &record.state {
        CommandState::Running => (CommandStatus::Running, None, None),
        CommandState::Succeeded(Value::Null) => (CommandStatus::Succeeded, None, None),
        CommandState::Succeeded(Value::String(text)) => {
            let wrapped = CommandResult::wrap_text(&record.name, record.asynchronous, text);
            (CommandStatus::Succeeded, None, Some(wrapped))
        }
        CommandState::Succeeded(value) => (CommandStatus::Succeeded, None, Some(value.clone())),
        CommandState::Failed(error) => (CommandStatus::Failed, Some(error), None),
        CommandState::VersionMismatch(error) => {
            (CommandStatus::CleanVersionMismatch, Some(error), None)
        }
    };
    CommandResult {
        id: record.id.clone(),
        command_name: record.name.clone(),
        command_status: status,
        command_error: error.map(|error| CommandError {
            class: error.class.clone(),
            code: error.code,
            message: error.message.clone(),
            details: error.details.clone(),
        }),
        command_result: result,
    }
}
