// SPDX-License-Identifier: Apache-2.0
//! The agent's API as Ironic finds it: which host it is told, the certificate
//! for it, and both again whenever the network changes (contract §5, §9).
//!
//! The server is started once and listens on all addresses; a new host needs a
//! new certificate and a new announcement only. A lack of an address is waited
//! for without an end: the network may be repaired at any time.

mod identity;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bootconfig::{Protocol, Settings};
use ironseed_core::lifecycle::Input;
use ironseed_core::network::PortStatus;
use ironseed_core::network::advertise::{
    AdvertiseRule, CallbackHost, Candidate, NoAddress, Standing, callback_host, still_there,
};
use ironseed_ironic::error::ClientError;
use ironseed_ironic::probe::probe;
use ironseed_machine::net::route_source;
use ironseed_machine::tls::{ClientTls, TlsError as ClientTlsError, client_config};
use rustls::ServerConfig;
use thiserror::Error;
use tokio::sync::{mpsc, watch};

use crate::agent::Agent;
use crate::api::{self, Api, Call};
use crate::boot::chain;
use crate::ironic::AGENT_VERSION;
use crate::settings;
use crate::tls::TlsError;

/// Longest time for all API URLs to answer when an address is looked for.
const PROBE_LIMIT: Duration = Duration::from_secs(10);

