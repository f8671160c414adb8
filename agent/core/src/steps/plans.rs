// SPDX-License-Identifier: Apache-2.0
//! Tests: from a node and its disks to the operations of each step.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{ImageServerLogin, PartitionImageSettings, StepContext, StepPhase, StepSettings, find};
use crate::block::samples::{disk, partition};
use crate::block::{BlockDevice, BlockDevices, BlockKind, NvmeCapabilities};
use crate::fault::Fault;
use crate::image::read_back::Verification;
use crate::image_request::{
    ConfigDrive, Digest, DigestAlgorithm, DownloadPolicy, ExpectedDigest, ImagePolicy, Secret,
};
use crate::node::Node;
use crate::plan::{NvmeErase, OnFailure, Op, Overwrite, Plan, WrittenImage};

const SHA256: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

pub(crate) fn settings() -> StepSettings {
    StepSettings {
        image: ImagePolicy {
            permitted_formats: vec!["raw".into(), "gpt".into(), "qcow2".into()],
            inspect: true,
        },
        md5_allowed: true,
        download: DownloadPolicy {
            timeout: Duration::from_secs(60),
            retries: 9,
            retry_interval: Duration::from_secs(10),
            max_duration: None,
            verify_tls: true,
            ca_file: None,
        },
        image_server: None,
        config_drive_rebuild: false,
        guard_special_filesystems: true,
        verify: Verification::Off,
        partition_image: PartitionImageSettings {
            efi_system_mib: 550,
            bios_boot_mib: 1,
            ignore_boot_loader_failure: false,
        },
    }
}

fn plan(phase: StepPhase, step: &str, node: Value, devices: Vec<BlockDevice>) -> Plan {
    let context = StepContext {
        node: &serde_json::from_value(node).expect("a node"),
        blocks: &BlockDevices(devices),
        settings: &settings(),
        uefi: true,
        written: None,
    };
    let step = find(phase, step).expect("a step");
    (step.plan)(&context, &Map::new()).expect("a plan")
}

fn write_with(
    settings: &StepSettings,
    arguments: &Value,
    written: Option<&WrittenImage>,
    sectors: u32,
) -> Result<Plan, Fault> {
    let context = StepContext {
        node: &Node::default(),
        blocks: &BlockDevices(vec![BlockDevice {
            logical_sectors: sectors,
            ..disk("/dev/vda", 10)
        }]),
        settings,
        uefi: true,
        written,
    };
    let step = find(StepPhase::Deploy, "write_image").expect("a step");
    (step.plan)(&context, arguments.as_object().expect("an object"))
}

fn write(arguments: &Value) -> Result<Plan, Fault> {
    write_with(&settings(), arguments, None, 512)
}

fn image(extra: Value) -> Value {
    let mut info = json!({"id": "disk.raw", "urls": ["http://h/disk.raw"], "checksum": SHA256});
    if let (Some(info), Value::Object(extra)) = (info.as_object_mut(), extra) {
        info.extend(extra);
    }
    json!({"image_info": info})
}

fn request(plan: &Plan) -> &crate::image_request::ImageRequest {
    match &plan.ops[0] {
        Op::WriteImage { image, .. } => image,
        other => panic!("no image is written first: {other:?}"),
    }
}

fn names(plan: &Plan) -> Vec<String> {
    plan.ops
        .iter()
        .map(|op| {
            let json = serde_json::to_value(op).expect("json");
            let name = json["op"].as_str().expect("a name").to_owned();
            match op.device() {
                Some(device) => format!("{name} {device}"),
                None => name,
            }
        })
        .collect()
}

