//! The policy file.

use crate::shape::{Key, Located, MapOf, record};
use dowel_core::id::GroupName;

record! {
    /// Who may decide what: the groups of people that `approve` steps ask.
    PolicyFile {
        /// The people of each group, by the names that they act under, such as ana@example.com.
        groups = "groups": MapOf<GroupName, Vec<Located<Key>>>,
    }
    not_yet []
}
