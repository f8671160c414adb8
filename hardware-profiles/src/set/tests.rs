// SPDX-License-Identifier: Apache-2.0

use super::*;
use crate::profile::Load;
use crate::quirk::QuirkKind;

mod builtin;
mod tables;

/// A profile with every key of the schema.
const RICH: &str = include_str!("tests/rich.toml");
const BASE: &str = "name = \"base\"\ndescription = \"All\"\n";

fn one(text: &str) -> Result<ProfileSet, ProfileError> {
    ProfileSet::parse(&[("base.toml", text)])
}

fn q35() -> MachineFacts {
    MachineFacts {
        architecture: Some(Architecture::X86_64),
        bios_vendor: "EDK II".to_owned(),
        system_manufacturer: "QEMU".to_owned(),
        system_product: "Standard PC (Q35 + ICH9, 2009)".to_owned(),
        system_version: "pc-q35-7.2".to_owned(),
        ..MachineFacts::default()
    }
}

#[test]
fn the_builtin_profiles_are_sound() {
    let set = ProfileSet::parse(FILES).unwrap();
    for architecture in [Architecture::X86_64, Architecture::Aarch64] {
        let mut seen: Vec<&str> = Vec::new();
        let never = set.never();
        for group in set.driver_groups(architecture) {
            for module in &group.modules {
                assert!(
                    !seen.contains(&module.as_str()),
                    "{module} is in two groups for {architecture}"
                );
                assert!(
                    !never.iter().any(|n| n.modules.contains(module)),
                    "{module} is wanted and forbidden"
                );
                seen.push(module);
            }
        }
        for rule in set.firmware() {
            assert!(
                seen.contains(&rule.driver.as_str()),
                "firmware for {}, which is not wanted",
                rule.driver
            );
        }
        assert!(seen.contains(&"mlx5_core") && seen.contains(&"megaraid_sas"));
    }
}

#[test]
fn a_q35_machine_gets_its_profile_and_the_reason() {
    let set = ProfileSet::builtin();
    let chosen = set.select(&q35());
    assert_eq!(chosen.profile.name, "qemu-q35");
    assert_eq!(
        chosen.reason,
        "system_manufacturer \"QEMU\" fits \"QEMU\", \
         system_product \"Standard PC (Q35 + ICH9, 2009)\" fits \"Standard PC (Q35*\""
    );
    assert!(
        chosen
            .profile
            .quirks
            .iter()
            .any(|quirk| quirk.kind == QuirkKind::NoBmc)
    );
    assert_eq!(chosen.profile.groups, set.get("generic").unwrap().groups);
}

#[test]
fn every_other_machine_is_generic() {
    let cases = [
        MachineFacts::default(),
        MachineFacts {
            system_product: "Standard PC (i440FX + PIIX, 1996)".to_owned(),
            ..q35()
        },
        MachineFacts {
            architecture: Some(Architecture::Aarch64),
            ..q35()
        },
        MachineFacts {
            architecture: None,
            ..q35()
        },
    ];
    for facts in cases {
        let chosen = ProfileSet::builtin().select(&facts);
        assert_eq!(chosen.profile.name, "generic", "{facts:?}");
        assert_eq!(chosen.reason, "no profile names this machine");
    }
}

#[test]
fn the_most_specific_profile_wins() {
    let dell =
        "name = \"dell\"\ndescription = \"Any Dell\"\n[match]\nsystem_manufacturer = [\"Dell*\"]\n";
    let r750 = "name = \"r750\"\ndescription = \"R750\"\nextends = \"dell\"\n[match]\n\
        system_manufacturer = [\"Dell*\"]\nsystem_product = [\"PowerEdge R7*\", \"PowerEdge R750*\"]\n";
    let r7 = "name = \"a-r7\"\ndescription = \"R7\"\n[match]\n\
        system_manufacturer = [\"Dell*\"]\nsystem_product = [\"PowerEdge R7*\"]\n";
    let set = ProfileSet::parse(&[
        ("base.toml", BASE),
        ("dell.toml", dell),
        ("r750.toml", r750),
        ("a-r7.toml", r7),
    ])
    .unwrap();
    for (product, expected) in [
        ("PowerEdge R750xs", "r750"),
        ("PowerEdge R7525", "a-r7"),
        ("PowerEdge C6525", "dell"),
    ] {
        let facts = MachineFacts {
            system_manufacturer: "Dell Inc.".to_owned(),
            system_product: product.to_owned(),
            ..MachineFacts::default()
        };
        assert_eq!(set.select(&facts).profile.name, expected, "{product}");
    }
}

