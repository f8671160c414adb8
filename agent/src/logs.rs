// SPDX-License-Identifier: Apache-2.0
//! The log archive that inspection and `log.collect_system_logs` hand to
//! Ironic (contract §22).

use ironseed_core::fault::Fault;
use ironseed_core::snapshot::Snapshot;

use crate::agent::Agent;

/// Packs the logs of this boot with what a snapshot says; `lines` limits each
/// log to its last lines.
pub(crate) async fn pack(
    agent: &Agent,
    snapshot: Snapshot,
    lines: Option<usize>,
) -> Result<String, Fault> {
    let root = agent.boot.root.clone();
    agent
        .blocking(move || ironseed_machine::logs::collect(&root, &snapshot, lines))
        .await
}
