// SPDX-License-Identifier: Apache-2.0
//! The descriptive documents of the agent's API: `/`, `/v1/` and status
//! (contract §11).

use serde_json::{Value, json};

fn link(url: &str, rel: &str) -> Value {
    json!({"href": url, "rel": rel})
}

/// `GET /`. `base` is the URL the request came by, without a trailing slash.
#[must_use]
pub fn root(base: &str) -> Value {
    let version = json!({"id": "v1", "links": [link(&format!("{base}/v1/"), "self")]});
    json!({
        "name": "OpenStack Ironic Python Agent API",
        "description": "Ironic Python Agent is a provisioning agent for OpenStack Ironic",
        "versions": [version],
        "default_version": version,
    })
}

/// `GET /v1/`.
#[must_use]
pub fn v1(base: &str) -> Value {
    let resource = |name: &str| {
        json!([
            link(&format!("{base}/v1/{name}/"), "self"),
            link(&format!("{base}/{name}/"), "bookmark"),
        ])
    };
    json!({
        "id": "v1",
        "commands": resource("commands"),
        "status": resource("status"),
        "links": [link(&format!("{base}/v1/"), "self")],
        "media_types": [{
            "base": "application/json",
            "type": "application/vnd.openstack.ironic-python-agent.v1+json",
        }],
    })
}

/// `GET /v1/status`. `started_at` is Unix time in seconds.
#[must_use]
pub fn status(started_at: f64, version: &str) -> Value {
    json!({"started_at": started_at, "version": version})
}
