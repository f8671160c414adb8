// SPDX-License-Identifier: Apache-2.0
//! NTP servers, asked all at once over UDP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ironseed_core::clock::date::Bounds;
use ironseed_core::clock::ntp::{PORT, Refused, question, read};
use ironseed_core::clock::policy::{ANSWER_LIMIT, ASK_AGAIN, OTHERS};
use ironseed_core::clock::select::{Candidate, is_settled};
use ironseed_core::clock::{Sample, Server, ServerOrigin, Tried};
use thiserror::Error;
use tokio::net::{UdpSocket, lookup_host};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::Clock;

/// Addresses of one name that are asked: a pool has dozens.
const ADDRESSES: usize = 4;

/// Longer answers have extension fields nobody asked for.
const LARGEST: usize = 1024;

/// Why one server gave no time.
#[derive(Debug, Error)]
enum Problem {
    #[error("the name cannot be resolved: {0}")]
    Name(io::Error),
    #[error("the name has no address")]
    NoAddress,
    #[error("no random number: {0}")]
    Random(getrandom::Error),
    #[error("it cannot be asked: {0}")]
    Socket(io::Error),
    #[error("no answer within {:.1} s", .0.as_secs_f64())]
    Silent(Duration),
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// What all servers said together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Round {
    /// Answers that can be used, in order of preference.
    pub answers: Vec<Candidate>,
    /// The servers that gave none, and why; those that were not waited for are
    /// in neither list.
    pub tried: Vec<Tried>,
}

/// Asks NTP servers.
#[derive(Debug, Clone)]
pub struct NtpClient {
    clock: Arc<dyn Clock>,
    port: u16,
    limit: Duration,
    others: Duration,
}

/// What the task of one server says.
enum News {
    Answer(Candidate),
    Problem(Tried),
    Done,
}

/// Where a task says it, with its server's place in the list.
#[derive(Clone)]
struct Teller {
    place: usize,
    news: mpsc::UnboundedSender<(usize, News)>,
}

impl Teller {
    fn tell(&self, what: News) {
        // The receiver is gone once enough is known.
        let _ = self.news.send((self.place, what));
    }

    fn outcome(&self, server: Server, outcome: Result<Sample, Problem>) {
        self.tell(match outcome {
            Ok(sample) => News::Answer(Candidate { server, sample }),
            Err(problem) => News::Problem(Tried {
                source: server.to_string(),
                problem: problem.to_string(),
            }),
        });
    }
}

