// SPDX-License-Identifier: Apache-2.0
//! What the states of a sensor mean, and how bad they are (IPMI 2.0 tables 42-2
//! and 42-3). The specification does not rate them; the ratings are ours: what a
//! technician has to look at now is critical, what will need one is a warning.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::{SENSOR_SPECIFIC, THRESHOLD};

/// How bad something is.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Nothing to do.
    #[default]
    Info,
    /// Something degrades, or goes beyond a limit that is not critical.
    Warning,
    /// Something has failed, or goes beyond a critical limit.
    Critical,
}

use Severity::{Critical as C, Info as I, Warning as W};

/// A state: its name and how bad it is. The name is empty where the offset is not
/// assigned.
pub(super) type State = (&'static str, Severity);

/// Threshold events by offset; going high beyond a lower threshold and low beyond
/// an upper one is the way back, and the event for it is then a deassertion.
const THRESHOLDS: &[State] = &[
    ("lower non-critical, going low", W),
    ("lower non-critical, going high", W),
    ("lower critical, going low", C),
    ("lower critical, going high", C),
    ("lower non-recoverable, going low", C),
    ("lower non-recoverable, going high", C),
    ("upper non-critical, going low", W),
    ("upper non-critical, going high", W),
    ("upper critical, going low", C),
    ("upper critical, going high", C),
    ("upper non-recoverable, going low", C),
    ("upper non-recoverable, going high", C),
];

/// Generic states by event/reading type code.
const GENERIC: &[(u8, &[State])] = &[
    (
        0x02,
        &[
            ("transition to idle", I),
            ("transition to active", I),
            ("transition to busy", I),
        ],
    ),
    (0x03, &[("state deasserted", I), ("state asserted", I)]),
    (
        0x04,
        &[
            ("predictive failure deasserted", I),
            ("predictive failure", W),
        ],
    ),
    (0x05, &[("limit not exceeded", I), ("limit exceeded", W)]),
    (0x06, &[("performance met", I), ("performance lags", W)]),
    (
        0x07,
        &[
            ("transition to OK", I),
            ("transition to non-critical from OK", W),
            ("transition to critical from less severe", C),
            ("transition to non-recoverable from less severe", C),
            ("transition to non-critical from more severe", W),
            ("transition to critical from non-recoverable", C),
            ("transition to non-recoverable", C),
            ("monitor", I),
            ("informational", I),
        ],
    ),
    (0x08, &[(ABSENT, I), ("device present", I)]),
    (0x09, &[("device disabled", I), ("device enabled", I)]),
    (
        0x0a,
        &[
            ("transition to running", I),
            ("transition to in test", I),
            ("transition to power off", I),
            ("transition to on line", I),
            ("transition to off line", I),
            ("transition to off duty", I),
            ("transition to degraded", W),
            ("transition to power save", I),
            ("install error", C),
        ],
    ),
    (
        0x0b,
        &[
            ("fully redundant", I),
            ("redundancy lost", C),
            ("redundancy degraded", W),
            ("non-redundant, sufficient from redundant", W),
            ("non-redundant, sufficient from insufficient", W),
            ("non-redundant, insufficient resources", C),
            ("redundancy degraded from fully redundant", W),
            ("redundancy degraded from non-redundant", W),
        ],
    ),
    (
        0x0c,
        &[
            ("D0 power state", I),
            ("D1 power state", I),
            ("D2 power state", I),
            ("D3 power state", I),
        ],
    ),
];

/// The generic state that says that a part is not there.
pub(super) const ABSENT: &str = "device absent";
/// The same of an entity presence sensor.
pub(super) const ENTITY_ABSENT: &str = "entity absent";

/// States by sensor type, for event/reading type 6Fh.
const SPECIFIC: &[(u8, &[State])] = &[
    (
        0x05,
        &[
            ("chassis intrusion", W),
            ("drive bay intrusion", W),
            ("I/O card area intrusion", W),
            ("processor area intrusion", W),
            ("LAN leash lost", W),
            ("unauthorized dock", W),
            ("fan area intrusion", W),
        ],
    ),
    (
        0x06,
        &[
            ("secure mode violation attempt", W),
            ("pre-boot password violation, user", W),
            ("pre-boot password violation, setup", W),
            ("pre-boot password violation, network boot", W),
            ("other pre-boot password violation", W),
            ("out-of-band access password violation", W),
        ],
    ),
    (
        0x07,
        &[
            ("internal error (IERR)", C),
            ("thermal trip", C),
            ("built-in self test failure", C),
            ("hang in power-on self test", C),
            ("start-up or initialization failure", C),
            ("configuration error", C),
            ("uncorrectable CPU complex error (SMBIOS)", C),
            ("presence detected", I),
            ("disabled", W),
            ("terminator presence detected", I),
            ("throttled", W),
            ("uncorrectable machine check", C),
            ("correctable machine check", W),
        ],
    ),
    (
        0x08,
        &[
            ("presence detected", I),
            ("failure detected", C),
            ("predictive failure", W),
            ("input lost (AC/DC)", C),
            ("input lost or out of range", C),
            ("input out of range, but present", C),
            ("configuration error", C),
            ("inactive (in standby)", I),
        ],
    ),
    (
        0x09,
        &[
            ("power off", I),
            ("power cycle", I),
            ("240 VA power down", C),
            ("interlock power down", C),
            ("AC lost", C),
            ("soft power control failure", C),
            ("failure detected", C),
            ("predictive failure", W),
        ],
    ),
    (
        0x0c,
        &[
            ("correctable ECC error", W),
            ("uncorrectable ECC error", C),
            ("parity error", C),
            ("scrub failed (stuck bit)", C),
            ("device disabled", C),
            ("correctable ECC error logging limit reached", C),
            ("presence detected", I),
            ("configuration error", C),
            ("spare", I),
            ("throttled", W),
            ("critical overtemperature", C),
        ],
    ),
    (
        0x0d,
        &[
            ("drive present", I),
            ("drive fault", C),
            ("predictive failure", W),
            ("hot spare", I),
            ("consistency check in progress", I),
            ("in critical array", C),
            ("in failed array", C),
            ("rebuild in progress", W),
            ("rebuild aborted", W),
        ],
    ),
    (
        0x0f,
        &[
            ("system firmware error (POST error)", C),
            ("system firmware hang", C),
            ("system firmware progress", I),
        ],
    ),
    (
        0x10,
        &[
            ("correctable memory error logging disabled", W),
            ("event type logging disabled", W),
            ("log cleared", I),
            ("all event logging disabled", W),
            ("log full", W),
            ("log almost full", W),
            ("correctable machine check logging disabled", W),
        ],
    ),
    (
        0x11,
        &[
            ("firmware reset", C),
            ("OS reset", C),
            ("OS shut down", C),
            ("OS power down", C),
            ("OS power cycle", C),
            ("OS NMI", C),
            ("OS expired, status only", W),
            ("OS pre-timeout interrupt", W),
        ],
    ),
    (
        0x12,
        &[
            ("system reconfigured", I),
            ("OEM system boot event", I),
            ("undetermined system hardware failure", C),
            ("entry added to auxiliary log", I),
            ("PEF action", I),
            ("clock synchronization", I),
        ],
    ),
    (
        0x13,
        &[
            ("front panel NMI", W),
            ("bus timeout", C),
            ("I/O channel check NMI", C),
            ("software NMI", C),
            ("PCI PERR", C),
            ("PCI SERR", C),
            ("EISA fail safe timeout", C),
            ("bus correctable error", W),
            ("bus uncorrectable error", C),
            ("fatal NMI", C),
            ("bus fatal error", C),
            ("bus degraded (width or speed)", W),
        ],
    ),
    (
        0x14,
        &[
            ("power button pressed", I),
            ("sleep button pressed", I),
            ("reset button pressed", I),
            ("FRU latch open", W),
            ("FRU service request button pressed", I),
        ],
    ),
    (
        0x19,
        &[("soft power control failure", C), ("thermal trip", C)],
    ),
    (0x1b, &[("connected", I), ("configuration error", C)]),
    (
        0x1d,
        &[
            ("initiated by power up", I),
            ("initiated by hard reset", I),
            ("initiated by warm reset", I),
            ("user requested network boot", I),
            ("automatic boot to diagnostics", I),
            ("software initiated hard reset", I),
            ("software initiated warm reset", I),
            ("system restart", I),
        ],
    ),
    (
        0x1e,
        &[
            ("no bootable media", W),
            ("non-bootable disk in drive", W),
            ("network boot server not found", W),
            ("invalid boot sector", W),
            ("timeout waiting for the user's choice", W),
        ],
    ),
    (
        0x1f,
        &[
            ("A: boot completed", I),
            ("C: boot completed", I),
            ("network boot completed", I),
            ("diagnostic boot completed", I),
            ("CD-ROM boot completed", I),
            ("ROM boot completed", I),
            ("boot completed", I),
            ("OS installation started", I),
            ("OS installation completed", I),
            ("OS installation aborted", W),
            ("OS installation failed", W),
        ],
    ),
    (
        0x20,
        &[
            ("critical stop during load", C),
            ("run-time critical stop", C),
            ("graceful stop", I),
            ("graceful shutdown", I),
            ("soft shutdown initiated by PEF", I),
            ("agent not responding", W),
        ],
    ),
    (
        0x21,
        &[
            ("fault", C),
            ("identify", I),
            ("device installed", I),
            ("ready for installation", I),
            ("ready for removal", I),
            ("power off", I),
            ("removal request", I),
            ("interlock asserted", I),
            ("disabled", I),
            ("holds spare device", I),
        ],
    ),
    (
        0x22,
        &[
            ("S0/G0 working", I),
            ("S1 sleeping", I),
            ("S2 sleeping", I),
            ("S3 sleeping", I),
            ("S4 suspend to disk", I),
            ("S5/G2 soft off", I),
            ("S4/S5 soft off", I),
            ("G3 mechanical off", I),
            ("sleeping in S1, S2 or S3", I),
            ("G1 sleeping", I),
            ("S5 entered by override", I),
            ("legacy on", I),
            ("legacy off", I),
            ("", I),
            ("unknown", I),
        ],
    ),
    (
        0x23,
        &[
            ("timer expired", W),
            ("hard reset", C),
            ("power down", C),
            ("power cycle", C),
            ("", I),
            ("", I),
            ("", I),
            ("", I),
            ("timer interrupt", W),
        ],
    ),
    (
        0x25,
        &[
            ("entity present", I),
            (ENTITY_ABSENT, I),
            ("entity disabled", W),
        ],
    ),
    (0x27, &[("heartbeat lost", W), ("heartbeat", I)]),
    (
        0x28,
        &[
            ("sensor access degraded or unavailable", W),
            ("controller access degraded or unavailable", W),
            ("management controller off line", C),
            ("management controller unavailable", C),
            ("sensor failure", W),
            ("FRU failure", C),
        ],
    ),
    (0x29, &[("low", W), ("failed", C), ("presence detected", I)]),
    (
        0x2b,
        &[
            ("hardware change detected", I),
            ("firmware or software change detected", I),
            ("hardware incompatibility", C),
            ("firmware or software incompatibility", C),
            ("invalid or unsupported hardware version", C),
            ("invalid or unsupported firmware or software version", C),
            ("hardware change successful", I),
            ("firmware or software change successful", I),
        ],
    ),
    (
        0x2c,
        &[
            ("not installed", I),
            ("inactive", I),
            ("activation requested", I),
            ("activation in progress", I),
            ("active", I),
            ("deactivation requested", I),
            ("deactivation in progress", I),
            ("communication lost", W),
        ],
    ),
];

/// What an offset means for a sensor; `None` if nobody but its maker knows.
pub(super) fn state(sensor_type: u8, event_type: u8, offset: u8) -> Option<State> {
    let named = |table: &[(u8, &'static [State])], code: u8| {
        let row = table.iter().find(|(known, _)| *known == code)?;
        row.1.get(usize::from(offset)).copied()
    };
    let found = match event_type {
        THRESHOLD => THRESHOLDS.get(usize::from(offset)).copied(),
        SENSOR_SPECIFIC => named(SPECIFIC, sensor_type),
        generic => named(GENERIC, generic),
    };
    found.filter(|(name, _)| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_those_of_the_specification() {
        for (sensor_type, event_type, offset, expected) in [
            (0x01, 0x01, 9, Some(("upper critical, going high", C))),
            (0x0c, 0x6f, 0, Some(("correctable ECC error", W))),
            (
                0x0c,
                0x6f,
                5,
                Some(("correctable ECC error logging limit reached", C)),
            ),
            (0x08, 0x6f, 3, Some(("input lost (AC/DC)", C))),
            (0x07, 0x6f, 0x0b, Some(("uncorrectable machine check", C))),
            (0x13, 0x6f, 0x0b, Some(("bus degraded (width or speed)", W))),
            (0x23, 0x6f, 8, Some(("timer interrupt", W))),
            (0x23, 0x6f, 5, None),
            (0x0a, 0x0b, 1, Some(("redundancy lost", C))),
            (0x0c, 0x6f, 15, None),
            (0xc0, 0x6f, 0, None),
            (0x01, 0x70, 0, None),
        ] {
            assert_eq!(state(sensor_type, event_type, offset), expected);
        }
    }
}
