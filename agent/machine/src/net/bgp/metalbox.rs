// SPDX-License-Identifier: Apache-2.0
//! Whether the metalbox answers: a TCP connection to Ironic's port, which is
//! what OSISM's image waits for before it starts its agent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ironseed_core::network::bgp::hosts::with_metalbox;
use ironseed_core::network::bgp::{Metalbox, MetalboxState};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::root::Root;

/// Ironic's API.
const PORT: u16 = 6385;

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(2);

/// Pause between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// The hosts file.
const HOSTS: &str = "/etc/hosts";

/// Gives the metalbox its names.
///
/// # Errors
///
/// The file cannot be written.
pub(super) fn name(root: &Root, metalbox: Metalbox) -> std::io::Result<()> {
    let before = root.read_text(HOSTS).unwrap_or_default();
    let file = with_metalbox(&before, metalbox.address);
    root.write(HOSTS, file.as_bytes())
}

/// Tries until it answers, and tells what has changed.
pub(super) async fn reach(
    metalbox: Metalbox,
    clock: Arc<dyn Clock>,
    news: mpsc::UnboundedSender<MetalboxState>,
) {
    let target = SocketAddr::new(metalbox.address, PORT);
    let begun = clock.since_boot();
    let mut state = MetalboxState {
        metalbox,
        reached: None,
        overdue: false,
        problem: None,
    };
    loop {
        let answer = tokio::time::timeout(ATTEMPT, TcpStream::connect(target)).await;
        let now = clock.since_boot();
        state.problem = match answer {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer on TCP port {PORT}")),
        };
        if state.problem.is_none() {
            state.reached = Some(now);
        }
        state.overdue = now.saturating_sub(begun) >= metalbox.timeout;
        if news.send(state.clone()).is_err() || state.reached.is_some() {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}
