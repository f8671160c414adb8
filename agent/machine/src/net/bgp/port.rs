// SPDX-License-Identifier: Apache-2.0
//! The BGP session of one port, running: the state machine of the core between
//! a socket for advertisements, TCP connections and a timer.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv6Addr;
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::time::Duration;

use bootconfig::Password;
use ironseed_core::network::MacAddr;
use ironseed_core::network::bgp::advertisement::{
    ALL_NODES, ALL_ROUTERS, advertisement, pause, solicitation,
};
use ironseed_core::network::bgp::rib::Path;
use ironseed_core::network::bgp::{Action, Direction, Prefix, Problem, Session, SessionState};
use ironseed_core::network::dhcp4::Moment;
use nix::sys::socket::{Shutdown, shutdown};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::neighbours::Neighbours;
use super::tcp;
use crate::clock::Clock;
use crate::root::Root;

/// How soon an advertisement is tried again when the port has no link-local
/// address yet: the kernel first makes sure that nobody else has it.
const NO_ADDRESS_YET: Duration = Duration::from_millis(200);

/// What is read of a connection at once.
const BUFFER: usize = 4096;

/// What a port is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The carrier came or went.
    Carrier(bool),
    /// Say goodbye and end.
    Stop,
}

/// What a port tells.
#[derive(Debug, Clone)]
pub(super) struct PortReport {
    pub(super) port: u32,
    pub(super) state: SessionState,
    pub(super) neighbour: Option<Ipv6Addr>,
    pub(super) neighbour_as: Option<u32>,
    pub(super) problem: Option<Problem>,
    /// The ways the neighbour gave.
    pub(super) paths: BTreeMap<Prefix, Path>,
    /// Why it cannot listen.
    pub(super) trouble: Option<String>,
    /// It has ended.
    pub(super) over: bool,
}

/// What happens on the port's connections, with the number of the connection:
/// news of one that was closed meanwhile do not count.
#[derive(Debug)]
enum News {
    Connected(u64, io::Result<TcpStream>),
    Bytes(Direction, u64, Vec<u8>),
    Closed(Direction, u64),
}

#[derive(Debug)]
struct Open {
    number: u64,
    stream: Arc<TcpStream>,
    reader: AbortHandle,
}

/// What a port works with.
#[derive(Debug, Clone)]
pub(super) struct PortSettings {
    pub(super) index: u32,
    pub(super) mac: Option<MacAddr>,
    pub(super) password: Option<Password>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) root: Root,
}

/// One port's session.
#[derive(Debug)]
pub(super) struct Port {
    settings: PortSettings,
    session: Session,
    orders: mpsc::UnboundedReceiver<Order>,
    reports: mpsc::UnboundedSender<PortReport>,
    news: mpsc::UnboundedSender<News>,
    news_in: mpsc::UnboundedReceiver<News>,
    /// Both are open only while there is carrier.
    neighbours: Option<Neighbours>,
    listener: Option<TcpListener>,
    connecting: Option<(u64, AbortHandle)>,
    open: BTreeMap<Direction, Open>,
    numbers: u64,
    /// When the next advertisement is due; time since boot.
    advertise: Option<Duration>,
    /// Wrong signatures counted when the attempt began.
    wrong_signatures: u64,
    trouble: Option<String>,
}

impl Port {
    pub(super) fn new(
        settings: PortSettings,
        session: Session,
        orders: mpsc::UnboundedReceiver<Order>,
        reports: mpsc::UnboundedSender<PortReport>,
    ) -> Self {
        let (news, news_in) = mpsc::unbounded_channel();
        Self {
            settings,
            session,
            orders,
            reports,
            news,
            news_in,
            neighbours: None,
            listener: None,
            connecting: None,
            open: BTreeMap::new(),
            numbers: 0,
            advertise: None,
            wrong_signatures: 0,
            trouble: None,
        }
    }

