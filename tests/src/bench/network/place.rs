// SPDX-License-Identifier: Apache-2.0
//! Where it is measured: two network namespaces with cables between them, the agent at one end,
//! dnsmasq and an Ironic that knows no node at the other.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};

use super::Port;
use crate::error::Error;
use crate::files;
use crate::process;
use crate::wait::{self, Probe};

/// Longer than anything here takes on any host.
const LIMIT: Duration = Duration::from_mins(1);
const TARGET: &str = "x86_64-unknown-linux-musl";
/// The other end of the served cable.
const ADDRESS: &str = "192.0.2.1";
const PORT: u16 = 6385;

/// When things happened, since the place was made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    pub(super) link: Duration,
    pub(super) answer: Duration,
    pub(super) lookup: Duration,
}

/// Something that was seen at the other end of the cables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Answer(Duration),
    Lookup(Duration),
}

/// A process that dies when this is dropped.
#[derive(Debug)]
struct Mortal(Child);

impl Drop for Mortal {
    fn drop(&mut self) {
        // One that has ended already is what is wanted.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The two ends.
#[derive(Debug)]
pub(super) struct Place {
    directory: PathBuf,
    ports: Vec<Port>,
    start: Instant,
    machine: Mortal,
    rack: Mortal,
    seen: Receiver<Seen>,
    sender: Sender<Seen>,
    link: Duration,
    running: Vec<Mortal>,
}

impl Place {
    /// Lays the cables; the served one has no carrier yet.
    pub(super) fn make(directory: &Path, ports: &[Port]) -> Result<Self, Error> {
        files::remove_dir(directory)?;
        files::make_dir(directory)?;
        let (sender, seen) = mpsc::channel();
        let mut place = Self {
            directory: directory.to_owned(),
            ports: ports.to_vec(),
            start: Instant::now(),
            machine: keeper(&["--net", "--mount", "--propagation", "private"])?,
            rack: keeper(&["--net"])?,
            seen,
            sender,
            link: Duration::ZERO,
            running: Vec::new(),
        };
        for (number, port) in ports.iter().enumerate() {
            place.cable(number, *port)?;
        }
        place.serve_addresses()?;
        place.serve_ironic()?;
        Ok(place)
    }

    fn served(&self) -> usize {
        let served = self.ports.iter().position(|port| *port == Port::Served);
        served.unwrap_or_default()
    }

    fn cable(&self, number: usize, port: Port) -> Result<(), Error> {
        let (near, far) = (format!("c{number}"), format!("s{number}"));
        let rack = self.rack.0.id().to_string();
        let laid = [
            "link", "add", &near, "type", "veth", "peer", "name", &far, "netns", &rack,
        ];
        ip(&self.machine, &laid)?;
        if port == Port::Served {
            ip(
                &self.rack,
                &["addr", "add", &format!("{ADDRESS}/24"), "dev", &far],
            )?;
        }
        if port == Port::Silent {
            ip(&self.rack, &["link", "set", &far, "up"])?;
        }
        Ok(())
    }

    /// Starts dnsmasq and stamps its words.
    fn serve_addresses(&mut self) -> Result<(), Error> {
        let far = format!("s{}", self.served());
        let mut command = inside(&self.rack, "dnsmasq", &["--net"]);
        command
            .args(["--keep-in-foreground", "--conf-file=/dev/null", "--port=0"])
            .args([
                "--log-dhcp",
                "--log-facility=-",
                "--no-ping",
                "--leasefile-ro",
            ])
            .args(["--pid-file=", "--bind-interfaces", "--user=root"])
            .arg(format!("--interface={far}"))
            .arg("--dhcp-range=192.0.2.50,192.0.2.50,255.255.255.0,1h")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = started(&mut command, "dnsmasq")?;
        let words = child.stderr.take();
        self.running.push(Mortal(child));
        let (sender, start) = (self.sender.clone(), self.start);
        let (ready, is_ready) = mpsc::channel();
        thread::spawn(move || {
            let Some(words) = words else { return };
            for line in BufReader::new(words).lines().map_while(Result::ok) {
                if line.contains("IP range") {
                    // Nobody waits for it twice.
                    let _ = ready.send(());
                }
                if line.contains("DHCPACK") {
                    let _ = sender.send(Seen::Answer(start.elapsed()));
                }
            }
        });
        is_ready.recv_timeout(LIMIT).map_err(|_| Error::Timeout {
            what: "dnsmasq".to_owned(),
            limit: LIMIT,
            last: "it does not say that it serves".to_owned(),
        })
    }

    /// Answers as an Ironic that has no such node, in a thread that is in the rack's namespace.
    fn serve_ironic(&self) -> Result<(), Error> {
        let rack = File::open(format!("/proc/{}/ns/net", self.rack.0.id()));
        let (sender, start) = (self.sender.clone(), self.start);
        let bound = thread::spawn(move || {
            setns(rack?, CloneFlags::CLONE_NEWNET)?;
            let any = TcpListener::bind(("0.0.0.0", PORT))?;
            thread::spawn(move || answer(&any, &sender, start));
            Ok::<(), std::io::Error>(())
        });
        let failed = |source| Error::Start {
            program: "the HTTP server".to_owned(),
            source,
        };
        bound
            .join()
            .unwrap_or_else(|_| Err(std::io::Error::other("its thread panicked")))
            .map_err(failed)
    }

    /// Starts the agent with files of its own in `/run`, `/etc/resolv.conf` and `/proc/cmdline`.
    pub(super) fn start_agent(&mut self, agent: &Path) -> Result<(), Error> {
        let cmdline = self.directory.join("cmdline");
        files::write(&cmdline, format!("ipa-api-url=http://{ADDRESS}:{PORT}\n"))?;
        files::write(&self.directory.join("resolv.conf"), "")?;
        let script = "mount -t tmpfs tmpfs /run && mount --bind \"$1/cmdline\" /proc/cmdline && \
                      mount --bind \"$1/resolv.conf\" /etc/resolv.conf && \
                      exec \"$2\" run --port-kind veth";
        let log = self.directory.join("agent.log");
        let output = File::create(&log).map_err(|source| Error::File {
            doing: "create",
            path: log,
            source,
        })?;
        let errors = output.try_clone().map_err(|source| Error::Start {
            program: "the agent".to_owned(),
            source,
        })?;
        let mut command = inside(&self.machine, "sh", &["--net", "--mount"]);
        command
            .args(["-c", script, "sh"])
            .arg(&self.directory)
            .arg(agent)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        let child = started(&mut command, "the agent")?;
        self.running.push(Mortal(child));
        Ok(())
    }

    /// Waits until the agent has brought every port up and has nothing to do.
    pub(super) fn until_ready(&self) -> Result<(), Error> {
        wait::until("the agent's ports", LIMIT, || {
            let links = ip(&self.machine, &["-o", "link", "show", "type", "veth"])?;
            let up = links.lines().filter(|line| line.contains("UP")).count();
            Ok(if up == self.ports.len() {
                Probe::Ready(())
            } else {
                Probe::NotYet(links)
            })
        })?;
        // Whatever starts with the process has time to end; the first wait the agent tells is that
        // it has no link, after 3 s. What is measured begins later.
        wait::until("the agent to wait", LIMIT, || {
            let log = fs::read_to_string(self.directory.join("agent.log")).unwrap_or_default();
            Ok(
                if log.contains("no-link") || log.contains("no-dhcp-answer") {
                    Probe::Ready(())
                } else {
                    Probe::NotYet(files::tail(&self.directory.join("agent.log"), 5))
                },
            )
        })
    }

    /// Gives the served port its carrier.
    pub(super) fn connect(&mut self) -> Result<(), Error> {
        self.link = self.start.elapsed();
        let far = format!("s{}", self.served());
        ip(&self.rack, &["link", "set", &far, "up"]).map(drop)
    }

    /// Waits for the first lookup.
    pub(super) fn until_lookup(&self) -> Result<Moments, Error> {
        let mut answer = None;
        loop {
            match self.seen.recv_timeout(LIMIT) {
                Ok(Seen::Answer(at)) => answer = answer.or(Some(at)),
                Ok(Seen::Lookup(lookup)) => {
                    return Ok(Moments {
                        link: self.link,
                        answer: answer.unwrap_or(lookup),
                        lookup,
                    });
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    return Err(Error::Timeout {
                        what: "the agent's lookup".to_owned(),
                        limit: LIMIT,
                        last: files::tail(&self.directory.join("agent.log"), 20),
                    });
                }
            }
        }
    }
}

/// Answers requests one after the other and tells when a lookup came.
fn answer(listener: &TcpListener, sender: &Sender<Seen>, start: Instant) {
    for stream in listener.incoming().map_while(Result::ok) {
        let mut stream = stream;
        let mut request = Vec::new();
        let mut part = [0; 4096];
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut part) {
                Ok(0) | Err(_) => break,
                Ok(length) => request.extend_from_slice(&part[..length]),
            }
        }
        let lookup = request.starts_with(b"GET /v1/lookup");
        if lookup {
            let _ = sender.send(Seen::Lookup(start.elapsed()));
        }
        let (status, body) = match lookup {
            true => ("404 Not Found", "{}"),
            false => ("200 OK", r#"{"default_version": {"version": "1.100"}}"#),
        };
        let length = body.len();
        // The agent asks again if it did not get this.
        drop(write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        ));
    }
}

