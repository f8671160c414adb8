// SPDX-License-Identifier: Apache-2.0
//! Ironic's REST API, as far as scenarios use it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::error::Error;
use crate::http::{Client, Method};
use crate::network::{self, IRONIC_PORT};
use crate::wait::{self, Probe};

/// A client for the lab's Ironic.
#[derive(Clone, Debug)]
pub struct IronicApi {
    client: Client,
    base: String,
}

/// What a node is doing, as Ironic says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeState {
    /// `provision_state`, for example "deploy wait".
    pub provision: String,
    /// `target_provision_state`, empty if there is none.
    pub target: String,
    /// `power_state`.
    pub power: String,
    /// The name of the clean, deploy or service step that runs, empty if none.
    pub step: String,
    /// `last_error`, empty if there is none.
    pub last_error: String,
    /// Somebody holds the node's lock.
    pub locked: bool,
}

impl NodeState {
    fn read(node: &Value) -> Self {
        let text = |key: &str| node[key].as_str().unwrap_or_default().to_owned();
        let step = ["deploy_step", "clean_step", "service_step"]
            .iter()
            .find_map(|key| node[*key]["step"].as_str())
            .unwrap_or_default();
        Self {
            provision: text("provision_state"),
            target: text("target_provision_state"),
            power: text("power_state"),
            step: step.to_owned(),
            last_error: text("last_error"),
            locked: node["reservation"].is_string(),
        }
    }

    /// One line for people.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text = format!("{}, {}", self.provision, self.power);
        if !self.step.is_empty() {
            text.push_str(&format!(", step {}", self.step));
        }
        if !self.last_error.is_empty() {
            text.push_str(&format!(", last error: {}", self.last_error));
        }
        text
    }

    /// True if people would see no difference.
    fn looks_like(&self, other: &Self) -> bool {
        self.describe() == other.describe()
    }

    /// The operation ended badly and will not go on by itself.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.provision.ends_with("failed") || self.provision == "error"
    }
}

impl IronicApi {
    /// A client for the lab's Ironic.
    ///
    /// # Errors
    /// See [`Client::new`].
    pub fn new() -> Result<Self, Error> {
        let client = Client::new()?.with_header("X-OpenStack-Ironic-API-Version", "latest");
        Ok(Self {
            client,
            base: network::url(IRONIC_PORT),
        })
    }

    fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Error> {
        self.client
            .send(method, &format!("{}{path}", self.base), body)
    }

    /// True if the API knows a conductor that is alive.
    ///
    /// # Errors
    /// If the API does not answer.
    pub fn conductors_alive(&self) -> Result<bool, Error> {
        let answer = self.send(Method::GET, "/v1/conductors", None)?;
        let conductors = answer["conductors"].as_array();
        Ok(conductors.is_some_and(|all| all.iter().any(|one| one["alive"] == true)))
    }

    /// Creates a node and returns its UUID.
    ///
    /// # Errors
    /// Ironic's refusal.
    pub fn create_node(&self, node: &Value) -> Result<String, Error> {
        let created = self.send(Method::POST, "/v1/nodes", Some(node))?;
        Ok(created["uuid"].as_str().unwrap_or_default().to_owned())
    }

    /// Creates a port.
    ///
    /// # Errors
    /// Ironic's refusal.
    pub fn create_port(&self, node: &str, address: &str) -> Result<(), Error> {
        let port = json!({"node_uuid": node, "address": address});
        self.send(Method::POST, "/v1/ports", Some(&port)).map(drop)
    }

    /// The hardware addresses of a node's ports.
    ///
    /// # Errors
    /// Ironic's refusal.
    pub fn port_addresses(&self, node: &str) -> Result<Vec<String>, Error> {
        let answer = self.send(Method::GET, &format!("/v1/nodes/{node}/ports"), None)?;
        let ports = answer["ports"].as_array().cloned().unwrap_or_default();
        let mut addresses: Vec<String> = ports
            .iter()
            .filter_map(|port| port["address"].as_str().map(str::to_owned))
            .collect();
        addresses.sort();
        Ok(addresses)
    }

    /// All nodes, with all their fields.
    ///
    /// # Errors
    /// Ironic's refusal.
    pub fn nodes(&self) -> Result<Vec<Value>, Error> {
        let answer = self.send(Method::GET, "/v1/nodes?detail=true", None)?;
        Ok(answer["nodes"].as_array().cloned().unwrap_or_default())
    }

