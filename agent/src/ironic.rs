// SPDX-License-Identifier: Apache-2.0
//! Calls to Ironic, each turned into an input of the life cycle; and the
//! agent's own API, which Ironic calls back.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bootconfig::{LldpMode, LookupConfig, Protocol, Settings, apply_lookup};
use ironseed_core::clock::certificate::Validity;
use ironseed_core::clock::date::Bounds;
use ironseed_core::event::{Event, Wait};
use ironseed_core::image_request::Secret;
use ironseed_core::inspection::{self, Cost, Wanted};
use ironseed_core::lifecycle::{HeartbeatFacts, Input, LookupFacts, Refusal};
use ironseed_core::network::PortStatus;
use ironseed_core::network::advertise::{AdvertiseRule, Candidate, NoAddress, advertised_address};
use ironseed_core::profile::{self, Recognised};
use ironseed_core::snapshot::Snapshot;
use ironseed_ironic::client::{Client, ClientOptions};
use ironseed_ironic::error::ClientError;
use ironseed_ironic::heartbeat::Heartbeat;
use ironseed_ironic::lookup::LookupAnswer;
use ironseed_ironic::secret::Token;
use ironseed_ironic::version::ApiVersion;
use ironseed_machine::meter::Meter;
use ironseed_machine::net::route_source;
use ironseed_machine::root::Root;
use ironseed_machine::tls::client_config;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::agent::Agent;
use crate::api::{self, Api, Call};
use crate::logs;
use crate::settings::{self, urls};
use crate::tls::{Identity, TlsError};

/// Version of the agent, as heartbeats and status tell it.
pub(crate) const AGENT_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Name of the file that keeps key and certificate.
const IDENTITY_FILE: &str = "tls.json";

/// How often the agent looks whether its certificate comes to its end.
const LOOK_AT_CERTIFICATE: Duration = Duration::from_secs(3600);

