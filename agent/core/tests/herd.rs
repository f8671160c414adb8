// SPDX-License-Identifier: Apache-2.0
//! No thundering herd: what one Ironic sees of ten thousand agents stays within
//! bounds. `cargo run -p ironseed-core --example herd` prints the figures.

#![expect(clippy::print_stdout, reason = "a test reports its figures")]

#[path = "herd/mod.rs"]
mod herd;
#[path = "herd/scenarios.rs"]
mod scenarios;

use std::time::Duration;

use herd::report::Report;
use herd::{Policy, Scenario, simulate};
use scenarios::{CAPACITY, GOES, HOUR};

fn seconds(time: Duration) -> usize {
    usize::try_from(time.as_secs()).expect("a number")
}

fn run(scenario: &Scenario) -> Report {
    let report = simulate(scenario, Policy::Ironseed);
    println!("{}\n{report}", scenario.name);
    report
}

/// All are registered soon after the last one booted, and from then on ask as
/// if none knew of the others.
fn assert_settled(report: &Report, registered_within: u64) {
    let all = report.registered(100).expect("all are registered");
    assert!(all <= Duration::from_secs(registered_within), "{all:?}");
    let calm = seconds(all) + 400..report.asked.len() - 1;
    // One heartbeat in 135 s from each.
    let mean = report.mean(calm.clone());
    assert!((60.0..90.0).contains(&mean), "{mean} requests a second");
    assert!(f64::from(report.peak(calm.clone())) < 2.0 * mean);
    let dispersion = report.dispersion(calm);
    assert!(dispersion < 2.0, "they come in waves: {dispersion}");
}

#[test]
fn after_a_power_cut_registration_follows_the_boots() {
    for (scenario, within) in [(scenarios::at_once(), 230), (scenarios::staggered(), 340)] {
        let report = run(&scenario);
        assert_settled(&report, within);
        // Each asks three times at least: version, lookup, heartbeat.
        assert!(report.peak(0..report.asked.len()) < 600);
    }
}

/// Machines that boot in the same second cannot be told apart by their boots.
/// The first request goes out at once all the same: what Ironic cannot serve is
/// spread by the first retries.
#[test]
fn identical_machines_are_spread_by_their_retries() {
    let report = run(&scenarios::identical());
    assert_settled(&report, 300);
    // The wave itself, ten thousand within 12 s, and what they ask again; it has
    // no echo.
    let all = 0..report.asked.len();
    assert!(report.peak(all.clone()) < 2500);
    let after = 160..180;
    assert!(f64::from(report.peak(after.clone())) < 1.5 * report.mean(after));
    let upstream = simulate(&scenarios::identical(), Policy::Upstream);
    assert!(2 * report.peak(all.clone()) < upstream.peak(all));
    assert!(2 * report.retries() < upstream.retries());
}

#[test]
fn reports_of_all_machines_are_taken() {
    let report = run(&scenarios::inspecting());
    // Ten thousand reports are 250 s of work for this Ironic alone.
    assert_settled(&report, 700);
    assert!(f64::from(report.peak(0..report.asked.len())) < 5.0 * CAPACITY);
}

#[test]
fn an_hour_away_ends_without_a_wave() {
    let report = run(&scenarios::away_while_registered());
    let (goes, back) = (seconds(GOES), seconds(GOES + HOUR));
    // While nobody answers: one attempt in 45 s from each, in no step.
    let away = goes + 600..back;
    let mean = report.mean(away.clone());
    assert!((180.0..260.0).contains(&mean), "{mean} requests a second");
    assert!(f64::from(report.peak(away.clone())) < 1.5 * mean);
    assert!(report.dispersion(away) < 2.0);
    // When it is back: no second has much more than the outage had, and all
    // heartbeats are there within little more than the longest pause.
    assert!(f64::from(report.peak(back..back + 300)) < 1.6 * mean);
    let resumed = report.resumed(100).expect("all are back");
    assert!(
        resumed < GOES + HOUR + Duration::from_secs(120),
        "{resumed:?}"
    );
    // The outage has not brought them into step for later either.
    let calm = back + 900..report.asked.len() - 1;
    assert!(report.dispersion(calm.clone()) < 2.0);
    assert!(f64::from(report.peak(calm.clone())) < 2.0 * report.mean(calm));
}

#[test]
fn an_ironic_that_comes_back_last_is_not_overrun() {
    let report = run(&scenarios::away_at_boot());
    let back = seconds(HOUR);
    let away = 900..back;
    let mean = report.mean(away.clone());
    assert!(f64::from(report.peak(away.clone())) < 1.5 * mean);
    assert!(report.dispersion(away) < 2.0);
    let peak = report.peak(back..report.asked.len());
    assert!(f64::from(peak) < 5.0 * CAPACITY, "{peak}");
    assert_settled(&report, HOUR.as_secs() + 700);
}

/// The same rules, the same seeds, the same figures.
#[test]
fn the_simulation_is_deterministic() {
    let scenario = Scenario {
        agents: 500,
        ..scenarios::identical()
    };
    let once = simulate(&scenario, Policy::Ironseed);
    let again = simulate(&scenario, Policy::Ironseed);
    assert_eq!(once.asked, again.asked);
    let upstream = simulate(&scenario, Policy::Upstream);
    assert!(upstream.registered(100).is_some());
}