fn mixed_machine() -> Vec<BlockDevice> {
    let running = |device: BlockDevice| BlockDevice {
        file_system: Some("linux_raid_member".into()),
        holders: vec!["/dev/md0".into()],
        ..device
    };
    let nvme = |name: &str, fna| BlockDevice {
        nvme: Some(NvmeCapabilities { oacs: 2, fna }),
        ..disk(name, 10)
    };
    vec![
        BlockDevice {
            kind: BlockKind::Md,
            ..disk("/dev/md0", 5)
        },
        nvme("/dev/nvme0n1", 4),
        nvme("/dev/nvme1n1", 0),
        disk("/dev/sda", 10),
        partition("/dev/sda", 1, 5),
        running(disk("/dev/sdb", 10)),
        BlockDevice {
            file_system: Some("linux_raid_member".into()),
            ..disk("/dev/sdc", 10)
        },
        BlockDevice {
            read_only: true,
            ..disk("/dev/sdd", 10)
        },
        BlockDevice {
            kind: BlockKind::Rom,
            ..disk("/dev/sr0", 1)
        },
    ]
}

#[test]
fn metadata_is_erased_from_partitions_first() {
    let plan = plan(
        StepPhase::Clean,
        "erase_devices_metadata",
        json!({"properties": {"skip_block_devices": [{"name": "/dev/nvme1n1"}]}}),
        mixed_machine(),
    );
    assert_eq!(
        names(&plan),
        [
            "wipe-metadata /dev/sda1",
            "wipe-metadata /dev/md0",
            "wipe-metadata /dev/nvme0n1",
            "wipe-metadata /dev/sda",
            "wipe-metadata /dev/sdc",
        ]
    );
    assert_eq!(plan.on_failure, OnFailure::FinishOthers);
    let reason = |name: &str| {
        let choice = plan.choices.iter().find(|choice| choice.device == name);
        choice.map(|choice| choice.reason.clone())
    };
    assert_eq!(
        reason("/dev/sdb").as_deref(),
        Some("member of a running RAID array, which is erased itself")
    );
    assert_eq!(reason("/dev/sdd").as_deref(), Some("read-only"));
}

#[test]
fn erasing_asks_the_controller_where_it_can() {
    let plan = plan(
        StepPhase::Clean,
        "erase_devices",
        json!({"driver_internal_info": {"agent_erase_skip_read_only": true,
            "agent_erase_devices_iterations": 3, "agent_erase_devices_zeroize": false,
            "disk_erasure_concurrency": 2, "agent_continue_if_ata_erase_failed": true}}),
        mixed_machine(),
    );
    let how = Overwrite {
        random_passes: 3,
        zeroize: false,
    };
    assert_eq!(
        names(&plan),
        [
            "overwrite /dev/md0",
            "nvme-format /dev/nvme0n1",
            "nvme-format /dev/nvme1n1",
            "overwrite /dev/sda",
            "overwrite /dev/sdc",
        ]
    );
    let erase = |index: usize| match &plan.ops[index] {
        Op::NvmeFormat {
            erase,
            or_overwrite,
            ..
        } => (*erase, *or_overwrite),
        other => panic!("{other:?}"),
    };
    assert_eq!(erase(1), (NvmeErase::Cryptographic, Some(how)));
    assert_eq!(erase(2), (NvmeErase::UserData, Some(how)));
    assert_eq!(plan.concurrency, 2);
}

#[test]
fn a_namespace_that_is_to_be_spared_is_not_formatted_with_its_neighbour() {
    let namespace = |name: &str, fna| BlockDevice {
        nvme: Some(NvmeCapabilities { oacs: 2, fna }),
        ..disk(name, 10)
    };
    let node = json!({"properties": {"skip_block_devices": [{"name": "/dev/nvme0n2"}]}});
    for (fna, expected) in [
        (0b100, "nvme-format /dev/nvme0n1"),
        (0b110, "overwrite /dev/nvme0n1"),
        (0b001, "overwrite /dev/nvme0n1"),
    ] {
        let machine = vec![
            namespace("/dev/nvme0n1", fna),
            namespace("/dev/nvme0n2", fna),
            namespace("/dev/nvme1n1", 0b11),
        ];
        let plan = plan(StepPhase::Clean, "erase_devices", node.clone(), machine);
        assert_eq!(names(&plan), [expected, "nvme-format /dev/nvme1n1"]);
    }
}

