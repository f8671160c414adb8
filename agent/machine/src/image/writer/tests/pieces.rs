// SPDX-License-Identifier: Apache-2.0
//! Pieces in every order, and what they cost.

use std::io;

use ironseed_core::plan::NvmeErase;

use super::*;

/// A device that has one handle only.
#[derive(Debug)]
struct Single(Arc<FakeDisk>);

impl Block for Single {
    fn size(&self) -> u64 {
        Block::size(&self.0)
    }
    fn sector_size(&self) -> u32 {
        self.0.sector_size()
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, buffer)
    }
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, bytes)
    }
    fn zero(&self, offset: u64, length: u64) -> io::Result<()> {
        self.0.zero(offset, length)
    }
    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }
    fn reread_partitions(&self) -> io::Result<()> {
        self.0.reread_partitions()
    }
    fn nvme_format(&self, erase: NvmeErase) -> io::Result<()> {
        self.0.nvme_format(erase)
    }
}

/// An image cut at random into data, sparse data and zeroes, shuffled.
fn shuffled(image: &mut [u8], unit: usize, numbers: &mut Numbers) -> Vec<(usize, usize, usize)> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < image.len() {
        let longest = [4, 64, 700, 5000][numbers.below(4)];
        let length = (1 + numbers.below(longest)) * unit;
        let end = (at + length).min(image.len());
        let kind = numbers.below(3);
        match kind {
            0 => image[at..end].fill(0),
            1 => {
                for block in image[at..end].chunks_mut(unit * 3).step_by(2) {
                    block.fill(0);
                }
            }
            _ => {}
        }
        pieces.push((at, end, kind));
        at = end;
    }
    for index in (1..pieces.len()).rev() {
        pieces.swap(index, numbers.below(index + 1));
    }
    pieces
}

#[test]
fn pieces_in_any_order_become_the_image() {
    for (round, unit) in [512, 512, 4096, 512, 1, 65536, 4096]
        .into_iter()
        .enumerate()
    {
        for sector in [512, 4096] {
            let mut numbers = Numbers(0x9e37_79b9 + round as u64);
            let length = if unit == 1 {
                MIB + 9000
            } else {
                5 * MIB + 512 * 3
            };
            let mut image = bytes(length);
            let pieces = shuffled(&mut image, unit, &mut numbers);
            let disk = disk(8 * MIB, sector);
            let single = Single(Arc::clone(&disk));
            let block: &dyn Block = if round % 2 == 0 { &disk } else { &single };
            // Blocks that are put together from single bytes are too many to
            // be remembered one by one.
            let verify = match unit {
                1 => Verification::Off,
                _ => Verification::Full,
            };
            let (result, _) = write_to(block, verify, |writer| {
                for (at, end, kind) in pieces {
                    let (position, piece) = (at as u64, &image[at..end]);
                    match kind {
                        0 => writer.zero(position, piece.len() as u64)?,
                        1 => writer.put_sparse(position, piece)?,
                        _ => writer.put(position, piece)?,
                    }
                }
                Ok(())
            });
            let what = format!("round {round}, pieces of {unit}, sectors of {sector}");
            result.expect(&what);
            let found = disk.content(0, image.len()).expect("content");
            assert_same(&found, &image, &what);
            let behind = disk.content(image.len() as u64, MIB).expect("content");
            assert!(behind.iter().all(|byte| *byte == OLD), "{what}");
            let tail = disk.content(7 * MIB as u64, MIB).expect("content");
            assert!(tail.iter().all(|byte| *byte == 0), "{what}");
        }
    }
}

#[test]
fn what_was_zeroed_may_be_put_later() {
    let disk = disk(6 * MIB, 4096);
    let image = bytes(4 * MIB);
    let (result, _) = write_to(&disk, Verification::Full, |writer| {
        writer.zero(0, 5 * MIB as u64)?;
        for (index, piece) in image.chunks(300 * 512).enumerate().skip(1).step_by(2) {
            writer.put((index * 300 * 512) as u64, piece)?;
        }
        Ok(())
    });
    result.expect("written");
    let found = disk.content(0, 5 * MIB).expect("content");
    let mut expected = vec![0; 5 * MIB];
    for (index, piece) in image.chunks(300 * 512).enumerate().skip(1).step_by(2) {
        expected[index * 300 * 512..][..piece.len()].copy_from_slice(piece);
    }
    assert_same(&found, &expected, "zeroed and put");
}

