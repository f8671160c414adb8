// SPDX-License-Identifier: Apache-2.0
//! One message of the kernel's uevent socket. Pure.
//!
//! `ACTION@DEVPATH` and then `KEY=VALUE` strings, each ended by a zero byte
//! (lib/kobject_uevent.c, `kobject_uevent_env`).

/// What PID 1 needs of a uevent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uevent<'a> {
    /// `add`, `remove`, `change`, `bind` ….
    pub action: &'a str,
    /// `block`, `net`, `pci` …; empty if the message has none.
    pub subsystem: &'a str,
    /// What module is wanted, for a device on a bus that has modaliases.
    pub modalias: Option<&'a str>,
}

impl<'a> Uevent<'a> {
    /// Reads one datagram; `None` if it is not a kernel uevent (udevd's own messages on the other
    /// multicast group begin with `libudev`), or is not UTF-8.
    pub fn parse(datagram: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(datagram).ok()?;
        let mut parts = text.split('\0');
        let (action, path) = parts.next()?.split_once('@')?;
        if action.is_empty() || !path.starts_with('/') {
            return None;
        }
        let mut event = Self {
            action,
            subsystem: "",
            modalias: None,
        };
        for part in parts {
            match part.split_once('=') {
                Some(("SUBSYSTEM", value)) => event.subsystem = value,
                Some(("MODALIAS", value)) => event.modalias = Some(value),
                _ => {}
            }
        }
        Some(event)
    }

    /// Whether a disk or a network interface came or went: what the agent waits for.
    pub fn is_disk_or_link(&self) -> bool {
        matches!(self.subsystem, "block" | "net")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Taken from a QEMU q35 machine with an NVMe disk.
    const NVME: &[u8] = b"add@/devices/pci0000:00/0000:00:04.0\0ACTION=add\0DEVPATH=/devices/pci0000:00/0000:00:04.0\0SUBSYSTEM=pci\0PCI_CLASS=10802\0PCI_ID=1B36:0010\0MODALIAS=pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02\0SEQNUM=1234\0";

    #[test]
    fn device_with_modalias() {
        assert_eq!(
            Uevent::parse(NVME),
            Some(Uevent {
                action: "add",
                subsystem: "pci",
                modalias: Some("pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02"),
            })
        );
    }

    #[test]
    fn disk_and_link() {
        let disk = b"add@/devices/x/block/sda\0ACTION=add\0SUBSYSTEM=block\0";
        let link = b"move@/devices/x/net/eth0\0SUBSYSTEM=net\0INTERFACE=eth0\0";
        for message in [&disk[..], &link[..]] {
            assert!(Uevent::parse(message).is_some_and(|event| event.is_disk_or_link()));
        }
    }

    #[test]
    fn foreign_messages_are_refused() {
        for message in [
            &b""[..],
            b"libudev\0\xfe\xed",
            b"add",
            b"@/devices/x\0",
            b"add@x\0",
            b"\xff@/\0",
        ] {
            assert_eq!(Uevent::parse(message), None, "{message:?}");
        }
    }

    #[test]
    fn truncated_and_flipped_messages_do_no_harm() {
        for end in 0..NVME.len() {
            if let Some(event) = Uevent::parse(&NVME[..end]) {
                assert_eq!(event.action, "add");
            }
        }
        let mut random = crate::testing::Random::new(1);
        for _ in 0..5000 {
            let mut message = NVME.to_vec();
            for _ in 0..=random.below(4) {
                let at = random.below(message.len());
                message[at] ^= 1 << random.below(8);
            }
            if let Some(event) = Uevent::parse(&message) {
                assert!(!event.action.is_empty() && !event.action.contains('\0'));
            }
        }
    }
}
