// SPDX-License-Identifier: Apache-2.0
//! A machine that Ironic knows, and the steps of its life. Each method asks Ironic for something,
//! waits until it is done and tells what happens on the way.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::ironic_api::{IronicApi, NodeState, settled_in};
use crate::lab::{BootInterface, Lab};
use crate::machine::Machine;
use crate::process;
use crate::wait::Probe;

/// Generous limits: only a failure ever takes that long.
const MANAGE_LIMIT: Duration = Duration::from_mins(3);
const INSPECT_LIMIT: Duration = Duration::from_mins(15);
const CLEAN_LIMIT: Duration = Duration::from_mins(30);
const DEPLOY_LIMIT: Duration = Duration::from_mins(40);

/// A machine and its node.
#[derive(Debug)]
pub struct Node<'lab> {
    lab: &'lab Lab,
    machine: &'lab Machine,
    uuid: String,
}

/// An image to deploy.
#[derive(Clone, Debug)]
pub struct ImageSource {
    /// Where the agent fetches it.
    pub url: String,
    /// `raw`, `qcow2`, ….
    pub disk_format: String,
    /// The name of the digest, for example `sha256`.
    pub hash_algo: String,
    /// The digest in hexadecimal digits.
    pub hash_value: String,
    /// `whole-disk` or `partition`.
    pub image_type: String,
    /// Further fields of the node's `instance_info`.
    pub more: Map<String, Value>,
}

impl ImageSource {
    /// Puts an image file on the lab's file server.
    ///
    /// # Errors
    /// If it cannot be read or linked.
    pub fn serve(lab: &Lab, file: &Path, disk_format: &str) -> Result<Self, Error> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        Self::serve_as(lab, file, disk_format, &name)
    }

    /// Like [`ImageSource::serve`], under another name.
    ///
    /// # Errors
    /// If the file cannot be read or linked.
    pub fn serve_as(lab: &Lab, file: &Path, disk_format: &str, name: &str) -> Result<Self, Error> {
        let name = name.replace([' ', ','], "-");
        let url = lab.serve(file, &format!("images/{name}"))?;
        let printed = process::run(Command::new("sha256sum").arg(file))?;
        let hash_value = printed
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned();
        Ok(Self {
            url,
            disk_format: disk_format.to_owned(),
            hash_algo: "sha256".to_owned(),
            hash_value,
            image_type: "whole-disk".to_owned(),
            more: Map::new(),
        })
    }

    /// Its path on the file server, as [`crate::faults::Faults`] wants it.
    #[must_use]
    pub fn path(&self) -> String {
        url::Url::parse(&self.url)
            .map(|url| url.path().to_owned())
            .unwrap_or_default()
    }

    fn instance_info(&self) -> Value {
        let mut info = self.more.clone();
        for (key, value) in [
            ("image_source", &self.url),
            ("image_disk_format", &self.disk_format),
            ("image_os_hash_algo", &self.hash_algo),
            ("image_os_hash_value", &self.hash_value),
            ("image_type", &self.image_type),
        ] {
            info.insert(key.to_owned(), json!(value));
        }
        Value::Object(info)
    }
}

/// One failure in the history of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    id: String,
    /// What Ironic tells people.
    pub text: String,
}

impl<'lab> Node<'lab> {
    /// Enrolls a machine.
    ///
    /// # Errors
    /// Ironic's refusal.
    pub fn enroll(
        lab: &'lab Lab,
        machine: &'lab Machine,
        boot: BootInterface,
    ) -> Result<Self, Error> {
        let uuid = lab.enroll(machine, boot)?;
        lab.narrator()
            .say(format!("{}: enrolled as node {uuid}", machine.name()));
        Ok(Self { lab, machine, uuid })
    }

    /// Its UUID.
    #[must_use]
    pub fn uuid(&self) -> &str {
        &self.uuid
    }

    fn api(&self) -> &IronicApi {
        self.lab.ironic()
    }

    /// Asks for `target` and waits for one of the states `wanted`.
    ///
    /// # Errors
    /// Ironic's refusal, a failed operation, or time out.
    pub fn go(
        &self,
        target: &str,
        extra: Value,
        wanted: &[&str],
        limit: Duration,
    ) -> Result<NodeState, Error> {
        self.api().request(&self.uuid, target, extra)?;
        self.wait_for(wanted, limit)
    }

