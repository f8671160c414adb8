// SPDX-License-Identifier: Apache-2.0
//! The links become what is planned.

use ironseed_core::network::{Link, LinkChange, LinkKind, Subject, link_changes};

use nix::errno::Errno;

use crate::net::NetError;
use crate::net::driver::Driver;
use crate::net::make;
use crate::net::netlink::bring_up;
use crate::root::Root;

/// A thread of its own has finished.
#[derive(Debug)]
pub(super) struct Done {
    /// The link it worked on.
    link: u32,
    subject: Subject,
    result: Result<(), NetError>,
}

impl Driver {
    /// Makes, changes and removes links. What the kernel refuses is told once
    /// and tried again with the next news.
    pub(super) async fn settle_links(&mut self, links: &[Link]) {
        for change in link_changes(&self.plan, links) {
            let named = |index: u32| links.iter().find(|link| link.index == index);
            match change {
                LinkChange::Remove { index, name } => {
                    let result = make::remove(&self.netlink, index, &name).await;
                    if result.is_ok() {
                        self.note(format!("{name}: removed"));
                    }
                    self.outcome(&name, Subject::Link, result);
                }
                LinkChange::Make { name, device, mac } => {
                    let result = make::make(&self.netlink, &name, &device, mac).await;
                    self.made(name, result).await;
                }
                LinkChange::SetMac { index, mac } => {
                    if let Some(link) = named(index) {
                        let result = make::set_mac(&self.netlink, link, mac).await;
                        self.outcome(&link.name, Subject::HardwareAddress, result);
                    }
                }
                LinkChange::SetMtu { index, mtu } => {
                    if let Some(link) = named(index) {
                        let result = self.netlink.set_mtu(link, mtu).await;
                        self.outcome(&link.name, Subject::Mtu, result);
                    }
                }
                LinkChange::Raise { index } => {
                    if let Some(link) = named(index) {
                        self.raise(link.clone());
                    }
                }
                LinkChange::Join {
                    port,
                    bond,
                    primary,
                } => {
                    if let Some(link) = named(port).cloned() {
                        let index = link.index;
                        self.in_thread(index, Subject::Bond, move |root| {
                            make::join(&link, bond, primary, root)
                        });
                    }
                }
            }
        }
        self.raise_loopback(links);
    }

    /// A link was made, or not. The news of it come later, so the links are read
    /// again at once: it is this one that is ours, and not another one of the
    /// same name. The bonding driver makes a `bond0` of its own when it is
    /// loaded, which is what this request has just done; its news come next.
    async fn made(&mut self, name: String, result: Result<(), NetError>) {
        let by_its_driver = result.as_ref().is_err_and(|error| error.is(Errno::EEXIST));
        if by_its_driver && !self.links.values().any(|link| link.name == name) {
            return;
        }
        if result.is_ok() {
            self.read_links().await;
            let link = self.links.values().find(|link| link.name == name);
            self.made.extend(link.map(|link| link.index));
            self.note(format!("{name}: made"));
        }
        self.outcome(&name, Subject::Link, result);
    }

    fn raise_loopback(&mut self, links: &[Link]) {
        let loopback = links.iter().find(|link| link.kind == LinkKind::Loopback);
        if let Some(loopback) = loopback.filter(|loopback| !loopback.up) {
            self.raise(loopback.clone());
        }
    }

    /// Brings a link up; the kernel's news tell when it is.
    pub(super) fn raise(&mut self, link: Link) {
        self.in_thread(link.index, Subject::State, move |root| {
            bring_up(&link, root)
        });
    }

    /// Does something with a link that can keep the kernel busy, one thing at a
    /// time for each link.
    fn in_thread(
        &mut self,
        link: u32,
        subject: Subject,
        work: impl FnOnce(&Root) -> Result<(), NetError> + Send + 'static,
    ) {
        if !self.busy.insert(link) {
            return;
        }
        let root = self.boundaries.root.clone();
        let done = self.done.clone();
        tokio::task::spawn_blocking(move || {
            let result = work(&root);
            // Without a network there is nobody who wants to know.
            let _ = done.send(Done {
                link,
                subject,
                result,
            });
        });
    }

    pub(super) async fn thread_done(&mut self, done: Done) {
        let Done {
            link,
            subject,
            result,
        } = done;
        self.busy.remove(&link);
        let failed = result.is_err();
        if let Some(name) = self.links.get(&link).map(|link| link.name.clone()) {
            self.outcome(&name, subject, result);
        }
        // What was put off while the thread worked. After a failure the next
        // news are waited for, or it would be tried without a pause.
        if !failed {
            self.settle().await;
        }
    }

    fn outcome(&mut self, link: &str, subject: Subject, result: Result<(), NetError>) {
        self.outcome_of(link, subject, String::new(), result);
    }

    /// Notes what the kernel refused, or that it does not any more.
    pub(super) fn outcome_of(
        &mut self,
        link: &str,
        subject: Subject,
        which: String,
        result: Result<(), NetError>,
    ) {
        let key = (link.to_owned(), subject, which);
        if result.as_ref().is_err_and(|error| error.is(Errno::ENODEV)) {
            // The link is gone, and the news of that come next.
            return;
        }
        match result {
            Ok(()) => {
                self.refusals.remove(&key);
            }
            Err(error) => {
                let text = error.in_full();
                let known = self.refusals.insert(key, text.clone());
                if known.as_ref() != Some(&text) {
                    self.warn(&format!("{link}: {text}"));
                }
            }
        }
    }
}
