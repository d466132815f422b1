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
    /// What a request is answered that comes again with its `Idempotency-Key`.
    pub repeats: Repeats,
}

/// What a request is answered that comes again with its `Idempotency-Key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// What the first was answered.
    Answered,
    /// That it was carried out: the answer holds a secret that is shown once.
    Secret,
    /// The handler recognises it by itself.
    Recognised,
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
            repeats: Repeats::Answered,
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

    /// The same, and the answer holds a secret that is shown once.
    pub const fn answers_with_a_secret(mut self) -> Self {
        self.repeats = Repeats::Secret;
        self
    }

    /// The same, and the handler itself recognises what comes again.
    pub const fn recognises_repeats(mut self) -> Self {
        self.repeats = Repeats::Recognised;
        self
    }

    /// The same, and people see the answer in a browser.
    pub const fn as_page(mut self) -> Self {
        self.is_page = true;
        self
    }
}
