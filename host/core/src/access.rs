//! Who may do what: roles, the permissions that they stand for, and how far they reach.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// What a person or program may be on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees runs, flows and exceptions, with sensitive values masked.
    Viewer,
    /// Writes flows: sees what a viewer sees, and begins runs by hand.
    Author,
    /// Keeps flows running: exceptions, bulk operations, kill switches.
    Operator,
    /// Decides approvals, and confirms what the policy asks two people for.
    Approver,
    /// Brings versions and environments into effect.
    Deployer,
    /// Manages people, tokens, backups and the host.
    Admin,
}

/// One thing that a route of the API asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// See runs, flows, schedules, exceptions and approvals, masked.
    Read,
    /// Begin a run by hand.
    Start,
    /// Decide about exceptions and runs.
    Operate,
    /// Turn kill switches.
    Switch,
    /// Be the second person of a decision.
    Confirm,
    /// Decide approvals; the step's groups are asked as well.
    Decide,
    /// Bring versions and environments into effect.
    Deploy,
    /// Read the record of decisions.
    Audit,
    /// See values that are masked otherwise.
    Reveal,
    /// Take a copy of everything.
    Backup,
    /// Finalise upgrades.
    Upgrade,
    /// Read the metrics.
    Metrics,
    /// Manage people, their roles and all tokens.
    People,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Read,
        Self::Start,
        Self::Operate,
        Self::Switch,
        Self::Confirm,
        Self::Decide,
        Self::Deploy,
        Self::Audit,
        Self::Reveal,
        Self::Backup,
        Self::Upgrade,
        Self::Metrics,
        Self::People,
    ];

    /// The name in messages and documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Start => "start",
            Self::Operate => "operate",
            Self::Switch => "switch",
            Self::Confirm => "confirm",
            Self::Decide => "decide",
            Self::Deploy => "deploy",
            Self::Audit => "audit",
            Self::Reveal => "reveal",
            Self::Backup => "backup",
            Self::Upgrade => "upgrade",
            Self::Metrics => "metrics",
            Self::People => "people",
        }
    }
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 6] = [
        Self::Viewer,
        Self::Author,
        Self::Operator,
        Self::Approver,
        Self::Deployer,
        Self::Admin,
    ];

    /// The name in files, on the command line and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Author => "author",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Deployer => "deployer",
            Self::Admin => "admin",
        }
    }

    /// What the role may do.
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission::{
            Audit, Confirm, Decide, Deploy, Metrics, Operate, Read, Reveal, Start, Switch,
        };
        match self {
            Self::Viewer => &[Read],
            Self::Author => &[Read, Start],
            Self::Operator => &[
                Read, Start, Operate, Switch, Confirm, Audit, Reveal, Metrics,
            ],
            Self::Approver => &[Read, Decide, Confirm, Audit],
            Self::Deployer => &[Read, Switch, Deploy, Audit],
            Self::Admin => &Permission::ALL,
        }
    }

    /// Whether the role has the permission.
    pub fn may(self, permission: Permission) -> bool {
        self.permissions().contains(&permission)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that is no role.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no role: viewer, author, operator, approver, deployer, admin")]
pub struct InvalidRole(pub String);

impl FromStr for Role {
    type Err = InvalidRole;
    fn from_str(text: &str) -> Result<Self, InvalidRole> {
        let found = Self::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| InvalidRole(text.to_owned()))
    }
}

/// A role, and how far it reaches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// Only flows with all of these labels; every flow and the host itself without any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub flows: BTreeMap<String, String>,
    /// Only on hosts of these environments; on every one without any.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub environments: BTreeSet<String>,
}

impl Grant {
    /// The role for everything everywhere.
    pub const fn everywhere(role: Role) -> Self {
        Self {
            role,
            flows: BTreeMap::new(),
            environments: BTreeSet::new(),
        }
    }

    /// Whether it counts on a host of this environment.
    pub fn counts_in(&self, environment: &str) -> bool {
        self.environments.is_empty() || self.environments.contains(environment)
    }

