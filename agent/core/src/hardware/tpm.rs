// SPDX-License-Identifier: Apache-2.0
//! Trusted platform modules (TCG TPM 2.0 Library; TCG EK Credential Profile 2.x).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Absences, Source};
use crate::snapshot::TpmAnswer;
use crate::tpm::{Capability, PERMANENT, capability};

/// SMBIOS type 43, "TPM device".
const SMBIOS_TPM: u8 = 43;

/// Fixed properties of a TPM 2.0 (`TPM_PT`, library part 2 section 6.13).
const REVISION: u32 = 0x102;
const MANUFACTURER: u32 = 0x105;
const VENDOR_STRING: std::ops::RangeInclusive<u32> = 0x106..=0x109;
const FIRMWARE: (u32, u32) = (0x10b, 0x10c);
/// `TPMA_PERMANENT`: lock-out after wrong authorizations.
const IN_LOCKOUT: u32 = 1 << 9;

/// NV indices that hold an endorsement key's certificate (EK Credential Profile
/// section 2.2.1.4 and 2.2.1.5).
const EK_CERTIFICATES: &[(u32, &str)] = &[
    (0x01c0_0002, "RSA 2048"),
    (0x01c0_000a, "ECC P-256"),
    (0x01c0_0012, "RSA 2048 (high range)"),
    (0x01c0_0014, "ECC P-256 (high range)"),
    (0x01c0_0016, "ECC P-384"),
    (0x01c0_0018, "ECC P-521"),
    (0x01c0_001a, "ECC SM2 P-256"),
    (0x01c0_001c, "RSA 3072"),
    (0x01c0_001e, "RSA 4096"),
];

/// Hash algorithms (TCG Algorithm Registry).
const ALGORITHMS: &[(u16, &str)] = &[
    (0x04, "sha1"),
    (0x0b, "sha256"),
    (0x0c, "sha384"),
    (0x0d, "sha512"),
    (0x12, "sm3-256"),
    (0x27, "sha3-256"),
    (0x28, "sha3-384"),
    (0x29, "sha3-512"),
];

/// Manufacturers (TCG TPM Vendor ID Registry).
const MANUFACTURERS: &[(&str, &str)] = &[
    ("AMD", "AMD"),
    ("ATML", "Atmel"),
    ("BRCM", "Broadcom"),
    ("CSCO", "Cisco"),
    ("GOOG", "Google"),
    ("HPE", "Hewlett Packard Enterprise"),
    ("HPI", "HP"),
    ("HISI", "Huawei"),
    ("IBM", "IBM"),
    ("IFX", "Infineon"),
    ("INTC", "Intel"),
    ("LEN", "Lenovo"),
    ("MSFT", "Microsoft"),
    ("NSG", "NSING"),
    ("NTC", "Nuvoton"),
    ("NTZ", "Nationz"),
    ("QCOM", "Qualcomm"),
    ("SMSN", "Samsung"),
    ("STM", "STMicroelectronics"),
    ("TXN", "Texas Instruments"),
    ("WEC", "Winbond"),
];

/// A trusted platform module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Tpm {
    /// Name the kernel gave it, `tpm0`.
    pub name: String,
    /// Version of the specification it follows: `1.2` or `2.0`.
    pub version: Option<String>,
    /// Driver that runs it, `tpm_tis`, `tpm_crb`.
    pub driver: Option<String>,
    /// Who made it, in words.
    pub manufacturer: Option<String>,
    /// Who made it, as the chip says: up to four letters, `IFX`.
    pub manufacturer_id: Option<String>,
    /// The manufacturer's name of the model.
    pub model: Option<String>,
    /// Version of its firmware: four numbers with dots.
    pub firmware_version: Option<String>,
    /// Revision of the library specification, `1.38`.
    pub specification_revision: Option<String>,
    /// Whether it refuses authorizations at present because too many were wrong.
    pub in_lockout: Option<bool>,
    /// The endorsement keys it holds a certificate of, by kind of key; empty if
    /// none, null if that could not be asked.
    pub ek_certificates: Option<Vec<String>>,
    /// PCR banks that are in use, by hash algorithm (`sha256`).
    pub pcr_banks: Option<Vec<String>>,
}