/// A sleeping process that keeps namespaces.
fn keeper(namespaces: &[&str]) -> Result<Mortal, Error> {
    let mut command = Command::new("unshare");
    command
        .args(namespaces)
        .args(["sleep", "infinity"])
        .stdin(Stdio::null());
    let child = Mortal(started(&mut command, "unshare")?);
    let own = fs::read_link("/proc/self/ns/net").ok();
    let theirs = format!("/proc/{}/ns/net", child.0.id());
    wait::until("a network namespace", LIMIT, || {
        Ok(match fs::read_link(&theirs) {
            Ok(link) if Some(&link) != own.as_ref() => Probe::Ready(()),
            _ => Probe::NotYet("it is the host's".to_owned()),
        })
    })?;
    Ok(child)
}

fn inside(keeper: &Mortal, program: &str, namespaces: &[&str]) -> Command {
    let mut command = Command::new("nsenter");
    command
        .arg(format!("--target={}", keeper.0.id()))
        .args(namespaces)
        .args(["--", program]);
    command
}

fn ip(keeper: &Mortal, arguments: &[&str]) -> Result<String, Error> {
    process::run(inside(keeper, "ip", &["--net"]).args(arguments))
}

fn started(command: &mut Command, program: &str) -> Result<Child, Error> {
    command.spawn().map_err(|source| Error::Start {
        program: program.to_owned(),
        source,
    })
}

/// Compiles the agent as the image has it.
pub(super) fn compile() -> Result<PathBuf, Error> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    process::run(
        Command::new("cargo")
            .current_dir(&workspace)
            .args(["build", "--quiet", "--locked", "--profile", "image"])
            .args(["--target", TARGET])
            // As the image has it: with the features that both of its programs ask for.
            .args(["--package", "ironseed-agent", "--package", "ironseed-init"]),
    )?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or(workspace.join("target"), PathBuf::from);
    Ok(target.join(TARGET).join("image/ironseed-agent"))
}
