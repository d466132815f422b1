//! Gives back the memory of pages that were read once.
//!
//! sled's cache hears of an access late: it notes accesses by page in 256 queues, and looks
//! at a queue when it has 64 of them. After all entries were read once, half of these places
//! hold pages that no limit counts: 8,000 of them, whole leaves, which a store of runs that
//! wait for days would hold for days. Reading a few pages of each queue again makes the
//! cache look at all of them.

use crate::health::Fault;

/// Pages that are read again. With so many, next to none of the queues is left out.
const PAGES: usize = 2_048;

/// How often each of them is read: as many times as a queue has places.
const ROUNDS: usize = 64;

/// A store of fewer entries fits in the cache as a whole.
const SMALL: usize = 64 * PAGES;

/// Keys from all over the tree, evenly.
#[derive(Debug)]
pub(crate) struct Sample {
    keys: Vec<sled::IVec>,
    seen: usize,
    /// One key of so many is taken.
    stride: usize,
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            seen: 0,
            stride: 1,
        }
    }
}

impl Sample {
    /// The next key of a pass in order.
    pub(crate) fn see(&mut self, key: &sled::IVec) {
        if self.seen.is_multiple_of(self.stride) {
            self.keys.push(key.clone());
            if self.keys.len() == 2 * PAGES {
                // Half as many, twice as far apart.
                let mut is_even = false;
                self.keys.retain(|_| {
                    is_even = !is_even;
                    is_even
                });
                self.stride *= 2;
            }
        }
        self.seen += 1;
    }

    /// Lets the cache look at what it has.
    pub(crate) fn trim(&mut self, tree: &sled::Db) -> Result<(), Fault> {
        let keys = std::mem::take(&mut self.keys);
        if self.seen < SMALL {
            return Ok(());
        }
        for key in &keys {
            // All rounds of one page at once: it is in the cache from the first one on.
            for _ in 0..ROUNDS {
                tree.get(key)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_even_and_bounded() {
        let mut sample = Sample::default();
        let count = 100_000_u32;
        for number in 0..count {
            sample.see(&sled::IVec::from(&number.to_be_bytes()));
        }
        let numbers: Vec<u32> = sample
            .keys
            .iter()
            .map(|key| u32::from_be_bytes(key.as_ref().try_into().unwrap()))
            .collect();
        assert!((PAGES..2 * PAGES).contains(&numbers.len()));
        let gaps: Vec<u32> = numbers.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.iter().all(|gap| *gap == gaps[0]), "{gaps:?}");
        assert!(count - numbers[numbers.len() - 1] <= gaps[0]);
    }
}
