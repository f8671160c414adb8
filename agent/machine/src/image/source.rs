// SPDX-License-Identifier: Apache-2.0
//! A file on a server, read from front to back however often the connection
//! breaks: each time it goes on at the byte where it broke, after making sure
//! that it is still the same file.

use std::io::Read as _;

use ironseed_core::fault::Fault;
use reqwest::StatusCode;
use reqwest::blocking::Response;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_RANGE,
    LAST_MODIFIED, RANGE,
};

use super::Trouble;
use super::net::{Net, explain};

/// So many bytes since the last failure show that trying again makes sense:
/// the count of failures starts from zero.
const PROGRESS: u64 = 64 << 10;

/// A file on a server.
pub(super) struct Source<'a> {
    net: &'a Net<'a>,
    url: &'a str,
    seen: Validators,
    /// The answer under way, and which byte of the file comes next in it.
    body: Option<(Response, u64)>,
    /// The byte that is handed out next.
    position: u64,
    failures: u32,
    since_failure: u64,
    waiting: bool,
    resumed: bool,
    /// The server was seen to ignore ranges.
    no_ranges: bool,
    begun: bool,
}

/// What tells one version of a file from another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Validators {
    length: Option<u64>,
    etag: Option<String>,
    modified: Option<String>,
}

impl Validators {
    fn of(headers: &HeaderMap, length: Option<u64>) -> Self {
        Self {
            length,
            etag: text(headers, &ETAG),
            modified: text(headers, &LAST_MODIFIED),
        }
    }

    /// Whether nothing that both tell differs.
    fn agree(&self, other: &Self) -> bool {
        fn same<T: PartialEq>(one: Option<&T>, two: Option<&T>) -> bool {
            one.is_none() || two.is_none() || one == two
        }
        same(self.length.as_ref(), other.length.as_ref())
            && same(self.etag.as_ref(), other.etag.as_ref())
            && same(self.modified.as_ref(), other.modified.as_ref())
    }

    /// What `If-Range` accepts: a strong tag, else a date (RFC 9110 §13.1.5).
    fn for_if_range(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|tag| !tag.starts_with("W/"));
        strong.or(self.modified.as_deref())
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// `bytes 100-199/1000` as first byte and total.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let value = text(headers, &CONTENT_RANGE)?;
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.parse().ok()?, total.parse().ok()))
}

impl<'a> Source<'a> {
    /// Asks for the file from its first byte.
    pub(super) fn open(net: &'a Net<'a>, url: &'a str) -> Result<Self, Trouble> {
        let mut source = Self {
            net,
            url,
            seen: Validators::default(),
            body: None,
            position: 0,
            failures: 0,
            since_failure: 0,
            waiting: false,
            resumed: false,
            no_ranges: false,
            begun: false,
        };
        while source.body.is_none() {
            source.connect()?;
        }
        Ok(source)
    }

    pub(super) fn url(&self) -> &str {
        self.url
    }

    /// Length of the file, where the server told it.
    pub(super) fn length(&self) -> Option<u64> {
        self.seen.length
    }

    /// Whether what was read came in several pieces.
    pub(super) fn was_resumed(&self) -> bool {
        self.resumed
    }

    /// Reads on at another byte.
    pub(super) fn seek(&mut self, position: u64) {
        self.position = position;
        if self.body.as_ref().is_some_and(|(_, at)| *at != position) {
            self.body = None;
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
            self.net.check_deadline(self.url)?;
            let Some((body, at)) = &mut self.body else {
                self.connect()?;
                continue;
            };
            // A server without ranges begins at the front again.
            let skip = usize::try_from(self.position - *at).unwrap_or(usize::MAX);
            let wanted = match skip {
                0 => buffer.len(),
                skip => skip.min(buffer.len()),
            };
            match body.read(&mut buffer[..wanted]) {
                Ok(0) if self.seen.length.is_none_or(|length| *at >= length) => return Ok(0),
                Ok(0) => {
                    let problem = format!("the connection ended after {at} bytes");
                    self.failed(problem)?;
                }
                Ok(count) => {
                    *at += count as u64;
                    if skip == 0 {
                        self.count(count as u64);
                        return Ok(count);
                    }
                }
                Err(error) => {
                    let problem = format!("the connection broke after {at} bytes: {error}");
                    self.failed(problem)?;
                }
            }
        }
    }

    fn count(&mut self, bytes: u64) {
        self.position += bytes;
        self.since_failure += bytes;
        if !self.begun {
            self.begun = true;
            self.net.surroundings.reached("download");
        }
    }

