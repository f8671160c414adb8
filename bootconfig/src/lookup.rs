// SPDX-License-Identifier: Apache-2.0
//! The settings that Ironic's answer to lookup replaces (contract §7).
//!
//! The rest of the `config` object (heartbeat timeout, token) is no setting
//! and belongs to whoever talks to Ironic.

use serde::{Deserialize, Deserializer};

use crate::foreign_text::value_in_message;
use crate::kind::{self, Kind};
use crate::origin::{Origin, Setting};
use crate::problem::Warning;
use crate::schema::Settings;
use crate::value::{ContainerRunner, TlsVersion};

/// The keys of the `config` object that are settings. Other keys are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LookupConfig {
    /// Replaces `md5_enabled`.
    pub agent_md5_checksum_enable: Option<bool>,
    /// Replaces the setting of this name.
    pub disable_deep_image_inspection: Option<bool>,
    /// Replaces the setting of this name.
    #[serde(deserialize_with = "text_or_list")]
    pub permitted_image_formats: Option<Vec<String>>,
    /// Replaces the setting of this name unless empty.
    pub tls_min_version: Option<String>,
    /// Replaces the setting of this name unless empty; one text in OpenSSL's
    /// notation, or a list.
    #[serde(deserialize_with = "text_or_list")]
    pub tls_cipher_suites: Option<Vec<String>>,
    /// Counts only when true.
    pub enable_bios_bootloader_install: Option<bool>,
    /// Counts only when true: stop asking the BMC.
    pub agent_skip_bmc_detect: Option<bool>,
    /// What containers may be run.
    pub agent_containers: Option<LookupContainers>,
}

/// The keys of `config.agent_containers`. Other keys are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LookupContainers {
    /// Replaces the setting of this name.
    pub allow_arbitrary_containers: Option<bool>,
    /// Replaces the setting of this name.
    #[serde(deserialize_with = "text_or_list")]
    pub allowed_containers: Option<Vec<String>>,
    /// Replaces the setting of this name.
    pub container_steps_file: Option<String>,
    /// Replaces `container_runner`.
    pub runner: Option<String>,
    /// Replaces `container_pull_options`.
    #[serde(deserialize_with = "text_or_list")]
    pub pull_options: Option<Vec<String>>,
    /// Replaces `container_run_options`.
    #[serde(deserialize_with = "text_or_list")]
    pub run_options: Option<Vec<String>>,
}

/// Applies the values of a lookup, which win over every other source. A value
/// that cannot be used leaves the setting as it was and gives a warning.
#[must_use = "the warnings belong into the log"]
pub fn apply_lookup(settings: &mut Settings, config: &LookupConfig) -> Vec<Warning> {
    let mut warnings = Vec::new();
    replace(&mut settings.md5_enabled, config.agent_md5_checksum_enable);
    replace(
        &mut settings.disable_deep_image_inspection,
        config.disable_deep_image_inspection,
    );
    replace(
        &mut settings.permitted_image_formats,
        config.permitted_image_formats.clone(),
    );
    let only_true = |flag: Option<bool>| flag.filter(|&on| on);
    replace(
        &mut settings.enable_bios_bootloader_install,
        only_true(config.enable_bios_bootloader_install),
    );
    replace(
        &mut settings.skip_bmc_detect,
        only_true(config.agent_skip_bmc_detect),
    );
    warnings.extend(apply_tls(settings, config));
    if let Some(containers) = &config.agent_containers {
        warnings.extend(apply_containers(settings, containers));
    }
    warnings
}

fn apply_tls(settings: &mut Settings, config: &LookupConfig) -> Vec<Warning> {
    let version = config.tls_min_version.as_deref().unwrap_or_default();
    let suites = config
        .tls_cipher_suites
        .clone()
        .unwrap_or_default()
        .join(":");
    let replaced = [
        replace_text::<TlsVersion>(
            &mut settings.tls_min_version,
            "tls_min_version",
            version,
            &kind::TLS_VERSION,
        ),
        replace_text(
            &mut settings.tls_cipher_suites,
            "tls_cipher_suites",
            &suites,
            &kind::CIPHER_SUITES,
        ),
    ];
    replaced.into_iter().flatten().collect()
}

fn apply_containers(settings: &mut Settings, config: &LookupContainers) -> Option<Warning> {
    replace(
        &mut settings.allow_arbitrary_containers,
        config.allow_arbitrary_containers,
    );
    replace(
        &mut settings.allowed_containers,
        config.allowed_containers.clone(),
    );
    replace(
        &mut settings.container_steps_file,
        config.container_steps_file.clone().map(Some),
    );
    replace(
        &mut settings.container_pull_options,
        config.pull_options.clone(),
    );
    replace(
        &mut settings.container_run_options,
        config.run_options.clone(),
    );
    replace_text::<ContainerRunner>(
        &mut settings.container_runner,
        "agent_containers.runner",
        config.runner.as_deref().unwrap_or_default(),
        &kind::RUNNER,
    )
}

fn replace<T>(setting: &mut Setting<T>, value: Option<T>) {
    if let Some(value) = value {
        setting.replace(value, Origin::Lookup);
    }
}

/// Replaces by a text unless it is empty.
fn replace_text<T>(
    setting: &mut Setting<T>,
    key: &'static str,
    text: &str,
    kind: &Kind<T>,
) -> Option<Warning> {
    if text.is_empty() {
        return None;
    }
    match (kind.parse)(text) {
        Some(value) => {
            setting.replace(value, Origin::Lookup);
            None
        }
        None => Some(Warning::BadLookupValue {
            key,
            text: value_in_message(text, kind.facts),
            expected: kind.facts.expected,
        }),
    }
}

/// A list, or one text for a list of one.
fn text_or_list<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum TextOrList {
        Text(String),
        List(Vec<String>),
    }
    Ok(
        Option::<TextOrList>::deserialize(from)?.map(|value| match value {
            TextOrList::Text(text) => vec![text],
            TextOrList::List(list) => list,
        }),
    )
}
