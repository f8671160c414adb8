// SPDX-License-Identifier: Apache-2.0
//! What a module measures of itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a module measures of itself, at the time of discovery.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Diagnostics {
    /// Temperature in degrees Celsius.
    pub temperature_celsius: Option<f64>,
    /// Supply voltage in volts.
    pub supply_volts: Option<f64>,
    /// The lanes, in order.
    pub lanes: Vec<Lane>,
}

/// What a module measures of one lane.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Lane {
    /// Current through the laser, in mA.
    pub tx_bias_ma: Option<f64>,
    /// Power that is sent, in mW.
    pub tx_power_mw: Option<f64>,
    /// Power that is sent, in dBm; absent if it is 0 mW.
    pub tx_power_dbm: Option<f64>,
    /// Power that is received, in mW.
    pub rx_power_mw: Option<f64>,
    /// Power that is received, in dBm; absent if it is 0 mW.
    pub rx_power_dbm: Option<f64>,
}

impl Diagnostics {
    /// `None` if nothing was measured.
    pub(super) fn if_any(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }
}

impl Lane {
    /// From the numbers as modules have them: currents in 2 µA, powers in 0.1 µW.
    pub(super) fn from_raw(
        tx_bias: Option<f64>,
        tx_power: Option<f64>,
        rx_power: Option<f64>,
    ) -> Self {
        let milliwatts = |raw: Option<f64>| raw.map(|raw| round(raw * 0.0001, 4));
        let (tx_power_mw, rx_power_mw) = (milliwatts(tx_power), milliwatts(rx_power));
        Self {
            tx_bias_ma: tx_bias.map(|raw| round(raw * 0.002, 3)),
            tx_power_dbm: tx_power_mw.and_then(dbm),
            rx_power_dbm: rx_power_mw.and_then(dbm),
            tx_power_mw,
            rx_power_mw,
        }
    }
}

/// Temperature from 1/256 of a degree Celsius.
pub(super) fn celsius(raw: f64) -> f64 {
    round(raw / 256.0, 2)
}

/// Voltage from 100 µV.
pub(super) fn volts(raw: f64) -> f64 {
    round(raw * 0.0001, 4)
}

/// Decibels to one milliwatt; there are none for no power.
fn dbm(milliwatts: f64) -> Option<f64> {
    (milliwatts > 0.0).then(|| round(10.0 * milliwatts.log10(), 2))
}

/// To so many decimals: more of them than a module can measure would only be
/// noise in a report.
fn round(value: f64, decimals: i32) -> f64 {
    let factor = 10_f64.powi(decimals);
    (value * factor).round() / factor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_power_has_no_decibels() {
        let lane = Lane::from_raw(Some(3277.0), Some(5196.0), Some(0.0));
        assert_eq!(lane.tx_bias_ma, Some(6.554));
        assert_eq!(lane.tx_power_mw, Some(0.5196));
        assert_eq!(lane.tx_power_dbm, Some(-2.84));
        assert_eq!((lane.rx_power_mw, lane.rx_power_dbm), (Some(0.0), None));
    }
}
