// SPDX-License-Identifier: Apache-2.0
//! Ironic's commands: bytes to a closed enum (contract §11, §12).

use serde_json::{Map, Value};

use crate::error::ApiError;

/// The three kinds of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// Before a node becomes available.
    Clean,
    /// While an instance is put onto it.
    Deploy,
    /// While an instance is on it.
    Service,
}

/// A command this agent knows, with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// `clean.get_clean_steps`, `deploy.get_deploy_steps`, `service.get_service_steps`.
    GetSteps {
        /// Which steps.
        kind: StepKind,
        /// The node as Ironic has it now.
        node: Map<String, Value>,
    },
    /// `clean.execute_clean_step` and its siblings.
    ExecuteStep {
        /// Which kind of step.
        kind: StepKind,
        /// The step object; echoed unchanged in the result.
        step: Map<String, Value>,
        /// The node as Ironic has it now.
        node: Map<String, Value>,
        /// `clean_version` and its siblings: what get_*_steps told; `None` means no check.
        version: Option<Map<String, Value>>,
    },
    /// `image.install_bootloader`.
    InstallBootloader {
        /// File-system UUID or disk identifier of the root.
        root_uuid: Option<String>,
        /// UUID of the EFI system partition, for partition images.
        efi_system_part_uuid: Option<String>,
        /// `uefi` or `bios`.
        target_boot_mode: Option<String>,
        /// Whether a failure is no failure; `None` leaves it to the settings.
        ignore_failure: Option<bool>,
    },
    /// `standby.get_partition_uuids`.
    GetPartitionUuids,
    /// `standby.sync`.
    Sync,
    /// `standby.power_off`.
    PowerOff,
    /// `standby.run_image`: reboot.
    RunImage,
    /// `log.collect_system_logs`.
    CollectSystemLogs,
    /// `system.lockdown`.
    Lockdown,
    /// `poll.get_hardware_info`.
    GetHardwareInfo,
}

impl Request {
    /// Reads the body of `POST /v1/commands/`.
    ///
    /// # Errors
    /// The refusal of §11: not JSON, no such command, parameters missing,
    /// unknown or of the wrong type.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let (name, params) = envelope(body)?;
        let (extension, command) = name.split_once('.').ok_or_else(|| {
            ApiError::InvalidCommand(format!("{name}: a command is <extension>.<command>"))
        })?;
        let mut params = Params {
            command: name.clone(),
            fields: params,
        };
        let request = match extension {
            "clean" => step_command(StepKind::Clean, command, &mut params)?,
            "deploy" => step_command(StepKind::Deploy, command, &mut params)?,
            "service" => step_command(StepKind::Service, command, &mut params)?,
            "standby" => match command {
                "get_partition_uuids" => Some(Self::GetPartitionUuids),
                "sync" => Some(Self::Sync),
                "power_off" => Some(Self::PowerOff),
                "run_image" => Some(Self::RunImage),
                _ => None,
            },
            "image" => (command == "install_bootloader")
                .then(|| install_bootloader(&mut params))
                .transpose()?,
            "log" => (command == "collect_system_logs").then_some(Self::CollectSystemLogs),
            "system" => (command == "lockdown").then_some(Self::Lockdown),
            "poll" => (command == "get_hardware_info").then_some(Self::GetHardwareInfo),
            _ => return Err(ApiError::NotFound(format!("extension {extension}"))),
        };
        let request = request.ok_or_else(|| ApiError::InvalidCommand(name.clone()))?;
        params.nothing_left()?;
        Ok(request)
    }

    /// The command's name without its extension, as it stands in results.
    #[must_use]
    pub fn short_name(&self) -> &'static str {
        match self {
            Request::GetSteps {
                kind: StepKind::Clean,
                ..
            } => "get_clean_steps",
            Request::GetSteps {
                kind: StepKind::Deploy,
                ..
            } => "get_deploy_steps",
            Request::GetSteps {
                kind: StepKind::Service,
                ..
            } => "get_service_steps",
            Request::ExecuteStep {
                kind: StepKind::Clean,
                ..
            } => "execute_clean_step",
            Request::ExecuteStep {
                kind: StepKind::Deploy,
                ..
            } => "execute_deploy_step",
            Request::ExecuteStep {
                kind: StepKind::Service,
                ..
            } => "execute_service_step",
            Request::InstallBootloader { .. } => "install_bootloader",
            Request::GetPartitionUuids => "get_partition_uuids",
            Request::Sync => "sync",
            Request::PowerOff => "power_off",
            Request::RunImage => "run_image",
            Request::CollectSystemLogs => "collect_system_logs",
            Request::Lockdown => "lockdown",
            Request::GetHardwareInfo => "get_hardware_info",
        }
    }
}

