// SPDX-License-Identifier: Apache-2.0
//! Firmware files for the image: exactly the names that a wanted driver asks for,
//! compressed the way the kernel's loader unpacks them
//! (Documentation/driver-api/firmware/fw_search_path.rst; `NAME.xz` with a CRC32).

use std::collections::BTreeMap;

use hardware_profiles::FirmwareRule;
use liblzma::stream::{Check, Filters, LzmaOptions, Stream};
use thiserror::Error;

use crate::closure::Closure;
use crate::deb::Tree;
use crate::modinfo::canonical;

/// Firmware that cannot be collected.
#[derive(Debug, Error)]
pub enum FirmwareError {
    /// A rule names a driver that is not in the image.
    #[error("firmware for {driver}: the driver is not in the image")]
    NoDriver {
        /// Driver of the rule.
        driver: String,
    },
    /// No name the driver asks for is wanted and in the package: the rule is wrong.
    #[error("firmware for {driver}: {package} has none of the wanted names")]
    Nothing {
        /// Driver of the rule.
        driver: String,
        /// Package of the rule.
        package: String,
    },
    /// The compressor failed.
    #[error("cannot compress firmware {name}")]
    Compress {
        /// Name relative to /lib/firmware.
        name: String,
        /// What the xz writer says.
        #[source]
        source: std::io::Error,
    },
}

/// One firmware file of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// The driver that asks for it.
    pub driver: String,
    /// Compressed content.
    pub xz: Vec<u8>,
}

/// What was found, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// Name relative to /lib/firmware, without `.xz`, to file.
    pub blobs: BTreeMap<String, Blob>,
    /// Names that drivers ask for and Debian's packages do not have: newer hardware
    /// than the package. Driver and name.
    pub absent: Vec<(String, String)>,
}

/// Collects what the rules want; `packages` holds the unpacked packages by name.
///
/// # Errors
/// If a rule yields nothing, or the compressor fails.
pub fn collect(
    closure: &Closure,
    rules: &[&FirmwareRule],
    packages: &BTreeMap<String, Tree>,
) -> Result<Collected, FirmwareError> {
    let mut collected = Collected::default();
    for rule in rules {
        let driver = rule.driver.clone();
        let Some(chosen) = closure.modules.get(&canonical(&driver)) else {
            return Err(FirmwareError::NoDriver { driver });
        };
        let mut found = false;
        for name in chosen
            .module
            .info
            .firmware
            .iter()
            .filter(|name| rule.wants(name))
        {
            let content = packages
                .get(&rule.package)
                .and_then(|tree| tree.read(&format!("lib/firmware/{name}")));
            match content {
                Some(content) => {
                    found = true;
                    let blob = Blob {
                        driver: driver.clone(),
                        xz: compress(name, content)?,
                    };
                    collected.blobs.insert(name.clone(), blob);
                }
                None => collected.absent.push((driver.clone(), name.clone())),
            }
        }
        if !found {
            return Err(FirmwareError::Nothing {
                driver,
                package: rule.package.clone(),
            });
        }
    }
    collected.absent.sort();
    Ok(collected)
}

/// Preset 6 with a dictionary no larger than the file: the kernel allocates the
/// dictionary when it unpacks.
fn compress(name: &str, plain: &[u8]) -> Result<Vec<u8>, FirmwareError> {
    let failed = |source: std::io::Error| FirmwareError::Compress {
        name: name.to_owned(),
        source,
    };
    let size = u32::try_from(plain.len().next_power_of_two()).unwrap_or(u32::MAX);
    let mut options = LzmaOptions::new_preset(6).map_err(|e| failed(e.into()))?;
    options.dict_size(size.clamp(4096, 8 << 20));
    let mut filters = Filters::new();
    filters.lzma2(&options);
    let stream =
        Stream::new_stream_encoder(&filters, Check::Crc32).map_err(|e| failed(e.into()))?;
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    std::io::Write::write_all(&mut encoder, plain).map_err(failed)?;
    encoder.finish().map_err(failed)
}

