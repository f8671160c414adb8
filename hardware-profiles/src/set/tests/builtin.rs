// SPDX-License-Identifier: Apache-2.0
//! Each profile that is compiled in, chosen for the strings of real machines.

use crate::profile::Architecture;
use crate::{MachineFacts, ProfileSet};

#[test]
fn real_machines_get_their_profiles() {
    let x86 = Architecture::X86_64;
    let arm = Architecture::Aarch64;
    let altra = "Ampere(R) Altra(R) Processor";
    let machines = [
        (x86, "Dell Inc.", "PowerEdge R640", "", "dell-poweredge-14g"),
        (
            x86,
            "Dell Inc.",
            "PowerEdge R740xd",
            "",
            "dell-poweredge-14g",
        ),
        (
            x86,
            "Dell Inc.",
            "PowerEdge R7425",
            "",
            "dell-poweredge-14g",
        ),
        (
            x86,
            "Dell Inc.",
            "PowerEdge C6420",
            "",
            "dell-poweredge-14g",
        ),
        (
            x86,
            "Dell Inc.",
            "PowerEdge MX740c",
            "",
            "dell-poweredge-14g",
        ),
        (x86, "Dell Inc.", "PowerEdge R650", "", "dell-poweredge-15g"),
        (
            x86,
            "Dell Inc.",
            "PowerEdge R750xs",
            "",
            "dell-poweredge-15g",
        ),
        (
            x86,
            "Dell Inc.",
            "PowerEdge R6515",
            "",
            "dell-poweredge-15g",
        ),
        (
            x86,
            "Dell Inc.",
            "PowerEdge R7525",
            "",
            "dell-poweredge-15g",
        ),
        (
            x86,
            "Dell Inc.",
            "PowerEdge C6525",
            "",
            "dell-poweredge-15g",
        ),
        (
            x86,
            "Dell Inc.",
            "PowerEdge XE8545",
            "",
            "dell-poweredge-15g",
        ),
        (x86, "Dell Inc.", "PowerEdge R660", "", "dell-poweredge-16g"),
        (
            x86,
            "Dell Inc.",
            "PowerEdge R760xd2",
            "",
            "dell-poweredge-16g",
        ),
        (
            x86,
            "Dell Inc.",
            "PowerEdge R6615",
            "",
            "dell-poweredge-16g",
        ),
        (
            x86,
            "Dell Inc.",
            "PowerEdge R7625",
            "",
            "dell-poweredge-16g",
        ),
        (
            x86,
            "Dell Inc.",
            "PowerEdge XE9680",
            "",
            "dell-poweredge-16g",
        ),
        (x86, "Dell Inc.", "PowerEdge R630", "", "dell-poweredge"),
        (x86, "Dell Inc.", "PowerEdge 2950", "", "dell-poweredge"),
        (x86, "Dell Inc.", "OptiPlex 7050", "", "generic"),
        (x86, "HPE", "ProLiant DL360 Gen10", "", "hpe-proliant-gen10"),
        (x86, "HPE", "ProLiant DL325 Gen10", "", "hpe-proliant-gen10"),
        (x86, "HPE", "Synergy 480 Gen10", "", "hpe-proliant-gen10"),
        (
            x86,
            "HPE",
            "ProLiant DL380 Gen10 Plus",
            "",
            "hpe-proliant-gen10-plus",
        ),
        (
            x86,
            "HPE",
            "ProLiant DL385 Gen10 Plus v2",
            "",
            "hpe-proliant-gen10-plus",
        ),
        (x86, "HPE", "ProLiant DL360 Gen11", "", "hpe-proliant-gen11"),
        (
            arm,
            "HPE",
            "ProLiant RL300 Gen11",
            altra,
            "hpe-proliant-gen11",
        ),
        (x86, "HP", "ProLiant DL380 Gen9", "", "generic"),
        (
            x86,
            "Lenovo",
            "ThinkSystem SR650 -[7X06CTO1WW]-",
            "",
            "lenovo-thinksystem",
        ),
        (
            x86,
            "Lenovo",
            "ThinkSystem SR630 V3",
            "",
            "lenovo-thinksystem",
        ),
        (x86, "LENOVO", "20XWCTO1WW", "", "generic"),
        (x86, "Supermicro", "SYS-6029P-TRT", "", "supermicro"),
        (x86, "Supermicro", "AS -1114S-WN10RT", "", "supermicro"),
        (x86, "Supermicro", "Super Server", "", "supermicro"),
        (arm, "GIGABYTE", "R272-P30-JG", "", "gigabyte-arm64"),
        (arm, "GIGABYTE", "R152-P31-00", altra, "gigabyte-arm64"),
        (arm, "GIGABYTE", "R281-T91-00", "", "gigabyte-arm64"),
        (x86, "GIGABYTE", "R282-Z93-00", "", "generic"),
        (
            arm,
            "WIWYNN",
            "Mt.Jade Server System B81.030Z1.0007",
            altra,
            "ampere-altra",
        ),
        (
            arm,
            "Ampere(TM)",
            "Mt. Snow",
            "Ampere(R) Altra(R) Max Processor",
            "ampere-altra",
        ),
    ];
    for (architecture, manufacturer, product, cpu, expected) in machines {
        let facts = MachineFacts {
            architecture: Some(architecture),
            system_manufacturer: manufacturer.to_owned(),
            system_product: product.to_owned(),
            cpu_model: cpu.to_owned(),
            ..MachineFacts::default()
        };
        let chosen = ProfileSet::builtin().select(&facts);
        assert_eq!(chosen.profile.name, expected, "{manufacturer} {product}");
    }
}

