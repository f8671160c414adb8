// SPDX-License-Identifier: Apache-2.0
//! Calls to Ironic, each turned into an input of the life cycle.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bootconfig::{LldpMode, LookupConfig, Settings, apply_lookup};
use ironseed_core::event::{Event, Wait};
use ironseed_core::image_request::Secret;
use ironseed_core::inspection::{self, Cost, Wanted};
use ironseed_core::lifecycle::{HeartbeatFacts, Input, LookupFacts, Refusal};
use ironseed_core::profile::{self, Recognised};
use ironseed_core::snapshot::Snapshot;
use ironseed_ironic::client::{Client, ClientOptions};
use ironseed_ironic::error::ClientError;
use ironseed_ironic::heartbeat::Heartbeat;
use ironseed_ironic::lookup::LookupAnswer;
use ironseed_ironic::secret::Token;
use ironseed_ironic::version::ApiVersion;
use ironseed_machine::meter::Meter;
use ironseed_machine::root::Root;
use ironseed_machine::tls::client_config;
use tokio::sync::mpsc;

use crate::agent::Agent;
use crate::logs;
use crate::settings::{self, urls};

/// Version of the agent, as heartbeats and status tell it.
pub(crate) const AGENT_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The client of the Ironic that the settings name.
pub(crate) fn client(
    settings: &Settings,
    root: &Root,
) -> Result<Client, Box<dyn std::error::Error>> {
    let version = settings.ironic_api_version.value.as_ref();
    Ok(Client::new(ClientOptions {
        api_urls: urls(&settings.api_urls.value),
        inspection_urls: urls(&settings.inspection_callback_urls.value),
        request_id: settings.global_request_id.value.clone(),
        timeout: settings.http_request_timeout.value,
        version: version.map(|version| ApiVersion(version.minor)),
        tls: client_config(root, settings::client_tls(settings))?,
    })?)
}

/// Reads the machine and posts what it is. If the report says anything of
/// LLDP, the neighbours get their time to speak first.
pub(crate) async fn inspect(agent: Arc<Agent>, inputs: mpsc::UnboundedSender<Input>) -> Input {
    wait_for_neighbours(&agent, &inputs).await;
    let meter = Meter::start();
    let mut snapshot = agent.boot.thorough_snapshot().await;
    let cost = meter.read();
    if let Some(lldp) = &agent.lldp {
        snapshot.lldp = lldp.heard();
    }
    agent.events.reached("inventory");
    let payload = payload(&agent, &snapshot, cost).await;
    let answer = agent.client.inspect(&payload).await;
    if answer.is_ok() {
        agent.events.reached("inspection");
    }
    Input::InspectionAnswered(answer.map_err(refusal))
}

/// The neighbours have their time to speak if the report says anything of
/// LLDP, or if the machine's profile expects a number of them.
async fn wait_for_neighbours(agent: &Agent, inputs: &mpsc::UnboundedSender<Input>) {
    let settings = agent.settings();
    let wanted = settings::wants_lldp(&settings) || agent.neighbours > 0;
    let (Some(lldp), true) = (&agent.lldp, wanted) else {
        return;
    };
    let tell = |wait: Option<Wait>| {
        // The receiver lives as long as the process.
        let _ = inputs.send(Input::InspectionWaits(wait));
    };
    lldp.wait(settings.lldp_timeout.value, agent.neighbours, tell)
        .await;
    agent.events.reached("neighbours");
}

/// What Ironic is told that a collector failed to do.
fn problems(agent: &Agent, settings: &Settings) -> Vec<String> {
    let deaf = agent.lldp.is_none() && settings::wants_lldp(settings);
    let why = match settings.lldp.value {
        LldpMode::Off => "LLDP is not listened for: ironseed.lldp=off",
        LldpMode::Listen | LldpMode::Send => {
            "LLDP cannot be listened for; the agent's log says why"
        }
    };
    deaf.then(|| why.to_owned()).into_iter().collect()
}

/// What kind of machine this is, and what is wrong with it, for whoever stands
/// in front of it.
fn tell_profile(agent: &Agent, recognised: &Recognised<'_>) {
    let chosen = &recognised.selection;
    agent.events.note(format!(
        "hardware profile {}: {}",
        chosen.profile.name, chosen.reason
    ));
    for deviation in &recognised.deviations {
        agent.events.emit(&Event::Deviation(deviation.clone()));
    }
}

