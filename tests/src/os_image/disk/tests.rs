// SPDX-License-Identifier: Apache-2.0
#![expect(clippy::unwrap_used, reason = "a test panics on purpose")]

use super::*;

/// What sfdisk 2.38 printed for a disk of 576 MiB.
const DUMP: &str = r#"{
   "partitiontable": {
      "label": "gpt",
      "id": "1C0FFEE0-0000-4000-8000-000000000000",
      "device": "disk.raw",
      "unit": "sectors",
      "firstlba": 2048,
      "lastlba": 1179614,
      "sectorsize": 512,
      "partitions": [
         {
            "node": "disk.raw1",
            "start": 2048,
            "size": 81920,
            "type": "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
            "uuid": "1C0FFEE0-0000-4000-8000-000000000001",
            "name": "ESP"
         },{
            "node": "disk.raw2",
            "start": 83968,
            "size": 1093632,
            "type": "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
            "uuid": "1C0FFEE0-0000-4000-8000-000000000003",
            "name": "root"
         }
      ]
   }
}
"#;

#[test]
fn the_layout_is_read_from_sfdisk() {
    let layout = layout(DUMP).unwrap();
    assert_eq!((layout.esp.offset, layout.esp.size), (1 << 20, 40 << 20));
    assert_eq!(
        (layout.root.offset, layout.root.size),
        (41 << 20, 534 << 20)
    );
    assert_eq!(layout.root.guid, ROOT_GUID);
}

#[test]
fn a_wrong_dump_is_refused() {
    let cases = [
        (
            r#""sectorsize": 512"#,
            r#""sectorsize": 4096"#,
            "a sector size of 4096",
        ),
        (
            ROOT_GUID,
            ESP_GUID,
            "no partition 1C0FFEE0-0000-4000-8000-000000000003",
        ),
        (
            r#""size": 1093632"#,
            r#""size": 18446744073709551615"#,
            "an impossible partition",
        ),
        (r#""start": 2048"#, r#""start": "2048""#, "invalid type"),
    ];
    for (from, to, expected) in cases {
        let problem = layout(&DUMP.replacen(from, to, 1)).unwrap_err();
        assert!(problem.starts_with(expected), "{to}: {problem}");
    }
}

#[test]
fn a_dump_cut_anywhere_is_refused() {
    for end in 0..DUMP.trim_end().len() {
        assert!(layout(&DUMP[..end]).is_err(), "cut at {end}");
    }
}
