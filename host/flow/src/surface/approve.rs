//! `approve` steps.

use crate::shape::{Any, Located, Text, choice, record};
use dowel_core::id::{CalendarName, GroupName, StepId};
use std::time::Duration;

record! {
    /// A question to people.
    Approve {
        /// The groups of the policy whose people may decide.
        groups = "groups": Located<Vec<Located<GroupName>>>,
        /// What may be decided; `approved` and `rejected` unless given.
        decisions = "decisions": Option<Located<Vec<Located<StepId>>>>,
        /// People who may not decide: a list of names or of expressions, each of which yields a name or a list of names.
        exclude = "exclude": Option<Any>,
        /// The question in a line, or an expression that yields it.
        title = "title": Any,
        /// What the people are shown, by name.
        show = "show": Option<Any>,
        /// How long they have; without it the step waits for as long as it takes.
        within = "within": Option<Located<Duration>>,
        /// The business calendar by which `within` and `after` are counted.
        calendar = "calendar": Option<Located<CalendarName>>,
        /// Further groups that may decide once some time has passed.
        escalate = "escalate": Option<Vec<EscalateTo>>,
        /// What holds when nobody has decided `within` the time: `fail` unless given, `reject`, `approve`, or one of `decisions`.
        on_timeout = "on_timeout": Option<Located<Text>>,
        /// What the decision `rejected` means: `fail` unless given, or `continue`.
        on_reject = "on_reject": Option<OnRejectName>,
    }
    not_yet []
}

record! {
    /// Further groups that may decide.
    EscalateTo {
        /// How long after the question.
        after = "after": Located<Duration>,
        /// The groups.
        groups = "groups": Located<Vec<Located<GroupName>>>,
    }
    not_yet []
}

choice! {
    /// What the decision `rejected` means.
    OnRejectName { Fail = "fail", Continue = "continue", }
    not_yet []
}
