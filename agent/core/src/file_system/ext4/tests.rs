// SPDX-License-Identifier: Apache-2.0
//! Tests of the layout. What it amounts to is judged by `e2fsck`, in the tests
//! of `ironseed-machine`, which may write files and run programs.

use super::*;

fn parameters(size: u64) -> Parameters {
    Parameters {
        size,
        uuid: [1; 16],
        hash_seed: [7; 16],
        label: "ephemeral0".into(),
        now: 1_790_000_000,
    }
}

#[test]
fn impossible_sizes_are_refused() {
    for size in [0, SMALLEST - 1, LARGEST + 1, u64::MAX] {
        assert!(Ext4::new(parameters(size)).is_none(), "{size}");
    }
    let largest = Ext4::new(parameters(LARGEST)).expect("possible");
    assert!(largest.used_in(0) < BLOCKS_PER_GROUP);
    assert_eq!(largest.descriptors().len(), 4 << 20);
}

#[test]
fn pieces_lie_inside_and_the_superblock_comes_last() {
    for size in [SMALLEST, 64 << 20, (1 << 30) + 512, 20 << 30] {
        let plan = Ext4::new(parameters(size)).expect("possible");
        let mut last = None;
        let written: Result<(), ()> = plan.write(&mut |piece| {
            let (offset, length) = match &piece {
                Piece::Bytes { offset, bytes } => (*offset, bytes.len() as u64),
                Piece::Zero { offset, length } => (*offset, *length),
            };
            assert!(offset % BLOCK == 0 && length % BLOCK == 0 && length > 0);
            assert!(offset + length <= size, "behind the end");
            last = Some(offset);
            Ok(())
        });
        assert_eq!((written, last), (Ok(()), Some(0)));
        assert_eq!(plan.write(&mut |_| Err(5)), Err(5));
    }
}

#[test]
fn copies_lie_where_they_belong() {
    let with: Vec<u64> = (0..130).filter(|group| has_superblock(*group)).collect();
    assert_eq!(with, [0, 1, 3, 5, 7, 9, 25, 27, 49, 81, 125]);
}
