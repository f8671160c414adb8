// SPDX-License-Identifier: Apache-2.0
//! Prints what one Ironic sees of ten thousand agents after a power cut, and
//! after it was away for an hour; for comparison with the original agent's
//! rules. The simulation and its assertions are in `tests/herd.rs`.

#[path = "../tests/herd/mod.rs"]
mod herd;
#[path = "../tests/herd/scenarios.rs"]
mod scenarios;

use herd::Policy;

#[expect(clippy::print_stdout, reason = "printing is what it is for")]
fn main() {
    let all = [
        scenarios::at_once(),
        scenarios::staggered(),
        scenarios::identical(),
        scenarios::inspecting(),
        scenarios::away_while_registered(),
        scenarios::away_at_boot(),
    ];
    for scenario in all {
        println!(
            "\n{}: {} agents, an Ironic of {} lookups a second",
            scenario.name, scenario.agents, scenario.ironic.capacity
        );
        for policy in [Policy::Ironseed, Policy::Upstream] {
            println!(" {policy:?}\n{}", herd::simulate(&scenario, policy));
        }
    }
}