    /// Waits for one of the states `wanted` and tells each change.
    ///
    /// # Errors
    /// A failed operation, or time out.
    pub fn wait_for(&self, wanted: &[&str], limit: Duration) -> Result<NodeState, Error> {
        self.watch(&wanted.join(" or "), limit, |state| {
            settled_in(state, wanted)
        })
    }

    /// Waits until `probe` is ready and tells each change of the node's state. Any failure of the
    /// node that the probe lets pass ends the wait with its time limit only.
    ///
    /// # Errors
    /// The probe's error, or time out.
    pub fn watch<T>(
        &self,
        what: &str,
        limit: Duration,
        probe: impl FnMut(&NodeState) -> Result<Probe<T>, Error>,
    ) -> Result<T, Error> {
        let tell = |elapsed: Duration, state: &NodeState| {
            let seconds = elapsed.as_secs_f64();
            let name = self.machine.name();
            self.lab.narrator().say(format!(
                "{name}: {} (after {seconds:.1} s)",
                state.describe()
            ));
        };
        self.api().watch(&self.uuid, what, limit, tell, probe)
    }

    /// enroll → manageable.
    ///
    /// # Errors
    /// See [`Node::go`].
    pub fn manage(&self) -> Result<NodeState, Error> {
        self.go("manage", json!({}), &["manageable"], MANAGE_LIMIT)
    }

    /// manageable → inspected, manageable again.
    ///
    /// # Errors
    /// See [`Node::go`].
    pub fn inspect(&self) -> Result<NodeState, Error> {
        self.api().request(&self.uuid, "inspect", json!({}))?;
        self.wait_for(&["inspecting", "inspect wait"], MANAGE_LIMIT)?;
        self.wait_for(&["manageable"], INSPECT_LIMIT)
    }

    /// manageable → cleaned, available. Returns the names of the clean steps that were seen; a
    /// quick one may not have been.
    ///
    /// # Errors
    /// See [`Node::go`].
    pub fn provide(&self) -> Result<Vec<String>, Error> {
        let mut steps: Vec<String> = Vec::new();
        self.api().request(&self.uuid, "provide", json!({}))?;
        self.watch("available", CLEAN_LIMIT, |state| {
            if !state.step.is_empty() && !steps.contains(&state.step) {
                steps.push(state.step.clone());
            }
            settled_in(state, &["available"])
        })?;
        Ok(steps)
    }

    /// Sets fields of the node, each a path and a value.
    ///
    /// # Errors
    /// Ironic's refusal.
    pub fn set(&self, fields: &[(&str, Value)]) -> Result<(), Error> {
        let patch: Vec<Value> = fields
            .iter()
            .map(|(path, value)| json!({"op": "add", "path": path, "value": value}))
            .collect();
        self.api().patch(&self.uuid, &Value::Array(patch))
    }

    /// Everything that has failed so far, as Ironic's history of the node has it. `last_error` says
    /// the same, but Ironic 39 empties it again when it powers a machine off because of a failure.
    ///
    /// # Errors
    /// Ironic's refusal.
    pub fn failures(&self) -> Result<Vec<Failure>, Error> {
        let history = self.api().history(&self.uuid)?;
        let entries = history["history"].as_array().into_iter().flatten();
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        Ok(entries
            .filter(|entry| entry["severity"] == "ERROR")
            .map(|entry| Failure {
                id: text(entry, "uuid"),
                text: text(entry, "event"),
            })
            .collect())
    }

    /// Makes the next deployments write `image`.
    ///
    /// # Errors
    /// Ironic's refusal.
    pub fn choose_image(&self, image: &ImageSource) -> Result<(), Error> {
        self.set(&[("/instance_info", image.instance_info())])
    }

    /// Starts a deployment; [`Node::wait_for_deployment`] waits for its end.
    ///
    /// # Errors
    /// Ironic's refusal.
    pub fn start_deployment(&self, configdrive: &Value) -> Result<(), Error> {
        self.api()
            .request(&self.uuid, "active", json!({"configdrive": configdrive}))
    }

    /// Waits until the deployment has ended well.
    ///
    /// # Errors
    /// A failed deployment, or time out.
    pub fn wait_for_deployment(&self) -> Result<NodeState, Error> {
        self.wait_for(&["active"], DEPLOY_LIMIT)
    }
}
