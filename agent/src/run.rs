// SPDX-License-Identifier: Apache-2.0
//! The way from the kernel command line to the hand-off.

use std::process::ExitCode;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use bootconfig::{LldpMode, MacAddr, RawSources, Settings};
use clap::Args;
use ironseed_core::event::{Event, Phase};
use ironseed_core::network::{NetworkMode, NetworkStatus, WaitFor};
use ironseed_machine::boot_sources;
use ironseed_machine::clock::{Clock, KernelClocks, SystemClock};
use ironseed_machine::lldp::{self, Ethtool, LldpHandle, LldpSettings};
use ironseed_machine::net::{Boundaries, Network, NetworkHandle, NetworkSettings, PortFilter};
use ironseed_machine::power::Power;
use ironseed_machine::root::Root;
use ironseed_machine::state::StateDirectory;
use tokio::sync::watch;

use crate::agent::Agent;
use crate::boot::{Boot, chain};
use crate::clock::{Surroundings, Timekeeper};
use crate::events::Events;
use crate::runtime::{Runtime, restore};
use crate::{ironic, log_output, network, settings};

/// A wait of the network that is over sooner is not worth a line.
const QUIET_WAIT: Duration = Duration::from_secs(3);

/// Flags of `ironseed-agent run`.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Leave addresses and routes to the system the agent runs in.
    #[arg(long)]
    keep_network: bool,
    /// A kind of virtual links that counts as ports of the machine, such as
    /// `veth`: for an agent inside a network namespace.
    #[arg(long = "port-kind", value_name = "KIND")]
    port_kinds: Vec<String>,
}

/// Runs until the machine goes down.
pub(crate) fn run(arguments: &RunArguments) -> ExitCode {
    log_output::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = runtime
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(serve(arguments)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("the agent cannot go on: {}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: &RunArguments) -> Result<(), Box<dyn std::error::Error>> {
    let boot = begin()?;
    let mut sources = boot_sources::read(&boot.root);
    let early = boot.settings(&sources);
    log_output::show_debug(early.debug.value);
    boot.events.emit(&Event::Note(format!(
        "ironseed-agent {}",
        env!("CARGO_PKG_VERSION")
    )));
    boot.events.emit(&Event::Entered(Phase::Starting));
    tokio::time::sleep(early.hardware_initialization_delay.value).await;

    let ports = PortFilter {
        extra_kinds: arguments.port_kinds.clone(),
        internal: boot.internal_rules(),
    };
    let network = start_network(&boot, &early, &sources, &ports, arguments)?;
    let mut lldp = start_lldp(&boot, &early, &ports, arguments);
    boot.drivers().await;
    let media = boot.virtual_media(&mut sources).await;
    let mut settings = if sources.parameters_disk.is_some() || !sources.image_config.is_empty() {
        let settings = boot.settings(&sources);
        log_output::show_debug(settings.debug.value);
        network.prefer(
            boot_mac(&settings),
            settings.network_interface.value.clone(),
        );
        if settings.lldp.value != early.lldp.value {
            // The first one leaves in order before the other begins.
            if let Some(lldp) = lldp.take() {
                lldp.stop().await;
            }
            lldp = start_lldp(&boot, &settings, &ports, arguments);
        }
        settings
    } else {
        early
    };
    network::time_server(&mut settings, &media.ntp);
    let status = network.status().borrow().clone();
    let found = network::all(&boot, &sources, media.network, &settings, &status).await;
    network::describe(&boot, &network, found, &settings);
    network.route(network::bgp(&settings));
    tokio::spawn(tell_waits(boot.clone(), network.status()));
    let heard = lldp.as_ref().map(LldpHandle::follow);
    network::follow(&boot, &settings, &network, heard);
    boot.events.emit(&Event::Entered(Phase::Network));
    let ((), (), neighbours) = tokio::join!(
        boot.disks(&settings),
        network.ready(wait_for(&settings)),
        boot.neighbours()
    );

    let time = keep_time(&boot, &network, &settings);
    time.before_ironic().await;

    let client = ironic::client(&settings, &boot.root)?;
    let mut lifecycle = settings::lifecycle(&settings);
    lifecycle.inspection_waits |= neighbours > 0;
    let started = boot.clock.since_boot();
    let agent = Arc::new(Agent {
        clock: Arc::clone(&boot.clock),
        state: boot.state.clone(),
        events: boot.events.clone(),
        power: Power::new(boot.root.clone()),
        profiles: boot.profiles(),
        boot,
        network,
        lldp,
        neighbours,
        settings: RwLock::new(settings),
        client,
        accepted_url: std::sync::Mutex::default(),
        started,
        time,
    });
    let life = restore(&agent, lifecycle);
    Runtime::run(agent, life).await;
    Ok(())
}

fn begin() -> Result<Boot, Box<dyn std::error::Error>> {
    let root = Root::live()?;
    let state = StateDirectory::open(&root)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let events = Events::new(Arc::clone(&clock), state.timeline());
    Ok(Boot {
        root,
        clock,
        state,
        events,
    })
}

/// Finds out what time it is, beside everything else.
fn keep_time(boot: &Boot, network: &NetworkHandle, settings: &Settings) -> Timekeeper {
    let time = Timekeeper::new(Surroundings {
        clock: Arc::clone(&boot.clock),
        setter: Arc::new(KernelClocks::new(boot.root.clone())),
        root: boot.root.clone(),
        events: boot.events.clone(),
        network: network.status(),
        settings: settings.clone(),
    });
    time.start();
    time
}

fn boot_mac(settings: &Settings) -> Option<MacAddr> {
    settings.bootif.value.as_ref().map(|boot| boot.mac)
}

/// Listens for neighbours from the first link on, whether or not the report
/// will want them: what settings say is known for sure only later. On a network
/// that belongs to somebody else, only that: an LLDP agent may be running there.
fn start_lldp(
    boot: &Boot,
    settings: &Settings,
    ports: &PortFilter,
    arguments: &RunArguments,
) -> Option<LldpHandle> {
    let mode = settings.lldp.value;
    if mode == LldpMode::Off {
        return None;
    }
    let boundaries = Boundaries {
        root: boot.root.clone(),
        clock: Arc::clone(&boot.clock),
    };
    let agent = concat!("ironseed-agent ", env!("CARGO_PKG_VERSION"));
    let manages = !arguments.keep_network;
    let wanted = LldpSettings {
        ports: ports.clone(),
        speak_as: (manages && mode == LldpMode::Send).then(|| lldp::system(&boot.root, agent)),
        private_flags: manages.then(|| Arc::new(Ethtool) as Arc<_>),
    };
    match LldpHandle::start(boundaries, wanted) {
        Ok(listener) => Some(listener),
        Err(error) => {
            boot.events.warn(chain(&error));
            None
        }
    }
}

/// Brings the network up in its own thread and passes its events on.
fn start_network(
    boot: &Boot,
    settings: &Settings,
    sources: &RawSources,
    ports: &PortFilter,
    arguments: &RunArguments,
) -> Result<NetworkHandle, ironseed_machine::net::NetError> {
    let boundaries = Boundaries {
        root: boot.root.clone(),
        clock: Arc::clone(&boot.clock),
    };
    let first = network::first(sources, settings);
    let wanted = NetworkSettings {
        mode: if arguments.keep_network {
            NetworkMode::Observe
        } else {
            NetworkMode::Manage
        },
        boot_mac: boot_mac(settings),
        network_interface: settings.network_interface.value.clone(),
        extra_kinds: ports.extra_kinds.clone(),
        internal: ports.internal.clone(),
        description: first.description,
        dhcp_fallback: first.dhcp_fallback,
        routing: network::bgp(settings),
        ..NetworkSettings::default()
    };
    let (network, mut events) = Network::start(boundaries, wanted)?;
    let stream = boot.events.clone();
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            stream.emit(&event);
        }
    });
    Ok(network)
}