    /// Whether it reaches a flow with these labels.
    pub fn reaches(&self, labels: &BTreeMap<String, String>) -> bool {
        let has = |(name, value): (&String, &String)| labels.get(name) == Some(value);
        self.flows.iter().all(has)
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.role)?;
        let labels = self
            .flows
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let labels: Vec<String> = labels.collect();
        if !labels.is_empty() {
            write!(f, " for flows {}", labels.join(","))?;
        }
        if !self.environments.is_empty() {
            let names: Vec<&str> = self.environments.iter().map(String::as_str).collect();
            write!(f, " in {}", names.join(","))?;
        }
        Ok(())
    }
}

/// How far a permission reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nowhere.
    Nothing,
    /// Some flows.
    SomeFlows,
    /// Everything on the host.
    Everything,
}

/// What somebody may do on this host. A token that belongs to a person may do what both
/// of them may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    grants: Vec<Grant>,
    limit: Option<Vec<Grant>>,
    metrics: bool,
}

impl Rights {
    /// What these grants allow on a host of this environment.
    pub fn of(grants: impl IntoIterator<Item = Grant>, environment: &str) -> Self {
        let grants = grants.into_iter();
        Self {
            grants: grants
                .filter(|grant| grant.counts_in(environment))
                .collect(),
            ..Self::default()
        }
    }

    /// Everything.
    pub fn everything() -> Self {
        Self::of([Grant::everywhere(Role::Admin)], "")
    }

    /// The same, and not more than what these grants allow.
    pub fn limited_to(
        mut self,
        grants: impl IntoIterator<Item = Grant>,
        environment: &str,
    ) -> Self {
        self.limit = Some(Self::of(grants, environment).grants);
        self
    }

    /// The same, and the metrics.
    pub fn with_metrics(mut self) -> Self {
        self.metrics = true;
        self
    }

    /// The roles, whatever their reach, each once.
    pub fn roles(&self) -> BTreeSet<Role> {
        let roles = |grants: &[Grant]| grants.iter().map(|grant| grant.role).collect();
        let own: BTreeSet<Role> = roles(&self.grants);
        match &self.limit {
            None => own,
            Some(limit) => roles(limit),
        }
    }

    /// How far a permission reaches.
    pub fn reach(&self, permission: Permission) -> Reach {
        if permission == Permission::Metrics && self.metrics {
            return Reach::Everything;
        }
        let own = reach(&self.grants, permission);
        match &self.limit {
            None => own,
            Some(limit) => match (own, reach(limit, permission)) {
                (Reach::Nothing, _) | (_, Reach::Nothing) => Reach::Nothing,
                (Reach::Everything, Reach::Everything) => Reach::Everything,
                _ => Reach::SomeFlows,
            },
        }
    }

    /// Whether somebody with these rights has all that a grant gives, so that they may pass
    /// it on.
    pub fn covers(&self, wanted: &Grant) -> bool {
        let covers = |own: &Grant| {
            let is_wide = own.role == Role::Admin || own.role == wanted.role;
            let everywhere = own.environments.is_empty();
            let here =
                !wanted.environments.is_empty() && wanted.environments.is_subset(&own.environments);
            is_wide && (everywhere || here) && own.reaches(&wanted.flows)
        };
        let by = |grants: &[Grant]| grants.iter().any(covers);
        by(&self.grants) && self.limit.as_deref().is_none_or(by)
    }

    /// Whether a permission reaches a flow with these labels.
    pub fn reaches(&self, permission: Permission, labels: &BTreeMap<String, String>) -> bool {
        let by = |grants: &[Grant]| {
            let mut grants = grants.iter().filter(|grant| grant.role.may(permission));
            grants.any(|grant| grant.reaches(labels))
        };
        by(&self.grants) && self.limit.as_deref().is_none_or(by)
    }
}

