// SPDX-License-Identifier: Apache-2.0
//! Trusted platform modules.

use super::Row;

pub(super) const ROWS: &[Row] = &[
    ("/sys/class/tpm/*", &["device", "tpm_version_major"]),
    ("/sys/class/tpm/*/device", &["driver"]),
];
