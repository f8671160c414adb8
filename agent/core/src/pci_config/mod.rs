// SPDX-License-Identifier: Apache-2.0
//! The configuration space of a PCI function: which bytes of it are read, and
//! what they say (PCI Express Base Specification 6.0, section 7.5).
//!
//! Some devices stop working when registers that belong to no capability are
//! read, so nothing is read blindly: the header first, then each capability
//! its predecessor points to, and of those only what is wanted. The same walk
//! runs over the device, where it decides what is read, and later over what was
//! recorded. The bytes come from the device and may be anything; both lists of
//! capabilities end, also when they lead in a circle.

#[cfg(test)]
mod tests;

/// Bytes of the header every function has.
pub const HEADER: usize = 64;
/// Bytes of the whole space of a PCI Express function.
pub const LARGEST: usize = 4096;
/// Where the extended capabilities begin.
const EXTENDED: usize = 256;
/// Status register, bit 4: there is a list of capabilities.
const HAS_CAPABILITIES: u8 = 1 << 4;
/// Capability PCI Express.
const EXPRESS: u8 = 0x10;
/// Extended capability Device Serial Number.
const SERIAL_NUMBER: u32 = 3;
/// Rates by the code of a link speed, in MT/s: 2.5, 5, 8, 16, 32 and 64 GT/s.
const SPEEDS_MTS: [u32; 6] = [2_500, 5_000, 8_000, 16_000, 32_000, 64_000];

/// What the configuration space says beyond what sysfs shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConfigSpace {
    /// Capability PCI Express.
    pub express: Option<Express>,
    /// Device serial number, an EUI-64.
    pub serial_number: Option<u64>,
}

/// Capability PCI Express (section 7.5.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Express {
    /// Whether it is a part of the root complex; those have no link.
    pub integrated: bool,
    /// The link as it runs now.
    pub now: Lanes,
    /// The most the function's side of the link can do.
    pub most: Lanes,
}

/// Speed and width of a link; `None` where no link is or a code is reserved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lanes {
    /// Transfers per second and lane, in millions.
    pub speed_mts: Option<u32>,
    /// Lanes.
    pub width: Option<u8>,
}

/// Walks through the configuration space. `read` gives the bytes at an offset,
/// all that were asked for or none.
pub fn walk(mut read: impl FnMut(usize, usize) -> Option<Vec<u8>>) -> ConfigSpace {
    let mut found = ConfigSpace::default();
    let Some(header) = read(0, HEADER) else {
        return found;
    };
    found.express = capability(&header, &mut read, EXPRESS)
        .and_then(|at| express(&read(at, 0x14).unwrap_or_default()));
    // Only PCI Express functions have the extended space.
    if found.express.is_some() {
        found.serial_number = serial_number(&mut read);
    }
    found
}

/// Where the capability with an id lies.
fn capability(
    header: &[u8],
    read: &mut impl FnMut(usize, usize) -> Option<Vec<u8>>,
    wanted: u8,
) -> Option<usize> {
    let status = *header.get(6)?;
    // A function that is gone answers with ones.
    let is_gone = header.get(..4)? == [0xff; 4];
    if is_gone || status & HAS_CAPABILITIES == 0 {
        return None;
    }
    let pointer = match *header.get(0x0e)? & 0x7f {
        0 | 1 => 0x34,
        2 => 0x14,
        _ => return None,
    };
    let mut next = *header.get(pointer)?;
    let mut seen = [false; EXTENDED];
    loop {
        let at = usize::from(next & 0xfc);
        if at < HEADER || std::mem::replace(seen.get_mut(at)?, true) {
            return None;
        }
        let capability = read(at, 4)?;
        let id = *capability.first()?;
        if id == wanted {
            return Some(at);
        }
        if id == 0xff {
            return None;
        }
        next = *capability.get(1)?;
    }
}

/// Capabilities, link capabilities and link status, at 0x02, 0x0c and 0x12 of
/// the capability.
fn express(capability: &[u8]) -> Option<Express> {
    // Port types: root complex integrated endpoint, root complex event collector.
    let integrated = matches!(*capability.get(2)? >> 4, 9 | 10);
    let most = u32::from_le_bytes(capability.get(0x0c..0x10)?.try_into().ok()?);
    let now = u16::from_le_bytes(capability.get(0x12..0x14)?.try_into().ok()?);
    Some(Express {
        integrated,
        now: lanes(u32::from(now)),
        most: lanes(most),
    })
}

/// Both registers have the speed in bits 3:0 and the width in bits 9:4.
fn lanes(register: u32) -> Lanes {
    let code = usize::try_from(register & 0xf).unwrap_or_default();
    let width = u8::try_from(register >> 4 & 0x3f).unwrap_or_default();
    Lanes {
        speed_mts: code
            .checked_sub(1)
            .and_then(|index| SPEEDS_MTS.get(index))
            .copied(),
        width: matches!(width, 1 | 2 | 4 | 8 | 12 | 16 | 32).then_some(width),
    }
}

/// Device Serial Number (section 7.9.3). Zeroes and ones are none.
fn serial_number(read: &mut impl FnMut(usize, usize) -> Option<Vec<u8>>) -> Option<u64> {
    let mut at = EXTENDED;
    let mut seen = [false; LARGEST];
    loop {
        if at < EXTENDED || std::mem::replace(seen.get_mut(at)?, true) {
            return None;
        }
        let header = u32::from_le_bytes(read(at, 4)?.try_into().ok()?);
        if header == 0 || header == u32::MAX {
            return None;
        }
        if header & 0xffff == SERIAL_NUMBER {
            let number = u64::from_le_bytes(read(at + 4, 8)?.try_into().ok()?);
            return (number != 0 && number != u64::MAX).then_some(number);
        }
        at = usize::try_from(header >> 20 & 0xffc).ok()?;
    }
}

/// Reads what the walk wants and gives it back as a configuration space in
/// which everything else is zero, without the zeroes at its end.
pub fn record(mut read: impl FnMut(usize, usize) -> Option<Vec<u8>>) -> Vec<u8> {
    let mut recorded = vec![0; LARGEST];
    let _ = walk(|at, length| {
        let bytes = read(at, length)?;
        let place = recorded.get_mut(at..at.checked_add(length)?)?;
        if bytes.len() != length {
            return None;
        }
        place.copy_from_slice(&bytes);
        Some(bytes)
    });
    let end = recorded.iter().rposition(|byte| *byte != 0);
    recorded.truncate(end.map_or(0, |at| at + 1));
    recorded
}

/// What recorded bytes say; those that are not there are zero.
#[must_use]
pub fn parse(recorded: &[u8]) -> ConfigSpace {
    walk(|at, length| {
        let end = at.checked_add(length).filter(|end| *end <= LARGEST)?;
        let mut bytes = recorded
            .get(at..end.min(recorded.len()))
            .map_or_else(Vec::new, <[u8]>::to_vec);
        bytes.resize(length, 0);
        Some(bytes)
    })
}
