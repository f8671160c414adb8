// SPDX-License-Identifier: Apache-2.0
//! What survives the end of the agent's process, kept in `/run` (contract §8, §10).

use serde::{Deserialize, Serialize};

use super::commands::{CommandRecord, Commands};
use super::registration::Registration;
use crate::image_request::Secret;
use crate::plan::WrittenImage;

/// The state file. It holds the agent token, so it is written for root only.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    token: Option<String>,
    /// Whether Ironic has taken the inspection data of this boot.
    pub inspected: bool,
    /// The node this machine is.
    pub node_uuid: Option<String>,
    /// The command list.
    pub commands: Vec<CommandRecord>,
    /// The image that is on the disk since this boot.
    pub written: Option<WrittenImage>,
}

impl Saved {
    pub(super) fn new(registration: &Registration, commands: &Commands) -> Self {
        Self {
            token: registration
                .token
                .as_ref()
                .map(|token| token.expose().to_owned()),
            inspected: registration.inspected,
            node_uuid: registration.node_uuid.clone(),
            commands: commands.list.clone(),
            written: commands.written.clone(),
        }
    }

    /// The token of this boot, if Ironic has given one.
    #[must_use]
    pub fn token(&self) -> Option<Secret> {
        self.token.clone().map(Secret::new)
    }
}

impl std::fmt::Debug for Saved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Saved")
            .field("inspected", &self.inspected)
            .field("node_uuid", &self.node_uuid)
            .field("commands", &self.commands.len())
            .finish_non_exhaustive()
    }
}
