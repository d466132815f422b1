//! The file of released versions.

use crate::shape::{Located, MapOf, record};
use dowel_core::id::FlowName;
use dowel_core::{CommitId, Digest};

record! {
    /// The released versions of the flows of a repository; written by `dowel flow release`.
    LockFile {
        /// The versions of each flow.
        flows = "flows": MapOf<FlowName, MapOf<semver::Version, ReleaseFile>>,
    }
    not_yet []
}

record! {
    /// A released version.
    ReleaseFile {
        /// The commit that holds it.
        commit = "commit": Located<CommitId>,
        /// The digest of its files.
        digest = "digest": Located<Digest>,
    }
    not_yet []
}
