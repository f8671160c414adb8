// SPDX-License-Identifier: Apache-2.0
//! The clock of this machine, put right beside everything else (contract §1,
//! §23).
//!
//! It is asked about as soon as the network is there, and again until somebody
//! has answered. Nothing waits for that, except calls to Ironic by TLS for a
//! moment, since certificates are refused by a clock that is years off; and
//! everything, if the operator wants the clock set or nothing
//! (`fail_if_clock_not_set`).
//!
//! Where the network belongs to the system the agent runs in
//! (`--keep-network`), so does the clock: a skew is told and nothing is set.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bootconfig::Settings;
use ironseed_core::clock::date::Bounds;
use ironseed_core::clock::policy::{self, BOOT_LIMIT, DATE_LIMIT, PAUSES, Source};
use ironseed_core::clock::select::choose;
use ironseed_core::clock::{Sample, Server, Skew, Tried, servers, tell_tried};
use ironseed_core::event::{Event, Wait};
use ironseed_core::fault::Fault;
use ironseed_core::lifecycle::Random;
use ironseed_core::network::{NetworkMode, NetworkStatus};
use ironseed_machine::clock::ntp::NtpClient;
use ironseed_machine::clock::{Clock, ClockSetter, http_date};
use ironseed_machine::root::Root;
use tokio::sync::watch;

use crate::boot::chain;
use crate::events::Events;
use crate::settings::{client_tls, urls};

/// How long a real-time clock has.
const RTC_LIMIT: Duration = Duration::from_secs(5);

/// What keeping the time works with.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) setter: Arc<dyn ClockSetter>,
    pub(crate) root: Root,
    pub(crate) events: Events,
    pub(crate) network: watch::Receiver<NetworkStatus>,
    pub(crate) settings: Settings,
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// The first round is under way.
    Asking,
    /// Nobody has told the time yet; who was asked, and why not.
    Unset(Vec<Tried>),
    /// The clock is right, and who said so.
    Set(Source),
}

/// Tells when something new is known about the clock.
#[derive(Debug)]
pub(crate) struct News(watch::Receiver<State>);

impl News {
    /// Waits for the next one, but not longer than this.
    pub(crate) async fn within(&mut self, limit: Duration) {
        let _ = tokio::time::timeout(limit, self.0.changed()).await;
    }
}

/// Keeps the clock right. Clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Timekeeper {
    with: Arc<Surroundings>,
    client: NtpClient,
    state: watch::Sender<State>,
}

impl Timekeeper {
    /// One that has not asked anybody yet.
    pub(crate) fn new(with: Surroundings) -> Self {
        let client = NtpClient::new(Arc::clone(&with.clock));
        Self {
            with: Arc::new(with),
            client,
            state: watch::Sender::new(State::Asking),
        }
    }

    /// Begins to ask, in a task of its own.
    pub(crate) fn start(&self) {
        let keeper = self.clone();
        tokio::spawn(async move { keeper.keep().await });
    }

    /// Waits, before Ironic is talked to, as long as the settings make it worth
    /// while.
    pub(crate) async fn before_ironic(&self) {
        let mut state = self.state.subscribe();
        if self.is_strict() && !self.servers().is_empty() {
            self.wait_until_set(&mut state).await;
        } else if self.needs_tls() {
            let asked = state.wait_for(|state| *state != State::Asking);
            // What is not known by then is asked about beside everything else.
            let _ = tokio::time::timeout(BOOT_LIMIT, asked).await;
        }
    }

    async fn wait_until_set(&self, state: &mut watch::Receiver<State>) {
        let mut told = false;
        loop {
            let now = state.borrow_and_update().clone();
            match now {
                State::Set(_) if told => return self.with.events.emit(&Event::WaitOver),
                State::Set(_) => return,
                State::Asking => {}
                State::Unset(tried) => {
                    let problem = tell_tried(&tried);
                    let wait = Wait::ClockNotSet { problem };
                    self.with.events.emit(&Event::Waiting(wait));
                    told = true;
                }
            }
            // The sender lives as long as `self`.
            let _ = state.changed().await;
        }
    }

