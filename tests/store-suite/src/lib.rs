//! What every [`Store`] must do. A store's own tests implement [`Subject`] and call
//! [`store_suite!`], which makes one test of each property.

mod batches;
mod concurrency;
mod model;
mod reopening;
mod scans;
mod snapshots;

use dowel_core::port::{Batch, Store};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A store under test.
pub trait Subject: Send + Sync + 'static {
    /// A subject whose store is empty.
    fn create() -> Self
    where
        Self: Sized;

    /// Opens the store, or opens it again after all handles of the last opening were
    /// dropped.
    fn open(&self) -> Arc<dyn Store>;
}

type Check = for<'a> fn(&'a dyn Subject) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// One property and its name.
pub struct Property {
    /// As the test is called.
    pub name: &'static str,
    check: Check,
}

macro_rules! properties {
    ($($module:ident :: $name:ident),* $(,)?) => {
        /// All properties.
        pub const PROPERTIES: &[Property] = &[
            $(Property { name: stringify!($name), check: |subject| Box::pin($module::$name(subject)) }),*
        ];

        /// Makes one test of each property, for a type that implements [`Subject`].
        #[macro_export]
        macro_rules! store_suite {
            ($subject:ty) => {
                $(
                    #[test]
                    fn $name() {
                        $crate::run::<$subject>(stringify!($name));
                    }
                )*
            };
        }
    };
}

properties! {
    batches::an_empty_batch_is_fine,
    batches::a_batch_is_applied_whole_and_in_order,
    batches::overwriting_and_deleting,
    batches::absent_holds_only_without_a_value,
    batches::equals_holds_only_for_the_same_bytes,
    batches::a_refused_batch_writes_nothing,
    batches::conflicts_among_batches_handed_over_together,
    batches::handed_over_order_is_applied_order,
    batches::large_values,
    batches::keys_of_any_bytes_up_to_the_limit,
    scans::by_prefix_in_order,
    scans::after_and_limit_make_pages,
    scans::prefixes_that_end_in_ff,
    scans::after_outside_the_prefix,
    scans::binary_keys,
    model::random_operations_agree_with_a_map,
    concurrency::counters_lose_no_increment,
    concurrency::readers_never_see_half_a_batch,
    snapshots::a_copy_has_everything_and_nothing_else,
    snapshots::a_copy_of_a_busy_store_is_of_one_moment,
    reopening::everything_is_there_again,
}

/// Runs one property on a new subject. Panics if it does not hold.
pub fn run<S: Subject>(name: &str) {
    let Some(property) = PROPERTIES.iter().find(|property| property.name == name) else {
        panic!("no property is called {name}");
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => panic!("the runtime does not start: {error}"),
    };
    let subject = S::create();
    runtime.block_on((property.check)(&subject));
}

/// A batch that puts these entries.
fn puts(entries: &[(&[u8], &[u8])]) -> Batch {
    let mut batch = Batch::default();
    for (key, value) in entries {
        batch.put(key.to_vec(), value.to_vec());
    }
    batch
}

/// Random numbers that are the same on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // SplitMix64 (Steele, Lea, Flood 2014).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `bound`, which is small enough that the remainder's bias does not matter.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