    /// Runs until it is told to stop or nobody listens any more.
    pub(super) async fn run(mut self) {
        loop {
            let time_left = self.time_left();
            let actions = tokio::select! {
                order = self.orders.recv() => match order {
                    Some(Order::Carrier(up)) => self.carrier(up),
                    Some(Order::Stop) | None => break,
                },
                neighbour = next(self.neighbours.as_ref()) => match neighbour {
                    Ok(address) => {
                        let moment = self.moment();
                        self.session.heard(address, moment)
                    }
                    // The port went down; its carrier comes back with a new one.
                    Err(_) => {
                        self.neighbours = None;
                        continue;
                    }
                },
                accepted = accept(self.listener.as_ref()) => match accepted {
                    Ok(stream) => self.connected(Direction::Incoming, stream),
                    Err(error) => {
                        self.listener = None;
                        self.trouble = Some(format!("cannot listen for BGP any more: {error}"));
                        vec![]
                    }
                },
                Some(news) = self.news_in.recv() => self.heard_of(news),
                () = sleep(time_left) => self.timer(),
            };
            self.perform(actions);
            if self.report(false).is_err() {
                break;
            }
        }
        let actions = self.session.stop();
        self.perform(actions);
        self.close_everything();
        let _ = self.report(true);
    }

    fn carrier(&mut self, up: bool) -> Vec<Action> {
        if up {
            self.open_sockets();
        } else {
            self.neighbours = None;
            self.listener = None;
            self.advertise = None;
        }
        self.session.carrier(up)
    }

    fn open_sockets(&mut self) {
        let index = self.settings.index;
        let mut troubles = Vec::new();
        match Neighbours::open(index) {
            Ok(neighbours) => self.neighbours = Some(neighbours),
            Err(error) => {
                troubles.push(format!("cannot listen for router advertisements: {error}"))
            }
        }
        match tcp::listen(index, self.settings.password.as_ref()) {
            Ok(listener) => self.listener = Some(listener),
            Err(error) => troubles.push(format!("cannot listen for BGP: {error}")),
        }
        self.trouble = (!troubles.is_empty()).then(|| troubles.join("; "));
        self.advertise = Some(self.now());
    }

    fn timer(&mut self) -> Vec<Action> {
        let moment = self.moment();
        if self.advertise.is_some_and(|at| at <= moment.now) {
            self.advertise(moment);
        }
        let actions = self.session.timer(moment);
        // The session knows that nobody answered; the kernel knows more.
        if actions.contains(&Action::Close(Direction::Outgoing))
            && self.session.problem() == Some(&Problem::Unanswered)
        {
            let now = tcp::wrong_signatures(&self.settings.root);
            let problem = tcp::problem(None, self.wrong_signatures, now);
            self.session.explain(problem);
        }
        actions
    }

    fn advertise(&mut self, moment: Moment) {
        let Some(neighbours) = &self.neighbours else {
            self.advertise = None;
            return;
        };
        let mac = self.settings.mac;
        let said = neighbours.send(&advertisement(mac), ALL_NODES);
        let next = match said {
            Ok(()) => {
                if self.session.neighbour().is_none() {
                    // Lost ones are made up for by the switch's own rhythm.
                    let _ = neighbours.send(&solicitation(mac), ALL_ROUTERS);
                }
                let established = self.session.state() == SessionState::Established;
                pause(established, moment.random)
            }
            Err(_) => NO_ADDRESS_YET,
        };
        self.advertise = Some(moment.now + next);
    }

    fn heard_of(&mut self, news: News) -> Vec<Action> {
        let moment = self.moment();
        match news {
            News::Connected(number, result) => {
                if self.connecting.as_ref().map(|(number, _)| *number) != Some(number) {
                    return vec![];
                }
                self.connecting = None;
                match result {
                    Ok(stream) => self.connected(Direction::Outgoing, stream),
                    Err(error) => {
                        let now = tcp::wrong_signatures(&self.settings.root);
                        let problem = tcp::problem(Some(&error), self.wrong_signatures, now);
                        self.session.connect_failed(problem, moment)
                    }
                }
            }
            News::Bytes(direction, number, bytes) if self.is_open(direction, number) => {
                self.session.received(direction, &bytes, moment)
            }
            News::Closed(direction, number) if self.is_open(direction, number) => {
                self.session.closed(direction, moment)
            }
            News::Bytes(..) | News::Closed(..) => vec![],
        }
    }

    fn is_open(&self, direction: Direction, number: u64) -> bool {
        let open = self.open.get(&direction);
        open.is_some_and(|open| open.number == number)
    }