/// Why Ironic cannot talk to this agent.
#[derive(Debug, Error)]
pub(crate) enum CallbackError {
    /// No certificate or no TLS server.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The files that calls to Ironic are secured with cannot be used.
    #[error(transparent)]
    ClientTls(#[from] ClientTlsError),
    /// The port cannot be listened on.
    #[error(transparent)]
    Server(#[from] api::ServerError),
    /// There is no address that Ironic could call.
    #[error(transparent)]
    Address(#[from] NoAddress),
    /// Whether Ironic wants TLS cannot be learned.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A file of the static TLS settings is missing or not text.
    #[error("reading {path} failed")]
    File {
        /// The file.
        path: String,
        /// The kernel's words.
        source: std::io::Error,
    },
}

/// Serves the API, and tells the life cycle where Ironic finds it. Ends never;
/// dropping it ends the server.
pub(crate) async fn serve(
    agent: Arc<Agent>,
    calls: mpsc::Sender<Call>,
    inputs: mpsc::UnboundedSender<Input>,
) {
    let mut network = agent.network.status();
    let mut callback = Callback {
        agent,
        calls,
        inputs,
        told: Vec::new(),
        outdated: false,
        server: None,
        failures: 0,
    };
    loop {
        let seen = Standing::of(&network.borrow_and_update());
        let ask_again = match callback.settle().await {
            Ok(()) => Duration::MAX,
            Err(error) => callback.failed(&error),
        };
        let news = network.wait_for(|status| Standing::of(status) != seen);
        let told = callback.told.last().map(|(host, _)| host);
        let stopped = tokio::select! {
            changed = tokio::time::timeout(ask_again, news) => matches!(changed, Ok(Err(_))),
            () = identity::ends(&callback.agent, told) => {
                callback.outdated = true;
                false
            }
        };
        if stopped {
            // The network has stopped (lockdown): it never changes again.
            std::future::pending::<()>().await;
        }
    }
}

/// What has been told to Ironic, and the server behind it.
#[derive(Debug)]
struct Callback {
    agent: Arc<Agent>,
    calls: mpsc::Sender<Call>,
    inputs: mpsc::UnboundedSender<Input>,
    /// Hosts with the URLs made from them, the present one last.
    told: Vec<(CallbackHost, String)>,
    /// Whether the certificate that was told last can no longer be used.
    outdated: bool,
    server: Option<Server>,
    failures: u32,
}

#[derive(Debug)]
struct Server {
    /// Takes effect with the next connection.
    tls: watch::Sender<Option<Arc<ServerConfig>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// TLS of the server for one host.
#[derive(Debug)]
struct ServerTls {
    config: Option<Arc<ServerConfig>>,
    /// What heartbeats carry.
    certificate: Option<String>,
    scheme: &'static str,
}

impl Callback {
    /// Makes what Ironic is told fit the network as it is.
    async fn settle(&mut self) -> Result<(), CallbackError> {
        let settings = self.agent.settings();
        let host = self.host(&settings).await?;
        let same = self.told.last().is_some_and(|(told, _)| *told == host);
        if same && !self.outdated {
            return Ok(());
        }
        let tls = self.tls(&settings, &host).await?;
        self.serve(&settings, tls.config).await?;
        self.outdated = false;
        let scheme = tls.scheme;
        let url = format!("{scheme}://{host}:{}", settings.advertise_port.value);
        if !self.told.is_empty() {
            self.agent.client.reconnect()?;
        }
        self.told.retain(|(told, _)| *told != host);
        self.told.push((host, url.clone()));
        self.failures = 0;
        // The receiver lives as long as the process.
        let _ = self.inputs.send(Input::ApiListening {
            callback_url: url,
            certificate: tls.certificate,
        });
        Ok(())
    }

    /// Tells that there is no address, and how long to wait before it is looked
    /// for again even if the network does not change. Once Ironic has been told
    /// an address, a lack of another one is the network's to tell.
    fn failed(&mut self, error: &CallbackError) -> Duration {
        let settings = self.agent.settings();
        self.failures = self.failures.saturating_add(1);
        if self.told.is_empty() {
            let _ = self.inputs.send(Input::NoCallbackAddress(chain(error)));
        }
        if self.failures == settings.ip_lookup_attempts.value {
            self.agent.events.warn(format!(
                "no address for Ironic after {} attempts; going on: {}",
                self.failures,
                chain(error)
            ));
        }
        settings.ip_lookup_sleep.value
    }

    /// The host for Ironic to call. One that Ironic has accepted, or that was
    /// told last, stays while the machine has it: Ironic refuses a change.
    async fn host(&self, settings: &Settings) -> Result<CallbackHost, CallbackError> {
        let status = self.agent.network.status().borrow().clone();
        if settings.api_urls.value.urls().is_empty() {
            // Nobody will be told; the API is there for whoever finds it.
            let own = status.primary().and_then(PortStatus::address);
            let own = own.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
            return Ok(CallbackHost::Address(own));
        }
        let accepted = self.agent.accepted_url();
        let of_accepted = self
            .told
            .iter()
            .find(|(_, url)| Some(url) == accepted.as_ref());
        let known = of_accepted.into_iter().chain(self.told.last());
        if let Some((host, _)) = known
            .into_iter()
            .find(|(host, _)| still_there(host, &status))
        {
            return Ok(host.clone());
        }
        let rule = rule(settings);
        let candidates = match rule {
            AdvertiseRule::Route => candidates(&self.agent, settings).await?,
            AdvertiseRule::Host(_) | AdvertiseRule::Port(_) => Vec::new(),
        };
        let status = self.agent.network.status().borrow().clone();
        Ok(callback_host(&rule, &status, &candidates)?)
    }

    async fn tls(
        &self,
        settings: &Settings,
        host: &CallbackHost,
    ) -> Result<ServerTls, CallbackError> {
        let identity = identity::of(&self.agent, settings, host).await?;
        let config = identity
            .as_ref()
            .map(|(identity, _)| {
                identity.server_config(
                    settings.tls_min_version.value,
                    &settings.tls_cipher_suites.value,
                )
            })
            .transpose()?
            .map(Arc::new);
        let own = identity.filter(|(_, made_here)| *made_here);
        let secure = own.is_some() || settings.advertise_protocol.value == Protocol::Https;
        Ok(ServerTls {
            config,
            certificate: own.map(|(identity, _)| identity.certificate),
            scheme: if secure { "https" } else { "http" },
        })
    }

    /// Starts the server, or gives the one that runs its new certificate.
    async fn serve(
        &mut self,
        settings: &Settings,
        config: Option<Arc<ServerConfig>>,
    ) -> Result<(), CallbackError> {
        if let Some(server) = &self.server {
            server.tls.send_replace(config);
            return Ok(());
        }
        let any: IpAddr = match self.agent.boot.root.exists("/proc/net/if_inet6") {
            true => std::net::Ipv6Addr::UNSPECIFIED.into(),
            false => Ipv4Addr::UNSPECIFIED.into(),
        };
        let host = settings.listen_host.value.unwrap_or(any);
        let address = SocketAddr::new(host, settings.listen_port.value);
        let (tls, current) = watch::channel(config);
        let router = api::router(Api {
            calls: self.calls.clone(),
            started_at: self.agent.started_at(),
            version: AGENT_VERSION,
        });
        let task = api::serve(address, current, router).await?;
        self.server = Some(Server { tls, task });
        Ok(())
    }
}

fn rule(settings: &Settings) -> AdvertiseRule {
    let host = settings.advertise_host.value.as_deref();
    match (host, &settings.network_interface.value) {
        (Some(host), _) => AdvertiseRule::Host(CallbackHost::parse(host)),
        (None, Some(port)) => AdvertiseRule::Port(port.clone()),
        (None, None) => AdvertiseRule::Route,
    }
}

/// Asks every URL of Ironic, and the kernel for the source of the route to what
/// answered. From then on the client prefers the URLs that answered.
async fn candidates(
    agent: &Arc<Agent>,
    settings: &Settings,
) -> Result<Vec<Candidate>, CallbackError> {
    let tls = ClientTls {
        verify: false,
        ..settings::client_tls(settings)
    };
    let tls = client_config(&agent.boot.root, tls)?;
    let limit = settings.http_request_timeout.value.min(PROBE_LIMIT);
    let probed = probe(settings.api_urls.value.urls(), tls, limit).await?;
    let answering = probed.iter().filter(|probed| probed.answered.is_some());
    let answering: Vec<String> = answering.map(|probed| probed.url.clone()).collect();
    agent.client.keep_reachable(&answering);
    let mut candidates = Vec::new();
    for probed in probed {
        let targets = match probed.answered {
            Some(address) => vec![address],
            None => probed.addresses,
        };
        let mut sources = Vec::new();
        for target in targets {
            sources.extend(route_source(target).await);
        }
        candidates.push(Candidate {
            url: probed.url,
            reachable: probed.answered.is_some(),
            sources,
        });
    }
    Ok(candidates)
}