    /// Fetches a range on a connection of its own, as much of it as the file
    /// has; `None` if the server does not serve ranges of this file.
    pub(super) fn range(&mut self, from: u64, length: u64) -> Result<Option<Vec<u8>>, Trouble> {
        let range = format!("bytes={from}-{}", from + length - 1);
        while !self.no_ranges {
            match self.net.get(self.url).header(RANGE, &range).send() {
                Err(error) => self.failed(explain(error))?,
                Ok(answer) if answer.status() == StatusCode::PARTIAL_CONTENT => {
                    let total = self.check_partial(&answer, from)?;
                    let there = total.unwrap_or(u64::MAX).saturating_sub(from);
                    match answer.bytes() {
                        Ok(bytes) if bytes.len() as u64 == length.min(there) => {
                            return Ok(Some(bytes.to_vec()));
                        }
                        Ok(_) => self.failed("a range is cut off".into())?,
                        Err(error) => self.failed(explain(error))?,
                    }
                }
                Ok(answer) if answer.status() == StatusCode::OK => self.no_ranges = true,
                Ok(answer) if answer.status() == StatusCode::RANGE_NOT_SATISFIABLE => {
                    return Ok(Some(Vec::new()));
                }
                Ok(answer) => self.judge(answer.status())?,
            }
        }
        Ok(None)
    }

    /// One attempt to get the file from the current position on. Without an
    /// answer there is no body afterwards, and another attempt may be made.
    fn connect(&mut self) -> Result<(), Trouble> {
        let resume = self.position > 0 && !self.no_ranges;
        let mut request = self.net.get(self.url);
        if resume {
            request = request.header(RANGE, format!("bytes={}-", self.position));
            if let Some(validator) = self.seen.for_if_range() {
                request = request.header(IF_RANGE, validator);
            }
        }
        let answer = match request.send() {
            Ok(answer) => answer,
            Err(error) => return self.failed(explain(error)),
        };
        match answer.status() {
            StatusCode::OK => self.whole(answer),
            StatusCode::PARTIAL_CONTENT if resume => {
                self.check_partial(&answer, self.position)?;
                self.body = Some((answer, self.position));
                self.answered();
                Ok(())
            }
            StatusCode::RANGE_NOT_SATISFIABLE if resume => {
                Err(Trouble::Restart("the file became shorter".into()))
            }
            status => self.judge(status),
        }
    }

    /// An answer with the whole file.
    fn whole(&mut self, answer: Response) -> Result<(), Trouble> {
        let headers = answer.headers();
        if let Some(encoding) = text(headers, &CONTENT_ENCODING).filter(|e| e != "identity") {
            return Err(Trouble::Fault(self.net.gave_up(
                self.url,
                format!("the server encodes the content as {encoding}, which was not asked for"),
            )));
        }
        let length = text(headers, &CONTENT_LENGTH).and_then(|text| text.parse().ok());
        let validators = Validators::of(headers, length);
        if !self.seen.agree(&validators) {
            return Err(Trouble::Restart("the file changed on the server".into()));
        }
        if self.position > 0 {
            self.no_ranges = true;
        } else {
            self.seen = validators;
        }
        self.body = Some((answer, 0));
        self.answered();
        Ok(())
    }

    /// Makes sure that a range is the one that was asked for, of the same file.
    /// Returns the length of the file, where the server tells it.
    fn check_partial(&self, answer: &Response, from: u64) -> Result<Option<u64>, Trouble> {
        let changed = || Trouble::Restart("the file changed on the server".into());
        let (first, total) = content_range(answer.headers()).ok_or_else(changed)?;
        let validators = Validators::of(answer.headers(), total);
        if first == from && self.seen.agree(&validators) {
            Ok(total)
        } else {
            Err(changed())
        }
    }

    /// A refusal ends everything; a server in trouble gets another chance.
    fn judge(&mut self, status: StatusCode) -> Result<(), Trouble> {
        if status.is_server_error() {
            return self.failed(format!("HTTP {}", status.as_u16()));
        }
        Err(Trouble::Fault(Fault::ImageRefused {
            url: self.url.to_owned(),
            status: status.as_u16(),
        }))
    }

    fn answered(&mut self) {
        if std::mem::take(&mut self.waiting) {
            self.net.recovered();
        }
    }

    fn failed(&mut self, problem: String) -> Result<(), Trouble> {
        self.body = None;
        self.resumed |= self.position > 0;
        if std::mem::take(&mut self.since_failure) >= PROGRESS {
            self.failures = 0;
        }
        self.failures += 1;
        if self.failures > self.net.retries() {
            return Err(Trouble::GaveUp(problem));
        }
        self.net.check_deadline(self.url)?;
        self.waiting = true;
        self.net.pause(self.url, &problem);
        Ok(())
    }
}
