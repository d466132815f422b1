//! Events between flows and from outside: an event goes to every flow that has a
//! trigger for it, and all runs that it begins are begun in one store transaction.

mod connector;
mod outbox;
mod publish;
mod taker;
mod undelivered;

pub(crate) use connector::of_connector;
pub(crate) use outbox::{put, work};
pub use publish::{EventTaken, Publication, PublishError};
pub(crate) use publish::{prepare_again, publish};
pub use taker::Refusal;
pub(crate) use taker::{Taker, offer, seen};
pub use undelivered::{Undelivered, UndeliveredPage};
pub(crate) use undelivered::{list, put as keep_refusal};