/// Tells what the network waits for, once a wait has lasted a while: the first
/// seconds of every boot have no card, then no link, then no answer. Links that
/// the machine's profile knows to be slow are given their time.
async fn tell_waits(boot: Boot, mut status: watch::Receiver<NetworkStatus>) {
    let events = boot.events.clone();
    let mut told = None;
    loop {
        let wait = status.borrow_and_update().wait();
        if wait.is_none() && told.take().is_some() {
            events.emit(&Event::WaitOver);
        }
        let changed = match &wait {
            Some(wait) if told.as_ref() != Some(wait) => {
                tokio::time::timeout(QUIET_WAIT, status.changed()).await
            }
            _ => Ok(status.changed().await),
        };
        match (changed, wait) {
            (Ok(Ok(())), _) => {}
            (Ok(Err(_)), _) => return,
            (Err(_), Some(wait)) => {
                let patience = boot.patience(&wait, QUIET_WAIT).await;
                let longer = patience.saturating_sub(QUIET_WAIT);
                if !longer.is_zero() && tokio::time::timeout(longer, status.changed()).await.is_ok()
                {
                    // Something came of it: look again at what is waited for.
                    status.mark_changed();
                    continue;
                }
                events.emit(&Event::Waiting(wait.clone()));
                told = Some(wait);
            }
            (Err(_), None) => {}
        }
    }
}

/// How long the network is waited for before the inventory is read (contract §6.5).
fn wait_for(settings: &Settings) -> WaitFor {
    let timeout = settings.inspection_dhcp_wait_timeout.value;
    if settings.inspection_dhcp_all_interfaces.value {
        WaitFor::EveryPort { timeout }
    } else {
        WaitFor::PreferredPort { timeout }
    }
}
