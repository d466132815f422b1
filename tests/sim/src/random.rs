//! Choices that follow from a seed alone.

use parking_lot::Mutex;
use std::sync::Arc;

/// Where the choices of one kind come from. Clones share the sequence.
#[derive(Clone, Debug)]
pub(crate) struct Random(Arc<Mutex<u64>>);

impl Random {
    /// A sequence of its own for each purpose, so that another choice in one place does
    /// not change all others.
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        let random = Self(Arc::new(Mutex::new(seed ^ purpose.rotate_left(32))));
        random.next();
        random
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    pub(crate) fn next(&self) -> u64 {
        let mut state = self.0.lock();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is at least 1.
    pub(crate) fn below(&self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// A number of `from..=to`.
    pub(crate) fn between(&self, from: u64, to: u64) -> u64 {
        from + self.below(to.saturating_sub(from) + 1)
    }

    /// True so many times of a hundred.
    pub(crate) fn percent(&self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// An index into a list of this length, which is not empty.
    pub(crate) fn index(&self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or_default()
    }

    /// One of these; there is at least one.
    pub(crate) fn pick<T: Copy>(&self, of: &[T]) -> T {
        of[self.index(of.len())]
    }
}