/// `{"name": …, "params": {…}}`.
fn envelope(body: &[u8]) -> Result<(String, Map<String, Value>), ApiError> {
    let bad = |text: String| ApiError::BadRequest(text);
    let Value::Object(mut fields) = serde_json::from_slice(body)
        .map_err(|error| bad(format!("the body is not JSON: {error}")))?
    else {
        return Err(bad("the body is not an object".to_owned()));
    };
    let Some(Value::String(name)) = fields.remove("name") else {
        return Err(bad("the text 'name' is missing".to_owned()));
    };
    let Some(Value::Object(params)) = fields.remove("params") else {
        return Err(bad("the object 'params' is missing".to_owned()));
    };
    Ok((name, params))
}

fn step_command(
    kind: StepKind,
    command: &str,
    params: &mut Params,
) -> Result<Option<Request>, ApiError> {
    let (get, execute, version) = match kind {
        StepKind::Clean => ("get_clean_steps", "execute_clean_step", "clean_version"),
        StepKind::Deploy => ("get_deploy_steps", "execute_deploy_step", "deploy_version"),
        StepKind::Service => (
            "get_service_steps",
            "execute_service_step",
            "service_version",
        ),
    };
    if command == get {
        let node = params.object("node")?;
        params.ports()?;
        Ok(Some(Request::GetSteps { kind, node }))
    } else if command == execute {
        let step = params.object("step")?;
        if !matches!(step.get("step"), Some(Value::String(_))) {
            return Err(params.invalid("step.step, the name of the step, is missing"));
        }
        let node = params.object("node")?;
        params.ports()?;
        let version = params.optional_object(version)?;
        Ok(Some(Request::ExecuteStep {
            kind,
            step,
            node,
            version,
        }))
    } else {
        Ok(None)
    }
}

fn install_bootloader(params: &mut Params) -> Result<Request, ApiError> {
    let request = Request::InstallBootloader {
        root_uuid: params.optional_text("root_uuid")?,
        efi_system_part_uuid: params.optional_text("efi_system_part_uuid")?,
        target_boot_mode: params.optional_text("target_boot_mode")?,
        ignore_failure: params.optional_bool("ignore_bootloader_failure")?,
    };
    params.optional_text("prep_boot_part_uuid")?;
    Ok(request)
}

/// The parameters of one command; each is taken out once, and what is left
/// over is an error.
struct Params {
    command: String,
    fields: Map<String, Value>,
}

