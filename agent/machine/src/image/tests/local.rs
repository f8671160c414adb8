// SPDX-License-Identifier: Apache-2.0
//! Images on mounted media.

use std::os::unix::fs::symlink;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::*;

#[test]
fn an_image_on_a_medium_is_written_as_one_from_a_server() {
    let directory = tempfile::tempdir().expect("a directory");
    let body = image(3 * MIB);
    let raw = path(directory.path(), "an image.raw");
    std::fs::write(&raw, &body).expect("written");
    let url = format!("file://{}", raw.replace(' ', "%20"));
    for stream_raw in [true, false] {
        let mut request = request(&url, "raw", &body);
        request.stream_raw = stream_raw;
        let disk = disk(4 * MIB, 512);
        let (result, events) = deploy(&request, &disk);
        assert_eq!(result, Ok(0x1a2b_3c4d));
        let found = disk.content(0, body.len()).expect("content");
        assert_same(&found, &body, "the image");
        let reached = |event: &&Event| matches!(event, Event::Reached(_));
        assert_eq!(events.iter().filter(reached).count(), 2);
    }
    let fault = deploy(&request(&url, "raw", b"other"), &disk(4 * MIB, 512)).0;
    assert_eq!(fault.expect_err("wrong").code(), "image-checksum");
}

#[test]
fn tables_on_a_medium_are_read_where_they_are() {
    let directory = tempfile::tempdir().expect("a directory");
    let (raw, file) = (
        path(directory.path(), "image.raw"),
        path(directory.path(), "image.qcow2"),
    );
    let content = image(3 * MIB);
    std::fs::write(&raw, &content).expect("written");
    qemu_img(&["convert", "-f", "raw", "-O", "qcow2", "-c", &raw, &file]);
    let body = std::fs::read(&file).expect("the image");
    let disk = disk(4 * MIB, 512);
    let request = request(&format!("file://{file}"), "qcow2", &body);
    let (result, _) = deploy(&request, &disk);
    assert!(result.is_ok(), "{result:?}");
    let found = disk.content(0, content.len()).expect("content");
    assert_same(&found, &content, "the image");
}

#[test]
fn only_regular_files_are_read() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| path(directory.path(), name);
    mkfifo(at("pipe").as_str(), Mode::S_IRWXU).expect("a pipe");
    std::fs::write(at("empty"), b"").expect("written");
    symlink("/dev/zero", at("link")).expect("a link");
    let cases = [
        (at("gone"), "No such file or directory"),
        (at("pipe"), "it is not a regular file"),
        (at("link"), "it is not a regular file"),
        (at("empty"), "it is empty"),
        (at(""), "it is not a regular file"),
        ("/dev/zero".to_owned(), "it is not a regular file"),
        ("/proc/kmsg".to_owned(), "it is empty"),
    ];
    for (file, expected) in cases {
        let url = format!("file://{file}");
        let disk = disk(2 * MIB, 512);
        let fault = deploy(&request(&url, "raw", b""), &disk)
            .0
            .expect_err(&file);
        assert_eq!(fault.code(), "image-source");
        let text = fault.to_string();
        assert!(
            text.starts_with(&format!("{url} cannot be read: ")),
            "{text}"
        );
        assert!(text.contains(expected), "{text}");
        assert_untouched(&disk);
    }
}

#[test]
fn a_checksum_file_may_lie_on_a_medium() {
    let directory = tempfile::tempdir().expect("a directory");
    let body = image(MIB);
    let (raw, sums) = (
        path(directory.path(), "disk.raw"),
        path(directory.path(), "SUMS"),
    );
    std::fs::write(&raw, &body).expect("written");
    let mut request = request(&format!("file://{raw}"), "raw", &body);
    request.digest = ExpectedDigest::InFile {
        url: format!("file://{sums}"),
        algorithm: None,
        md5_allowed: false,
    };
    let run = |text: String| {
        std::fs::write(&sums, text).expect("written");
        deploy(&request, &disk(2 * MIB, 512)).0
    };
    let hex = sha256(&body).hex;
    assert!(run(format!("\u{feff}# sums\r\n{hex} *disk.raw\r\n")).is_ok());
    assert!(
        run(format!(
            "MD5 (disk.raw) = {}\nSHA256 (disk.raw) = {hex}\n",
            &hex[..32]
        ))
        .is_ok()
    );
    let upper = run(format!("{}  disk.raw\n", hex.to_uppercase()));
    assert_eq!(upper.expect_err("upper case").code(), "image-checksum");
    let other = run(format!("{hex}  other.raw\n")).expect_err("other");
    assert_eq!(other.code(), "checksum-file");
    assert!(
        other.to_string().ends_with("has no digest for disk.raw"),
        "{other}"
    );
    let weak = run(format!("{}  disk.raw\n", &hex[..32])).expect_err("weak");
    assert!(
        weak.to_string().contains("only an MD5 digest for disk.raw"),
        "{weak}"
    );
    let endless = run(" ".repeat(super::super::checksum::LIMIT + 1)).expect_err("large");
    assert!(
        endless
            .to_string()
            .contains("it is larger than 4194304 bytes"),
        "{endless}"
    );
}