/// Whether these bytes begin as an xz file with a CRC32, the only check the kernel's
/// reader is built with (The .xz File Format, 2.1.1.1 and 2.1.1.2).
#[must_use]
pub fn is_xz_with_crc32(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xfd7zXZ\0\0\x01")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use hardware_profiles::{Glob, Load};

    use super::*;
    use crate::closure::close;
    use crate::closure::tests::{Table, group};
    use crate::deb::Node;

    const TABLE: Table = Table {
        modules: &[
            (
                "bnx2x",
                "firmware=bnx2x/e1-7.13.15.0.fw\0firmware=bnx2x/e1-7.13.21.0.fw\0",
            ),
            (
                "r8169",
                "firmware=rtl_nic/rtl8126a-3.fw\0firmware=rtl_nic/rtl8168h-2.fw\0",
            ),
            ("nvme", ""),
        ],
        builtin: &[],
        builtin_aliases: &[],
    };

    fn rule(driver: &str, only: &[&str]) -> FirmwareRule {
        FirmwareRule {
            driver: driver.to_owned(),
            package: "firmware-x".to_owned(),
            only: only.iter().map(|pattern| Glob::new(pattern)).collect(),
            reason: "test".to_owned(),
        }
    }

    fn run(rules: &[FirmwareRule]) -> Result<Collected, FirmwareError> {
        let files = [
            (
                "lib/firmware/bnx2x/e1-7.13.15.0.fw",
                Node::File(b"old".to_vec()),
            ),
            (
                "lib/firmware/bnx2x/e1-7.13.21.0.fw",
                Node::File(vec![7; 100_000]),
            ),
            (
                "lib/firmware/rtl_nic/rtl8168h-2.fw",
                Node::Symlink("rtl8168g-2.fw".to_owned()),
            ),
            (
                "lib/firmware/rtl_nic/rtl8168g-2.fw",
                Node::File(b"g".to_vec()),
            ),
        ];
        let tree = files
            .into_iter()
            .map(|(path, node)| (path.to_owned(), node))
            .collect();
        let wanted = group("g", Load::Modalias, &["bnx2x", "r8169", "nvme"]);
        let closure = close(&TABLE, &[&wanted], &[]).unwrap();
        let packages = BTreeMap::from([("firmware-x".to_owned(), tree)]);
        collect(&closure, &rules.iter().collect::<Vec<_>>(), &packages)
    }

    #[test]
    fn takes_the_wanted_names_and_lists_the_absent() {
        let collected =
            run(&[rule("bnx2x", &["bnx2x/*-7.13.21.0.fw"]), rule("r8169", &[])]).unwrap();
        let names: Vec<_> = collected.blobs.keys().map(String::as_str).collect();
        assert_eq!(names, ["bnx2x/e1-7.13.21.0.fw", "rtl_nic/rtl8168h-2.fw"]);
        assert_eq!(
            collected.absent,
            [("r8169".to_owned(), "rtl_nic/rtl8126a-3.fw".to_owned())]
        );
    }

    #[test]
    fn the_kernel_can_unpack_it() {
        let collected = run(&[rule("bnx2x", &["*21.0.fw"])]).unwrap();
        let xz = &collected.blobs.get("bnx2x/e1-7.13.21.0.fw").unwrap().xz;
        assert!(is_xz_with_crc32(xz) && !is_xz_with_crc32(b"\xfd7zXZ\0\0\x04"));
        let mut plain = Vec::new();
        liblzma::read::XzDecoder::new(xz.as_slice())
            .read_to_end(&mut plain)
            .unwrap();
        assert_eq!(plain, vec![7; 100_000]);
    }

    #[test]
    fn a_rule_that_yields_nothing_is_wrong() {
        for (rule, expected) in [
            (
                rule("nvme", &[]),
                "firmware for nvme: firmware-x has none of the wanted names",
            ),
            (
                rule("bnx2x", &["*-8.0.fw"]),
                "firmware for bnx2x: firmware-x has none of the wanted names",
            ),
            (
                rule("tg3", &[]),
                "firmware for tg3: the driver is not in the image",
            ),
        ] {
            assert_eq!(run(&[rule]).unwrap_err().to_string(), expected);
        }
    }
}
