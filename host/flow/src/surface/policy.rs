//! The policy file.

use crate::shape::{Key, Located, MapOf, choice, record};
use dowel_core::access::Role;
use dowel_core::id::{FlowName, GroupName};

record! {
    /// Who may decide what: the groups of people that `approve` steps ask, and what people
    /// may do on the hosts that serve this repository.
    PolicyFile {
        /// The people of each group, by the names that they act under, such as ana@example.com.
        groups = "groups": MapOf<GroupName, Vec<Located<Key>>>,
        /// Roles of groups and people, besides those that a host itself gives.
        roles = "roles": Option<Vec<RoleFile>>,
        /// Roles that no person may have together, such as `[deployer, approver]`.
        separate = "separate": Option<Vec<Vec<RoleWord>>>,
        /// Names that an identity provider has for a group.
        identity_groups = "identity_groups": Option<MapOf<GroupName, Vec<Key>>>,
    }
    not_yet []
}

record! {
    /// A role, who has it, and how far it reaches.
    RoleFile {
        /// The role.
        role = "role": RoleWord,
        /// Everybody in these groups has it.
        groups = "groups": Option<Vec<Located<GroupName>>>,
        /// These people have it.
        people = "people": Option<Vec<Key>>,
        /// Only for flows with all of these labels; for everything on the host without it.
        flows = "flows": Option<MapOf<Key, Key>>,
        /// Only on hosts of these environments; on all without it.
        environments = "environments": Option<Vec<Located<FlowName>>>,
    }
    not_yet []
}

choice! {
    /// What people may do on a host.
    RoleWord {
        Viewer = "viewer",
        Author = "author",
        Operator = "operator",
        Approver = "approver",
        Deployer = "deployer",
        Admin = "admin",
    }
    not_yet []
}

impl RoleWord {
    /// The role.
    pub(crate) const fn role(self) -> Role {
        match self {
            Self::Viewer => Role::Viewer,
            Self::Author => Role::Author,
            Self::Operator => Role::Operator,
            Self::Approver => Role::Approver,
            Self::Deployer => Role::Deployer,
            Self::Admin => Role::Admin,
        }
    }
}
