// SPDX-License-Identifier: Apache-2.0
//! Which commands an agent has carried out, by its own words on the serial console. Ironic's API
//! shows a step only while it runs, and a quick one may come and go between two looks.

use crate::console::Console;
use crate::error::Error;

/// Ironic asks for it after each operation; it is no step.
const COLLECT_LOGS: &str = "collect_system_logs";

/// The names of the steps that this console has reported as succeeded, in their order.
///
/// # Errors
/// [`Error::File`] if the console cannot be read.
pub(super) fn succeeded(console: &mut Console) -> Result<Vec<String>, Error> {
    console.read_new()?;
    Ok(console
        .lines()
        .filter_map(succeeded_step)
        .map(str::to_owned)
        .collect())
}

/// `[   13.153] command erase_devices_metadata: succeeded after 1.1 s`
fn succeeded_step(line: &str) -> Option<&str> {
    let (_, command) = line.split_once("] command ")?;
    let (name, rest) = command.split_once(": ")?;
    (rest.starts_with("succeeded") && name != COLLECT_LOGS).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_steps_that_succeeded_count() {
        let cases = [
            (
                "[   13.153] command erase_devices_metadata: succeeded after 1.1 s",
                Some("erase_devices_metadata"),
            ),
            ("[   13.443] command erase_devices: started", None),
            (
                "[   20.1] command erase_devices: failed after 2.0 s: writing /dev/sda failed",
                None,
            ),
            (
                "[   33.957] command collect_system_logs: succeeded after 0.7 s",
                None,
            ),
            ("[   13.153] phase: serving", None),
            ("", None),
        ];
        for (line, step) in cases {
            assert_eq!(succeeded_step(line), step, "{line:?}");
        }
    }
}
