// SPDX-License-Identifier: Apache-2.0
//! The agent, once its settings are known: what every part of it works with.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bootconfig::Settings;
use hardware_profiles::ProfileSet;
use ironseed_core::fault::Fault;
use ironseed_ironic::client::Client;
use ironseed_machine::clock::Clock;
use ironseed_machine::lldp::LldpHandle;
use ironseed_machine::net::NetworkHandle;
use ironseed_machine::power::Power;
use ironseed_machine::state::StateDirectory;

use crate::boot::Boot;
use crate::clock::Timekeeper;
use crate::events::Events;

/// Boundaries, settings and the client of Ironic.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) boot: Boot,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) state: StateDirectory,
    pub(crate) events: Events,
    pub(crate) network: NetworkHandle,
    /// Hears the neighbours; `None` if the settings do not want it, or if the
    /// kernel refused, which was told.
    pub(crate) lldp: Option<LldpHandle>,
    /// How many different neighbours the machine's profile expects at least.
    pub(crate) neighbours: u64,
    pub(crate) power: Power,
    /// The profiles that are compiled in, and those of the site.
    pub(crate) profiles: ProfileSet,
    pub(crate) settings: RwLock<Settings>,
    pub(crate) client: Client,
    /// The callback URL of the last heartbeat that Ironic accepted.
    pub(crate) accepted_url: Mutex<Option<String>>,
    /// Keeps the clock right.
    pub(crate) time: Timekeeper,
    /// When the agent started; time since boot.
    pub(crate) started: Duration,
}

impl Agent {
    /// The settings as they are now; lookup changes some.
    pub(crate) fn settings(&self) -> Settings {
        self.settings
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// When the agent started, Unix time in seconds by the clock as it is now:
    /// it may have been years off then.
    pub(crate) fn started_at(&self) -> f64 {
        let ago = self.clock.since_boot().saturating_sub(self.started);
        self.time.date().saturating_sub(ago).as_secs_f64()
    }

    /// Notes that Ironic accepted a heartbeat with this callback URL.
    pub(crate) fn accepted(&self, callback_url: &str) {
        *self
            .accepted_url
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(callback_url.to_owned());
    }

    /// The callback URL of the last heartbeat that Ironic accepted.
    pub(crate) fn accepted_url(&self) -> Option<String> {
        self.accepted_url
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Runs what blocks in a thread that may.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        task: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let done = tokio::task::spawn_blocking(task).await;
        done.map_err(|error| Fault::Internal(format!("a task of the agent broke off: {error}")))
    }
}
