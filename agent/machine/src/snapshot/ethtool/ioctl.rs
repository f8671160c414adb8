// SPDX-License-Identifier: Apache-2.0
//! The ethtool ioctls that describe a link (`linux/ethtool.h`).

use std::io;
use std::os::fd::AsRawFd;

use ironseed_core::snapshot::{DriverInfo, FecParameters, LinkSettings};
use nix::errno::Errno;

use crate::ethtool::{Command, ask, open, text};

/// `ETHTOOL_GDRVINFO`.
const GDRVINFO: u32 = 0x03;
/// `ETHTOOL_GLINKSETTINGS`.
const GLINKSETTINGS: u32 = 0x4c;
/// `ETHTOOL_GFECPARAM`.
const GFECPARAM: u32 = 0x50;
/// The kernel's limit of 32-bit words in one link mode mask.
const MAX_MASK_WORDS: usize = 127;
/// `ETHTOOL_FWVERS_LEN`, `ETHTOOL_BUSINFO_LEN`, `ETHTOOL_EROMVERS_LEN`.
const TEXT_LENGTH: usize = 32;

/// What the driver of a link answered.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) driver: Option<DriverInfo>,
    pub(super) settings: Option<LinkSettings>,
    pub(super) fec: Option<FecParameters>,
}

/// `struct ethtool_drvinfo`.
#[repr(C)]
struct RawDriverInfo {
    cmd: u32,
    driver: [u8; TEXT_LENGTH],
    version: [u8; TEXT_LENGTH],
    firmware_version: [u8; TEXT_LENGTH],
    bus_info: [u8; TEXT_LENGTH],
    expansion_rom_version: [u8; TEXT_LENGTH],
    reserved: [u8; 12],
    n_priv_flags: u32,
    n_stats: u32,
    testinfo_len: u32,
    eedump_len: u32,
    regdump_len: u32,
}

/// `struct ethtool_link_settings` with room for its three masks.
#[repr(C)]
struct RawLinkSettings {
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

/// `struct ethtool_fecparam`.
#[repr(C)]
struct RawFecParameters {
    cmd: u32,
    active: u32,
    configured: u32,
    reserved: u32,
}

impl Command for RawDriverInfo {}
impl Command for RawLinkSettings {}
impl Command for RawFecParameters {}

/// Asks the driver of a link everything. Questions that the driver has no
/// answer to stay unanswered; the error is that of a link that is not there or
/// does not work.
pub(super) fn answers(name: &str) -> io::Result<Answers> {
    let socket = open()?;
    Ok(Answers {
        driver: supported(driver_info(&socket, name))?,
        settings: supported(link_settings(&socket, name))?,
        fec: supported(fec(&socket, name))?,
    })
}

/// `None` if the driver does not know the question.
fn supported<T>(answer: nix::Result<T>) -> io::Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Errno::ENODEV) => Err(Errno::ENODEV.into()),
        Err(Errno::EIO) => Err(Errno::EIO.into()),
        Err(_) => Ok(None),
    }
}

fn driver_info(socket: &impl AsRawFd, name: &str) -> nix::Result<DriverInfo> {
    let mut raw = RawDriverInfo {
        cmd: GDRVINFO,
        driver: [0; TEXT_LENGTH],
        version: [0; TEXT_LENGTH],
        firmware_version: [0; TEXT_LENGTH],
        bus_info: [0; TEXT_LENGTH],
        expansion_rom_version: [0; TEXT_LENGTH],
        reserved: [0; 12],
        n_priv_flags: 0,
        n_stats: 0,
        testinfo_len: 0,
        eedump_len: 0,
        regdump_len: 0,
    };
    ask(socket, name, &mut raw)?;
    Ok(DriverInfo {
        driver: text(&raw.driver),
        version: text(&raw.version),
        firmware_version: text(&raw.firmware_version),
        expansion_rom_version: text(&raw.expansion_rom_version),
        bus_info: text(&raw.bus_info),
    })
}

fn link_settings(socket: &impl AsRawFd, name: &str) -> nix::Result<LinkSettings> {
    let mut raw = RawLinkSettings::request(0);
    ask(socket, name, &mut raw)?;
    // The kernel answers the first request with how many words it wants, negated.
    let words = raw.link_mode_masks_nwords.checked_neg().unwrap_or(0);
    let Some(count) = usize::try_from(words).ok().filter(|count| *count > 0) else {
        return Err(Errno::EOPNOTSUPP);
    };
    raw = RawLinkSettings::request(words);
    ask(socket, name, &mut raw)?;
    let mut masks = raw.masks.chunks(count).map(<[u32]>::to_vec);
    Ok(LinkSettings {
        speed: raw.speed,
        duplex: raw.duplex,
        port: raw.port,
        autoneg: raw.autoneg,
        supported: masks.next().unwrap_or_default(),
        advertised: masks.next().unwrap_or_default(),
        partner: masks.next().unwrap_or_default(),
    })
}

impl RawLinkSettings {
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

fn fec(socket: &impl AsRawFd, name: &str) -> nix::Result<FecParameters> {
    let mut raw = RawFecParameters {
        cmd: GFECPARAM,
        active: 0,
        configured: 0,
        reserved: 0,
    };
    ask(socket, name, &mut raw)?;
    Ok(FecParameters {
        active: raw.active,
        configured: raw.configured,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    /// Numbers from a C program with the kernel's headers.
    #[test]
    fn structures_have_the_kernels_layout() {
        assert_eq!(offset_of!(RawLinkSettings, link_mode_masks_nwords), 15);
        assert_eq!(offset_of!(RawLinkSettings, masks), 48);
        assert_eq!(size_of::<RawDriverInfo>(), 196);
        assert_eq!(offset_of!(RawDriverInfo, firmware_version), 68);
        assert_eq!(offset_of!(RawDriverInfo, bus_info), 100);
        assert_eq!(offset_of!(RawDriverInfo, expansion_rom_version), 132);
        assert_eq!(size_of::<RawFecParameters>(), 16);
    }

    #[test]
    fn a_link_that_does_not_exist_is_told() {
        for name in ["none0", "a-name-that-is-too-long"] {
            let error = answers(name).expect_err("there is none");
            assert_eq!(error.raw_os_error(), Some(Errno::ENODEV as i32));
        }
    }
}
