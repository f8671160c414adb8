// SPDX-License-Identifier: Apache-2.0
//! Collector `logs`: the log archive, base64 of a tar.gz (contract §22).

use serde_json::{Map, Value, json};

use super::Collected;

pub(super) fn collect(
    collected: &Collected<'_>,
    payload: &mut Map<String, Value>,
) -> Result<(), String> {
    let logs = collected
        .wanted
        .logs
        .as_ref()
        .ok_or("the archive could not be made")?;
    payload.insert("logs".into(), json!(logs));
    Ok(())
}
