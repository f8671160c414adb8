// SPDX-License-Identifier: Apache-2.0
//! Where a file comes from: a web server, a registry or a mounted medium. The
//! other stages read it here and know nothing of that.
//!
//! A request may name several URLs of the same image. When one gives up, the
//! next goes on at the byte where it broke, if it serves a file of the same
//! length: the digest over the whole tells afterwards whether it was the same
//! file, and if not, the next URL is read from its beginning. Where the length
//! is not known, it is read from its beginning at once. Validators are not
//! compared: they name a version of a file on one server only.

mod answer;
mod body;
mod http;
mod local;
mod registry;
mod target;

use ironseed_core::fault::Fault;
use ironseed_core::image::location::{Scheme, scheme, shown};
use ironseed_core::image_request::Digest;

use super::Trouble;
use super::net::Net;
use http::HttpFile;
use local::LocalFile;
pub(super) use registry::Registry;
use target::Target;

/// A file that is read from front to back, however often that is interrupted.
pub(super) struct Source<'a> {
    net: &'a Net<'a>,
    urls: Vec<&'a str>,
    /// Index of the URL in use.
    current: usize,
    origin: Origin<'a>,
    /// Something was handed out.
    used: bool,
    /// What was handed out came from several URLs.
    mixed: bool,
    /// Is told once, with the first byte.
    milestone: Option<&'static str>,
}

enum Origin<'a> {
    Http(Box<HttpFile<'a>>),
    Local(LocalFile<'a>),
}

/// Where to begin, and what is known of the file already.
#[derive(Clone, Copy, Default)]
struct Start {
    position: u64,
    length: Option<u64>,
}

impl<'a> Source<'a> {
    /// A file with one URL.
    pub(super) fn open(net: &'a Net<'a>, url: &'a str) -> Result<Self, Trouble> {
        Self::open_any(net, vec![url], None)
    }

    /// An image: the first of its URLs that works. The first byte is the
    /// milestone `download`.
    pub(super) fn open_image(net: &'a Net<'a>, urls: &'a [String]) -> Result<Self, Trouble> {
        let urls = urls.iter().map(String::as_str).collect();
        Self::open_any(net, urls, Some("download"))
    }

    fn open_any(
        net: &'a Net<'a>,
        urls: Vec<&'a str>,
        milestone: Option<&'static str>,
    ) -> Result<Self, Trouble> {
        let (current, origin) = open_from(net, &urls, 0)?;
        Ok(Self {
            urls,
            current,
            milestone,
            ..Self::with(net, origin)
        })
    }

    /// An answer of a server to something else than the request's URLs.
    fn of_target(net: &'a Net<'a>, target: Target) -> Result<Self, Trouble> {
        let file = HttpFile::open(net, target, Start::default())?;
        Ok(Self::with(net, Origin::Http(Box::new(file))))
    }

    fn with(net: &'a Net<'a>, origin: Origin<'a>) -> Self {
        Self {
            net,
            urls: Vec::new(),
            current: 0,
            origin,
            used: false,
            mixed: false,
            milestone: None,
        }
    }

    /// Begins again at the front, after what was read turned out to be void.
    pub(super) fn start_over(&mut self) -> Result<(), Trouble> {
        let (current, origin) = open_from(self.net, &self.urls, self.current)?;
        self.current = current;
        self.origin = origin;
        self.used = false;
        self.mixed = false;
        Ok(())
    }

    /// Where it comes from, as it may be shown: without secrets.
    pub(super) fn url(&self) -> &str {
        match &self.origin {
            Origin::Http(file) => file.url(),
            Origin::Local(file) => file.url(),
        }
    }

    /// Length of the file, where it is known.
    pub(super) fn length(&self) -> Option<u64> {
        match &self.origin {
            Origin::Http(file) => file.length(),
            Origin::Local(file) => Some(file.length()),
        }
    }

    /// Whether what was read may be of several files, or not all of one.
    pub(super) fn was_resumed(&self) -> bool {
        match &self.origin {
            Origin::Http(file) => self.mixed || file.was_resumed(),
            Origin::Local(_) => self.mixed,
        }
    }

    /// Reads on at another byte.
    pub(super) fn seek(&mut self, position: u64) {
        match &mut self.origin {
            Origin::Http(file) => file.seek(position),
            Origin::Local(file) => file.seek(position),
        }
    }

    /// Reads so many bytes, fewer only at the end of the file.
    pub(super) fn head(&mut self, length: usize) -> Result<Vec<u8>, Trouble> {
        let mut head = Vec::new();
        let mut piece = vec![0; length.min(64 << 10)];
        while head.len() < length {
            let wanted = piece.len().min(length - head.len());
            match self.read(&mut piece[..wanted])? {
                0 => break,
                count => head.extend_from_slice(&piece[..count]),
            }
        }
        Ok(head)
    }

    /// Reads some bytes; none at the end of the file.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Trouble> {
        loop {
            let read = match &mut self.origin {
                Origin::Http(file) => file.read(buffer),
                Origin::Local(file) => file.read(buffer),
            };
            match read {
                Err(Trouble::GaveUp(problem)) => self.fail_over(problem)?,
                Ok(count) => {
                    self.count(count);
                    return Ok(count);
                }
                Err(trouble) => return Err(trouble),
            }
        }
    }

    /// Fetches a range besides, as much of it as the file has; `None` if the
    /// server does not serve ranges of this file.
    pub(super) fn range(&mut self, from: u64, length: u64) -> Result<Option<Vec<u8>>, Trouble> {
        loop {
            let range = match &mut self.origin {
                Origin::Http(file) => file.range(from, length),
                Origin::Local(file) => file.range(from, length).map(Some),
            };
            match range {
                Err(Trouble::GaveUp(problem)) => self.fail_over(problem)?,
                Ok(bytes) => {
                    self.used |= bytes.is_some();
                    return Ok(bytes);
                }
                Err(trouble) => return Err(trouble),
            }
        }
    }

    fn count(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.used = true;
        if let Some(milestone) = self.milestone.take() {
            self.net.surroundings.reached(milestone);
        }
    }

    /// Goes on with the next URL that works.
    fn fail_over(&mut self, mut problem: String) -> Result<(), Trouble> {
        let start = match &self.origin {
            Origin::Http(file) => file.rest(),
            Origin::Local(file) => file.rest(),
        };
        while self.current + 1 < self.urls.len() {
            self.current += 1;
            let url = self.urls[self.current];
            let text = format!("{}: {problem}; going on with {}", self.url(), shown(url));
            self.net.warn(text);
            if self.used && start.length.is_none() {
                let reason = "nothing tells whether the next URL has the same file";
                return Err(Trouble::Restart(reason.into()));
            }
            let start = if self.used { start } else { Start::default() };
            match Origin::open(self.net, url, start) {
                Ok(origin) => {
                    self.origin = origin;
                    self.mixed |= self.used;
                    return Ok(());
                }
                Err(Trouble::GaveUp(next)) => problem = next,
                Err(Trouble::Restart(reason)) => {
                    return Err(Trouble::Restart(format!("{}: {reason}", shown(url))));
                }
                Err(fault) => return Err(fault),
            }
        }
        Err(Trouble::GaveUp(problem))
    }
}