impl NtpClient {
    /// A client that measures the way to a server and back by this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            port: PORT,
            limit: ANSWER_LIMIT,
            others: OTHERS,
        }
    }

    /// The same at another port than 123.
    #[must_use]
    pub fn at_port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// The same with more time for answers than [`ANSWER_LIMIT`].
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// The same with more time for others after the first answer than
    /// [`OTHERS`].
    #[must_use]
    pub fn waiting_for_others(self, others: Duration) -> Self {
        Self { others, ..self }
    }

    /// Asks all servers at once, until enough have answered
    /// ([`is_settled`]), the others have had their time, or the limit is over.
    pub async fn ask(&self, servers: &[Server]) -> Round {
        let deadline = Instant::now() + self.limit;
        let (news, mut arriving) = mpsc::unbounded_channel();
        // Dropping the set ends the tasks that nobody waits for any more.
        let mut tasks = JoinSet::new();
        for (place, server) in servers.iter().enumerate() {
            let news = news.clone();
            let (client, server) = (self.clone(), server.clone());
            let teller = Teller { place, news };
            tasks.spawn(async move { client.ask_server(server, deadline, teller).await });
        }
        drop(news);
        let mut missing: Vec<(usize, &Server)> = servers.iter().enumerate().collect();
        let mut answers: Vec<(usize, Candidate)> = Vec::new();
        let mut tried = Vec::new();
        let mut until = None;
        while let Ok(Some((place, what))) =
            timeout_at(until.unwrap_or(deadline + ASK_AGAIN), arriving.recv()).await
        {
            match what {
                News::Answer(candidate) => answers.push((place, candidate)),
                News::Problem(problem) => tried.push(problem),
                News::Done => missing.retain(|(index, _)| *index != place),
            }
            answers.sort_by_key(|(place, _)| *place);
            let usable: Vec<Candidate> = answers.iter().map(|(_, it)| it.clone()).collect();
            let open: Vec<Server> = missing.iter().map(|(_, it)| (*it).clone()).collect();
            let asked = usable.len() + tried.len() + open.len();
            if is_settled(&usable, asked, &open) {
                break;
            }
            let waits_for_setting = open
                .iter()
                .any(|server| server.origin == ServerOrigin::Setting);
            if !usable.is_empty() && !waits_for_setting && until.is_none() {
                until = Some(deadline.min(Instant::now() + self.others));
            }
        }
        Round {
            answers: answers
                .into_iter()
                .map(|(_, candidate)| candidate)
                .collect(),
            tried,
        }
    }

    /// Every address of a server at once.
    async fn ask_server(&self, server: Server, deadline: Instant, teller: Teller) {
        match self.addresses(&server.host, deadline).await {
            Err(problem) => teller.outcome(server, Err(problem)),
            Ok(addresses) => {
                let mut exchanges = JoinSet::new();
                for address in addresses {
                    let (client, teller) = (self.clone(), teller.clone());
                    let server = at_address(&server, address.ip());
                    exchanges.spawn(async move {
                        let outcome = client.exchange(address, deadline).await;
                        teller.outcome(server, outcome);
                    });
                }
                exchanges.join_all().await;
            }
        }
        teller.tell(News::Done);
    }

    async fn addresses(&self, host: &str, deadline: Instant) -> Result<Vec<SocketAddr>, Problem> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        let resolved = timeout_at(deadline, lookup_host((host, self.port)))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for address in resolved.map_err(Problem::Name)? {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        addresses.truncate(ADDRESSES);
        if addresses.is_empty() {
            return Err(Problem::NoAddress);
        }
        Ok(addresses)
    }

    /// One server at one address: a question, again if it seems lost.
    async fn exchange(&self, server: SocketAddr, deadline: Instant) -> Result<Sample, Problem> {
        let any: IpAddr = match server {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        // A port of the kernel's choice, and answers from this server only.
        let socket = UdpSocket::bind((any, 0)).await.map_err(Problem::Socket)?;
        socket.connect(server).await.map_err(Problem::Socket)?;
        let mut asked: Vec<(u64, Duration)> = Vec::new();
        let mut last = Problem::Silent(self.limit);
        while Instant::now() < deadline {
            let nonce = getrandom::u64().map_err(Problem::Random)?;
            asked.push((nonce, self.clock.since_boot()));
            socket
                .send(&question(nonce))
                .await
                .map_err(Problem::Socket)?;
            let again = deadline.min(Instant::now() + ASK_AGAIN);
            let mut bytes = [0; LARGEST];
            while let Ok(received) = timeout_at(again, socket.recv(&mut bytes)).await {
                let length = received.map_err(Problem::Socket)?;
                let now = self.clock.since_boot();
                match sample(bytes.get(..length).unwrap_or_default(), &asked, now) {
                    Ok(sample) => return Ok(sample),
                    // Anybody may have sent it; the server's answer may follow.
                    Err(
                        refused @ (Refused::NotOurs
                        | Refused::TooShort(_)
                        | Refused::NotAnAnswer { .. }),
                    ) => last = Problem::Refused(refused),
                    Err(refused) => return Err(refused.into()),
                }
            }
        }
        Err(last)
    }
}

/// The time in an answer to any of the questions.
fn sample(bytes: &[u8], asked: &[(u64, Duration)], now: Duration) -> Result<Sample, Refused> {
    let about = Bounds::of_this_build().earliest;
    let mut refused = Refused::NotOurs;
    for (nonce, at) in asked {
        match read(bytes, *nonce, about) {
            Ok(answer) => return answer.sample(*at, now),
            Err(Refused::NotOurs) => {}
            Err(other) => refused = other,
        }
    }
    Err(refused)
}

/// A server that was named by a name, with the address that was asked.
fn at_address(server: &Server, address: IpAddr) -> Server {
    let host = match server.host.parse::<IpAddr>() {
        Ok(_) => server.host.clone(),
        Err(_) => format!("{} at {address}", server.host),
    };
    Server {
        host,
        origin: server.origin,
    }
}

#[cfg(test)]
#[path = "ntp_tests.rs"]
mod tests;
