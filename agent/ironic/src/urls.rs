// SPDX-License-Identifier: Apache-2.0
//! Several URLs of one Ironic, and in which order they are tried (contract §3, §5).

use std::sync::{Mutex, PoisonError};

/// URLs in the order they are tried.
#[derive(Debug)]
pub(crate) struct Urls(Mutex<Order>);

#[derive(Debug)]
struct Order {
    /// The URLs that are tried first.
    active: Vec<String>,
    /// Those that did not answer when the machine looked for its way to Ironic.
    /// They are tried only if no active one answers.
    dropped: Vec<String>,
}

impl Urls {
    pub(crate) fn new(urls: Vec<String>) -> Self {
        let trimmed = urls
            .into_iter()
            .map(|url| url.trim_end_matches('/').to_owned());
        Self(Mutex::new(Order {
            active: trimmed.collect(),
            dropped: Vec::new(),
        }))
    }

    /// All of them, the first to try first.
    pub(crate) fn in_order(&self) -> Vec<String> {
        let order = self.lock();
        order.active.iter().chain(&order.dropped).cloned().collect()
    }

    /// One that answered: it is asked first from now on. A dropped one that
    /// answers is active again.
    pub(crate) fn prefer(&self, url: &str) {
        let mut order = self.lock();
        order.take(url);
        order.active.insert(0, url.to_owned());
    }

    /// One whose service is not available: the others come first from now on.
    pub(crate) fn defer(&self, url: &str) {
        let mut order = self.lock();
        if let Some(position) = order.active.iter().position(|known| known == url) {
            let deferred = order.active.remove(position);
            order.active.push(deferred);
        }
    }

    /// Keeps those that answered (contract §5); all, if none did.
    pub(crate) fn keep(&self, answering: &[String]) {
        let mut order = self.lock();
        let all: Vec<String> = order.active.drain(..).collect();
        let all: Vec<String> = all.into_iter().chain(order.dropped.drain(..)).collect();
        let answers = |url: &String| {
            answering
                .iter()
                .any(|answering| answering.trim_end_matches('/') == url)
        };
        (order.active, order.dropped) = all.into_iter().partition(answers);
        if order.active.is_empty() {
            order.active = std::mem::take(&mut order.dropped);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Order> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Order {
    fn take(&mut self, url: &str) {
        self.active.retain(|known| known != url);
        self.dropped.retain(|known| known != url);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_follows_the_answers() {
        let urls = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        let known = Urls::new(urls(&["http://a/", "http://b", "http://c"]));
        assert_eq!(known.in_order(), ["http://a", "http://b", "http://c"]);
        known.prefer("http://c");
        assert_eq!(known.in_order(), ["http://c", "http://a", "http://b"]);
        known.defer("http://c");
        assert_eq!(known.in_order(), ["http://a", "http://b", "http://c"]);
        // Those that do not answer come last, and never get lost.
        known.keep(&urls(&["http://b/"]));
        assert_eq!(known.in_order(), ["http://b", "http://a", "http://c"]);
        known.defer("http://b");
        assert_eq!(known.in_order()[0], "http://b");
        known.prefer("http://c");
        assert_eq!(known.in_order(), ["http://c", "http://b", "http://a"]);
        known.keep(&[]);
        assert_eq!(known.in_order(), ["http://c", "http://b", "http://a"]);
    }
}
