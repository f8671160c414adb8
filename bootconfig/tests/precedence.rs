// SPDX-License-Identifier: Apache-2.0
//! Which source wins, for every setting of the schema, and what is said about
//! names and values that cannot be used.

use bootconfig::kind::{self, Facts};
use bootconfig::schema::Row;
use bootconfig::{Origin, Problem, RawSources, SCHEMA, Settings, Warning, resolve};

/// Two good texts of a kind, and one it refuses where there is one.
fn samples(facts: Facts) -> ([&'static str; 2], Option<&'static str>) {
    let numbers = ["7", "8"];
    match facts.name {
        "number" if facts == kind::MTU.facts => (["1500", "9000"], Some("1279")),
        "choice" if facts == kind::OSISM_NETWORK.facts => (["BGP", "OOB"], Some("DHCP")),
        "boolean" => (["true", "false"], Some("2")),
        "number" | "port" | "seconds" => (numbers, Some("few")),
        "text" | "secret" => (["one", "two"], None),
        "list" => (
            ["ONE", "TWO"],
            if facts == kind::LIST.facts {
                None
            } else {
                Some("!")
            },
        ),
        "URLs" => (["http://one/", "mdns"], Some("one")),
        "address" if facts == kind::IPV4_ADDRESS.facts => (["192.0.2.1", "10.1.2.3"], Some("::1")),
        "address" if facts == kind::IPV6_ADDRESS.facts => (["fd00::1", "::1"], Some("10.1.2.3")),
        "address" => (["192.0.2.1", "::1"], Some("one")),
        "host" => (["one", "two"], Some("o/n")),
        "version" if facts.expected.contains("1.68") => (["1.68", "1.31"], Some("one")),
        "version" => (["1.3", "1.2"], Some("1.1")),
        "MAC address" => (["52:54:00:00:00:01", "52:54:00:00:00:02"], Some("${mac}")),
        "choice" if facts == kind::CURVE.facts => (["p256", "p521"], Some("p1")),
        "choice" if facts == kind::PROTOCOL.facts => (["http", "https"], Some("ftp")),
        "choice" if facts == kind::AUTH_STRATEGY.facts => (["noauth", "http_basic"], Some("x")),
        "choice" if facts == kind::RUNNER.facts => (["docker", "podman"], Some("runc")),
        "choice" if facts == kind::FA_ADDRESSES.facts => (["drop", "keep"], Some("off")),
        "choice" if facts == kind::LLDP_MODE.facts => (["off", "listen"], Some("on")),
        "choice" if facts == kind::VERIFY.facts => (["sample", "full"], Some("on")),
        "choice" if facts == kind::NETWORK_FALLBACK.facts => (["dhcp", "none"], Some("off")),
        other => panic!("no samples for kind {other}"),
    }
}

fn shown(settings: &Settings, row: &Row) -> (String, Origin) {
    let all = settings.shown();
    let (_, one) = all
        .iter()
        .find(|(of, _)| of.field == row.field)
        .expect("every row has a value");
    (one.value.clone(), one.origin.clone())
}

fn sources_of_word(word: &str, text: &str) -> [(RawSources, Origin); 2] {
    let cmdline = RawSources {
        cmdline: format!("quiet {word}={text}\n").into(),
        ..RawSources::default()
    };
    let disk = RawSources {
        parameters_disk: Some(format!("quiet=1\n{word}={text}\n").into()),
        ..RawSources::default()
    };
    [
        (cmdline, Origin::KernelCommandLine { word: 2 }),
        (disk, Origin::ParametersDisk { line: 2 }),
    ]
}

fn file(path: &str, section: &str, key: &str, text: &str) -> (String, Vec<u8>) {
    (
        path.to_owned(),
        format!("[{section}]\n{key} = {text}\n").into(),
    )
}

fn sources_of_key(section: &str, key: &str, text: &str) -> [(RawSources, Origin); 3] {
    let config = RawSources {
        config_files: vec![file("a.conf", section, key, text)],
        ..RawSources::default()
    };
    let iso = RawSources {
        image_config: vec![file("a.conf", section, key, text)],
        ..RawSources::default()
    };
    let name = format!("{section}.{}", key.replace('_', "-"));
    let flag = RawSources {
        flags: vec![(format!("--{name}"), text.to_owned())],
        ..RawSources::default()
    };
    let (path, line) = ("a.conf".to_owned(), 2);
    [
        (
            config,
            Origin::ConfigFile {
                path: path.clone(),
                line,
            },
        ),
        (iso, Origin::BootIso { path, line }),
        (flag, Origin::Flag { name }),
    ]
}

/// All single sources that can set a row.
fn sources(row: &Row, text: &str) -> Vec<(RawSources, Origin)> {
    let mut all = Vec::new();
    if let Some(word) = row.names.word {
        all.extend(sources_of_word(word, text));
    }
    for (section, key) in row.names.key.into_iter().chain(row.names.former_key) {
        all.extend(sources_of_key(section, key, text));
    }
    all
}

#[test]
fn every_setting_is_read_from_each_of_its_sources() {
    for row in SCHEMA {
        let (good, _) = samples(row.facts);
        for text in good {
            for (raw, origin) in sources(row, text) {
                let settings = resolve(&raw).unwrap();
                let expected = if row.facts.secret { "******" } else { text };
                assert_eq!(
                    shown(&settings, row),
                    (expected.to_owned(), origin),
                    "{}",
                    row.field
                );
                assert_eq!(settings.warnings, [], "{}", row.field);
            }
        }
    }
}

#[test]
fn every_bad_value_is_a_problem_and_leaves_the_default() {
    let defaults = Settings::default();
    for row in SCHEMA.iter().filter(|row| row.field != "debug") {
        let Some(bad) = samples(row.facts).1 else {
            continue;
        };
        for (raw, origin) in sources(row, bad) {
            let problems = resolve(&raw).unwrap_err();
            assert_eq!(problems.settings.shown(), defaults.shown(), "{}", row.field);
            let [
                Problem::BadValue {
                    origin: at,
                    text,
                    expected,
                    ..
                },
            ] = &problems.problems[..]
            else {
                panic!("{}: {problems}", row.field);
            };
            assert_eq!(
                (at, text.as_str(), *expected),
                (&origin, bad, row.facts.expected)
            );
        }
    }
}

/// Sources from the lowest to the highest, each with a lookup timeout.
fn all_sources() -> RawSources {
    let key = |path: &str, text: &str| file(path, "DEFAULT", "lookup_timeout", text);
    RawSources {
        cmdline: "ipa-lookup-timeout=1 ipa-lookup-timeout=2".into(),
        parameters_disk: Some("ipa-lookup-timeout=3\nipa-lookup-timeout=4".into()),
        config_files: vec![
            key("d/20.conf", "7"),
            key("d/10.conf", "5"),
            key("d/30.yaml", "9"),
        ],
        image_config: vec![key("iso/15.conf", "6")],
        flags: vec![("lookup-timeout".to_owned(), "8".to_owned())],
    }
}

#[test]
fn precedence_is_flag_file_disk_command_line() {
    let at = |raw: &RawSources| {
        let timeout = resolve(raw).unwrap().lookup_timeout;
        (timeout.value.as_secs(), timeout.origin.to_string())
    };
    let expect = |raw: &RawSources, seconds, origin: &str| {
        assert_eq!(at(raw), (seconds, origin.to_owned()));
    };
    let mut raw = all_sources();
    expect(&raw, 8, "flag --lookup-timeout");
    raw.flags.clear();
    expect(&raw, 7, "d/20.conf, line 2");
    raw.config_files.remove(0);
    expect(&raw, 6, "boot ISO iso/15.conf, line 2");
    raw.image_config.clear();
    expect(&raw, 5, "d/10.conf, line 2");
    raw.config_files.clear();
    expect(&raw, 4, "parameters disk, line 2");
    raw.parameters_disk = None;
    expect(&raw, 2, "kernel command line, word 2");
    raw.cmdline.clear();
    expect(&raw, 600, "default");
}

#[test]
fn a_file_of_the_boot_iso_replaces_the_one_of_the_image() {
    let raw = RawSources {
        image_config: vec![file("iso/a.conf", "DEFAULT", "cafile", "/iso")],
        config_files: vec![
            file("etc/a.conf", "DEFAULT", "certfile", "/image"),
            file("etc/b.conf", "DEFAULT", "keyfile", "/image"),
        ],
        ..RawSources::default()
    };
    let settings = resolve(&raw).unwrap();
    assert_eq!(settings.cafile.value.as_deref(), Some("/iso"));
    assert_eq!(settings.certfile.value, None);
    assert_eq!(settings.keyfile.value.as_deref(), Some("/image"));
}

#[test]
fn a_bad_value_that_is_overridden_is_only_a_warning() {
    let raw = RawSources {
        cmdline: "ipa-listen-port=many".into(),
        flags: vec![("listen-port".to_owned(), "80".to_owned())],
        ..RawSources::default()
    };
    let settings = resolve(&raw).unwrap();
    assert_eq!(settings.listen_port.value, 80);
    assert!(matches!(
        &settings.warnings[..],
        [Warning::OverriddenBadValue { .. }]
    ));
}

#[test]
fn unknown_names_are_told_with_a_suggestion() {
    let cases = [
        (
            "ipa-api-urls=x",
            "unknown word ipa-api-urls, did you mean ipa-api-url?",
        ),
        (
            "ipa_debug=1",
            "unknown word ipa_debug, did you mean ipa-debug?",
        ),
        ("bootif=x", "unknown word bootif, did you mean BOOTIF?"),
        ("ipa-coffee=strong", "unknown word ipa-coffee"),
        (
            "ipa-agent-token-required=1",
            "ipa-agent-token-required has no effect",
        ),
    ];
    for (cmdline, expected) in cases {
        let raw = RawSources {
            cmdline: cmdline.into(),
            ..RawSources::default()
        };
        let warnings = resolve(&raw).unwrap().warnings;
        let told: Vec<String> = warnings.iter().map(Warning::to_string).collect();
        assert_eq!(told, [format!("kernel command line, word 1: {expected}")]);
    }
    for cmdline in [
        "root=/dev/sda1 ip=dhcp console=ttyS0 ro --",
        "ipa-debug",
        "=",
        "initrd=x=",
    ] {
        let raw = RawSources {
            cmdline: cmdline.into(),
            ..RawSources::default()
        };
        assert_eq!(resolve(&raw).unwrap(), Settings::default(), "{cmdline}");
    }
}

#[test]
fn an_unknown_flag_is_a_problem() {
    let raw = RawSources {
        flags: vec![
            ("api-ulr".to_owned(), "x".to_owned()),
            ("runner".to_owned(), "x".to_owned()),
        ],
        ..RawSources::default()
    };
    let told = resolve(&raw).unwrap_err().to_string();
    assert_eq!(
        told,
        "flag --api-ulr: unknown flag, did you mean --api-url?\n\
         flag --runner: unknown flag, did you mean --container.runner?"
    );
}

#[test]
fn bytes_that_are_not_text_are_a_bad_value() {
    let raw = RawSources {
        cmdline: b"ipa-ntp-server=\xff\xfe quiet=\xff ipa-network-interface=\xff".to_vec(),
        ..RawSources::default()
    };
    assert_eq!(resolve(&raw).unwrap_err().problems.len(), 2);
}

#[test]
fn nothing_prints_a_secret() {
    let raw = RawSources {
        cmdline: "ipa-agent-token=swordfish ipa-api-url=ftp://a:swordfish@b".into(),
        config_files: vec![(
            "a.conf".to_owned(),
            "[DEFAULT]\nimage_server_password = swordfish\nswordfish".into(),
        )],
        flags: vec![("image-server-password".to_owned(), "swordfish".to_owned())],
        ..RawSources::default()
    };
    let problems = resolve(&raw).unwrap_err();
    let printed = format!("{raw:?} {problems} {problems:?} {:#?}", problems.settings);
    assert!(!printed.contains("swordfish"), "{printed}");
    assert_eq!(problems.problems.len(), 2);
    let token = problems.settings.agent_token.value.as_ref().unwrap();
    assert_eq!(token.expose(), "swordfish");
}
