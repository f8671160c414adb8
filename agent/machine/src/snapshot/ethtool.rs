// SPDX-License-Identifier: Apache-2.0
//! Link speeds: now, and the highest the port supports, by `ETHTOOL_GLINKSETTINGS`.
//!
//! The permanent address comes with the link itself (`IFLA_PERM_ADDRESS`), so
//! this is the only ethtool request discovery makes. See the kernel's
//! `linux/ethtool.h` for the structures.

use std::ffi::c_char;

use ironseed_core::inventory::highest_speed;
use ironseed_core::snapshot::NetworkLink;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

/// `SIOCETHTOOL` of `linux/sockios.h`.
const SIOCETHTOOL: u16 = 0x8946;
/// `ETHTOOL_GLINKSETTINGS` of `linux/ethtool.h`.
const GLINKSETTINGS: u32 = 0x4c;
/// The kernel's limit of 32-bit words in one link mode mask.
const MAX_MASK_WORDS: usize = 127;
/// Bytes of an interface name with its NUL.
const NAME_LENGTH: usize = 16;

/// `struct ethtool_link_settings` with room for its three masks.
#[repr(C)]
struct LinkSettings {
    cmd: u32,
    speed: u32,
    duplex: u8,
    port: u8,
    phy_address: u8,
    autoneg: u8,
    mdio_support: u8,
    eth_tp_mdix: u8,
    eth_tp_mdix_ctrl: u8,
    link_mode_masks_nwords: i8,
    transceiver: u8,
    master_slave_cfg: u8,
    master_slave_state: u8,
    rate_matching: u8,
    reserved: [u32; 7],
    masks: [u32; 3 * MAX_MASK_WORDS],
}

/// `struct ifreq` with the pointer that ethtool requests use.
#[repr(C)]
struct InterfaceRequest {
    name: [c_char; NAME_LENGTH],
    data: *mut LinkSettings,
    rest: [u8; 16],
}

mod ioctl {
    nix::ioctl_readwrite_bad!(ethtool, super::SIOCETHTOOL, super::InterfaceRequest);
}

/// Adds the speeds of every link; links without an answer keep none.
pub(super) fn add_speeds(links: &mut [NetworkLink]) -> std::io::Result<()> {
    let socket = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    for link in links {
        let Some((speed, supported)) = settings(&socket, &link.name) else {
            continue;
        };
        link.speed_mbps = known(speed);
        link.max_speed_mbps = highest_speed(&supported);
    }
    Ok(())
}

/// `SPEED_UNKNOWN` is all ones; some drivers say 0 or 65535 without a carrier.
fn known(speed: u32) -> Option<u32> {
    (speed != u32::MAX && speed != 0xffff && speed != 0).then_some(speed)
}

/// Speed and supported link modes; `None` if the driver does not answer.
fn settings(socket: &impl std::os::fd::AsRawFd, name: &str) -> Option<(u32, Vec<u32>)> {
    let mut settings = LinkSettings::request(0);
    ask(socket, name, &mut settings)?;
    // The kernel answers the first request with how many words it wants, negated.
    let words = settings.link_mode_masks_nwords.checked_neg()?;
    if words <= 0 {
        return None;
    }
    settings = LinkSettings::request(words);
    ask(socket, name, &mut settings)?;
    let words = usize::try_from(words).ok()?;
    Some((settings.speed, settings.masks.get(..words)?.to_vec()))
}

impl LinkSettings {
    fn request(words: i8) -> Self {
        Self {
            cmd: GLINKSETTINGS,
            speed: 0,
            duplex: 0,
            port: 0,
            phy_address: 0,
            autoneg: 0,
            mdio_support: 0,
            eth_tp_mdix: 0,
            eth_tp_mdix_ctrl: 0,
            link_mode_masks_nwords: words,
            transceiver: 0,
            master_slave_cfg: 0,
            master_slave_state: 0,
            rate_matching: 0,
            reserved: [0; 7],
            masks: [0; 3 * MAX_MASK_WORDS],
        }
    }
}

fn ask(socket: &impl std::os::fd::AsRawFd, name: &str, settings: &mut LinkSettings) -> Option<()> {
    let mut request = InterfaceRequest {
        name: [0; NAME_LENGTH],
        data: std::ptr::from_mut(settings),
        rest: [0; 16],
    };
    if name.len() >= NAME_LENGTH {
        return None;
    }
    for (slot, byte) in request.name.iter_mut().zip(name.bytes()) {
        *slot = c_char::from_ne_bytes([byte]);
    }
    // SAFETY: `ifr_name` is NUL-terminated; `data` points to a settings
    // structure with room for the largest masks, alive until the call returns.
    #[expect(unsafe_code, reason = "ethtool requests are an ioctl")]
    unsafe { ioctl::ethtool(socket.as_raw_fd(), &raw mut request) }.ok()?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_have_the_kernels_layout() {
        assert_eq!(
            std::mem::offset_of!(LinkSettings, link_mode_masks_nwords),
            15
        );
        assert_eq!(std::mem::offset_of!(LinkSettings, masks), 48);
        assert_eq!(size_of::<InterfaceRequest>(), 40);
    }

    #[test]
    fn unknown_speeds_are_absent() {
        for (speed, expected) in [
            (1000, Some(1000)),
            (u32::MAX, None),
            (0xffff, None),
            (0, None),
        ] {
            assert_eq!(known(speed), expected);
        }
    }

    #[test]
    fn a_link_that_does_not_exist_keeps_no_speed() {
        let mut links = [NetworkLink {
            name: "none0".into(),
            ..NetworkLink::default()
        }];
        add_speeds(&mut links).expect("a socket");
        assert_eq!(links[0].speed_mbps, None);
    }
}
