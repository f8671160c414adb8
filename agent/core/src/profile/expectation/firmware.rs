// SPDX-License-Identifier: Apache-2.0
//! Versions of firmware, and the switches in it.

use hardware_profiles::Expect;

use super::{Found, Severity};
use crate::profile::Observed;
use crate::profile::version::{is_at_least, smbios_date};

pub(super) fn compare(expect: &Expect, observed: &Observed, found: &mut Found) {
    let wanted = &expect.firmware;
    for (code, subject, wanted, there) in [
        (
            "bios-version",
            "BIOS",
            &wanted.bios_version,
            &observed.bios_version,
        ),
        (
            "bmc-version",
            "BMC firmware",
            &wanted.bmc_version,
            &observed.bmc_version,
        ),
    ] {
        if let Some(wanted) = wanted {
            version(found, (code, subject), wanted, there.as_deref());
        }
    }
    if let Some(date) = wanted.bios_date {
        let expected = format!("{date} or later");
        let there = observed.bios_date.as_deref();
        match there.and_then(smbios_date) {
            None => found.not_told("bios-date", "BIOS", expected),
            Some(there) if there >= date => {}
            Some(there) => {
                found.add(
                    Severity::Warning,
                    "bios-date",
                    "BIOS",
                    expected,
                    there.to_string(),
                );
            }
        }
    }
    for row in wanted.nics.iter().flatten() {
        for nic in &observed.nics {
            if nic.pci == Some(row.pci) {
                version(
                    found,
                    ("nic-firmware", &nic.name),
                    &row.at_least,
                    nic.firmware.as_deref(),
                );
            }
        }
    }
    switches(expect, observed, found);
}

fn version(found: &mut Found, (code, subject): (&str, &str), wanted: &str, there: Option<&str>) {
    let expected = format!("version {wanted} or later");
    match there {
        None => found.not_told(code, subject, expected),
        Some(there) if is_at_least(there, wanted) => {}
        Some(there) => found.add(Severity::Warning, code, subject, expected, there),
    }
}

fn switches(expect: &Expect, observed: &Observed, found: &mut Found) {
    let word = |on: bool| if on { "on" } else { "off" };
    match (expect.secure_boot, observed.secure_boot) {
        (Some(wanted), None) => found.not_told("secure-boot", "Secure Boot", word(wanted)),
        (Some(wanted), Some(there)) if wanted != there => found.add(
            Severity::Warning,
            "secure-boot",
            "Secure Boot",
            word(wanted),
            word(there),
        ),
        _ => {}
    }
    if let Some(wanted) = expect.tpm
        && observed.tpm != Some(wanted)
    {
        let (severity, there) = match observed.tpm {
            Some(there) => (Severity::Warning, format!("version {there}")),
            None => (Severity::Error, "no TPM that the kernel knows".to_owned()),
        };
        found.add(severity, "tpm", "TPM", format!("version {wanted}"), there);
    }
}
