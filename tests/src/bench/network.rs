// SPDX-License-Identifier: Apache-2.0
//! How fast a machine is on the network: the agent itself in a network namespace, dnsmasq and a
//! server that knows no node at the other end of its cables.
//!
//! Each round lays new cables, starts a new agent, waits until it asks for addresses, and lets the
//! link come. Two machines take turns: one with a single port, one with a dead port and a port
//! without a DHCP server besides. If a port that has nothing costs nothing, both take the same
//! time.

mod place;

use std::path::Path;
use std::time::Duration;

use super::report::{Figure, Report};
use super::seconds;
use crate::error::Error;
use crate::files;
use crate::lab::LabOptions;
use place::{Moments, Place};

/// How often each machine is timed.
const ROUNDS: usize = 5;
/// The other ports of the second machine.
const OTHER_PORTS: [Port; 2] = [Port::Dead, Port::Silent];

/// What a port of the machine is plugged into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Port {
    /// A network with a DHCP server and Ironic.
    Served,
    /// A network without a DHCP server.
    Silent,
    /// Nothing: no carrier.
    Dead,
}

/// Milliseconds of every round.
#[derive(Debug, Default)]
struct Times {
    link_to_answer: Vec<u64>,
    answer_to_lookup: Vec<u64>,
    link_to_lookup: Vec<u64>,
}

impl Times {
    fn add(&mut self, moments: Moments) {
        let between = |from: Duration, to: Duration| {
            u64::try_from(to.saturating_sub(from).as_millis()).unwrap_or(u64::MAX)
        };
        let Moments {
            link,
            answer,
            lookup,
        } = moments;
        self.link_to_answer.push(between(link, answer));
        self.answer_to_lookup.push(between(answer, lookup));
        self.link_to_lookup.push(between(link, lookup));
    }
}

/// Measures and prints a report of its own.
///
/// # Errors
/// If a program is not there, or the agent does not ask.
pub fn run(options: &LabOptions) -> Result<(), Error> {
    let mut report = Report::default();
    report.note(&super::host());
    let directory = options.lab_dir.join("network");
    let agent = place::compile()?;
    let (mut alone, mut beside) = (Times::default(), Times::default());
    for round in 1..=ROUNDS {
        options
            .narrator
            .say(format!("network: round {round} of {ROUNDS}"));
        alone.add(one(&directory, &agent, &[])?);
        beside.add(one(&directory, &agent, &OTHER_PORTS)?);
    }
    files::remove_dir(&directory)?;
    tell(&alone, &beside, &mut report);
    report.print();
    Ok(())
}

/// One machine from link to lookup; the port that is served comes last.
fn one(directory: &Path, agent: &Path, others: &[Port]) -> Result<Moments, Error> {
    let mut ports = others.to_vec();
    ports.push(Port::Served);
    let mut place = Place::make(directory, &ports)?;
    place.start_agent(agent)?;
    place.until_ready()?;
    place.connect()?;
    place.until_lookup()
}

fn tell(alone: &Times, beside: &Times, report: &mut Report) {
    let mut time = |name, times: &[u64], remark: &str, target| {
        report.figure(Figure {
            name,
            value: format!("{:.3} s", seconds(median(times))),
            remark: remark.to_owned(),
            target,
            quoted: "",
        });
    };
    time(
        "link to DHCP answer",
        &alone.link_to_answer,
        "one port; the server's DHCPACK",
        "",
    );
    time(
        "DHCP answer to lookup",
        &alone.answer_to_lookup,
        "one port; the first request to /v1/lookup",
        "<= 0.3 s",
    );
    time(
        "the same, three ports",
        &beside.answer_to_lookup,
        "one without carrier, one without DHCP server",
        "<= 0.3 s",
    );
    let (one, three) = (
        median(&alone.link_to_lookup).max(1),
        median(&beside.link_to_lookup),
    );
    report.figure(Figure {
        name: "dead ports",
        value: format!("{:.2}", seconds(three) / seconds(one)),
        remark: format!(
            "link to lookup: three ports {:.3} s, one {:.3} s",
            seconds(three),
            seconds(one)
        ),
        target: "<= 1.1",
        quoted: "",
    });
}

fn median(times: &[u64]) -> u64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
