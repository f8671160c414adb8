// SPDX-License-Identifier: Apache-2.0
//! Key and certificate of the agent's API (contract §9): one pair for each host
//! that Ironic is told in this boot.
//!
//! All are kept. Ironic refuses a certificate that differs from the one it has,
//! so an agent that is started again, or whose first address comes back, must
//! show the very same one.

use std::sync::Arc;
use std::time::Duration;

use bootconfig::Settings;
use ironseed_core::clock::certificate::Validity;
use ironseed_core::clock::date::Bounds;
use ironseed_core::network::advertise::CallbackHost;
use ironseed_ironic::version::ApiVersion;
use serde::{Deserialize, Serialize};

use super::CallbackError;
use crate::agent::Agent;
use crate::tls::Identity;

/// Name of the file that keeps keys and certificates.
const IDENTITY_FILE: &str = "tls.json";

/// No machine has more addresses in one boot than this without something being
/// very wrong; the oldest pair but the first goes then.
const AT_MOST: usize = 16;

/// How often the agent looks whether its certificate comes to its end.
const LOOK_AT_CERTIFICATE: Duration = Duration::from_secs(3600);

/// One line of the file.
#[derive(Serialize, Deserialize)]
struct Kept {
    host: String,
    identity: Identity,
}

impl Kept {
    fn is_of(&self, host: &CallbackHost) -> bool {
        self.host == host.to_string()
    }
}

/// Key and certificate of the server, and whether they were made here: then
/// heartbeats carry the certificate.
pub(super) async fn of(
    agent: &Arc<Agent>,
    settings: &Settings,
    host: &CallbackHost,
) -> Result<Option<(Identity, bool)>, CallbackError> {
    if settings.listen_tls.value {
        return Ok(Some((from_files(agent, settings)?, false)));
    }
    let wanted = settings.enable_auto_tls.value;
    if !wanted || agent.client.version().await? < ApiVersion::VERIFY_CA {
        return Ok(None);
    }
    let now = agent.time.date();
    let mut all = read(agent);
    if let Some(kept) = all.iter().find(|kept| kept.is_of(host)) {
        if kept.identity.is_good_at(now) {
            return Ok(Some((kept.identity.clone(), true)));
        }
        agent
            .events
            .note("the agent's certificate is no longer valid and is made again");
        all.retain(|kept| !kept.is_of(host));
    }
    let validity = Validity::plan(
        now,
        settings.auto_tls_allowed_clock_skew.value,
        agent.time.is_confirmed(),
        Bounds::of_this_build(),
    );
    let identity = Identity::make(host, settings.tls_certificate_curve.value, validity)?;
    if all.len() >= AT_MOST {
        all.remove(1);
    }
    all.push(Kept {
        host: host.to_string(),
        identity: identity.clone(),
    });
    keep(agent, &all);
    Ok(Some((identity, true)))
}

/// Waits until the certificate that was made here for a host can no longer be
/// used: it has come to its end, or the clock was set to a date outside of it.
pub(super) async fn ends(agent: &Agent, host: Option<&CallbackHost>) {
    let Some(host) = host else {
        return std::future::pending().await;
    };
    let is_bad = |kept: &Kept| kept.is_of(host) && !kept.identity.is_good_at(agent.time.date());
    let mut news = agent.time.news();
    while !read(agent).iter().any(is_bad) {
        news.within(LOOK_AT_CERTIFICATE).await;
    }
}

fn from_files(agent: &Agent, settings: &Settings) -> Result<Identity, CallbackError> {
    let read = |path: &Option<String>| {
        let path = path.clone().unwrap_or_default();
        agent
            .boot
            .root
            .read_text(&path)
            .map_err(|source| CallbackError::File { path, source })
    };
    Ok(Identity {
        certificate: read(&settings.tls_cert_file.value)?,
        key: read(&settings.tls_key_file.value)?,
        validity: None,
    })
}

fn read(agent: &Agent) -> Vec<Kept> {
    agent
        .state
        .read(IDENTITY_FILE)
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

fn keep(agent: &Agent, all: &[Kept]) {
    let bytes = serde_json::to_vec(all).map_err(|error| error.to_string());
    let kept = bytes.and_then(|bytes| {
        agent
            .state
            .replace(IDENTITY_FILE, &bytes)
            .map_err(|error| error.to_string())
    });
    if let Err(error) = kept {
        agent.events.warn(format!(
            "the agent's certificate cannot be kept, a restart would lose it: {error}"
        ));
    }
}
