// SPDX-License-Identifier: Apache-2.0
//! Connections of the API: accept, TLS, HTTP/1.1, several at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// A client that has not finished its TLS handshake by then is dropped.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(20);

/// Why the API is not served.
#[derive(Debug, Error)]
pub(crate) enum ServerError {
    /// The port cannot be listened on.
    #[error("listening on {address} failed")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The kernel's words.
        source: std::io::Error,
    },
}

/// Listens, and serves for as long as the returned task lives. Each connection
/// gets the TLS settings that are there when it comes.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place where the agent listens"
)]
pub(crate) async fn serve(
    address: SocketAddr,
    tls: watch::Receiver<Option<Arc<ServerConfig>>>,
    router: Router,
) -> Result<tokio::task::JoinHandle<()>, ServerError> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| ServerError::Listen { address, source })?;
    Ok(tokio::spawn(accept(listener, tls, router)))
}

async fn accept(
    listener: TcpListener,
    tls: watch::Receiver<Option<Arc<ServerConfig>>>,
    router: Router,
) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let acceptor = tls.borrow().clone().map(TlsAcceptor::from);
                let router = router.clone();
                tokio::spawn(async move {
                    match acceptor {
                        None => connection(stream, router).await,
                        Some(acceptor) => {
                            let handshake =
                                tokio::time::timeout(HANDSHAKE_LIMIT, acceptor.accept(stream));
                            if let Ok(Ok(stream)) = handshake.await {
                                connection(stream, router).await;
                            }
                        }
                    }
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: others must end first.
                log::warn!("accepting a connection failed: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection<S>(stream: S, router: Router)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
    if let Err(error) = served {
        log::debug!("a connection to the API ended early: {error}");
    }
}