/// Why Ironic cannot talk to this agent.
#[derive(Debug, Error)]
pub(crate) enum ListenError {
    /// No certificate or no TLS server.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The port cannot be listened on.
    #[error(transparent)]
    Server(#[from] api::ServerError),
    /// There is no address that Ironic could call.
    #[error("no address can be told to Ironic")]
    Address(#[from] NoAddress),
    /// A file of the static TLS settings is missing or not text.
    #[error("reading {path} failed")]
    File {
        /// The file.
        path: String,
        /// The kernel's words.
        source: std::io::Error,
    },
}

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
    let answer = agent.client.lock().await.inspect(&payload).await;
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
/// without hints).
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
        .filter_map(|port| port.mac)
        .map(|mac| mac.to_string())
        .collect();
    agent.client.lock().await.lookup(&macs, node_uuid).await
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
    let answer = agent.client.lock().await.heartbeat(&beat).await;
    if answer.is_ok() {
        agent.events.reached("heartbeat");
    }
    Input::HeartbeatAnswered(answer.map_err(refusal))
}

fn refusal(error: ClientError) -> Refusal {
    match error {
        ClientError::Refused { status, text } => Refusal {
            url: String::new(),
            status: Some(status),
            text,
        },
        ClientError::Unreachable { url, problem } | ClientError::Unexpected { url, problem } => {
            Refusal {
                url,
                status: None,
                text: problem,
            }
        }
        ClientError::Setup(text) => Refusal {
            url: String::new(),
            status: None,
            text,
        },
    }
}

/// Starts the API that Ironic calls.
pub(crate) async fn listen(
    agent: Arc<Agent>,
    calls: mpsc::Sender<Call>,
) -> Result<(Input, JoinHandle<()>), ListenError> {
    let settings = agent.settings();
    let address = address(&agent, &settings).await?;
    let identity = identity(&agent, &settings, address).await?;
    let tls = identity
        .as_ref()
        .map(|identity| {
            identity.0.server_config(
                settings.tls_min_version.value,
                &settings.tls_cipher_suites.value,
            )
        })
        .transpose()?;
    let own = identity.filter(|(_, made_here)| *made_here);
    let secure = own.is_some() || settings.advertise_protocol.value == Protocol::Https;
    let scheme = if secure { "https" } else { "http" };
    let any = if agent.boot.root.exists("/proc/net/if_inet6") {
        "::"
    } else {
        "0.0.0.0"
    };
    let host = settings
        .listen_host
        .value
        .or_else(|| any.parse().ok())
        .unwrap_or(address);
    let router = api::router(Api {
        calls,
        started_at: agent.started_at(),
        version: AGENT_VERSION,
    });
    let server = api::serve(
        SocketAddr::new(host, settings.listen_port.value),
        tls,
        router,
    )
    .await?;
    let shown = match &settings.advertise_host.value {
        Some(host) => host.clone(),
        None => address.to_string(),
    };
    let shown = if shown.contains(':') {
        format!("[{shown}]")
    } else {
        shown
    };
    let listening = Input::ApiListening {
        callback_url: format!("{scheme}://{shown}:{}", settings.advertise_port.value),
        certificate: own.map(|(identity, _)| identity.certificate),
    };
    Ok((listening, server))
}

/// Key and certificate of the server, and whether they were made here: then
/// heartbeats carry the certificate (contract §9).
async fn identity(
    agent: &Arc<Agent>,
    settings: &Settings,
    address: IpAddr,
) -> Result<Option<(Identity, bool)>, ListenError> {
    if settings.listen_tls.value {
        let read = |path: &Option<String>| {
            let path = path.clone().unwrap_or_default();
            agent
                .boot
                .root
                .read_text(&path)
                .map_err(|source| ListenError::File { path, source })
        };
        let (certificate, key) = (
            read(&settings.tls_cert_file.value)?,
            read(&settings.tls_key_file.value)?,
        );
        let identity = Identity {
            certificate,
            key,
            validity: None,
        };
        return Ok(Some((identity, false)));
    }
    let version = agent.client.lock().await.version().await;
    if !settings.enable_auto_tls.value || version < ApiVersion::VERIFY_CA {
        return Ok(None);
    }
    let now = agent.time.date();
    if let Some(kept) = kept_identity(agent).filter(|kept| kept.is_good_at(now)) {
        return Ok(Some((kept, true)));
    }
    let validity = Validity::plan(
        now,
        settings.auto_tls_allowed_clock_skew.value,
        agent.time.is_confirmed(),
        Bounds::of_this_build(),
    );
    let made = Identity::make(address, settings.tls_certificate_curve.value, validity)?;
    let kept = serde_json::to_vec(&made).map_err(|error| error.to_string());
    if let Err(error) = kept.and_then(|bytes| {
        agent
            .state
            .replace(IDENTITY_FILE, &bytes)
            .map_err(|error| error.to_string())
    }) {
        agent.events.warn(format!(
            "the agent's certificate cannot be kept, a restart would lose it: {error}"
        ));
    }
    Ok(Some((made, true)))
}

/// The pair that was made earlier in this boot.
fn kept_identity(agent: &Agent) -> Option<Identity> {
    let bytes = agent.state.read(IDENTITY_FILE)?;
    serde_json::from_slice(&bytes).ok()
}

/// Waits until the certificate that was made here can no longer be used: it has
/// come to its end, or the clock was set to a date outside of it.
pub(crate) async fn certificate_ends(agent: &Agent) {
    let mut news = agent.time.news();
    while kept_identity(agent).is_none_or(|kept| kept.is_good_at(agent.time.date())) {
        news.within(LOOK_AT_CERTIFICATE).await;
    }
}

/// The address Ironic shall call (contract §5), tried until the network has one.
async fn address(agent: &Arc<Agent>, settings: &Settings) -> Result<IpAddr, NoAddress> {
    if settings.api_urls.value.urls().is_empty() {
        // Nobody will be told; the API is there for whoever finds it.
        let status = agent.network.status().borrow().clone();
        let own = status.primary().and_then(PortStatus::address);
        return Ok(own.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
    }
    let rule = rule(settings);
    let mut attempt = 1;
    loop {
        let candidates = candidates(settings).await;
        let status = agent.network.status().borrow().clone();
        match advertised_address(&rule, &status, &candidates) {
            Ok(address) => return Ok(address),
            Err(problem) if attempt >= settings.ip_lookup_attempts.value => return Err(problem),
            Err(problem) => agent.events.warn(problem.to_string()),
        }
        attempt += 1;
        tokio::time::sleep(settings.ip_lookup_sleep.value).await;
    }
}

fn rule(settings: &Settings) -> AdvertiseRule {
    let fixed = settings
        .advertise_host
        .value
        .as_ref()
        .and_then(|host| host.parse().ok());
    match (fixed, &settings.network_interface.value) {
        (Some(address), _) => AdvertiseRule::Address(address),
        (None, Some(port)) => AdvertiseRule::Port(port.clone()),
        (None, None) => AdvertiseRule::Route,
    }
}

/// For each URL of Ironic, the source addresses of the routes to it. Lookup
/// has been answered by then, so the client's first URL is reachable.
async fn candidates(settings: &Settings) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for url in settings.api_urls.value.urls() {
        let (host, port) = (
            url.host_str().unwrap_or_default().to_owned(),
            url.port_or_known_default().unwrap_or(80),
        );
        let host = host.trim_matches(['[', ']']).to_owned();
        let resolved = tokio::task::spawn_blocking(move || {
            (host.as_str(), port)
                .to_socket_addrs()
                .map(Iterator::collect::<Vec<_>>)
        })
        .await;
        let mut sources = Vec::new();
        for target in resolved.ok().and_then(Result::ok).unwrap_or_default() {
            sources.extend(route_source(target.ip()).await);
        }
        candidates.push(Candidate {
            url: url.to_string(),
            reachable: !sources.is_empty(),
            sources,
        });
    }
    candidates
}
