// SPDX-License-Identifier: Apache-2.0
//! Images as the usual programs make them, and damaged ones.
#![expect(
    clippy::disallowed_methods,
    reason = "the images are made by another program, in a directory of the test"
)]

use std::path::Path;
use std::process::Command;

use super::*;

const LONG: &str = "openstack/content/0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz-0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz";

fn tree(directory: &Path) {
    for (path, content) in [
        (
            "openstack/latest/meta_data.json",
            "{\"uuid\": 1}".repeat(500),
        ),
        ("openstack/latest/user_data", "#!/bin/sh\n".into()),
        ("openstack/latest/Größe.txt", "ä".into()),
        ("openstack/2012-08-10/meta_data.json", "{}".into()),
        ("empty", String::new()),
        (LONG, "long".into()),
    ] {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        std::fs::write(path, content).expect("a file");
    }
}

fn image(options: &[&str], fill: impl Fn(&Path)) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().join("root");
    std::fs::create_dir(&root).expect("a directory");
    fill(&root);
    let iso = directory.path().join("iso");
    let output = Command::new("genisoimage")
        .args(["-quiet", "-V", "config-2", "-o"])
        .arg(&iso)
        .args(options)
        .arg(&root)
        .output();
    let output = output.expect("genisoimage is installed");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "genisoimage {options:?}: {text}");
    std::fs::read(iso).expect("an image")
}

fn content<'a>(entries: &[Entry<'a>], path: &str) -> Option<Vec<u8>> {
    let entry = entries.iter().find(|entry| entry.path == path)?;
    entry.content.as_ref().map(|pieces| pieces.concat())
}

#[test]
fn long_names_come_from_rock_ridge_or_joliet() {
    for options in [
        &["-R"][..],
        &["-R", "-J", "-joliet-long"],
        &["-J", "-joliet-long", "-input-charset", "utf-8"],
    ] {
        let image = image(options, tree);
        let entries = read(&image).expect("sound");
        let meta = content(&entries, "openstack/latest/meta_data.json");
        assert_eq!(meta.map(|bytes| bytes.len()), Some(5500), "{options:?}");
        assert_eq!(content(&entries, "empty").as_deref(), Some(&b""[..]));
        assert_eq!(
            content(&entries, "openstack/latest/Größe.txt").as_deref(),
            Some("ä".as_bytes()),
            "{options:?}"
        );
        if options[0] == "-R" {
            assert_eq!(content(&entries, LONG).as_deref(), Some(&b"long"[..]));
        }
        let place = |path: &str| entries.iter().position(|entry| entry.path == path);
        assert!(place("openstack") < place("openstack/latest"));
    }
}

#[test]
fn short_names_are_as_linux_shows_them() {
    let image = image(&[], |root| {
        std::fs::write(root.join("readme.txt"), "hello").expect("a file");
    });
    let entries = read(&image).expect("sound");
    assert_eq!(
        content(&entries, "readme.txt").as_deref(),
        Some(&b"hello"[..])
    );
}

#[test]
fn directories_that_were_moved_are_found_in_their_place() {
    let deep = "1/2/3/4/5/6/7/8/9/10/file";
    let image = image(&["-R", "-D"], |root| {
        let path = root.join(deep);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        std::fs::write(path, "deep").expect("a file");
    });
    assert_eq!(
        content(&read(&image).expect("sound"), deep).as_deref(),
        Some(&b"deep"[..])
    );
    let image = self::image(&["-R"], |root| {
        let path = root.join(deep);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        std::fs::write(path, "deep").expect("a file");
    });
    let entries = read(&image).expect("sound");
    assert_eq!(content(&entries, deep).as_deref(), Some(&b"deep"[..]));
}

#[test]
fn links_and_other_images_are_named() {
    let image = image(&["-R"], |root| {
        std::os::unix::fs::symlink("target", root.join("link")).expect("a link");
    });
    assert_eq!(
        read(&image).map_err(|error| error.to_string()),
        Err("link is a symbolic link".to_owned())
    );
    assert_eq!(read(&[0; 100_000]), Err(IsoError::Missing));
    assert_eq!(read(&[]), Err(IsoError::Missing));
}

#[test]
fn directories_that_contain_themselves_come_to_an_end() {
    let mut image = image(&["-R"], tree);
    let (root, _) = volumes(&image).expect("volumes");
    let root = Record::read(&root).expect("a root").extent;
    let at = root as usize * SECTOR;
    // The third record of the root directory is its first directory or file.
    let mut record = at;
    while Record::read(&image[record..])
        .is_some_and(|found| found.is_self_or_parent() || found.flags & record::DIRECTORY == 0)
    {
        record += usize::from(image[record]);
    }
    image[record + 2..record + 6].copy_from_slice(&root.to_le_bytes());
    assert_eq!(
        read(&image),
        Err(IsoError::Damaged("a directory is in two places"))
    );
}

#[test]
fn damage_is_survived() {
    let sound = image(&["-R", "-J"], tree);
    let mut seed = 77_u64;
    let mut noise = move |limit: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % limit as u64).expect("below a usize")
    };
    let used = sound.len().min(96 << 10);
    for round in 0..3000 {
        let mut image = sound.clone();
        for _ in 0..1 + noise(12) {
            let at = 0x8000 + noise(used - 0x8000);
            image[at] = match round % 2 {
                0 => image[at] ^ 1 << noise(8),
                _ => u8::try_from(noise(256)).expect("a byte"),
            };
        }
        if round % 7 == 0 {
            image.truncate(noise(sound.len()));
        }
        if let Ok(entries) = read(&image) {
            assert!(entries.len() <= MOST);
            let pieces = entries.iter().filter_map(|entry| entry.content.as_ref());
            let bytes: usize = pieces.flatten().map(|piece| piece.len()).sum();
            assert!(bytes <= image.len());
        }
    }
}