pub(super) fn read(source: &Source<'_>, absent: &mut Absences) -> Vec<Tpm> {
    let names: Vec<&str> = source.files.names("/sys/class/tpm");
    if names.is_empty() {
        let listed = source
            .smbios
            .iter()
            .any(|structure| structure.kind == SMBIOS_TPM);
        let reason = if listed {
            "the firmware lists one, but no driver of the kernel has found it"
        } else {
            "the kernel knows of none"
        };
        absent.note("TPM", "everything", reason);
    }
    names
        .into_iter()
        .map(|name| one(source, name, absent))
        .collect()
}

fn one(source: &Source<'_>, name: &str, absent: &mut Absences) -> Tpm {
    let at = |file: &str| format!("/sys/class/tpm/{name}/{file}");
    let mut tpm = Tpm {
        name: name.to_owned(),
        version: match source.files.number::<u32>(&at("tpm_version_major")) {
            Some(1) => Some("1.2".into()),
            Some(2) => Some("2.0".into()),
            _ => None,
        },
        driver: source
            .files
            .link_name(&at("device/driver"))
            .map(str::to_owned),
        ..Tpm::default()
    };
    match source.snapshot.tpms.get(name) {
        Some(answers) => decode(&mut tpm, answers, absent),
        None if tpm.version.as_deref() == Some("1.2") => {
            absent.note(name, "manufacturer", "a TPM 1.2 is not asked");
        }
        // Why it did not answer is among the snapshot's problems, if it was asked.
        None => absent.note(name, "manufacturer", "it was not asked or did not answer"),
    }
    tpm
}

fn decode(tpm: &mut Tpm, answers: &[TpmAnswer], absent: &mut Absences) {
    for answer in answers {
        match capability(&answer.response.0) {
            Ok(Capability::Properties(list)) => properties(tpm, &list.into_iter().collect()),
            Ok(Capability::Handles(handles)) => {
                tpm.ek_certificates = Some(certificates(&handles));
            }
            Ok(Capability::Pcrs(banks)) => {
                let active = banks.iter().filter(|bank| bank.registers > 0);
                tpm.pcr_banks = Some(active.map(|bank| algorithm(bank.algorithm)).collect());
            }
            Err(refusal) => {
                let subject = format!("capability {}", answer.capability);
                absent.note(tpm.name.as_str(), subject, refusal.to_string());
            }
        }
    }
}

fn properties(tpm: &mut Tpm, found: &BTreeMap<u32, u32>) {
    if let Some(flags) = found.get(&PERMANENT) {
        tpm.in_lockout = Some(flags & IN_LOCKOUT != 0);
    }
    if let Some(id) = found.get(&MANUFACTURER) {
        let id = printable([*id]);
        let known = MANUFACTURERS.iter().find(|(letters, _)| *letters == id);
        tpm.manufacturer = known.map(|(_, name)| (*name).to_owned());
        tpm.manufacturer_id = (!id.is_empty()).then_some(id);
    }
    let model = printable(VENDOR_STRING.filter_map(|number| found.get(&number).copied()));
    if !model.is_empty() {
        tpm.model = Some(model);
    }
    if let (Some(first), Some(second)) = (found.get(&FIRMWARE.0), found.get(&FIRMWARE.1)) {
        let halves = [first >> 16, first & 0xffff, second >> 16, second & 0xffff];
        tpm.firmware_version = Some(halves.map(|half| half.to_string()).join("."));
    }
    if let Some(revision) = found.get(&REVISION) {
        let text = format!("{}.{:02}", revision / 100, revision % 100);
        tpm.specification_revision = Some(text);
    }
}

/// Text that a TPM keeps in words of four letters, filled up with NULs or blanks.
fn printable(words: impl IntoIterator<Item = u32>) -> String {
    let letters = words.into_iter().flat_map(u32::to_be_bytes);
    let text: String = letters
        .filter(|letter| letter.is_ascii_graphic() || *letter == b' ')
        .map(char::from)
        .collect();
    text.trim().to_owned()
}

fn certificates(handles: &[u32]) -> Vec<String> {
    EK_CERTIFICATES
        .iter()
        .filter(|(index, _)| handles.contains(index))
        .map(|(_, kind)| (*kind).to_owned())
        .collect()
}