/// The shape of a 16 GiB image with 3 GiB of data, at a hundred and twenty-eighth: files of
/// all lengths with holes between them.
#[test]
fn an_image_costs_its_data() {
    const SIZE: usize = 128 * MIB;
    const DATA: usize = 24 * MIB;
    let disk = empty_disk(SIZE, 512);
    let data = bytes(MIB);
    let zeroes = vec![0; MIB];
    let mut image: Vec<&[u8]> = Vec::new();
    let mut numbers = Numbers(7);
    let (mut has, mut lacks) = (0, 0);
    while has < DATA || lacks < SIZE - DATA {
        // Holes and files are multiples of 4 KiB, most of them short.
        let length = |numbers: &mut Numbers, longest| (1 + numbers.below(longest)) * 4096;
        let count = length(&mut numbers, 100).min(DATA - has);
        image.push(&data[..count]);
        has += count;
        let longest = [4, 40, 5000][numbers.below(3)];
        let hole = length(&mut numbers, longest);
        let hole = if has == DATA { SIZE } else { hole }.min(SIZE - DATA - lacks);
        lacks += hole;
        image.extend(std::iter::repeat_n(&zeroes[..], hole / MIB));
        image.push(&zeroes[..hole % MIB]);
    }
    disk.arm(None);
    let (result, events) = write_to(&disk, Verification::Off, |writer| {
        let mut at = 0;
        for piece in &image {
            writer.put_sparse(at, piece)?;
            at += piece.len() as u64;
        }
        assert_eq!(at, SIZE as u64);
        Ok(())
    });
    result.expect("written");
    let found = disk.counts();
    // The front is marked, zeroed and released, the tail zeroed.
    let (written, zeroed) = (found.written - 512, found.zeroed - 2 * MIB as u64 + 512);
    let told = Event::Note(format!(
        "image: {} MiB written to {DISK}, {} MiB zeroed by it",
        written >> 20,
        zeroed >> 20
    ));
    assert!(events.contains(&told), "{told:?}: {events:?}");
    assert_eq!(written + zeroed, SIZE as u64);
    let written = usize::try_from(written).expect("small");
    assert!(
        written < DATA + DATA / 20,
        "{written} bytes written for {DATA}"
    );
}

#[test]
fn neighbouring_zeroes_are_one_request() {
    let disk = disk(64 * MIB, 512);
    disk.arm(None);
    let (result, _) = write_to(&disk, Verification::Off, |writer| {
        for at in (0..32 * MIB).step_by(64 << 10) {
            writer.zero(at as u64, 64 << 10)?;
        }
        Ok(())
    });
    result.expect("written");
    let all = disk.counts();
    disk.arm(None);
    let (result, _) = write_to(&disk, Verification::Off, |_| Ok(()));
    result.expect("written");
    assert_eq!(all.requests, disk.counts().requests + 1);
}

#[test]
fn nothing_is_written_behind_the_end() {
    let disk = disk(2 * MIB, 512);
    let end = 2 * MIB as u64;
    for (at, length) in [
        (end - 512, 1024),
        (end, 1),
        (u64::MAX, 2),
        (u64::MAX - 1, 1),
    ] {
        let (put, _) = write_to(&disk, Verification::Off, |writer| {
            writer.put(at, &vec![1; length])
        });
        let (zero, _) = write_to(&disk, Verification::Off, |writer| {
            writer.zero(at, length as u64)
        });
        for result in [put, zero] {
            let text = result.expect_err("behind the end").to_string();
            let expected =
                format!("writing /dev/vda at byte {at} failed: the disk ends at byte {end}");
            assert_eq!(text, expected);
            assert_eq!(marked(&disk).as_deref(), Some("image"));
        }
    }
}

#[test]
fn small_disks_and_small_images_are_written() {
    for size in [4096, 8192, MIB, MIB + 4096] {
        for sector in [512, 4096] {
            let disk = disk(size, sector);
            let image = bytes(size.min(5000));
            let (result, _) = write_to(&disk, Verification::Full, |writer| writer.put(0, &image));
            let what = format!("{size} bytes, sectors of {sector}");
            result.expect(&what);
            let found = disk.content(0, image.len()).expect("content");
            assert_same(&found, &image, &what);
        }
    }
}