#[test]
fn children_inherit_in_order() {
    let base = format!(
        "{BASE}[[drivers.group]]\nname = \"a\"\nreason = \"r\"\nmodules = [\"x\"]\nload = \"boot\"\n"
    );
    let child = "name = \"child\"\ndescription = \"c\"\nextends = \"base\"\n[match]\nsystem_sku = [\"1\"]\n\
        [[drivers.group]]\nname = \"b\"\nreason = \"r\"\nmodules = [\"y\"]\n";
    let set = ProfileSet::parse(&[("child.toml", child), ("base.toml", &base)]).unwrap();
    let groups = &set.get("child").unwrap().groups;
    assert_eq!(
        groups.iter().map(|g| g.name.as_str()).collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!(
        (groups[0].load, groups[1].load),
        (Load::Boot, Load::Modalias)
    );
    assert_eq!(
        set.driver_groups(Architecture::X86_64).len(),
        2,
        "the inherited group counts once"
    );
}

#[test]
fn mistakes_name_file_line_and_field() {
    let group = "[[drivers.group]]\nname = \"a\"\nreason = \"r\"\n";
    let cases = [
        (
            "name = 3\n".to_owned(),
            "base.toml:1: name: invalid type: integer `3`, expected a string",
        ),
        (
            format!("{BASE}colour = 1\n"),
            "base.toml:3: colour: unknown field `colour`, expected one of",
        ),
        (
            format!("{BASE}[match]\nsystem_produkt = []\n"),
            "base.toml:4: match.system_produkt: unknown field",
        ),
        (
            format!("{BASE}{group}modules = [\"x\"]\nload = \"late\"\n"),
            "base.toml:7: drivers.group.load: unknown variant",
        ),
        (
            format!("{BASE}{group}modules = [\n  \"x\",\n  \"y z\",\n]\n"),
            "base.toml:8: drivers.group.modules: must be one word of letters, digits, _ - + and .: \"y z\"",
        ),
        (
            format!("{BASE}{group}modules = [\"x\", \"x\"]\n"),
            "base.toml:6: drivers.group.modules: is listed twice: \"x\"",
        ),
        (
            "name = \"base\"\ndescription = \" \"\n".to_owned(),
            "base.toml:2: description: must say something: \" \"",
        ),
        (
            "name = \"other\"\ndescription = \"x\"\n".to_owned(),
            "base.toml:1: name: must be the file's name without .toml: \"other\"",
        ),
        (
            format!("{BASE}[[quirks]]\nkind = \"carrier-delay\"\nreason = \"r\"\n"),
            "base.toml:4: quirks.kind: carrier-delay needs",
        ),
        (
            format!("{BASE}[[quirks]]\nkind = \"haunted\"\nreason = \"r\"\n"),
            "base.toml:4: quirks.kind: unknown variant `haunted`",
        ),
        (
            format!("{BASE}extends = \"nobody\"\n"),
            "base.toml:3: extends: no profile of this name: \"nobody\"",
        ),
        (
            format!("{BASE}extends = \"base\"\n"),
            "base.toml:3: extends: goes round in a circle: base -> base",
        ),
        (
            format!("{BASE}[match]\nsystem_sku = [\"1\"]\n"),
            "exactly one profile must match every machine",
        ),
        (format!("{BASE}[match\n"), "base.toml:3: "),
    ];
    for (text, expected) in cases {
        let message = one(&text).unwrap_err().to_string();
        assert!(
            message.starts_with(expected),
            "{text}\ngave      {message}\nexpected  {expected}"
        );
    }
}

#[test]
fn two_files_cannot_carry_one_name() {
    let error = ProfileSet::parse(&[("base.toml", BASE), ("base.toml", BASE)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "base.toml: name: already used by another file: \"base\""
    );
}

/// Truncated and altered profiles give an error or a profile, never a panic, and
/// an error of the schema names a line that the file has.
#[test]
fn damaged_text_is_refused_in_words() {
    let text = RICH;
    let mut state = 0x1234_5678_u32;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        usize::try_from(state).unwrap()
    };
    for round in 0..2000 {
        let mut bytes = text.as_bytes().to_vec();
        if round % 2 == 0 {
            bytes.truncate(random() % bytes.len());
        } else {
            let at = random() % bytes.len();
            bytes[at] = u8::try_from(random() % 128).unwrap();
        }
        let damaged = String::from_utf8_lossy(&bytes).into_owned();
        if let Err(ProfileError::Schema { line, problem, .. }) = parse("rich.toml", &damaged) {
            assert!(
                (1..=damaged.lines().count().max(1) + 1).contains(&line),
                "line {line} of {damaged}"
            );
            assert!(!problem.is_empty());
        }
    }
}
