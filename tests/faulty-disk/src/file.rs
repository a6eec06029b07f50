//! What a file holds: as programs see it, and as it is on the disk.

use std::collections::BTreeSet;
use std::ops::Range;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::Tear;

/// What the cache is dirty by, and what a disk keeps or loses as one.
const BLOCK: usize = 4096;

#[derive(Default)]
pub(crate) struct File {
    seen: Vec<u8>,
    synced: Vec<u8>,
    /// Blocks that differ from what is synced.
    dirty: BTreeSet<usize>,
    last_write: Option<Range<usize>>,
}

impl File {
    pub(crate) fn len(&self) -> usize {
        self.seen.len()
    }

    /// Short at the end of the file.
    pub(crate) fn read(&self, offset: usize, size: usize) -> &[u8] {
        let end = offset.saturating_add(size).min(self.seen.len());
        self.seen.get(offset..end).unwrap_or_default()
    }

    pub(crate) fn write(&mut self, offset: usize, data: &[u8]) {
        let written = offset..offset + data.len();
        if self.seen.len() < written.end {
            self.resize(written.end);
        }
        if let Some(place) = self.seen.get_mut(written.clone()) {
            place.copy_from_slice(data);
        }
        self.dirty.extend(blocks(&written));
        self.last_write = Some(written);
    }

    pub(crate) fn resize(&mut self, len: usize) {
        let changed = self.seen.len().min(len)..self.seen.len().max(len);
        self.seen.resize(len, 0);
        self.dirty.extend(blocks(&changed));
    }

    /// What is seen is on the disk now.
    pub(crate) fn sync(&mut self) {
        self.synced.resize(self.seen.len(), 0);
        for block in std::mem::take(&mut self.dirty) {
            copy(&self.seen, &mut self.synced, block * BLOCK..(block + 1) * BLOCK);
        }
        self.last_write = None;
    }

    /// A sync failed: the cache holds it for clean from now on, and it is not on the disk.
    pub(crate) fn fail_sync(&mut self) {
        self.dirty.clear();
        self.last_write = None;
    }

    pub(crate) fn unsynced_blocks(&self) -> usize {
        self.dirty.len()
    }

    /// Only what is synced is left, and what `tear` leaves of the rest.
    pub(crate) fn cut(&mut self, tear: Tear) {
        let dirty = std::mem::take(&mut self.dirty);
        let last = self.last_write.take().unwrap_or_default();
        let kept = &mut self.synced;
        match tear {
            Tear::Nothing => {}
            Tear::LastWrite { keep, earlier_are_kept } => {
                if earlier_are_kept {
                    for block in dirty {
                        let block = block * BLOCK..(block + 1) * BLOCK;
                        copy(&self.seen, kept, block.start..block.end.min(last.start));
                        copy(&self.seen, kept, block.start.max(last.end)..block.end);
                    }
                }
                copy(&self.seen, kept, last.start..last.end.min(last.start + keep));
            }
            Tear::SomeBlocks { seed } => {
                let mut random = StdRng::seed_from_u64(seed);
                for block in dirty.into_iter().filter(|_| random.random()) {
                    copy(&self.seen, kept, block * BLOCK..(block + 1) * BLOCK);
                }
            }
        }
        self.seen.clone_from(kept);
    }
}

fn blocks(range: &Range<usize>) -> Range<usize> {
    if range.is_empty() { 0..0 } else { range.start / BLOCK..(range.end - 1) / BLOCK + 1 }
}

/// Copies what is there of the range, and makes `to` long enough for it.
fn copy(from: &[u8], to: &mut Vec<u8>, range: Range<usize>) {
    let range = range.start..range.end.min(from.len());
    let Some(source) = from.get(range.clone()).filter(|source| !source.is_empty()) else { return };
    if to.len() < range.end {
        to.resize(range.end, 0);
    }
    if let Some(place) = to.get_mut(range) {
        place.copy_from_slice(source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half_synced() -> File {
        let mut file = File::default();
        file.write(0, &[1; 2 * BLOCK]);
        file.sync();
        file.write(BLOCK, &[2; BLOCK]);
        file.write(2 * BLOCK, &[3; BLOCK]);
        file
    }

    fn after(mut file: File, tear: Tear) -> Vec<u8> {
        file.cut(tear);
        file.read(0, usize::MAX).to_vec()
    }

    #[test]
    fn a_cut_leaves_what_was_synced() {
        assert_eq!(after(half_synced(), Tear::Nothing), [1; 2 * BLOCK]);
    }

    #[test]
    fn the_last_write_is_torn_with_or_without_those_before() {
        let torn = |earlier_are_kept| after(half_synced(), Tear::LastWrite { keep: 7, earlier_are_kept });
        assert_eq!(torn(false), [vec![1; 2 * BLOCK], vec![3; 7]].concat());
        assert_eq!(torn(true), [vec![1; BLOCK], vec![2; BLOCK], vec![3; 7]].concat());
    }

    #[test]
    fn each_block_is_kept_or_not_whatever_came_before_it() {
        let first_only = [vec![1; BLOCK], vec![2; BLOCK]].concat();
        let last_only = [vec![1; 2 * BLOCK], vec![3; BLOCK]].concat();
        let left: Vec<_> = (0..32).map(|seed| after(half_synced(), Tear::SomeBlocks { seed })).collect();
        assert!(left.contains(&first_only) && left.contains(&last_only));
    }

    #[test]
    fn what_a_failed_sync_was_to_keep_is_seen_and_lost_by_a_cut() {
        let mut file = half_synced();
        file.fail_sync();
        file.sync();
        assert_eq!(file.read(BLOCK, 1), [2]);
        let left = after(file, Tear::SomeBlocks { seed: 0 });
        assert_eq!(&left[..2 * BLOCK], [1; 2 * BLOCK]);
    }

    #[test]
    fn a_file_cut_short_and_grown_again_is_zero_in_between_once_that_is_synced() {
        let mut file = half_synced();
        file.sync();
        file.resize(10);
        file.resize(BLOCK);
        assert_eq!(after(half_synced(), Tear::Nothing).len(), 2 * BLOCK);
        file.sync();
        assert_eq!(after(file, Tear::Nothing), [vec![1; 10], vec![0; BLOCK - 10]].concat());
    }
}
