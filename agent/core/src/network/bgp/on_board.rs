// SPDX-License-Identifier: Apache-2.0
//! Which port is the lowest on-board port.
//!
//! "On board" is what the firmware says: it numbers the devices that are
//! soldered on, and udev makes the names `eno1`, `eno2` of these numbers
//! (systemd.net-naming-scheme(7)). This image has no udev, so the number itself
//! is read; OSISM's image looks for the lowest `eno` name and takes the lowest
//! name of all if there is none.

/// A port, with what tells where it sits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// The kernel's number of the link.
    pub index: u32,
    /// All its names, the alternative ones too.
    pub names: Vec<String>,
    /// The firmware's number of an on-board device: `acpi_index` or `index` in
    /// the device's folder of sysfs.
    pub on_board: Option<u32>,
    /// Its address on the bus, such as `0000:3b:00.1`.
    pub bus: Option<String>,
    /// It is on USB: the BMC's own link, or something plugged in. Never chosen,
    /// as in OSISM's image.
    pub usb: bool,
}

/// The lowest on-board port: by the firmware's number, else by an `eno` name,
/// else the first on the bus, else the first link.
#[must_use]
pub fn oob_port(seats: &[Seat]) -> Option<u32> {
    seats
        .iter()
        .filter(|seat| !seat.usb)
        .min_by_key(|seat| {
            let number = seat.on_board.or_else(|| eno(&seat.names));
            (
                (number.is_none(), number),
                // Domain, bus, device and function have fixed widths.
                (seat.bus.is_none(), seat.bus.clone()),
                seat.index,
            )
        })
        .map(|seat| seat.index)
}

/// The number in a name such as `eno2` or `eno2np1`.
fn eno(names: &[String]) -> Option<u32> {
    let number = |name: &String| {
        let rest = name.strip_prefix("eno")?;
        let digits = rest
            .split(|character: char| !character.is_ascii_digit())
            .next()?;
        digits.parse().ok()
    };
    names.iter().filter_map(number).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(index: u32, names: &[&str], on_board: Option<u32>, bus: Option<&str>) -> Seat {
        Seat {
            index,
            names: names.iter().map(|&name| name.to_owned()).collect(),
            on_board,
            bus: bus.map(str::to_owned),
            usb: false,
        }
    }

    #[test]
    fn the_firmware_knows_best() {
        let usb = Seat {
            usb: true,
            ..seat(2, &["eno1"], Some(1), None)
        };
        let cases = [
            (vec![], None),
            (vec![usb.clone()], None),
            (
                // A PowerEdge: two on-board ports behind a card's in the list.
                vec![
                    seat(2, &["eth0"], None, Some("0000:3b:00.0")),
                    seat(3, &["eth1"], Some(2), Some("0000:04:00.1")),
                    seat(4, &["eth2"], Some(1), Some("0000:04:00.0")),
                ],
                Some(4),
            ),
            (
                vec![
                    usb,
                    seat(3, &["enp1s0f0"], None, Some("0000:01:00.0")),
                    seat(4, &["eno10"], None, Some("0000:19:00.1")),
                    seat(5, &["eth2", "eno2np1"], None, Some("0000:19:00.0")),
                ],
                Some(5),
            ),
            (
                vec![
                    seat(2, &["eth0"], None, Some("0000:81:00.0")),
                    seat(3, &["eth1"], None, Some("0000:01:00.1")),
                    seat(4, &["eth2"], None, Some("0000:01:00.0")),
                ],
                Some(4),
            ),
            (
                vec![
                    seat(3, &["eth1"], None, None),
                    seat(2, &["eth0"], None, None),
                ],
                Some(2),
            ),
        ];
        for (seats, expected) in cases {
            assert_eq!(oob_port(&seats), expected, "{seats:?}");
        }
    }
}