#[test]
fn a_read_only_disk_stays_in_the_plan_unless_it_may_be_skipped() {
    let node = json!({"driver_internal_info": {"agent_enable_nvme_secure_erase": "false"}});
    let plan = plan(StepPhase::Clean, "erase_devices", node, mixed_machine());
    assert!(names(&plan).contains(&"overwrite /dev/sdd".to_owned()));
    assert!(names(&plan).contains(&"overwrite /dev/nvme0n1".to_owned()));
}

#[test]
fn an_image_is_written_with_its_digest() {
    let plan = write(&image(
        json!({"disk_format": "raw", "stream_raw_images": true,
        "proxies": {"http": "http://p:1"}, "no_proxy": "a,b"}),
    ))
    .expect("a plan");
    assert_eq!(
        names(&plan),
        [
            "write-image /dev/vda",
            "repair-gpt-backup /dev/vda",
            "reread-partitions /dev/vda",
            "sync"
        ]
    );
    let request = request(&plan);
    assert!(request.stream_raw);
    assert_eq!(request.proxies.http.as_deref(), Some("http://p:1"));
    assert_eq!(
        request.digest,
        ExpectedDigest::Known(Digest {
            algorithm: DigestAlgorithm::Sha256,
            hex: SHA256.into()
        })
    );
}

#[test]
fn checksums_are_chosen_as_the_contract_says() {
    let in_file = |url: &str, algorithm| ExpectedDigest::InFile {
        url: url.into(),
        algorithm,
        md5_allowed: true,
    };
    let known = |algorithm, hex: &str| {
        ExpectedDigest::Known(Digest {
            algorithm,
            hex: hex.into(),
        })
    };
    let md5 = &SHA256[..32];
    let cases = [
        (
            json!({"os_hash_algo": "sha512", "os_hash_value": "ab"}),
            known(DigestAlgorithm::Sha512, "ab"),
        ),
        (
            json!({"os_hash_algo": "sha3_256", "os_hash_value": "ab"}),
            known(DigestAlgorithm::Sha256, SHA256),
        ),
        (
            json!({"os_hash_algo": "sha256", "os_hash_value": "http://h/sums"}),
            in_file("http://h/sums", Some(DigestAlgorithm::Sha256)),
        ),
        (
            json!({"checksum": "https://h/sums"}),
            in_file("https://h/sums", None),
        ),
        (json!({"checksum": md5}), known(DigestAlgorithm::Md5, md5)),
        (
            json!({"checksum": "file:///mnt/sums"}),
            in_file("file:///mnt/sums", None),
        ),
        (
            json!({"checksum": null, "urls": ["oci://h/r:t"]}),
            ExpectedDigest::InRegistry,
        ),
        (
            json!({"urls": ["oci://h/r:t"]}),
            known(DigestAlgorithm::Sha256, SHA256),
        ),
    ];
    for (extra, expected) in cases {
        let plan = write(&image(extra.clone())).expect("a plan");
        assert_eq!(request(&plan).digest, expected, "{extra}");
    }
}

#[test]
fn unusable_image_info_is_named() {
    let md5 = &SHA256[..32];
    let cases = [
        (
            json!({}),
            "argument image_info: is missing or not an object",
        ),
        (
            image(json!({"id": null})),
            "argument image_info.id: is missing",
        ),
        (
            image(json!({"urls": []})),
            "argument image_info.urls: is missing or empty",
        ),
        (
            image(json!({"urls": ["ftp://u:hush@x"]})),
            "argument image_info.urls: ftp://***@x is no URL of the schemes http, https, file, oci, oci+http",
        ),
        (
            image(json!({"urls": [5]})),
            "argument image_info.urls: has something that is not text",
        ),
        (
            image(json!({"urls": ["file://images/x"]})),
            "argument image_info.urls: file://images/x has no absolute path: write file:///path",
        ),
        (
            image(json!({"urls": ["oci://h/x"]})),
            "argument image_info.urls: oci://h/x is no registry URL: it has no tag and no digest",
        ),
        (
            image(json!({"checksum": ""})),
            "argument image_info.checksum: is missing, and so is a usable os_hash_algo",
        ),
        (
            image(json!({"checksum": null, "urls": ["oci://h/r:t"],
                "os_hash_algo": "sha3_256", "os_hash_value": "ab"})),
            "argument image_info.checksum: is missing, and so is a usable os_hash_algo",
        ),
        (
            image(json!({"checksum": "abc"})),
            "argument image_info.checksum: has 3 characters, which is no known digest",
        ),
        (
            image(json!({"checksum": md5})),
            "argument image_info.checksum: is an MD5 digest, which is not allowed",
        ),
        (
            image(json!({"image_type": "floppy"})),
            "argument image_info.image_type: is neither partition nor whole-disk",
        ),
        (
            image(json!({"image_server_auth_strategy": "http_basic", "image_server_user": "u"})),
            "argument image_info.image_server_password: is missing",
        ),
    ];
    let strict = StepSettings {
        md5_allowed: false,
        ..settings()
    };
    for (arguments, text) in cases {
        let fault = write_with(&strict, &arguments, None, 512).expect_err(text);
        assert_eq!(fault.to_string(), text);
        assert_eq!(fault.wire_type(), "InvalidCommandParamsError");
    }
}