fn reach(grants: &[Grant], permission: Permission) -> Reach {
    let mut reach = Reach::Nothing;
    for grant in grants.iter().filter(|grant| grant.role.may(permission)) {
        if grant.flows.is_empty() {
            return Reach::Everything;
        }
        reach = Reach::SomeFlows;
    }
    reach
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(team: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("team".to_owned(), team.to_owned())])
    }

    fn for_team(role: Role, team: &str) -> Grant {
        Grant {
            flows: labels(team),
            ..Grant::everywhere(role)
        }
    }

    #[test]
    fn roles_are_read_and_named() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
            assert!(role.may(Permission::Read));
        }
        assert_eq!("root".parse::<Role>(), Err(InvalidRole("root".to_owned())));
        let people = Role::ALL
            .into_iter()
            .filter(|role| role.may(Permission::People));
        assert_eq!(people.collect::<Vec<_>>(), [Role::Admin]);
    }

    #[test]
    fn a_grant_reaches_flows_with_all_of_its_labels() {
        let rights = Rights::of([for_team(Role::Operator, "finance")], "prod");
        assert_eq!(rights.reach(Permission::Operate), Reach::SomeFlows);
        assert_eq!(rights.reach(Permission::People), Reach::Nothing);
        assert!(rights.reaches(Permission::Operate, &labels("finance")));
        assert!(!rights.reaches(Permission::Operate, &labels("sales")));
        assert!(!rights.reaches(Permission::Operate, &BTreeMap::new()));
        assert!(!rights.reaches(Permission::Decide, &labels("finance")));
    }

    #[test]
    fn a_grant_counts_in_its_environments_alone() {
        let grant = Grant {
            environments: BTreeSet::from(["staging".to_owned()]),
            ..Grant::everywhere(Role::Admin)
        };
        assert_eq!(
            Rights::of([grant.clone()], "prod").reach(Permission::Read),
            Reach::Nothing
        );
        let staging = Rights::of([grant], "staging");
        assert_eq!(staging.reach(Permission::People), Reach::Everything);
    }

    #[test]
    fn a_token_may_do_what_it_and_its_owner_may() {
        let owner = || Rights::of([for_team(Role::Operator, "finance")], "prod");
        let viewer = owner().limited_to([Grant::everywhere(Role::Viewer)], "prod");
        assert_eq!(viewer.reach(Permission::Operate), Reach::Nothing);
        assert_eq!(viewer.reach(Permission::Read), Reach::SomeFlows);
        assert!(!viewer.reaches(Permission::Read, &labels("sales")));
        let admin = owner().limited_to([Grant::everywhere(Role::Admin)], "prod");
        assert_eq!(admin.reach(Permission::People), Reach::Nothing);
        assert!(admin.reaches(Permission::Operate, &labels("finance")));
        let nothing = owner().limited_to([], "prod");
        assert_eq!(nothing.reach(Permission::Read), Reach::Nothing);
    }

    #[test]
    fn metrics_are_a_scope_of_their_own() {
        let token = Rights::default().with_metrics();
        assert_eq!(token.reach(Permission::Metrics), Reach::Everything);
        assert_eq!(token.reach(Permission::Read), Reach::Nothing);
    }

    #[test]
    fn nobody_passes_on_more_than_they_have() {
        let finance = Rights::of([for_team(Role::Operator, "finance")], "prod");
        assert!(finance.covers(&for_team(Role::Operator, "finance")));
        assert!(!finance.covers(&for_team(Role::Operator, "sales")));
        assert!(!finance.covers(&Grant::everywhere(Role::Operator)));
        assert!(!finance.covers(&for_team(Role::Admin, "finance")));
        let everything = Rights::everything();
        assert!(
            Role::ALL
                .into_iter()
                .all(|role| everything.covers(&Grant::everywhere(role)))
        );
        let viewer = Rights::everything().limited_to([Grant::everywhere(Role::Viewer)], "prod");
        assert!(!viewer.covers(&Grant::everywhere(Role::Operator)));
        let in_prod = |role| Grant {
            environments: BTreeSet::from(["prod".to_owned()]),
            ..Grant::everywhere(role)
        };
        let prod = Rights::of([in_prod(Role::Operator)], "prod");
        assert!(prod.covers(&in_prod(Role::Operator)));
        assert!(!prod.covers(&Grant::everywhere(Role::Operator)));
    }

    #[test]
    fn a_grant_is_shown_in_a_line() {
        let mut grant = for_team(Role::Viewer, "finance");
        grant.environments.insert("prod".to_owned());
        assert_eq!(grant.to_string(), "viewer for flows team=finance in prod");
    }
}