/// The digest by which a registry names an image.
pub(super) fn digest_in_registry(net: &Net<'_>, url: &str) -> Result<Digest, Trouble> {
    Ok(registry::image(net, url)?.digest.clone())
}

/// The first URL that works, from one of them on.
fn open_from<'a>(
    net: &'a Net<'a>,
    urls: &[&'a str],
    first: usize,
) -> Result<(usize, Origin<'a>), Trouble> {
    let mut problem = String::from("no URL is left");
    for (index, url) in urls.iter().enumerate().skip(first) {
        match Origin::open(net, url, Start::default()) {
            Ok(origin) => return Ok((index, origin)),
            Err(Trouble::GaveUp(last)) => {
                if index + 1 < urls.len() {
                    net.warn(format!("{}: {last}; trying the next URL", shown(url)));
                }
                problem = last;
            }
            Err(trouble) => return Err(trouble),
        }
    }
    Err(Trouble::GaveUp(problem))
}

impl<'a> Origin<'a> {
    fn open(net: &'a Net<'a>, url: &'a str, start: Start) -> Result<Self, Trouble> {
        let http = |target| HttpFile::open(net, target, start).map(|file| Self::Http(file.into()));
        match scheme(url) {
            Some(Scheme::Http) => http(Target::web(net, url)?),
            Some(Scheme::Registry) => http(registry::image(net, url)?.target()?),
            Some(Scheme::File) => LocalFile::open(net, url, start).map(Self::Local),
            None => Err(unreadable(url, "its scheme is not known")),
        }
    }
}

/// Nothing can be read there, however often it is tried.
fn unreadable(url: &str, problem: impl ToString) -> Trouble {
    Trouble::Fault(Fault::ImageSource {
        url: shown(url),
        problem: problem.to_string(),
    })
}
