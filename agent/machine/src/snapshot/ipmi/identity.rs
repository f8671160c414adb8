// SPDX-License-Identifier: Apache-2.0
//! Who the controller is, and where it is reached.

use std::io;

use ironseed_core::ipmi::{LAN_CHANNELS, Request, may_be_lan};
use ironseed_core::snapshot::{Bmc, BmcChannel, BmcParameter, Bytes};

use super::Controller;

/// System info parameters, with the most blocks of each: version of the system's
/// firmware (1), name of the system (2), address of the controller's web
/// interface (6).
const SYSTEM_INFO: &[(u8, u8)] = &[(1, 4), (2, 4), (6, 4)];
/// The IPv4 address; a channel without it is none or not a LAN.
const IPV4: u8 = 3;
/// LAN parameters asked of each channel that has one, with the most sets of each:
/// source (4), MAC (5), netmask (6), gateway (12), VLAN (20), addressing enables
/// (51), dynamic (59) and static (56) IPv6 addresses.
const LAN: &[(u8, u8)] = &[
    (4, 1),
    (5, 1),
    (6, 1),
    (12, 1),
    (20, 1),
    (51, 1),
    (59, 4),
    (56, 4),
];

/// Asks; what was answered before an error is kept.
pub(super) fn ask(controller: &mut impl Controller, bmc: &mut Bmc) -> io::Result<()> {
    bmc.device_id = controller.optional(&Request::device_id())?.map(Bytes);
    for channel in LAN_CHANNELS {
        ask_channel(controller, channel, bmc)?;
    }
    bmc.guid = controller.optional(&Request::device_guid())?.map(Bytes);
    for (parameter, sets) in SYSTEM_INFO {
        let request = |set| Request::system_info(*parameter, set);
        ask_sets(controller, *parameter, *sets, request, &mut bmc.system_info)?;
    }
    Ok(())
}

fn ask_channel(controller: &mut impl Controller, channel: u8, bmc: &mut Bmc) -> io::Result<()> {
    let info = controller.optional(&Request::channel_info(channel))?;
    if !may_be_lan(info.as_deref()) {
        return Ok(());
    }
    let mut parameters = Vec::new();
    for (parameter, sets) in [(IPV4, 1)].iter().chain(LAN) {
        let request = |set| Request::lan_parameter(channel, *parameter, set);
        ask_sets(controller, *parameter, *sets, request, &mut parameters)?;
        if parameters.is_empty() {
            return Ok(());
        }
    }
    bmc.channels.push(BmcChannel {
        channel,
        info: info.map(Bytes),
        parameters,
    });
    Ok(())
}

/// Asks for the sets of a parameter until the controller refuses one.
fn ask_sets(
    controller: &mut impl Controller,
    parameter: u8,
    sets: u8,
    request: impl Fn(u8) -> Request,
    answers: &mut Vec<BmcParameter>,
) -> io::Result<()> {
    for set in 0..sets {
        // The first byte is the parameter's revision.
        let answer = controller.optional(&request(set))?;
        let Some([_revision, data @ ..]) = answer.as_deref() else {
            break;
        };
        answers.push(BmcParameter {
            parameter,
            set,
            data: Bytes(data.to_vec()),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::simulated::Simulated;
    use super::*;

    #[test]
    fn lan_channels_and_only_those_are_asked() {
        let mut controller = Simulated::default();
        let mut bmc = Bmc::default();
        ask(&mut controller, &mut bmc).expect("answers");
        assert_eq!(bmc.device_id, Some(Bytes(Simulated::DEVICE_ID.to_vec())));
        let numbers: Vec<u8> = bmc.channels.iter().map(|channel| channel.channel).collect();
        assert_eq!(
            numbers,
            [1, 8],
            "2 is a serial line, the others are not there"
        );
        let lan = &bmc.channels[0];
        let asked: Vec<(u8, u8)> = lan
            .parameters
            .iter()
            .map(|p| (p.parameter, p.set))
            .collect();
        assert_eq!(asked, [(3, 0), (5, 0), (59, 0), (59, 1)]);
        assert_eq!(lan.parameters[0].data, Bytes(vec![192, 0, 2, 200]));
        assert!(lan.info.is_some() && bmc.channels[1].info.is_none());
    }

    #[test]
    fn what_was_answered_before_it_fell_silent_is_kept() {
        for messages in 0..40 {
            let mut controller = Simulated {
                silent_after: messages,
                ..Simulated::default()
            };
            let mut bmc = Bmc::default();
            let asked = ask(&mut controller, &mut bmc);
            assert_eq!(bmc.device_id.is_some(), messages > 0);
            assert_eq!(asked.is_err(), controller.fell_silent());
        }
    }
}