    fn connected(&mut self, direction: Direction, stream: TcpStream) -> Vec<Action> {
        let Ok((local, remote)) = tcp::ends(&stream) else {
            return vec![];
        };
        let moment = self.moment();
        let actions = self.session.connected(direction, local, remote, moment);
        if actions == [Action::Close(direction)] {
            // It never became one of ours; one of the same direction that is
            // there stays.
            return vec![];
        }
        self.numbers += 1;
        let number = self.numbers;
        let stream = Arc::new(stream);
        let reader = read(Arc::clone(&stream), direction, number, self.news.clone());
        let reader = tokio::spawn(reader).abort_handle();
        let open = Open {
            number,
            stream,
            reader,
        };
        self.open.insert(direction, open);
        actions
    }

    fn perform(&mut self, actions: Vec<Action>) {
        let mut actions: std::collections::VecDeque<Action> = actions.into();
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Connect(neighbour) => self.connect(neighbour),
                Action::Send(direction, bytes) => {
                    let open = self.open.get(&direction);
                    let said = open.map(|open| tcp::say(&open.stream, &bytes));
                    if let Some(Err(_)) = said {
                        let moment = self.moment();
                        actions.extend(self.session.closed(direction, moment));
                    }
                }
                Action::Close(direction) => self.close(direction),
                // The report that follows has them.
                Action::PathsChanged => {}
            }
        }
    }

    fn connect(&mut self, neighbour: Ipv6Addr) {
        self.give_up_connecting();
        self.wrong_signatures = tcp::wrong_signatures(&self.settings.root);
        self.numbers += 1;
        let number = self.numbers;
        let news = self.news.clone();
        let attempt = tcp::connect(
            self.settings.index,
            neighbour,
            self.settings.password.clone(),
        );
        let task = tokio::spawn(async move {
            // Without a listener the port has ended.
            let _ = news.send(News::Connected(number, attempt.await));
        });
        self.connecting = Some((number, task.abort_handle()));
    }

    fn give_up_connecting(&mut self) {
        if let Some((_, task)) = self.connecting.take() {
            task.abort();
        }
    }

    fn close(&mut self, direction: Direction) {
        if direction == Direction::Outgoing {
            self.give_up_connecting();
        }
        if let Some(open) = self.open.remove(&direction) {
            open.reader.abort();
            // What was said last still goes out.
            let _ = shutdown(open.stream.as_raw_fd(), Shutdown::Both);
        }
    }

    fn close_everything(&mut self) {
        self.close(Direction::Outgoing);
        self.close(Direction::Incoming);
    }

    fn report(&self, over: bool) -> Result<(), ()> {
        let report = PortReport {
            port: self.settings.index,
            state: self.session.state(),
            neighbour: self.session.neighbour(),
            neighbour_as: self.session.peer().map(|peer| peer.asn),
            problem: self.session.problem().cloned(),
            paths: self.session.paths().clone(),
            trouble: self.trouble.clone(),
            over,
        };
        self.reports.send(report).map_err(drop)
    }

    fn now(&self) -> Duration {
        self.settings.clock.since_boot()
    }

    fn moment(&self) -> Moment {
        Moment {
            now: self.now(),
            // As for DHCP, a number without secrets in it.
            random: getrandom::u32().unwrap_or_else(|_| std::process::id()),
        }
    }

    fn time_left(&self) -> Option<Duration> {
        let due = [self.advertise, self.session.deadline()];
        let first = due.into_iter().flatten().min()?;
        Some(first.saturating_sub(self.now()))
    }
}

/// Passes on what arrives on a connection, until it ends.
async fn read(
    stream: Arc<TcpStream>,
    direction: Direction,
    number: u64,
    news: mpsc::UnboundedSender<News>,
) {
    let mut buffer = vec![0; BUFFER];
    loop {
        if stream.readable().await.is_err() {
            break;
        }
        match stream.try_read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                let bytes = buffer.get(..length).unwrap_or_default().to_vec();
                if news.send(News::Bytes(direction, number, bytes)).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    let _ = news.send(News::Closed(direction, number));
}

async fn next(neighbours: Option<&Neighbours>) -> io::Result<Ipv6Addr> {
    match neighbours {
        Some(neighbours) => neighbours.next().await,
        None => std::future::pending().await,
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => Ok(listener.accept().await?.0),
        None => std::future::pending().await,
    }
}

async fn sleep(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}
