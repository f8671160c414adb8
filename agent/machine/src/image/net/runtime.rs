// SPDX-License-Identifier: Apache-2.0
//! Waiting for asynchronous work in an ordinary thread.

use std::future::Future;
use std::time::Duration;

use ironseed_core::fault::Fault;
use tokio::runtime::{Builder, Runtime};

/// A runtime that works only while somebody waits.
pub(super) struct OwnRuntime(Option<Runtime>);

impl OwnRuntime {
    pub(super) fn new() -> Result<Self, Fault> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let failed = |error| Fault::Internal(format!("runtime of the HTTP client: {error}"));
        Ok(Self(Some(runtime.map_err(failed)?)))
    }

    /// Waits for something; `None` if it takes longer than the limit.
    pub(super) fn wait<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let runtime = self.0.as_ref()?;
        runtime.block_on(async { tokio::time::timeout(limit, work).await.ok() })
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        // A name server that does not answer would hold an ordinary drop up.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
