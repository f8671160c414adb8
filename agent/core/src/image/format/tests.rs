// SPDX-License-Identifier: Apache-2.0
//! Declarations and contents, compared.

use std::time::Duration;

use super::*;
use crate::image::qcow2::tests::header;
use crate::image::read_back::Verification;
use crate::image::vhd::tests::footer;
use crate::image::vmdk::tests::head as vmdk;
use crate::image_request::{
    Digest, DigestAlgorithm, DownloadPolicy, ExpectedDigest, ImagePolicy, Proxies,
};

/// Declared, permitted, the image's head, and what is decided.
type Case<'a> = (
    Option<&'a str>,
    &'a [&'a str],
    &'a [u8],
    Result<Layout, &'a str>,
);

fn request(declared: Option<&str>, permitted: &[&str], inspect: bool) -> ImageRequest {
    ImageRequest {
        id: "x".into(),
        urls: vec!["http://h/x".into()],
        declared_format: declared.map(str::to_owned),
        stream_raw: true,
        digest: ExpectedDigest::Known(Digest {
            algorithm: DigestAlgorithm::Sha256,
            hex: String::new(),
        }),
        authorization: None,
        proxies: Proxies::default(),
        policy: ImagePolicy {
            permitted_formats: permitted.iter().map(|&f| f.to_owned()).collect(),
            inspect,
        },
        download: DownloadPolicy {
            timeout: Duration::from_secs(1),
            retries: 0,
            retry_interval: Duration::ZERO,
            max_duration: None,
            verify_tls: true,
            ca_file: None,
        },
        verify: Verification::Off,
    }
}

fn with(marks: &[(usize, &[u8])]) -> Vec<u8> {
    let mut head = vec![0; HEAD];
    for (at, mark) in marks {
        head[*at..*at + mark.len()].copy_from_slice(mark);
    }
    head
}

