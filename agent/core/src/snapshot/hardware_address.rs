// SPDX-License-Identifier: Apache-2.0
//! Link-layer addresses of any length, stored as `52:54:00:12:34:56`.

use serde::{Deserialize, Deserializer, Serializer};

pub(in crate::snapshot) fn serialize<S: Serializer>(
    bytes: &[u8],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let parts: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    serializer.serialize_str(&parts.join(":"))
}

pub(in crate::snapshot) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(':')
        .map(|part| u8::from_str_radix(part, 16).map_err(serde::de::Error::custom))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::snapshot::NetworkLink;

    #[test]
    fn addresses_come_back_as_they_were() {
        for address in [
            vec![],
            vec![0x52, 0x54, 0, 0x12, 0x34, 0x56],
            vec![0xff; 20],
        ] {
            let link = NetworkLink {
                address,
                ..NetworkLink::default()
            };
            let stored = serde_json::to_string(&link).expect("serialise");
            let back: NetworkLink = serde_json::from_str(&stored).expect("parse");
            assert_eq!(back, link);
        }
        let wrong = r#"{"address": "52:xx"}"#;
        assert!(serde_json::from_str::<NetworkLink>(wrong).is_err());
    }
}