impl Params {
    fn invalid(&self, problem: impl std::fmt::Display) -> ApiError {
        ApiError::InvalidParameters(format!("{}: {problem}", self.command))
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    fn object(&mut self, name: &str) -> Result<Map<String, Value>, ApiError> {
        self.optional_object(name)?
            .ok_or_else(|| self.invalid(format_args!("the object '{name}' is missing")))
    }

    fn optional_object(&mut self, name: &str) -> Result<Option<Map<String, Value>>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(fields)),
            Some(_) => Err(self.invalid(format_args!("'{name}' is not an object"))),
        }
    }

    fn optional_text(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.invalid(format_args!("'{name}' is not a text"))),
        }
    }

    fn optional_bool(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(truth)) => Ok(Some(truth)),
            Some(_) => Err(self.invalid(format_args!("'{name}' is neither true nor false"))),
        }
    }

    /// The ports Ironic knows: checked, but this agent reads its own.
    fn ports(&mut self) -> Result<(), ApiError> {
        match self.take("ports") {
            None | Some(Value::Array(_)) => Ok(()),
            Some(_) => Err(self.invalid("'ports' is not a list")),
        }
    }

    fn nothing_left(&self) -> Result<(), ApiError> {
        match self.fields.keys().next() {
            None => Ok(()),
            Some(name) => Err(self.invalid(format_args!("unknown parameter '{name}'"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(body: &Value) -> Result<Request, ApiError> {
        Request::parse(body.to_string().as_bytes())
    }

    #[test]
    fn known_commands_are_read() {
        let step = json!({"step": "erase_devices", "interface": "deploy"});
        let cases = [
            (
                json!({"name": "clean.get_clean_steps", "params": {"node": {"uuid": "u"}, "ports": []}}),
                "get_clean_steps",
            ),
            (
                json!({"name": "clean.execute_clean_step", "params": {"step": step, "node": {}, "ports": [],
                "clean_version": {"generic_hardware_manager": "1.2"}}}),
                "execute_clean_step",
            ),
            (
                json!({"name": "deploy.execute_deploy_step", "params": {"step": step, "node": {}, "ports": [],
                "deploy_version": null}}),
                "execute_deploy_step",
            ),
            (
                json!({"name": "service.get_service_steps", "params": {"node": {}, "ports": []}}),
                "get_service_steps",
            ),
            (
                json!({"name": "image.install_bootloader", "params": {"root_uuid": "0x00000000",
                "efi_system_part_uuid": null, "prep_boot_part_uuid": null, "target_boot_mode": "uefi"}}),
                "install_bootloader",
            ),
            (
                json!({"name": "standby.get_partition_uuids", "params": {}}),
                "get_partition_uuids",
            ),
            (
                json!({"name": "standby.power_off", "params": {}}),
                "power_off",
            ),
            (
                json!({"name": "standby.run_image", "params": {}}),
                "run_image",
            ),
            (json!({"name": "standby.sync", "params": {}}), "sync"),
            (
                json!({"name": "log.collect_system_logs", "params": {}}),
                "collect_system_logs",
            ),
            (json!({"name": "system.lockdown", "params": {}}), "lockdown"),
        ];
        for (body, name) in cases {
            assert_eq!(
                parse(&body).map(|request| request.short_name()),
                Ok(name),
                "{body}"
            );
        }
    }

    #[test]
    fn refusals_have_the_contracts_form() {
        let cases = [
            (json!([]), 400, "400 Bad Request: the body is not an object"),
            (
                json!({"params": {}}),
                400,
                "400 Bad Request: the text 'name' is missing",
            ),
            (
                json!({"name": "a.b"}),
                400,
                "400 Bad Request: the object 'params' is missing",
            ),
            (
                json!({"name": "a.b", "params": []}),
                400,
                "400 Bad Request: the object 'params' is missing",
            ),
            (
                json!({"name": "nodot", "params": {}}),
                400,
                "Invalid command: nodot: a command is <extension>.<command>",
            ),
            (
                json!({"name": "clean.dance", "params": {}}),
                400,
                "Invalid command: clean.dance",
            ),
            (
                json!({"name": "iscsi.start", "params": {}}),
                404,
                "Not found: extension iscsi",
            ),
            (
                json!({"name": "clean.get_clean_steps", "params": {"ports": []}}),
                400,
                "Invalid command parameters: clean.get_clean_steps: the object 'node' is missing",
            ),
            (
                json!({"name": "clean.execute_clean_step", "params": {"step": {}, "node": {}, "ports": []}}),
                400,
                "Invalid command parameters: clean.execute_clean_step: step.step, the name of the step, is missing",
            ),
            (
                json!({"name": "standby.sync", "params": {"x": 1}}),
                400,
                "Invalid command parameters: standby.sync: unknown parameter 'x'",
            ),
        ];
        for (body, status, text) in cases {
            let error = parse(&body).expect_err("a refusal");
            assert_eq!((error.status(), error.to_string().as_str()), (status, text));
        }
        assert_eq!(Request::parse(b"{").expect_err("a refusal").status(), 400);
    }

    #[test]
    fn no_cut_or_flipped_body_panics() {
        let body = json!({"name": "clean.execute_clean_step", "params": {"step": {"step": "x"}, "node": {"uuid": "é"}, "ports": []}})
            .to_string()
            .into_bytes();
        for end in 0..body.len() {
            assert!(Request::parse(&body[..end]).is_err());
        }
        for position in 0..body.len() {
            for bit in 0..8 {
                let mut flipped = body.clone();
                flipped[position] ^= 1 << bit;
                if let Err(error) = Request::parse(&flipped) {
                    assert!((400..500).contains(&error.status()));
                }
            }
        }
    }
}
