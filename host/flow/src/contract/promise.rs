//! What a flow promises besides its schemas.

use super::Class;
use serde::Serialize;

macro_rules! promises {
    ($($(#[doc = $doc:literal])* $promise:ident $name:literal $class:ident;)*) => {
        /// What is different in a flow's contract besides its schemas.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Promise {
            $($(#[doc = $doc])* $promise,)*
        }

        impl Promise {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$promise,)*];

            /// Its name in reports.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$promise => $name,)* }
            }

            /// What it asks of those who make the change.
            pub const fn class(self) -> Class {
                match self { $(Self::$promise => Class::$class,)* }
            }

            /// What it means, one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$promise => concat!($($doc),*),)* }
            }
        }
    };
}

promises! {
    /// A run can begin in one more way.
    TriggerAdded "trigger-added" Compatible;
    /// A run can no longer begin in this way.
    TriggerRemoved "trigger-removed" Breaking;
    /// The trigger is of another kind.
    TriggerKind "trigger-kind" Breaking;
    /// The webhook has another path or another method.
    WebhookMoved "webhook-moved" Breaking;
    /// Senders prove themselves in another way.
    VerifyChanged "verify-changed" Breaking;
    /// Senders are answered in another way.
    RespondChanged "respond-changed" Breaking;
    /// Events of another type or source begin runs.
    EventSourceChanged "event-source-changed" Breaking;
    /// Another filter decides which events begin runs.
    EventFilterChanged "event-filter-changed" Compatible;
    /// Repeated events are no longer recognised.
    DedupeRemoved "dedupe-removed" Breaking;
    /// Repeated events are recognised in another way. The keys are shared by all versions, so an event that comes again after the switch may begin a second run.
    DedupeChanged "dedupe-changed" NeedsDrain;
    /// Runs are kept apart by another key, or not any more. Runs of the two versions do not wait for each other.
    ConcurrencyChanged "concurrency-changed" NeedsDrain;
    /// A value that was kept between runs is not kept any more. Versions share these values: after a rollback the older one begins with its initial value.
    StateRemoved "state-removed" NeedsDrain;
    /// A value is kept between runs that was not.
    StateAdded "state-added" Compatible;
    /// The output has a key that it did not have.
    OutputKeyAdded "output-key-added" Compatible;
    /// The output lacks a key that it had.
    OutputKeyRemoved "output-key-removed" Breaking;
    /// The output is made in another way and no `output_schema` says what it looks like: nobody can say whether readers miss something.
    OutputUnknown "output-unknown" Compatible;
    /// An event of this type is emitted that was not.
    EventAdded "event-added" Compatible;
    /// No event of this type is emitted any more.
    EventRemoved "event-removed" Breaking;
    /// Events of this type lack a key that they had.
    EventKeyRemoved "event-key-removed" Breaking;
}