#[test]
fn files_of_the_site_are_added_or_take_a_place() {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let own = "name = \"rack-7\"\ndescription = \"x\"\nextends = \"dell-poweredge-14g\"\n\
        [match]\nsystem_manufacturer = [\"Dell*\"]\nsystem_product = [\"PowerEdge R640\"]\n\
        system_sku = [\"SKU=0716\"]\n";
    let replacing = "name = \"supermicro\"\ndescription = \"ours\"\nextends = \"generic\"\n\
        [match]\nsystem_manufacturer = [\"Supermicro\"]\n";
    let (set, left_out) = ProfileSet::with(&[
        file("/etc/ironseed/profiles/rack-7.toml", own),
        file("/etc/ironseed/profiles/supermicro.toml", replacing),
    ]);
    assert_eq!(left_out, []);
    let builtin = ProfileSet::builtin().profiles().len();
    assert_eq!(set.profiles().len(), builtin + 1);
    assert_eq!(set.get("supermicro").unwrap().description, "ours");
    let facts = MachineFacts {
        system_manufacturer: "Dell Inc.".to_owned(),
        system_product: "PowerEdge R640".to_owned(),
        system_sku: "SKU=0716;ModelName=PowerEdge R640".to_owned(),
        ..MachineFacts::default()
    };
    assert_eq!(set.select(&facts).profile.name, "dell-poweredge-14g");
    let facts = MachineFacts {
        system_sku: "SKU=0716".to_owned(),
        ..facts
    };
    assert_eq!(set.select(&facts).profile.name, "rack-7");
}

#[test]
fn what_cannot_be_used_is_left_out_and_named() {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let good = "name = \"good\"\ndescription = \"x\"\n[match]\nsystem_sku = [\"1\"]\n";
    let cases = [
        (
            "bad.toml",
            "name = \"bad\"\ndescripton = \"x\"\n",
            "bad.toml:2: descripton: unknown",
            false,
        ),
        (
            "bad.toml",
            "name = \"bad\"\ndescription = \"x\"\n",
            "bad.toml:1: match: exactly one",
            false,
        ),
        (
            "bad.toml",
            "name = \"bad\"\ndescription = \"x\"\nextends = \"gone\"\n[match]\nsystem_sku = [\"2\"]\n",
            "bad.toml:3: extends: no profile of this name",
            false,
        ),
        // Every built-in profile extends it, so the circle shows in one of those.
        (
            "generic.toml",
            "name = \"generic\"\ndescription = \"x\"\nextends = \"qemu-q35\"\n",
            "qemu-q35.toml:5: extends: goes round",
            true,
        ),
    ];
    for (name, text, expected, all) in cases {
        let path = format!("/etc/ironseed/profiles/{name}");
        let (set, left_out) = ProfileSet::with(&[file("/x/good.toml", good), file(&path, text)]);
        let [one] = &left_out[..] else {
            panic!("{left_out:?}");
        };
        let message = one.error.to_string();
        assert!(message.contains(expected), "{message}");
        assert_eq!(one.all, all, "{message}");
        assert_eq!(set.get("good").is_some(), !all);
        assert!(
            set.get("generic")
                .is_some_and(|generic| !generic.groups.is_empty())
        );
    }
}
