// SPDX-License-Identifier: Apache-2.0
//! Neighbours: which switch port each cable leads to, as LLDP tells it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Absences, Source};
use crate::lldp::{Neighbour, decode, firmware_agent};
use crate::snapshot::LldpPort;

/// A neighbour that was heard on a port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PortNeighbour {
    /// The port of this machine, `eno1`.
    pub port: String,
    /// When its newest frame arrived: time since the kernel started, in milliseconds.
    pub heard_ms: u64,
    /// What it says.
    pub neighbour: Neighbour,
}

pub(super) fn read(source: &Source<'_>, absent: &mut Absences) -> Vec<PortNeighbour> {
    let ports = &source.snapshot.lldp;
    if ports.is_empty() {
        absent.note("neighbours", "everything", "nobody listened for LLDP");
    }
    let mut found = Vec::new();
    for (name, port) in ports {
        let before = found.len();
        found.extend(heard(name, port));
        if found.len() == before
            && let Some(reason) = silence(source, name, port)
        {
            absent.note(name, "neighbours", reason);
        }
    }
    found
}

fn heard<'a>(name: &'a str, port: &'a LldpPort) -> impl Iterator<Item = PortNeighbour> + 'a {
    port.frames.iter().filter_map(move |heard| {
        Some(PortNeighbour {
            port: name.to_owned(),
            heard_ms: heard.heard_ms,
            neighbour: decode(&heard.frame.0)?,
        })
    })
}

/// Why nothing was heard; nothing to say of a port without carrier.
fn silence(source: &Source<'_>, name: &str, port: &LldpPort) -> Option<String> {
    let seconds = port.listened_ms? / 1000;
    let mut reason = format!("no LLDP frame within {seconds} s");
    let driver = source
        .files
        .link_name(&format!("/sys/class/net/{name}/device/driver"));
    if let Some(agent) = driver.and_then(firmware_agent) {
        reason += &format!(
            "; the firmware of {} cards can have an LLDP agent that takes the frames",
            agent.driver
        );
    }
    if let Some(problem) = &port.problem {
        reason += &format!("; {problem}");
    }
    Some(reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Entry, LldpFrame, Snapshot};

    fn read_of(snapshot: &Snapshot) -> (Vec<PortNeighbour>, Vec<(String, String)>) {
        let hardware = crate::hardware::read(snapshot);
        let absent = hardware.absent.into_iter();
        let reasons = absent
            .filter(|absent| absent.value == "neighbours" || absent.subject == "neighbours")
            .map(|absent| (absent.subject, absent.reason));
        (hardware.neighbours, reasons.collect())
    }

    #[test]
    fn a_silent_port_with_carrier_says_how_long_it_was_heard() {
        let frame = b"\x01\x80\xc2\0\0\x0e\x44\x4c\xa8\x01\x02\x03\x88\xcc\
            \x02\x05\x07leaf\x04\x05\x05eth4\x06\x02\0\x78\0\0";
        let port = |listened_ms, frames: &[&[u8]]| LldpPort {
            listened_ms,
            frames: frames
                .iter()
                .map(|frame| LldpFrame {
                    heard_ms: 7000,
                    frame: frame.to_vec().into(),
                })
                .collect(),
            problem: None,
        };
        let mut snapshot = Snapshot::default();
        let (neighbours, absent) = read_of(&snapshot);
        assert_eq!(neighbours, []);
        let nobody = ("neighbours".into(), "nobody listened for LLDP".into());
        assert_eq!(absent, [nobody]);

        let lldp = &mut snapshot.lldp;
        lldp.insert("eno1".into(), port(Some(12_000), &[frame]));
        lldp.insert("eno2".into(), port(Some(30_400), &[]));
        lldp.insert("eno3".into(), port(None, &[]));
        lldp.insert("eno4".into(), port(Some(31_000), &[b"junk"]));
        snapshot.files.insert(
            "/sys/class/net/eno4/device/driver",
            Entry::Link("../../../bus/pci/drivers/i40e".into()),
        );
        let (neighbours, absent) = read_of(&snapshot);
        assert_eq!(neighbours.len(), 1);
        assert_eq!(
            (neighbours[0].port.as_str(), neighbours[0].heard_ms),
            ("eno1", 7000)
        );
        let chassis = neighbours[0].neighbour.chassis_id.as_ref();
        assert_eq!(chassis.expect("told").value, "leaf");
        let reasons: Vec<(&str, &str)> = absent
            .iter()
            .map(|(subject, reason)| (subject.as_str(), reason.as_str()))
            .collect();
        assert_eq!(
            reasons,
            [
                ("eno2", "no LLDP frame within 30 s"),
                (
                    "eno4",
                    "no LLDP frame within 31 s; the firmware of i40e cards can have an LLDP \
                     agent that takes the frames"
                ),
            ]
        );
    }
}
