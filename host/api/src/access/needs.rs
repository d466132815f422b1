//! What a route asks of its caller.

use dowel_core::access::Permission;

/// What a route asks of its caller. See the documentation of the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Who may call.
    pub who: Who,
    /// What the route is about.
    pub about: About,
    /// Whether people see its answer in a browser.
    pub is_page: bool,
}

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody.
    Open,
    /// Anybody who is known.
    SignedIn,
    /// Whoever has the permission.
    May(Permission),
    /// Whoever may read the metrics, and programs on the same machine.
    Metrics,
}

/// What a route is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The whole host: a grant for some flows does not reach it.
    Host,
    /// The flow that this part of the path names.
    Flow(&'static str),
    /// The run, exception or payload in quarantine that this part of the path names.
    Run(&'static str),
    /// Many flows; the handler asks [`Actor::reaches`](super::Actor::reaches) for each.
    Each,
}

impl Needs {
    const fn new(who: Who) -> Self {
        Self {
            who,
            about: About::Host,
            is_page: false,
        }
    }

    /// Everybody may call.
    pub const fn open() -> Self {
        Self::new(Who::Open)
    }

    /// Anybody who is known may call.
    pub const fn signed_in() -> Self {
        Self::new(Who::SignedIn)
    }

    /// Whoever has this permission for the whole host may call.
    pub const fn of(permission: Permission) -> Self {
        Self::new(Who::May(permission))
    }

    /// Whoever may read the metrics may call, and programs on the same machine.
    pub const fn metrics() -> Self {
        Self::new(Who::Metrics)
    }

    /// The same for the flow that a part of the path names.
    pub const fn about_flow(mut self, part: &'static str) -> Self {
        self.about = About::Flow(part);
        self
    }

    /// The same for the run or exception that a part of the path names.
    pub const fn about_run(mut self, part: &'static str) -> Self {
        self.about = About::Run(part);
        self
    }

    /// The same for each of the flows that the handler looks at.
    pub const fn each(mut self) -> Self {
        self.about = About::Each;
        self
    }

    /// The same, and people see the answer in a browser.
    pub const fn as_page(mut self) -> Self {
        self.is_page = true;
        self
    }
}
