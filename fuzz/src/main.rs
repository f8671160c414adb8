// SPDX-License-Identifier: Apache-2.0
//! libFuzzer around the targets, one program for all of them: `IRONSEED_FUZZ_TARGET` names the one
//! to run. `scripts/fuzz` builds it with coverage feedback and is how people call it.

#![no_main]
#![expect(
    clippy::print_stderr,
    clippy::expect_used,
    reason = "this program talks to a person at a terminal and ends by panicking"
)]

use std::env;
use std::sync::OnceLock;

use ironseed_fuzz::{TARGETS, Target, find};
use libfuzzer_sys::fuzz_target;

const VARIABLE: &str = "IRONSEED_FUZZ_TARGET";

static CHOSEN: OnceLock<Option<&'static Target>> = OnceLock::new();

fn chosen() -> Option<&'static Target> {
    let found = env::var(VARIABLE).ok().and_then(|name| find(&name));
    if found.is_none() {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("{VARIABLE} must be one of: {}", names.join(" "));
    }
    found
}

fuzz_target!(|data: &[u8]| {
    let target = CHOSEN.get_or_init(chosen).expect("a target was named");
    (target.run)(data);
});
