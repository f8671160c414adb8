// SPDX-License-Identifier: Apache-2.0
//! The command result object (contract §11).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One command as Ironic reads it: exactly these keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandResult {
    /// UUID of the command.
    pub id: String,
    /// Short name, without the extension: Ironic searches the list by it.
    pub command_name: String,
    /// How far it is.
    pub command_status: CommandStatus,
    /// Why it failed.
    pub command_error: Option<CommandError>,
    /// What it gave.
    pub command_result: Option<Value>,
}

/// How far a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CommandStatus {
    /// Under way.
    Running,
    /// Done.
    Succeeded,
    /// Failed; `command_error` says why.
    Failed,
    /// The step list Ironic has is of another agent build.
    CleanVersionMismatch,
}

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandError {
    /// The error class, as Ironic knows it.
    #[serde(rename = "type")]
    pub class: String,
    /// HTTP-like number of the class.
    pub code: u16,
    /// What failed, in general.
    pub message: String,
    /// What failed, in particular; this is what Ironic shows.
    pub details: String,
}

impl CommandResult {
    /// A string result the way it goes on the wire: `{"result": s}`, with the
    /// command's name in front of it if the command was asynchronous.
    #[must_use]
    pub fn wrap_text(command_name: &str, asynchronous: bool, text: &str) -> Value {
        if asynchronous {
            json!({"result": format!("{command_name}: {text}")})
        } else {
            json!({"result": text})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_has_exactly_the_contracts_keys() {
        let result = CommandResult {
            id: "1".into(),
            command_name: "execute_clean_step".into(),
            command_status: CommandStatus::CleanVersionMismatch,
            command_error: Some(CommandError {
                class: "VersionMismatch".into(),
                code: 409,
                message: "m".into(),
                details: "d".into(),
            }),
            command_result: None,
        };
        assert_eq!(
            serde_json::to_value(&result).expect("json"),
            json!({"id": "1", "command_name": "execute_clean_step", "command_status": "CLEAN_VERSION_MISMATCH",
                "command_error": {"type": "VersionMismatch", "code": 409, "message": "m", "details": "d"},
                "command_result": null})
        );
    }
}