#[test]
fn the_first_authorization_wins() {
    let operator = StepSettings {
        image_server: Some(ImageServerLogin {
            user: "op".into(),
            password: Secret::new("erator"),
        }),
        ..settings()
    };
    let basic = json!({"image_server_auth_strategy": "http_basic",
        "image_server_user": "u", "image_server_password": "p"});
    let mut both = basic.clone();
    both["image_request_authorization"] = json!(STANDARD.encode("Bearer token"));
    let cases = [
        (both, "Bearer token"),
        (basic, "Basic dTpw"),
        (json!({}), "Basic b3A6ZXJhdG9y"),
    ];
    for (extra, expected) in cases {
        let plan = write_with(&operator, &image(extra), None, 512).expect("a plan");
        let header = request(&plan).authorization.as_ref().map(Secret::expose);
        assert_eq!(header, Some(expected));
    }
}

#[test]
fn the_config_drive_of_the_step_wins() {
    let mut arguments = image(json!({"configdrive": "http://h/inner"}));
    let drive_of = |arguments: &Value| {
        let plan = write(arguments).expect("a plan");
        plan.ops.iter().find_map(|op| match op {
            Op::WriteConfigDrive { drive, .. } => Some(drive.clone()),
            _ => None,
        })
    };
    arguments["configdrive"] = Value::Null;
    assert_eq!(
        drive_of(&arguments),
        Some(ConfigDrive::Url("http://h/inner".into()))
    );
    arguments["configdrive"] = json!("http://h/outer");
    assert_eq!(
        drive_of(&arguments),
        Some(ConfigDrive::Url("http://h/outer".into()))
    );
    arguments["configdrive"] = json!("");
    assert_eq!(drive_of(&arguments), None);
    arguments["configdrive"] = json!(5);
    assert!(write(&arguments).is_err());
}

#[test]
fn an_image_that_stands_there_is_not_written_again() {
    let mut written = WrittenImage {
        image_id: "disk.raw".into(),
        device: (&disk("/dev/vda", 10)).into(),
        disk_identifier: 0,
        profile: None,
        partitions: None,
    };
    let first = |written: &WrittenImage| {
        let plan = write_with(&settings(), &image(json!({})), Some(written), 512);
        names(&plan.expect("a plan"))[0].clone()
    };
    assert_eq!(first(&written), "repair-gpt-backup /dev/vda");
    written.device.serial = Some("another disk".into());
    assert_eq!(first(&written), "write-image /dev/vda");
}

#[test]
fn an_unreadable_iso_config_drive_does_not_fit_large_sectors() {
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write as _;
    let mut iso = vec![0; 0x9000];
    iso[0x8001..0x8006].copy_from_slice(b"CD001");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&iso).expect("memory");
    let mut arguments = image(json!({}));
    arguments["configdrive"] = json!(STANDARD.encode(gzip.finish().expect("memory")));
    assert!(write_with(&settings(), &arguments, None, 512).is_ok());
    let fault = write_with(&settings(), &arguments, None, 4096).expect_err("4Kn");
    assert_eq!(fault.code(), "config-drive");
}
