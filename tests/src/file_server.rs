// SPDX-License-Identifier: Apache-2.0
//! The HTTP server for everything that is fetched as a file: the agent image, Ironic's ISOs and
//! boot scripts, operating system images. It knows ranges, and it misbehaves on request.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT_RANGES, RANGE};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http_body::Frame;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::time::{Sleep, sleep};
use tower_http::services::ServeDir;

use crate::error::Error;
use crate::faults::{Fault, Faults, Seen};

/// The running server. It lives as long as the process.
#[derive(Clone, Debug)]
pub struct FileServer {
    root: PathBuf,
    address: SocketAddr,
    faults: Faults,
}

impl FileServer {
    /// Serves `root` on `address` from a thread of its own. Port 0 takes any free port.
    ///
    /// # Errors
    /// If the address cannot be used.
    pub fn start(root: &Path, address: SocketAddr) -> Result<Self, Error> {
        let failed = |source| Error::Start {
            program: format!("file server on {address}"),
            source,
        };
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let listener = runtime
            .block_on(TcpListener::bind(address))
            .map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let faults = Faults::default();
        let app = Router::new()
            .fallback_service(ServeDir::new(root))
            .layer(middleware::from_fn_with_state(faults.clone(), trouble));
        thread::spawn(move || runtime.block_on(async { axum::serve(listener, app).await }));
        Ok(Self {
            root: root.to_owned(),
            address,
            faults,
        })
    }

    /// The directory that is served.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The URL of a file below the root.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{}", self.address, path.trim_start_matches('/'))
    }

    /// The troubles of this server and what was asked of it.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}

