// SPDX-License-Identifier: Apache-2.0
//! The closed list of oddities that the agent heeds.

use crate::pci::PciId;

/// Vendor and product of a USB device, `413c:a102`: numbers of the same form as
/// those of PCI, from another register.
pub type UsbId = PciId;

/// Something odd about the machine that the agent must heed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quirk {
    /// What is odd.
    pub kind: QuirkKind,
    /// How it shows, and where it was seen.
    pub reason: String,
}

/// The closed list of oddities. A new kind is added together with the code that heeds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuirkKind {
    /// Links of this driver need that long from "up" to carrier. A port without
    /// carrier before then is not a cabling fault.
    CarrierDelay {
        /// Kernel driver of the link.
        driver: String,
        /// Usual time in milliseconds.
        milliseconds: u32,
    },
    /// The machine has no BMC: not finding one is not a fault.
    NoBmc,
    /// Interfaces that are not for operating systems, such as the one a BMC
    /// shows the host over USB: they have no part in what the machine is known
    /// by and how it is reached. All conditions must fit; at least one is there.
    IgnoreInterface {
        /// Kernel driver of the interface.
        driver: Option<String>,
        /// How its address begins, lower case, whole bytes: `be:3a:f2`.
        mac_prefix: Option<String>,
        /// Vendor and product of the USB device.
        usb: Option<UsbId>,
    },
    /// Addresses that begin with `fa:` are real on this machine and stay in the
    /// inventory.
    KeepFaAddresses,
}
