// SPDX-License-Identifier: Apache-2.0
//! A file on a web server. Each time the connection breaks, reading goes on at
//! the byte where it broke, after making sure that it is still the same file.

use std::time::Duration;

use ironseed_core::fault::Fault;
use reqwest::header::{IF_RANGE, RANGE};
use reqwest::{Response, StatusCode};

use super::answer::{self, Part, Validators};
use super::body::Body;
use super::target::Target;
use super::{Start, unreadable};
use crate::image::Trouble;
use crate::image::net::{Failure, Net};

/// So many bytes since the last failure show that trying again makes sense:
/// the count of failures starts from zero.
const PROGRESS: u64 = 64 << 10;

/// A file on a web server.
pub(super) struct HttpFile<'a> {
    net: &'a Net<'a>,
    target: Target,
    seen: Validators,
    body: Option<Body>,
    /// The byte that is handed out next.
    position: u64,
    failures: u32,
    since_failure: u64,
    waiting: bool,
    resumed: bool,
    /// The server was seen to ignore ranges.
    no_ranges: bool,
    /// The right to read was renewed, and nothing was answered since.
    renewed: bool,
}

impl<'a> HttpFile<'a> {
    /// Asks for the file from a byte on.
    pub(super) fn open(net: &'a Net<'a>, target: Target, start: Start) -> Result<Self, Trouble> {
        let mut file = Self {
            net,
            target,
            seen: Validators::of_length(start.length),
            body: None,
            position: start.position,
            failures: 0,
            since_failure: 0,
            waiting: false,
            resumed: false,
            no_ranges: false,
            renewed: false,
        };
        while file.body.is_none() {
            file.connect()?;
        }
        Ok(file)
    }

    pub(super) fn url(&self) -> &str {
        self.target.shown()
    }

    pub(super) fn length(&self) -> Option<u64> {
        self.seen.length
    }

    pub(super) fn was_resumed(&self) -> bool {
        self.resumed
    }

    /// What another server would have to go on with.
    pub(super) fn rest(&self) -> Start {
        Start {
            position: self.position,
            length: self.seen.length,
        }
    }