fn algorithm(id: u16) -> String {
    ALGORITHMS
        .iter()
        .find(|(known, _)| *known == id)
        .map_or_else(|| format!("{id:#06x}"), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::read;
    use crate::snapshot::{Bytes, Entry, Snapshot};

    fn answer(capability: u32, body: &[u8]) -> TpmAnswer {
        let size = u32::try_from(10 + body.len()).expect("short");
        let header = [&[0x80, 1][..], &size.to_be_bytes(), &[0; 4]].concat();
        TpmAnswer {
            capability,
            property: 0,
            response: Bytes([header, body.to_vec()].concat()),
        }
    }

    /// A list of words after `moreData` and the capability.
    fn words(capability: u32, count: u32, words: &[u32]) -> TpmAnswer {
        let mut body = vec![0];
        for word in [&[capability, count], words].concat() {
            body.extend(word.to_be_bytes());
        }
        answer(capability, &body)
    }

    fn machine(version: &str) -> Snapshot {
        let mut snapshot = Snapshot::default();
        let at = "/sys/devices/platform/MSFT0101:00/tpm/tpm0";
        for (path, entry) in [
            ("/sys/class/tpm/tpm0".into(), Entry::Link(at.into())),
            (
                format!("{at}/tpm_version_major"),
                Entry::File(Bytes::from(version)),
            ),
            (
                format!("{at}/device"),
                Entry::Link("../../../MSFT0101:00".into()),
            ),
            (
                "/sys/devices/platform/MSFT0101:00/driver".into(),
                Entry::Link("../../../bus/platform/drivers/tpm_tis".into()),
            ),
        ] {
            snapshot.files.insert(path, entry);
        }
        snapshot
    }

    /// An Infineon SLB 9670 with firmware 7.85, as in many servers.
    #[test]
    fn a_chip_is_described() {
        let mut snapshot = machine("2\n");
        let fixed = [
            (0x100, 0x322e_3000),
            (0x102, 138),
            (0x105, 0x4946_5800),
            (0x106, 0x534c_4239),
            (0x107, 0x3637_3000),
            (0x108, 0),
            (0x109, 0),
            (0x10b, 0x0007_0055),
            (0x10c, 0x0011_cb00),
        ];
        let fixed: Vec<u32> = fixed.into_iter().flat_map(|(a, b)| [a, b]).collect();
        let banks = [
            0, 0, 0, 0, 5, 0, 0, 0, 3, 0, 4, 3, 0, 0, 0, 0, 0xb, 3, 255, 255, 255, 0x12, 0x34, 1, 1,
        ];
        let answers = vec![
            words(6, 9, &fixed),
            words(6, 1, &[0x200, 0x205]),
            answer(5, &banks),
            words(1, 3, &[0x01c0_0002, 0x01c0_0003, 0x01c0_000a]),
        ];
        snapshot.tpms.insert("tpm0".into(), answers);
        let hardware = read(&snapshot);
        let text = |text: &str| Some(text.to_owned());
        let list = |names: &[&str]| Some(names.iter().map(|name| (*name).into()).collect());
        assert_eq!(
            hardware.tpms,
            [Tpm {
                name: "tpm0".into(),
                version: text("2.0"),
                driver: text("tpm_tis"),
                manufacturer: text("Infineon"),
                manufacturer_id: text("IFX"),
                model: text("SLB9670"),
                firmware_version: text("7.85.17.51968"),
                specification_revision: text("1.38"),
                in_lockout: Some(true),
                ek_certificates: list(&["RSA 2048", "ECC P-256"]),
                pcr_banks: list(&["sha256", "0x1234"]),
            }]
        );
        assert!(!hardware.absent.iter().any(|a| a.subject.contains("tpm")));
    }

    #[test]
    fn what_is_not_told_has_a_reason() {
        let reason = |snapshot: &Snapshot, subject: &str| {
            read(snapshot)
                .absent
                .into_iter()
                .find(|absence| absence.subject == subject)
                .map(|absence| absence.reason)
                .expect("an absence")
        };
        assert_eq!(
            reason(&Snapshot::default(), "TPM"),
            "the kernel knows of none"
        );
        let old = machine("1\n");
        assert_eq!(reason(&old, "tpm0"), "a TPM 1.2 is not asked");
        assert_eq!(read(&old).tpms[0].version.as_deref(), Some("1.2"));
        let mut silent = machine("2\n");
        let refused = TpmAnswer {
            capability: 6,
            property: 0x100,
            response: Bytes(vec![0x80, 1, 0, 0, 0, 10, 0, 0, 1, 0]),
        };
        silent.tpms.insert("tpm0".into(), vec![refused]);
        assert_eq!(reason(&silent, "tpm0"), "the TPM answered with code 0x100");
        assert_eq!(read(&silent).tpms[0].ek_certificates, None);
    }
}
