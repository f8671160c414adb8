// SPDX-License-Identifier: Apache-2.0
//! From the resolved settings to what each part wants to know.

use std::time::Duration;

use bootconfig::{AuthStrategy, Settings};
use ironseed_core::image::read_back::Verification;
use ironseed_core::image_request::{DownloadPolicy, ImagePolicy, Secret};
use ironseed_core::inspection;
use ironseed_core::inventory::{FaAddresses, Facts};
use ironseed_core::lifecycle::LifecycleSettings;
use ironseed_core::steps::{ImageServerLogin, StepSettings};
use ironseed_machine::tls::ClientTls;

use crate::tls;

/// Whether inspection runs: a callback URL is given, or collectors are named
/// together with an API URL (contract §2.2).
pub(crate) fn inspects(settings: &Settings) -> bool {
    settings.inspection_callback_urls.value.is_set()
        || (settings.inspection_collectors.is_set() && settings.api_urls.value.is_set())
}

/// Whether the inspection data say anything of LLDP, and so wait for it.
pub(crate) fn wants_lldp(settings: &Settings) -> bool {
    inspection::wants_lldp(
        &settings.inspection_collectors.value,
        settings.collect_lldp.value,
    )
}

/// What the life cycle is told.
pub(crate) fn lifecycle(settings: &Settings) -> LifecycleSettings {
    LifecycleSettings {
        has_api: !settings.api_urls.value.urls().is_empty(),
        inspect: inspects(settings),
        inspection_waits: wants_lldp(settings),
        lookup_interval: settings.lookup_interval.value,
        token: settings
            .agent_token
            .value
            .as_ref()
            .map(|token| Secret::new(token.expose())),
        ignore_bootloader_failure: settings.ignore_bootloader_failure.value,
    }
}

/// What steps obey; asked for each step, because lookup changes settings.
pub(crate) fn steps(settings: &Settings) -> StepSettings {
    StepSettings {
        image: ImagePolicy {
            permitted_formats: settings.permitted_image_formats.value.clone(),
            inspect: !settings.disable_deep_image_inspection.value,
        },
        md5_allowed: settings.md5_enabled.value,
        download: DownloadPolicy {
            timeout: settings.image_download_connection_timeout.value,
            retries: settings.image_download_connection_retries.value,
            retry_interval: settings.image_download_connection_retry_interval.value,
            max_duration: Some(settings.image_download_max_duration.value)
                .filter(|limit| *limit > Duration::ZERO),
            verify_tls: !settings.insecure.value,
            ca_file: settings.cafile.value.clone(),
        },
        image_server: image_server(settings),
        config_drive_rebuild: settings.config_drive_rebuild.value,
        guard_special_filesystems: settings.guard_special_filesystems.value,
        verify: verification(settings),
    }
}

fn verification(settings: &Settings) -> Verification {
    match settings.verify.value {
        bootconfig::Verify::Off => Verification::Off,
        bootconfig::Verify::Sample => Verification::Sample,
        bootconfig::Verify::Full => Verification::Full,
    }
}

fn image_server(settings: &Settings) -> Option<ImageServerLogin> {
    if settings.image_server_auth_strategy.value == AuthStrategy::NoAuth {
        return None;
    }
    Some(ImageServerLogin {
        user: settings.image_server_user.value.clone()?,
        password: Secret::new(settings.image_server_password.value.as_ref()?.expose()),
    })
}

/// How calls to Ironic are secured (contract §3).
pub(crate) fn client_tls(settings: &Settings) -> ClientTls<'_> {
    let certificate = settings.certfile.value.as_deref();
    let key = settings.keyfile.value.as_deref().or(certificate);
    ClientTls {
        verify: !settings.insecure.value,
        ca_file: settings.cafile.value.as_deref(),
        identity: certificate.zip(key),
        provider: tls::provider(&settings.tls_cipher_suites.value),
        versions: tls::versions(settings.tls_min_version.value),
    }
}

/// What is known of this boot besides the machine itself.
pub(crate) fn facts(settings: &Settings) -> Facts {
    Facts {
        boot_interface: settings.bootif.value.as_ref().map(|boot| boot.raw.clone()),
        skip_bmc: settings.skip_bmc_detect.value,
        fa_addresses: fa_addresses(settings),
        ..Facts::default()
    }
}

fn fa_addresses(settings: &Settings) -> FaAddresses {
    match settings.fa_addresses.value {
        bootconfig::FaAddresses::Auto => FaAddresses::DropOnHardware,
        bootconfig::FaAddresses::Drop => FaAddresses::Drop,
        bootconfig::FaAddresses::Keep => FaAddresses::Keep,
    }
}

/// The base URLs as text.
pub(crate) fn urls(list: &bootconfig::UrlList) -> Vec<String> {
    list.urls()
        .iter()
        .map(|url| url.as_str().trim_end_matches('/').to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_for_verification_reaches_the_steps() {
        for (cmdline, expected) in [
            ("", Verification::Off),
            ("ironseed.verify=off", Verification::Off),
            ("ironseed.verify=sample", Verification::Sample),
            ("ironseed.verify=full", Verification::Full),
        ] {
            let sources = bootconfig::RawSources {
                cmdline: cmdline.as_bytes().to_vec(),
                ..bootconfig::RawSources::default()
            };
            let settings = bootconfig::resolve(&sources).expect("a good word");
            assert_eq!(steps(&settings).verify, expected, "{cmdline}");
        }
    }

    #[test]
    fn the_word_for_fa_addresses_reaches_the_inventory() {
        for (cmdline, expected) in [
            ("", FaAddresses::DropOnHardware),
            ("ipa-fa-addresses=auto", FaAddresses::DropOnHardware),
            ("ipa-fa-addresses=drop", FaAddresses::Drop),
            ("ipa-fa-addresses=keep", FaAddresses::Keep),
        ] {
            let sources = bootconfig::RawSources {
                cmdline: cmdline.as_bytes().to_vec(),
                ..bootconfig::RawSources::default()
            };
            let settings = bootconfig::resolve(&sources).expect("a good word");
            assert_eq!(facts(&settings).fa_addresses, expected, "{cmdline}");
        }
    }
}