    pub(super) fn seek(&mut self, position: u64) {
        self.position = position;
        if self.body.as_ref().is_some_and(|body| body.at() != position) {
            self.body = None;
        }
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Trouble> {
        loop {
            self.net.check_deadline(self.target.shown())?;
            let Some(body) = &mut self.body else {
                self.connect()?;
                continue;
            };
            // A server without ranges begins at the front again.
            body.skip_to(self.position);
            let count = body.take(buffer);
            if count > 0 {
                self.position += count as u64;
                self.since_failure += count as u64;
                return Ok(count);
            }
            let at = body.at();
            match body.fetch(self.net) {
                Ok(true) => {}
                Ok(false) if self.seen.length.is_none_or(|length| at >= length) => {
                    self.resumed |= body.may_be_cut();
                    return Ok(0);
                }
                Ok(false) => self.failed(format!("the connection ended after {at} bytes"), None)?,
                Err(failure) => self.broke(&format!("at byte {at}: "), failure)?,
            }
        }
    }

    /// Fetches a range, on another connection than the body under way.
    pub(super) fn range(&mut self, from: u64, length: u64) -> Result<Option<Vec<u8>>, Trouble> {
        let left = self.seen.length.unwrap_or(u64::MAX).saturating_sub(from);
        let length = length.min(left);
        if length == 0 {
            return Ok(Some(Vec::new()));
        }
        let range = format!("bytes={from}-{}", from + (length - 1));
        while !self.no_ranges {
            self.net.check_deadline(self.target.shown())?;
            let request = self.target.request(self.net).header(RANGE, &range);
            match self.net.send(request) {
                Err(failure) => self.broke("", failure)?,
                Ok(answer) if answer.status() == StatusCode::PARTIAL_CONTENT => {
                    self.check_part(&answer, from)?;
                    if let Some(bytes) = self.collect(answer, from, length)? {
                        self.answered();
                        return Ok(Some(bytes));
                    }
                }
                Ok(answer) if answer.status() == StatusCode::OK => self.no_ranges = true,
                Ok(answer) if answer.status() == StatusCode::RANGE_NOT_SATISFIABLE => {
                    self.answered();
                    return Ok(Some(Vec::new()));
                }
                Ok(answer) => self.judge(&answer)?,
            }
        }
        Ok(None)
    }

    /// The bytes of a range, of which nothing is kept if it is cut off.
    fn collect(
        &mut self,
        mut answer: Response,
        from: u64,
        length: u64,
    ) -> Result<Option<Vec<u8>>, Trouble> {
        let there = self.seen.length.unwrap_or(u64::MAX).saturating_sub(from);
        let wanted = usize::try_from(length.min(there)).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        loop {
            match self.net.chunk(&mut answer) {
                Ok(Some(piece)) => {
                    let missing = wanted - bytes.len();
                    bytes.extend_from_slice(&piece[..piece.len().min(missing)]);
                    // The end of a body is awaited, so that its connection can
                    // be used again, but not of one that is longer than it may be.
                    if piece.len() > missing {
                        return Ok(Some(bytes));
                    }
                }
                Ok(None) if bytes.len() == wanted => return Ok(Some(bytes)),
                Ok(None) => {
                    self.failed("a range is cut off".into(), None)?;
                    return Ok(None);
                }
                Err(failure) => {
                    self.broke("in a range: ", failure)?;
                    return Ok(None);
                }
            }
        }
    }

    /// One attempt to get the file from the current position on. Without an
    /// answer there is no body afterwards, and another attempt may be made.
    fn connect(&mut self) -> Result<(), Trouble> {
        self.net.check_deadline(self.target.shown())?;
        let resume = self.position > 0 && !self.no_ranges;
        let mut request = self.target.request(self.net);
        if resume {
            request = request.header(RANGE, format!("bytes={}-", self.position));
            if let Some(validator) = self.seen.for_if_range() {
                request = request.header(IF_RANGE, validator);
            }
        }
        let answer = match self.net.send(request) {
            Ok(answer) => answer,
            Err(failure) => return self.broke("", failure),
        };
        match answer.status() {
            StatusCode::OK => self.whole(answer),
            StatusCode::PARTIAL_CONTENT if resume => {
                self.check_part(&answer, self.position)?;
                self.begin(answer, self.position);
                Ok(())
            }
            StatusCode::RANGE_NOT_SATISFIABLE if resume => {
                Err(Trouble::Restart("the file became shorter".into()))
            }
            _ => self.judge(&answer),
        }
    }

    fn begin(&mut self, answer: Response, at: u64) {
        self.body = Some(Body::new(answer, at));
        self.answered();
    }

    /// An answer with the whole file.
    fn whole(&mut self, answer: Response) -> Result<(), Trouble> {
        self.check_encoding(&answer)?;
        let validators = Validators::of_whole(answer.headers());
        if !self.seen.agree(&validators) {
            return Err(Trouble::Restart("the file changed on the server".into()));
        }
        self.no_ranges |= self.position > 0;
        self.seen.learn(validators);
        self.begin(answer, 0);
        Ok(())
    }

    /// Makes sure that a part is the one that was asked for, of the same file.
    fn check_part(&mut self, answer: &Response, from: u64) -> Result<(), Trouble> {
        self.check_encoding(answer)?;
        let changed = || Trouble::Restart("the file changed on the server".into());
        let part = Part::of(answer.headers()).ok_or_else(changed)?;
        if part.first != from || !self.seen.agree(&part.validators) {
            return Err(changed());
        }
        self.seen.learn(part.validators);
        Ok(())
    }

    fn check_encoding(&self, answer: &Response) -> Result<(), Trouble> {
        match answer::encoding(answer.headers()) {
            None => Ok(()),
            Some(encoding) => Err(unreadable(
                self.target.shown(),
                format!("the server encodes the content as {encoding}, which was not asked for"),
            )),
        }
    }

    /// A refusal ends everything, unless a new token helps; a server in
    /// trouble gets another chance.
    fn judge(&mut self, answer: &Response) -> Result<(), Trouble> {
        let status = answer.status();
        if status.is_server_error() {
            let asked = answer::asked_pause(answer.headers());
            let wish = asked.map_or(String::new(), |time| format!(", asks for {time:?}"));
            return self.failed(format!("HTTP {}{wish}", status.as_u16()), asked);
        }
        // Whoever was redirected to has no say in where the login goes.
        if status == StatusCode::UNAUTHORIZED
            && self.target.is_on(answer.url())
            && !std::mem::replace(&mut self.renewed, true)
            && self.target.renew(self.net, answer.headers())?
        {
            return Ok(());
        }
        Err(Trouble::Fault(Fault::ImageRefused {
            url: self.target.shown().to_owned(),
            status: status.as_u16(),
        }))
    }

    fn answered(&mut self) {
        self.renewed = false;
        if std::mem::take(&mut self.waiting) {
            self.net.recovered();
        }
    }

    fn broke(&mut self, place: &str, failure: Failure) -> Result<(), Trouble> {
        match failure {
            Failure::Over => Err(self.net.over(self.target.shown())),
            Failure::Problem(problem) => self.failed(format!("{place}{problem}"), None),
        }
    }

    fn failed(&mut self, problem: String, asked: Option<Duration>) -> Result<(), Trouble> {
        self.body = None;
        self.resumed |= self.position > 0;
        let alive = std::mem::take(&mut self.since_failure) >= PROGRESS;
        if alive {
            self.failures = 0;
        }
        self.failures += 1;
        if self.failures > self.net.retries() {
            return Err(Trouble::GaveUp(problem));
        }
        self.waiting = true;
        self.net.pause(self.target.shown(), &problem, asked, alive);
        self.net.check_deadline(self.target.shown())
    }
}
