// SPDX-License-Identifier: Apache-2.0
//! Ironic's answer to lookup over the settings of the machine.

use bootconfig::{LookupConfig, Origin, Settings, TlsVersion, apply_lookup};
use serde_json::{Value, json};

fn applied(config: Value) -> (Settings, Vec<String>) {
    let config: LookupConfig = serde_json::from_value(config).expect("a lookup config");
    let mut settings = Settings::default();
    let warnings = apply_lookup(&mut settings, &config);
    (settings, warnings.iter().map(ToString::to_string).collect())
}

/// Fields and values that differ from the default, after a lookup.
fn changes(config: Value) -> Vec<(&'static str, String)> {
    let (settings, warnings) = applied(config);
    assert_eq!(warnings, Vec::<String>::new());
    let set = settings
        .shown()
        .into_iter()
        .filter(|(_, shown)| shown.origin == Origin::Lookup);
    set.map(|(row, shown)| (row.field, shown.value)).collect()
}

#[test]
fn the_answer_of_the_contract() {
    let changed = changes(json!({
        "heartbeat_timeout": 300, "agent_token": "x", "agent_token_required": true,
        "agent_md5_checksum_enable": true, "disable_deep_image_inspection": false,
        "permitted_image_formats": ["raw", "gpt", "qcow2", "iso"], "agent_skip_bmc_detect": false,
        "enable_bios_bootloader_install": false, "tls_min_version": "1.3", "tls_cipher_suites": null,
        "agent_containers": {"allow_arbitrary_containers": false, "allowed_containers": [],
            "container_steps_file": "/etc/ironic-python-agent.d/mysteps.yaml", "runner": "podman",
            "pull_options": [], "run_options": ["--rm", "--network=host"], "new_option": 1},
        "metrics": {"backend": "noop"}, "metrics_statsd": {"statsd_port": 8125}
    }));
    let text = |field, value: &str| (field, value.to_owned());
    let expected = [
        text("tls_min_version", "1.3"),
        text("md5_enabled", "true"),
        text("disable_deep_image_inspection", "false"),
        text("permitted_image_formats", "raw,gpt,qcow2,iso"),
        text("allow_arbitrary_containers", "false"),
        text("allowed_containers", ""),
        text(
            "container_steps_file",
            "/etc/ironic-python-agent.d/mysteps.yaml",
        ),
        text("container_runner", "podman"),
        text("container_pull_options", ""),
        text("container_run_options", "--rm,--network=host"),
    ];
    assert_eq!(changed, expected);
}

#[test]
fn null_empty_and_false_keep_what_is_there() {
    let cases = [
        json!({}),
        json!({"agent_md5_checksum_enable": null, "permitted_image_formats": null}),
        json!({"tls_min_version": "", "tls_cipher_suites": ""}),
        json!({"tls_min_version": null, "tls_cipher_suites": []}),
        json!({"enable_bios_bootloader_install": false, "agent_skip_bmc_detect": false}),
        json!({"agent_containers": null}),
        json!({"agent_containers": {}}),
    ];
    for config in cases {
        assert_eq!(changes(config.clone()), [], "{config}");
    }
}

#[test]
fn each_rule_of_replacement() {
    let cases = [
        (
            json!({"agent_md5_checksum_enable": false}),
            "md5_enabled",
            "false",
        ),
        (
            json!({"disable_deep_image_inspection": true}),
            "disable_deep_image_inspection",
            "true",
        ),
        (
            json!({"permitted_image_formats": "raw"}),
            "permitted_image_formats",
            "raw",
        ),
        (
            json!({"tls_cipher_suites": "A-B:C-D"}),
            "tls_cipher_suites",
            "A-B:C-D",
        ),
        (
            json!({"tls_cipher_suites": ["A-B", "C-D"]}),
            "tls_cipher_suites",
            "A-B:C-D",
        ),
        (
            json!({"enable_bios_bootloader_install": true}),
            "enable_bios_bootloader_install",
            "true",
        ),
        (
            json!({"agent_skip_bmc_detect": true}),
            "skip_bmc_detect",
            "true",
        ),
    ];
    for (config, field, value) in cases {
        assert_eq!(changes(config), [(field, value.to_owned())]);
    }
}

#[test]
fn a_bad_value_is_told_and_changes_nothing() {
    let (settings, warnings) = applied(json!({
        "tls_min_version": "2.0", "agent_containers": {"runner": "runc", "allowed_containers": ["a"]}
    }));
    assert_eq!(settings.tls_min_version.value, TlsVersion::Tls12);
    assert_eq!(settings.allowed_containers.value, ["a"]);
    assert_eq!(
        warnings,
        [
            "Ironic lookup: tls_min_version=2.0: expected 1.2 or 1.3; ignored",
            "Ironic lookup: agent_containers.runner=runc: expected podman or docker; ignored",
        ]
    );
}
