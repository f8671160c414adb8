// SPDX-License-Identifier: Apache-2.0
//! The scenarios as tests. Each starts its own lab in its own namespaces, as root, and takes
//! minutes: `cargo nextest run --profile scenarios` runs them, a plain run leaves them out.

#![expect(clippy::unwrap_used, reason = "a test panics on purpose")]

use std::process::Command;

use ironseed_lab::scenarios;

fn play(name: &str) {
    let status = Command::new(env!("CARGO_BIN_EXE_ironseed-lab"))
        .args(["scenario", name])
        .status()
        .unwrap();
    assert!(
        status.success(),
        "the scenario {name} failed: {status}; the lab's output says why"
    );
}

/// One test for each scenario, and one that says when a scenario has no test.
macro_rules! scenarios {
    ($($name:ident)*) => {
        $(#[test] fn $name() { play(stringify!($name)); })*

        #[test]
        fn every_scenario_is_a_test() {
            let tests = [$(stringify!($name)),*];
            let all: Vec<&str> = scenarios::ALL.iter().map(|scenario| scenario.name).collect();
            assert_eq!(all, tests);
        }
    };
}

scenarios! {
    inspection
    hardware
    cleaning
    deploy_compressed
    deploy_qcow2
    discovery
    agent_killed
    waiting
    static_network
    deploy_raw
    deploy_4kn
    deploy_partition
    image_troubles
}
