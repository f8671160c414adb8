// SPDX-License-Identifier: Apache-2.0
//! Names to addresses, with a limit and with an error that can be told from a
//! refused connection.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;

/// A name that has no address, or none in time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the name {name} has no address: {problem}")]
pub struct Unresolved {
    /// The name.
    pub name: String,
    /// The resolver's words, or that it took too long.
    pub problem: String,
}

/// The system's resolver, which knows neither limit nor cancellation.
///
/// A lookup that is over its limit goes on in a thread of the runtime until the
/// C library gives up; nobody waits for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resolver {
    /// Limit of each lookup.
    pub(crate) limit: Duration,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (name, limit) = (name.as_str().to_owned(), self.limit);
        Box::pin(async move {
            let found = addresses(&name, 0, limit).await?;
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}

/// The addresses of a host, in the resolver's order. An address as text is its
/// own answer.
///
/// # Errors
/// [`Unresolved`] if there is none, or none within the limit.
pub async fn addresses(
    name: &str,
    port: u16,
    limit: Duration,
) -> Result<Vec<SocketAddr>, Unresolved> {
    let unresolved = |problem: String| Unresolved {
        name: name.to_owned(),
        problem,
    };
    let asked = tokio::time::timeout(limit, tokio::net::lookup_host((name, port))).await;
    let found: Vec<SocketAddr> = match asked {
        Err(_) => {
            return Err(unresolved(format!(
                "no answer within {} s",
                limit.as_secs()
            )));
        }
        Ok(Err(error)) => return Err(unresolved(error.to_string())),
        Ok(Ok(found)) => found.collect(),
    };
    if found.is_empty() {
        return Err(unresolved("the answer is empty".to_owned()));
    }
    Ok(found)
}

/// The name that could not be resolved, if that is what is below an error.
pub(crate) fn unresolved<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a Unresolved> {
    std::iter::successors(Some(error), |error| error.source())
        .find_map(|error| error.downcast_ref::<Unresolved>())
}