/// Answers a request, with the trouble that is due.
async fn trouble(State(faults): State<Faults>, mut request: Request, next: Next) -> Response {
    let mut seen = Seen {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        range: request
            .headers()
            .get(RANGE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
        status: 0,
    };
    let fault = if request.method() == Method::GET {
        faults.take(&seen.path)
    } else {
        None
    };
    let response = match fault {
        Some(Fault::NotFound) => StatusCode::NOT_FOUND.into_response(),
        Some(Fault::Unavailable) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(Fault::NoRanges) => {
            request.headers_mut().remove(RANGE);
            let mut response = next.run(request).await;
            response.headers_mut().remove(ACCEPT_RANGES);
            response
        }
        Some(Fault::CutAfter(bytes)) => next
            .run(request)
            .await
            .map(|body| Body::new(Troubled::cut(body, bytes))),
        Some(Fault::StallAfter(bytes)) => next
            .run(request)
            .await
            .map(|body| Body::new(Troubled::stall(body, bytes))),
        Some(Fault::BytesPerSecond(rate)) => next
            .run(request)
            .await
            .map(|body| Body::new(Troubled::slow(body, rate))),
        None => next.run(request).await,
    };
    seen.status = response.status().as_u16();
    faults.record(seen);
    response
}

/// A body that breaks off, stops or dawdles.
struct Troubled {
    body: Body,
    /// How many bytes pass before the connection is cut or sends nothing more.
    left: Option<u64>,
    /// The connection is kept when they have passed.
    stall: bool,
    /// Bytes per second.
    rate: Option<u64>,
    pause: Option<Pin<Box<Sleep>>>,
    /// The server was given the time to send what it has before the cut.
    flushed: bool,
}

impl Troubled {
    fn cut(body: Body, bytes: u64) -> Self {
        Self {
            body,
            left: Some(bytes),
            stall: false,
            rate: None,
            pause: None,
            flushed: false,
        }
    }

    fn stall(body: Body, bytes: u64) -> Self {
        Self {
            stall: true,
            ..Self::cut(body, bytes)
        }
    }

    fn slow(body: Body, rate: u64) -> Self {
        Self {
            body,
            left: None,
            stall: false,
            rate: Some(rate.max(1)),
            pause: None,
            flushed: false,
        }
    }

    /// What is left of a piece of the body after the cut, and whether the cut was in it.
    fn shorten(&mut self, data: Bytes) -> Result<Bytes, axum::Error> {
        let Some(left) = &mut self.left else {
            return Ok(data);
        };
        if *left == 0 {
            return Err(axum::Error::new("the lab cuts this connection"));
        }
        let length = u64::try_from(data.len()).unwrap_or(u64::MAX).min(*left);
        *left -= length;
        Ok(data.slice(..usize::try_from(length).unwrap_or(data.len())))
    }
}

impl HttpBody for Troubled {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        if self.left == Some(0) && self.stall {
            // Nobody wakes this up again; it ends when the client gives up.
            return Poll::Pending;
        }
        if self.left == Some(0) && !self.flushed {
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else {
            return Poll::Ready(None);
        };
        let data = match frame.map(Frame::into_data) {
            Ok(Ok(data)) => data,
            Ok(Err(other)) => return Poll::Ready(Some(Ok(other))),
            Err(error) => return Poll::Ready(Some(Err(error))),
        };
        let data = self.shorten(data)?;
        if let Some(rate) = self.rate {
            let bytes = u64::try_from(data.len()).unwrap_or(u64::MAX);
            let nanoseconds = bytes.saturating_mul(1_000_000_000) / rate;
            self.pause = Some(Box::pin(sleep(Duration::from_nanos(nanoseconds))));
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test panics on purpose")]

    use std::io::Read;
    use std::net::Ipv4Addr;

    use reqwest::blocking::{Client, Response};

    use super::*;

    struct Setup {
        server: FileServer,
        client: Client,
        _dir: tempfile::TempDir,
    }

    fn start() -> Setup {
        let dir = tempfile::tempdir().unwrap();
        let contents: Vec<u8> = (0..300_000_u32)
            .map(|number| number.to_le_bytes()[0])
            .collect();
        std::fs::write(dir.path().join("file"), contents).unwrap();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = FileServer::start(dir.path(), any).unwrap();
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().build().unwrap();
        Setup {
            server,
            client,
            _dir: dir,
        }
    }

    impl Setup {
        fn get(&self, range: Option<&str>) -> Response {
            let mut request = self.client.get(self.server.url("file"));
            if let Some(range) = range {
                request = request.header(RANGE, range);
            }
            request.send().unwrap()
        }
    }

    #[test]
    fn ranges_are_known() {
        let setup = start();
        let answer = setup.get(Some("bytes=258-259"));
        assert_eq!(answer.status(), 206);
        assert_eq!(answer.bytes().unwrap().as_ref(), [2, 3]);
        let seen = setup.server.faults().seen("/file");
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].range.as_deref(), Some("bytes=258-259"));
    }

    #[test]
    fn each_trouble_is_made_and_then_over() {
        let setup = start();
        let faults = setup.server.faults();
        faults.add("/file", Fault::NotFound, Some(1));
        faults.add("/file", Fault::Unavailable, Some(1));
        faults.add("/file", Fault::NoRanges, Some(1));
        faults.add("/file", Fault::CutAfter(1000), Some(1));
        assert_eq!(setup.get(None).status(), 404);
        assert_eq!(setup.get(None).status(), 503);
        assert_eq!(setup.get(Some("bytes=1-2")).bytes().unwrap().len(), 300_000);
        let mut received = Vec::new();
        assert!(setup.get(None).read_to_end(&mut received).is_err());
        assert_eq!(received.len(), 1000);
        assert_eq!(setup.get(None).bytes().unwrap().len(), 300_000);
    }

    #[test]
    fn a_stalled_body_stops_where_it_should_and_others_go_on() {
        let setup = start();
        let faults = setup.server.faults();
        faults.add("/file", Fault::StallAfter(1000), Some(1));
        let mut answer = setup.get(None);
        assert_eq!(answer.content_length(), Some(300_000));
        let mut received = [0; 1000];
        answer.read_exact(&mut received).unwrap();
        // The connection is open and silent; another one is not.
        let rest = setup.get(Some("bytes=1000-"));
        assert_eq!(rest.status(), 206);
        assert_eq!(rest.bytes().unwrap().len(), 299_000);
        let timeout = Duration::from_millis(50);
        let silent = Client::builder()
            .no_proxy()
            .timeout(timeout)
            .build()
            .unwrap();
        faults.add("/file", Fault::StallAfter(1000), Some(1));
        let mut answer = silent.get(setup.server.url("file")).send().unwrap();
        assert!(answer.read_to_end(&mut Vec::new()).is_err());
    }

    #[test]
    fn a_connection_cut_again_and_again_brings_the_whole_file_in_the_end() {
        let setup = start();
        let faults = setup.server.faults();
        faults.add("/file", Fault::CutAfter(100_000), None);
        let mut received = Vec::new();
        while received.len() < 300_000 {
            let from = received.len();
            let mut answer = setup.get(Some(&format!("bytes={from}-")));
            assert_eq!(answer.status(), 206);
            let _cut = answer.read_to_end(&mut received);
            assert_eq!(received.len(), from + 100_000);
        }
        assert_eq!(faults.seen("/file").len(), 3);
    }

    #[test]
    fn a_slow_body_is_whole() {
        let setup = start();
        setup
            .server
            .faults()
            .add("/file", Fault::BytesPerSecond(10_000_000), Some(1));
        assert_eq!(setup.get(None).bytes().unwrap().len(), 300_000);
    }
}