#[test]
fn declarations_and_contents_are_compared() {
    let usual: &[&str] = &["raw", "gpt", "qcow2"];
    let all: &[&str] = &[
        "raw", "gpt", "qcow2", "iso", "vmdk", "luks", "vhd", "vhdx", "vdi",
    ];
    let gpt = with(&[(510, &[0x55, 0xaa])]);
    let iso = with(&[(0x8001, b"CD001")]);
    let hybrid = with(&[(510, &[0x55, 0xaa]), (0x8001, b"CD001")]);
    let bad_mbr = with(&[(510, &[0x55, 0xaa]), (446, &[1])]);
    let empty_vmdk = with(&[(0, b"KDMV")]);
    let (sparse, stream) = (vmdk(false, |_| ()), vmdk(true, |_| ()));
    let outside = vmdk(false, |h| h[512..1024].fill(0));
    let flat = with(&[(0, b"# Disk DescriptorFile\n")]);
    let (dynamic, differencing) = (footer(|_| ()), footer(|f| f[63] = 4));
    let vhdx = with(&[(0, b"vhdxfile")]);
    let vdi = with(&[(0x40, &[0x7f, 0x10, 0xda, 0xbe])]);
    let luks2 = with(&[(0, b"LUKS\xba\xbe\0\x02")]);
    let nothing = with(&[]);
    let qcow2 = header(|_| ());
    let backed = header(|h| h[15] = 200);
    let cases: Vec<Case<'_>> = vec![
        (Some("raw"), usual, &gpt, Ok(Layout::Bytes)),
        (Some("raw"), usual, &hybrid, Ok(Layout::Bytes)),
        (Some("raw"), usual, &nothing, Ok(Layout::Bytes)),
        (Some("gpt"), usual, &bad_mbr, Ok(Layout::Bytes)),
        (
            Some("raw"),
            usual,
            &qcow2,
            Err("it is declared raw but is qcow2"),
        ),
        (
            Some("qcow2"),
            usual,
            &qcow2,
            Ok(Layout::Mapped(Kind::Qcow2)),
        ),
        (None, usual, &qcow2, Ok(Layout::Mapped(Kind::Qcow2))),
        (None, usual, &gpt, Ok(Layout::Bytes)),
        (None, usual, &nothing, Ok(Layout::Bytes)),
        (
            Some("qcow2"),
            usual,
            &gpt,
            Err("it is declared qcow2 but is gpt"),
        ),
        (
            Some("qcow2"),
            usual,
            &nothing,
            Err("it is declared qcow2 but is raw"),
        ),
        (
            Some("qcow2"),
            usual,
            &backed,
            Err("it needs a backing file"),
        ),
        (
            None,
            usual,
            &hybrid,
            Err("it looks like iso and gpt at the same time"),
        ),
        (
            None,
            usual,
            &bad_mbr,
            Err("its partition table has entries with impossible flags"),
        ),
        (
            Some("iso"),
            usual,
            &iso,
            Err("it is iso; permitted are raw, gpt, qcow2"),
        ),
        (Some("iso"), all, &iso, Ok(Layout::Bytes)),
        (
            Some("vmdk"),
            all,
            &empty_vmdk,
            Err("it has vmdk version 0; 1, 2 and 3 are known"),
        ),
        (
            Some("vmdk"),
            all,
            &outside,
            Err("its descriptor is not acceptable: it does not begin as one"),
        ),
        (
            Some("vmdk"),
            all,
            &flat,
            Err(
                "it is only the descriptor of a vmdk; the subformats monolithicSparse and \
                 streamOptimized have everything in one file",
            ),
        ),
        (Some("vmdk"), all, &sparse, Ok(Layout::Mapped(Kind::Vmdk))),
        (None, all, &stream, Ok(Layout::Markers)),
        (
            Some("vmdk"),
            usual,
            &stream,
            Err("it is vmdk; permitted are raw, gpt, qcow2"),
        ),
        (
            Some("raw"),
            all,
            &stream,
            Err("it is declared raw but is vmdk"),
        ),
        (Some("vhd"), all, &dynamic, Ok(Layout::Mapped(Kind::Vhd))),
        (
            None,
            all,
            &differencing,
            Err("it is a differencing disk and needs its parent"),
        ),
        (Some("vhd"), all, &gpt, Ok(Layout::FixedVhd)),
        (Some("vhd"), all, &hybrid, Ok(Layout::FixedVhd)),
        (Some("vhd"), all, &nothing, Ok(Layout::FixedVhd)),
        (
            Some("vhd"),
            usual,
            &gpt,
            Err("it is vhd; permitted are raw, gpt, qcow2"),
        ),
        (
            Some("vhd"),
            all,
            &qcow2,
            Err("it is declared vhd but is qcow2"),
        ),
        (Some("vhdx"), all, &vhdx, Ok(Layout::Mapped(Kind::Vhdx))),
        (
            Some("vhd"),
            all,
            &vhdx,
            Err("it is declared vhd but is vhdx"),
        ),
        (
            Some("vdi"),
            all,
            &vdi,
            Err("this agent cannot write vdi images"),
        ),
        (
            None,
            all,
            &luks2,
            Err("only version 1 of LUKS is acceptable"),
        ),
        (None, all, b"QED\0", Err("qed images are never acceptable")),
        (None, usual, b"", Ok(Layout::Bytes)),
    ];
    for (declared, permitted, head, expected) in cases {
        let found = decide(&request(declared, permitted, true), head);
        let expected = expected.map_err(|problem| format!("image x is refused: {problem}"));
        assert_eq!(found.map_err(|fault| fault.to_string()), expected);
    }
}

#[test]
fn without_inspection_the_declaration_is_believed() {
    let qcow2 = header(|_| ());
    let stream = vmdk(true, |_| ());
    let cases: [(_, &[u8], _); 8] = [
        (Some("raw"), &qcow2, Ok(Layout::Bytes)),
        (Some("qcow2"), &qcow2, Ok(Layout::Mapped(Kind::Qcow2))),
        (None, &qcow2, Ok(Layout::Mapped(Kind::Qcow2))),
        (Some("vhd"), &footer(|_| ()), Ok(Layout::Mapped(Kind::Vhd))),
        (Some("vhd"), &[0; 512], Ok(Layout::FixedVhd)),
        (Some("vhdx"), &qcow2, Ok(Layout::Mapped(Kind::Vhdx))),
        (Some("vmdk"), &stream, Ok(Layout::Markers)),
        (
            Some("vdi"),
            &qcow2,
            Err("image x is refused: this agent cannot write vdi images".to_owned()),
        ),
    ];
    for (declared, head, expected) in cases {
        let found = decide(&request(declared, &[], false), head);
        assert_eq!(found.map_err(|fault| fault.to_string()), expected);
    }
}
