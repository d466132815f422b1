//! The policy file.

use crate::diagnostic::Report;
use crate::shape::{Definitions, Key, Located, MapOf, Shape, choice, record};
use crate::yaml::Node;
use dowel_core::access::Role;
use dowel_core::id::{FlowName, GroupName};
use serde_json::Value;

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
        /// How strictly `dowel check` looks at what stops no flow.
        lint = "lint": Option<LintFile>,
    }
    not_yet []
}

record! {
    /// How strictly `dowel check` looks at what stops no flow: `off`, `warn`, or `deny`, which makes it fail.
    LintFile {
        /// A flow without `owner`; off unless given.
        owner = "owner": Option<LintWord>,
        /// A flow without `runbook`; off unless given.
        runbook = "runbook": Option<LintWord>,
        /// A flow without `sla`; off unless given.
        sla = "sla": Option<LintWord>,
        /// A step that uses a deprecated flow or operation; warn unless given.
        deprecated = "deprecated": Option<LintWord>,
        /// The same after its last day, and a flow that is there after its own; warn unless given.
        expired = "expired": Option<LintWord>,
    }
    not_yet []
}

choice! {
    /// How strictly something is looked at.
    LintChoice { Off = "off", Warn = "warn", Deny = "deny", }
    not_yet []
}

/// The same. `off` without quotes is meant as it stands, although some readers of YAML take
/// it for a truth value: no key here has one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LintWord(pub(crate) LintChoice);

impl Shape for LintWord {
    fn decode(node: &Node, report: &mut Report) -> Option<Self> {
        match node {
            Node::Scalar(scalar) if scalar.text == "off" => Some(Self(LintChoice::Off)),
            other => LintChoice::decode(other, report).map(Self),
        }
    }

    fn schema(definitions: &mut Definitions) -> Value {
        LintChoice::schema(definitions)
    }
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
