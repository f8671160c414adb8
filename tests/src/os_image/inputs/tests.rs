// SPDX-License-Identifier: Apache-2.0
#![expect(clippy::unwrap_used, reason = "a test panics on purpose")]

use super::*;

/// What apt 2.6 prints.
const SIMULATED: &str = "\
Reading package lists...
The following NEW packages will be installed:
  gcc-12-base libc6 systemd
Inst gcc-12-base (12.2.0-14+deb12u1 Debian:12.15/oldstable [amd64])
Inst libc6 (2.36-9+deb12u14 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64]) []
Inst adduser (3.134 Debian:12.15/oldstable [all]) [libpam-modules:amd64 ]
Conf gcc-12-base (12.2.0-14+deb12u1 Debian:12.15/oldstable [amd64])
";

fn inputs() -> Inputs {
    Inputs {
        sources: "deb http://one.example/debian bookworm main\n".to_owned(),
        packages: installed(SIMULATED),
        boot_loaders: without_address(
            "'http://one.example/pool/s.deb' shim-signed_1.51_amd64.deb 1000 SHA256:00\n",
        ),
    }
}

#[test]
fn packages_are_read_from_a_simulated_installation() {
    assert_eq!(
        installed(SIMULATED),
        [
            "adduser 3.134",
            "gcc-12-base 12.2.0-14+deb12u1",
            "libc6 2.36-9+deb12u14"
        ]
    );
}

#[test]
fn a_simulation_cut_anywhere_is_read() {
    for end in 0..SIMULATED.len() {
        for line in installed(&SIMULATED[..end]) {
            assert_eq!(line.split(' ').count(), 2, "cut at {end}: {line}");
        }
    }
}

#[test]
fn only_this_suite_of_debian_is_a_source() {
    let targets = "\
Debian bookworm main http://one.example/debian/
Debian bookworm contrib http://one.example/debian/
Debian bookworm-updates main http://one.example/debian/
Debian bookworm-backports main http://one.example/debian/
Debian bookworm-security main http://one.example/debian-security/
Debian trixie main http://one.example/debian/
Other bookworm main http://other.example/apt/
Debian bookworm main http://one.example/debian/
cut
";
    let keyring = format!("deb [signed-by={KEYRING}]");
    assert_eq!(
        sources(targets),
        format!(
            "{keyring} http://one.example/debian-security/ bookworm-security main\n\
             {keyring} http://one.example/debian/ bookworm main\n\
             {keyring} http://one.example/debian/ bookworm-updates main\n"
        )
    );
}

#[test]
fn the_key_follows_what_is_built_and_not_where_it_comes_from() {
    let options = OsImageOptions::default();
    let key = inputs().key(&options);
    assert_eq!(key.len(), 16);

    let mut mirror = inputs();
    mirror.sources = "deb http://two.example/debian bookworm main\n".to_owned();
    assert_eq!(mirror.key(&options), key);

    let mut updated = inputs();
    updated.packages[0].push_str("+deb12u1");
    assert_ne!(updated.key(&options), key);

    let mut loader = inputs();
    loader.boot_loaders[0].push('1');
    assert_ne!(loader.key(&options), key);

    let larger = OsImageOptions {
        virtual_size: 1 << 30,
    };
    assert_ne!(inputs().key(&larger), key);
}

#[test]
fn the_files_are_written_and_those_with_an_interpreter_can_run() {
    let dir = tempfile::tempdir().unwrap();
    write_files(dir.path()).unwrap();
    for (name, _, content) in FILES {
        let path = dir.path().join(name);
        assert_eq!(&fs::read_to_string(&path).unwrap(), content);
        let runs = fs::metadata(&path).unwrap().permissions().mode() & 0o111 != 0;
        assert_eq!(runs, content.starts_with("#!"), "{name}");
    }
}

#[test]
fn the_answer_of_apt_is_kept_until_its_lists_change() {
    let dir = tempfile::tempdir().unwrap();
    let (lists, memory) = (dir.path().join("lists"), dir.path().join("inputs.json"));
    fs::create_dir_all(lists.join("partial")).unwrap();
    fs::write(lists.join("one_Packages"), "Package: libc6\n").unwrap();
    let before = fingerprint(&lists).unwrap();
    assert_eq!(fingerprint(&lists).unwrap(), before);
    assert_eq!(recall(&memory, &before), None);

    let remembered = Remembered {
        lists: before.clone(),
        inputs: inputs(),
    };
    let json = serde_json::to_vec(&remembered).unwrap();
    fs::write(&memory, &json).unwrap();
    assert_eq!(recall(&memory, &before), Some(inputs()));

    fs::write(lists.join("two_Packages"), "").unwrap();
    let after = fingerprint(&lists).unwrap();
    assert_ne!(after, before);
    assert_eq!(recall(&memory, &after), None);

    fs::write(&memory, &json[..json.len() / 2]).unwrap();
    assert_eq!(recall(&memory, &before), None);
}