async fn payload(agent: &Arc<Agent>, snapshot: &Snapshot, cost: Cost) -> serde_json::Value {
    let settings = agent.settings();
    let collectors = settings.inspection_collectors.value.clone();
    let logs = match collectors.iter().any(|name| name == "logs") {
        true => logs::pack(agent, snapshot.clone(), Some(inspection::LOG_LINES))
            .await
            .ok(),
        false => None,
    };
    let wanted = Wanted {
        collectors: &collectors,
        collect_lldp: settings.collect_lldp.value,
        logs,
        timeline: agent.events.timeline(),
        agent_version: AGENT_VERSION,
        cost,
        problems: problems(agent, &settings),
    };
    let machine = profile::recognise(&agent.profiles, snapshot, &settings::facts(&settings));
    tell_profile(agent, &machine);
    inspection::report(snapshot, &machine, &wanted)
}

/// Asks which node this machine is, and takes over what Ironic wants different.
pub(crate) async fn lookup(agent: Arc<Agent>, node_uuid: Option<String>) -> Input {
    let answer = ask(&agent, node_uuid.as_deref()).await;
    if let Ok(answer) = &answer {
        agent.events.reached("lookup");
        apply(&agent, &answer.config.rest);
    }
    Input::LookupAnswered(answer.map(lookup_facts).map_err(refusal))
}

/// The node as Ironic has it now (contract §16: before a disk is chosen
/// without hints). A card of the BMC is not named: some have the same address
/// on every machine.
pub(crate) async fn ask(
    agent: &Arc<Agent>,
    node_uuid: Option<&str>,
) -> Result<LookupAnswer, ClientError> {
    let macs: Vec<String> = agent
        .network
        .status()
        .borrow()
        .ports
        .iter()
        .filter(|port| !port.internal)
        .filter_map(|port| port.mac)
        .map(|mac| mac.to_string())
        .collect();
    agent.client.lookup(&macs, node_uuid).await
}

fn lookup_facts(answer: LookupAnswer) -> LookupFacts {
    LookupFacts {
        heartbeat_timeout: Duration::from_secs(answer.config.heartbeat_timeout),
        token: answer
            .config
            .agent_token
            .as_ref()
            .map(|token| Secret::new(token.expose())),
        node: answer.node,
    }
}

fn apply(agent: &Agent, config: &serde_json::Map<String, serde_json::Value>) {
    match serde_json::from_value::<LookupConfig>(serde_json::Value::Object(config.clone())) {
        Ok(config) => {
            let mut settings = agent
                .settings
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            for warning in apply_lookup(&mut settings, &config) {
                agent.events.warn(warning.to_string());
            }
        }
        Err(error) => agent.events.warn(format!(
            "settings from lookup cannot be read and are left out: {error}"
        )),
    }
}

/// Sends a heartbeat.
pub(crate) async fn heartbeat(agent: Arc<Agent>, facts: HeartbeatFacts) -> Input {
    let beat = Heartbeat {
        node_uuid: facts.node_uuid,
        callback_url: facts.callback_url,
        token: facts.token.map(|token| Token::new(token.expose())),
        agent_version: AGENT_VERSION.to_owned(),
        verify_ca: facts.certificate,
    };
    let answer = agent.client.heartbeat(&beat).await;
    if answer.is_ok() {
        agent.accepted(&beat.callback_url);
        agent.events.reached("heartbeat");
    }
    Input::HeartbeatAnswered(answer.map_err(refusal))
}

fn refusal(error: ClientError) -> Refusal {
    let nobody = |url: String, text: String, unresolved: bool| Refusal {
        url,
        status: None,
        text,
        unresolved,
        retry_after: None,
    };
    match error {
        ClientError::Refused(refused) => Refusal {
            url: refused.url,
            status: Some(refused.status),
            text: refused.text,
            unresolved: false,
            retry_after: refused.retry_after,
        },
        ClientError::Unresolved { url, problem } => nobody(url, problem, true),
        ClientError::Unreachable { url, problem } | ClientError::Unexpected { url, problem } => {
            nobody(url, problem, false)
        }
        ClientError::Setup(text) => nobody(String::new(), text, false),
    }
}