    /// One node, with all its fields.
    ///
    /// # Errors
    /// Ironic's refusal.
    pub fn node(&self, node: &str) -> Result<Value, Error> {
        self.send(Method::GET, &format!("/v1/nodes/{node}"), None)
    }

    /// What a node is doing.
    ///
    /// # Errors
    /// Ironic's refusal.
    pub fn state(&self, node: &str) -> Result<NodeState, Error> {
        Ok(NodeState::read(&self.node(node)?))
    }

    /// Changes a node with a JSON patch.
    ///
    /// # Errors
    /// Ironic's refusal.
    pub fn patch(&self, node: &str, patch: &Value) -> Result<(), Error> {
        self.send(Method::PATCH, &format!("/v1/nodes/{node}"), Some(patch))
            .map(drop)
    }

    /// Makes Ironic leave a node alone, in whatever state it is.
    ///
    /// # Errors
    /// Ironic's refusal, for example while the node is locked.
    pub fn set_maintenance(&self, node: &str, reason: &str) -> Result<(), Error> {
        let path = format!("/v1/nodes/{node}/maintenance");
        self.send(Method::PUT, &path, Some(&json!({"reason": reason})))
            .map(drop)
    }

    /// The inventory and the plug-in data of the last inspection.
    ///
    /// # Errors
    /// Ironic's refusal; 404 if the node was never inspected.
    pub fn inventory(&self, node: &str) -> Result<Value, Error> {
        self.send(Method::GET, &format!("/v1/nodes/{node}/inventory"), None)
    }

    /// What happened to a node, newest last.
    ///
    /// # Errors
    /// Ironic's refusal.
    pub fn history(&self, node: &str) -> Result<Value, Error> {
        self.send(
            Method::GET,
            &format!("/v1/nodes/{node}/history?detail=true"),
            None,
        )
    }

    /// Asks for a provision state. `extra` are further members of the request, such as
    /// `configdrive` or `clean_steps`.
    ///
    /// # Errors
    /// Ironic's refusal.
    pub fn request(&self, node: &str, target: &str, extra: Value) -> Result<(), Error> {
        let mut body = extra;
        if !body.is_object() {
            body = json!({});
        }
        body["target"] = json!(target);
        let path = format!("/v1/nodes/{node}/states/provision");
        self.send(Method::PUT, &path, Some(&body)).map(drop)
    }

    /// Asks for a power state, for example "power on".
    ///
    /// # Errors
    /// Ironic's refusal.
    pub fn request_power(&self, node: &str, target: &str) -> Result<(), Error> {
        let path = format!("/v1/nodes/{node}/states/power");
        self.send(Method::PUT, &path, Some(&json!({"target": target})))
            .map(drop)
    }

    /// Waits until `probe` is ready, and tells `progress` each change of the node's state on the
    /// way, with the time since the start of the wait. The probe sees the state.
    ///
    /// # Errors
    /// [`Error::Timeout`] if it takes too long, or the probe's error.
    pub fn watch<T>(
        &self,
        node: &str,
        what: &str,
        limit: Duration,
        mut progress: impl FnMut(Duration, &NodeState),
        mut probe: impl FnMut(&NodeState) -> Result<Probe<T>, Error>,
    ) -> Result<T, Error> {
        let start = Instant::now();
        let mut before: Option<NodeState> = None;
        wait::until(&format!("node {node}: {what}"), limit, || {
            let state = self.state(node)?;
            if before.as_ref().is_none_or(|old| !old.looks_like(&state)) {
                progress(start.elapsed(), &state);
            }
            let result = probe(&state);
            before = Some(state);
            result
        })
    }
}

/// A probe for [`IronicApi::watch`]: the node is in one of the `wanted` states and nobody works on
/// it.
///
/// # Errors
/// [`Error::NodeFailed`] for a failure that is not wanted.
pub fn settled_in(state: &NodeState, wanted: &[&str]) -> Result<Probe<NodeState>, Error> {
    if wanted.contains(&state.provision.as_str()) {
        return Ok(if state.locked {
            Probe::NotYet(format!("{}, but locked", state.describe()))
        } else {
            Probe::Ready(state.clone())
        });
    }
    if state.has_failed() {
        return Err(Error::NodeFailed {
            state: state.provision.clone(),
            wanted: wanted.join(" or "),
            last_error: state.last_error.clone(),
        });
    }
    Ok(Probe::NotYet(state.describe()))
}