    /// Whether somebody has confirmed the date in this boot.
    pub(crate) fn is_confirmed(&self) -> bool {
        matches!(*self.state.borrow(), State::Set(_))
    }

    /// Changes whenever something new is known about the clock.
    pub(crate) fn news(&self) -> News {
        News(self.state.subscribe())
    }

    /// The date as Unix time.
    pub(crate) fn date(&self) -> Duration {
        let now = self.with.clock.now().duration_since(UNIX_EPOCH);
        now.unwrap_or_default()
    }

    /// Before the machine goes down (contract §18, §23): the clock is put right
    /// once more, and the real-time clock with it.
    ///
    /// # Errors
    /// [`Fault::ClockNotSet`] if the settings do not allow to go on without.
    pub(crate) async fn hand_over(&self) -> Result<(), Fault> {
        if !self.may_set() {
            return Ok(());
        }
        let servers = self.servers();
        let asked = match servers.is_empty() {
            true => Ok(()),
            false => match self.ask_servers(&servers).await {
                Ok((source, sample)) => self.apply(source, sample).await,
                // It was right once in this boot, and has run on since.
                Err(_) if self.is_confirmed() => Ok(()),
                Err(tried) => Err(tell_tried(&tried)),
            },
        };
        let kept = match asked {
            Ok(()) => self.keep_in_rtc().await,
            Err(problem) => Err(problem),
        };
        match kept {
            Err(problem) if self.is_strict() => Err(Fault::ClockNotSet { problem }),
            Err(problem) => {
                let text = format!("the clock is handed over as it is: {problem}");
                self.with.events.warn(text);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Asks until the clock is set by NTP, or by a date where nobody has NTP.
    async fn keep(&self) {
        let seed = u64::from(self.with.clock.since_boot().subsec_nanos());
        let mut random = Random::new(seed ^ u64::from(std::process::id()) << 32);
        let mut failures = 0;
        loop {
            let servers = self.servers();
            if self.round(&servers).await {
                return;
            }
            failures += 1;
            let longest = PAUSES.pause(failures);
            let pause = random.between(longest / 2, longest);
            let other = self.other_servers(&servers);
            if servers.is_empty() && self.is_confirmed() {
                // Only a lease that names a server could make it better.
                other.await;
            } else {
                let _ = tokio::time::timeout(pause, other).await;
            }
        }
    }

    /// Asks everybody once. Gives whether there is nothing left to find out.
    async fn round(&self, servers: &[Server]) -> bool {
        let mut tried = match self.ask_servers(servers).await {
            Ok((source, sample)) => return self.take(source, sample).await,
            Err(tried) => tried,
        };
        if !self.is_confirmed() {
            match self.ask_ironic().await {
                Ok((source, sample)) => {
                    let taken = self.take(source, sample).await;
                    // NTP would make it more exact; where nothing is set, that
                    // it is off has been told.
                    return taken && !self.may_set();
                }
                Err(more) => tried.extend(more),
            }
            self.unset(tried);
        }
        false
    }

    /// Takes a time over; gives whether that worked.
    async fn take(&self, source: Source, sample: Sample) -> bool {
        match self.apply(source.clone(), sample).await {
            Ok(()) => true,
            Err(problem) => {
                let source = source.to_string();
                self.unset(vec![Tried { source, problem }]);
                false
            }
        }
    }

    fn unset(&self, tried: Vec<Tried>) {
        let news = State::Unset(tried);
        if *self.state.borrow() == news {
            return;
        }
        if let State::Unset(tried) = &news
            && !tried.is_empty()
        {
            let text = format!("nobody tells the time: {}", tell_tried(tried));
            self.with.events.warn(text);
        }
        self.state.send_replace(news);
    }

    /// Steps the clock if it is off, and tells by how much it was.
    async fn apply(&self, source: Source, sample: Sample) -> Result<(), String> {
        let date = sample.date_at(self.with.clock.since_boot());
        let skew = Skew::of(self.date(), date);
        let steps = policy::steps(skew, &source) && self.may_set();
        if steps {
            let set = self.with.setter.set(date);
            set.map_err(|error| format!("the kernel's clock cannot be set: {error}"))?;
        }
        self.with.events.emit(&policy::tell(skew, &source, steps));
        self.with.events.reached("clock");
        // A skew that was only told is nobody's confirmation.
        self.state
            .send_replace(if steps || !policy::steps(skew, &source) {
                State::Set(source)
            } else {
                State::Unset(Vec::new())
            });
        if steps && let Err(problem) = self.keep_in_rtc().await {
            // Most machines are switched off by their BMC, without a hand-off.
            self.with.events.warn(problem);
        }
        Ok(())
    }

    /// Writes the real-time clock if it shows another second. A machine without
    /// one has nothing to keep. In a thread that may block, and not for ever:
    /// behind some of these clocks is a firmware.
    async fn keep_in_rtc(&self) -> Result<(), String> {
        let date = self.date();
        // A date before this program was made comes from a real-time clock
        // without a date; writing it there would make it look like one.
        if !Bounds::of_this_build().contain(date) {
            return Ok(());
        }
        let setter = Arc::clone(&self.with.setter);
        let write = tokio::task::spawn_blocking(move || {
            let shown = setter.rtc()?;
            if shown.is_some_and(|shown| shown.abs_diff(date) < Duration::from_secs(1)) {
                return Ok(());
            }
            setter.set_rtc(date).map(drop)
        });
        let problem = match tokio::time::timeout(RTC_LIMIT, write).await {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(broken)) => broken.to_string(),
            Err(_) => format!("it does not answer within {} s", RTC_LIMIT.as_secs()),
        };
        Err(format!("the real-time clock cannot be set: {problem}"))
    }

    async fn ask_servers(&self, servers: &[Server]) -> Result<(Source, Sample), Vec<Tried>> {
        let round = self.client.ask(servers).await;
        let Some(choice) = choose(&round.answers) else {
            return Err(round.tried);
        };
        let now = self.with.clock.since_boot();
        for outlier in &choice.outliers {
            let (theirs, ours) = (
                outlier.sample.date_at(now),
                choice.chosen.sample.date_at(now),
            );
            self.with.events.warn(format!(
                "the NTP server {} is {} of {}, and not believed",
                outlier.server,
                Skew::of(theirs, ours),
                choice.chosen.server
            ));
        }
        let source = Source::Ntp(choice.chosen.server.to_string());
        Ok((source, choice.chosen.sample))
    }

    /// The date of the first URL of Ironic that tells one.
    async fn ask_ironic(&self) -> Result<(Source, Sample), Vec<Tried>> {
        let mut tried = Vec::new();
        for url in urls(&self.with.settings.api_urls.value) {
            let tls = client_tls(&self.with.settings);
            let (root, clock) = (&self.with.root, &*self.with.clock);
            match http_date::ask(&url, root, tls, clock, DATE_LIMIT).await {
                Ok(sample) => return Ok((Source::HttpDate(url), sample)),
                Err(error) => tried.push(Tried {
                    problem: chain(&error),
                    source: url,
                }),
            }
        }
        Err(tried)
    }

    fn servers(&self) -> Vec<Server> {
        let setting = self.with.settings.ntp_server.value.as_deref();
        servers(setting, &self.with.network.borrow().ntp())
    }

    /// Waits until leases name others than these servers; for ever, if the
    /// network has ended.
    async fn other_servers(&self, known: &[Server]) {
        let mut network = self.with.network.clone();
        loop {
            if network.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            if self.servers() != known {
                return;
            }
        }
    }

    fn may_set(&self) -> bool {
        self.with.network.borrow().mode == NetworkMode::Manage
    }

    fn is_strict(&self) -> bool {
        self.may_set() && self.with.settings.fail_if_clock_not_set.value
    }

    fn needs_tls(&self) -> bool {
        let settings = &self.with.settings;
        let secure = |url: &String| url.starts_with("https:");
        !settings.insecure.value && urls(&settings.api_urls.value).iter().any(secure)
    }
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
