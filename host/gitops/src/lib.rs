//! Git: flows and environments at a commit, and commits that pin them. The only crate
//! that knows git.
//!
//! A host keeps a bare mirror of what it follows in its data folder, so that a commit that
//! it runs stays readable whatever happens to the remote. Commands work on a plain clone.
//! Nothing is ever checked out to be read: trees are read from the object database, so
//! that links, hooks and attributes of a repository have no effect.

mod error;
mod history;
mod location;
mod read;
mod remote;
mod repository;
mod sign;
mod signature;
mod transport;
mod write;

pub use error::GitError;
pub use history::{Author, Past};
pub use location::{Access, Location};
pub use remote::Moved;
pub use repository::Repository;
pub use signature::AllowedSigners;
pub use write::{Change, Written};
