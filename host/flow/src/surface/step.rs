//! Steps.

use super::approve::Approve;
use super::receive::Receive;
use crate::shape::{Any, Either, Formula, Located, MapOf, Percent, Text, choice, record};
use dowel_core::ErrorKind;
use dowel_core::id::{CalendarName, StepId};
use std::time::Duration;

record! {
    /// One step: exactly one of call, set, switch, for_each, parallel, try, wait, receive, approve, run, emit, fail and return.
    Step {
        /// The step's id, in snake_case and unique in the file.
        id = "id": Located<StepId>,
        /// The step is skipped, and its result `null`, if this yields `false` or `null`.
        condition = "if": Option<Formula>,
        /// Calls `<connection>.<operation>`; the result is the operation's output.
        call = "call": Option<Located<Text>>,
        /// Names values; the result is the map, and `$vars` knows them from here on.
        set = "set": Option<Any>,
        /// Takes the first branch whose condition holds.
        switch = "switch": Option<Switch>,
        /// Runs steps for each item of a list.
        for_each = "for_each": Option<ForEach>,
        /// Runs branches at the same time.
        parallel = "parallel": Option<Parallel>,
        /// Runs steps whose failure the clauses of `catch` answer; the result is that of the last step.
        attempt = "try": Option<Located<Vec<Step>>>,
        /// What answers a failure in `try`: the first clause that takes its kind.
        catch = "catch": Option<Located<Vec<Catch>>>,
        /// Waits for a duration such as 2h, or until an instant.
        wait = "wait": Option<Either<Located<Duration>, Wait>>,
        /// Waits for an event that belongs to the run; the result is the event, its data under `data`.
        receive = "receive": Option<Receive>,
        /// Asks people and waits for their decision; the result is `{decision, by, at, comment}`.
        approve = "approve": Option<Approve>,
        /// Runs the active version of `<flow>@<range>` with `with` as the payload of its `manual` trigger; the result is the other run's output.
        run = "run": Option<Located<Text>>,
        /// Whether the step goes on without waiting for the run that it begins; the result is `{run}`, its id.
        detach = "detach": Option<Located<bool>>,
        /// Emits a CloudEvent of this type, with `with` as its data.
        emit = "emit": Option<Located<Text>>,
        /// Ends the run as failed.
        fail = "fail": Option<Fail>,
        /// Ends the run as succeeded, with this value as its output.
        ends_with = "return": Option<Any>,
        /// The input of the operation, the payload of the run, or the data of the event; `{ file: mappings/<name>.jq }` takes the input of an operation from a file.
        with = "with": Option<Any>,
        /// When and how the call is tried again, or another run begun after one that failed.
        retry = "retry": Option<Retry>,
        /// The longest time of one attempt; for a run the time until its end, after which it is cancelled.
        timeout = "timeout": Option<Located<Duration>>,
        /// The key by which the upstream recognises repeated calls; derived unless given.
        idempotency_key = "idempotency_key": Option<Formula>,
        /// What to do when nobody knows whether a call took effect; the operation's idempotency decides unless given.
        on_uncertain = "on_uncertain": Option<OnUncertainName>,
        /// The call that undoes the step, when the run is compensated.
        compensate = "compensate": Option<Compensate>,
        /// The step's value, made from the raw result, which is `.` here.
        output = "output": Option<Any>,
        /// The JSON Schema of the step's value, a file of the flow's folder.
        schema = "schema": Option<Located<Text>>,
        /// JSON Pointers of the step's input and of its value: what is there is masked wherever a run is read. In a loop they point into each item.
        sensitive = "sensitive": Option<Vec<Located<Text>>>,
    }
    not_yet []
}

record! {
    /// Branches.
    Switch {
        /// The branches in order.
        cases = "cases": Located<Vec<Case>>,
        /// The branch that is taken if no condition holds.
        default = "default": Option<Located<Vec<Step>>>,
    }
    not_yet []
}

record! {
    /// One branch.
    Case {
        /// The branch is taken unless this yields `false` or `null`.
        condition = "if": Formula,
        /// What the branch does.
        steps = "steps": Located<Vec<Step>>,
    }
    not_yet []
}

record! {
    /// A loop.
    ForEach {
        /// The list, or an expression that yields one.
        list = "in": Option<Any>,
        /// Instead of a list: the pages of `<connection>.<operation>`, which declares its pagination.
        pages_of = "pages_of": Option<Located<Text>>,
        /// The input of the operation whose pages are fetched.
        with = "with": Option<Any>,
        /// How many items run at the same time, 1 unless given.
        parallel = "parallel": Option<Located<u32>>,
        /// What a failed item means: `stop` fails the loop; `{ collect: true }` goes on without the item.
        on_item_failure = "on_item_failure": Option<Either<StopName, Collect>>,
        /// What is done with `$item`, the `$index`-th item.
        steps = "steps": Located<Vec<Step>>,
    }
    not_yet []
}

record! {
    /// Loops that go on without failed items.
    Collect {
        /// Failed items are counted, and the loop goes on without them.
        collect = "collect": Located<bool>,
        /// The loop fails once more items than this share have failed, such as 1%.
        fail_above = "fail_above": Option<Percent>,
    }
    not_yet []
}

record! {
    /// Branches that run at the same time.
    Parallel {
        /// The branches by name.
        branches = "branches": Located<MapOf<StepId, Located<Vec<Step>>>>,
        /// When the step ends: with the last branch (`all`), or with the first one that succeeds (`any`).
        join = "join": Option<JoinName>,
    }
    not_yet []
}

record! {
    /// What answers a failure.
    Catch {
        /// The error kinds that the clause takes; all but `unknown-outcome` unless given.
        kinds = "kinds": Option<Vec<ErrorKind>>,
        /// What is done then; `$error` is the error.
        steps = "steps": Located<Vec<Step>>,
    }
    not_yet []
}

record! {
    /// A wait for a time: `duration` or `until`.
    Wait {
        /// An instant in RFC 3339, or an expression that yields one.
        until = "until": Option<Any>,
        /// How long.
        duration = "duration": Option<Located<Duration>>,
        /// The business calendar: `duration` counts its open time only, and `until` is put off to it.
        calendar = "calendar": Option<Located<CalendarName>>,
    }
    not_yet []
}

record! {
    /// The call that undoes a step.
    Compensate {
        /// The call is left out if this yields `false` or `null`.
        condition = "if": Option<Formula>,
        /// Calls `<connection>.<operation>`.
        call = "call": Located<Text>,
        /// The input of the operation.
        with = "with": Option<Any>,
        /// When and how the call is tried again.
        retry = "retry": Option<Retry>,
        /// The longest time of one attempt.
        timeout = "timeout": Option<Located<Duration>>,
        /// The key by which the upstream recognises repeated calls; derived unless given.
        idempotency_key = "idempotency_key": Option<Formula>,
        /// What to do when nobody knows whether the call took effect.
        on_uncertain = "on_uncertain": Option<OnUncertainName>,
    }
    not_yet []
}

choice! {
    /// When a `parallel` step ends.
    JoinName { All = "all", Any = "any", }
    not_yet []
}

choice! {
    /// What to do when nobody knows whether a call took effect.
    OnUncertainName { Retry = "retry", Park = "park", }
    not_yet []
}

choice! {
    /// What a failed item means for its loop.
    StopName { Stop = "stop", }
    not_yet []
}

record! {
    /// An error of the flow's own.
    Fail {
        /// The kind, which policies decide by.
        kind = "kind": ErrorKind,
        /// The flow's own code.
        code = "code": Text,
        /// One sentence, or an expression that yields one.
        message = "message": Any,
        /// Details.
        with = "with": Option<Any>,
    }
    not_yet []
}

record! {
    /// When and how a call is tried again.
    Retry {
        /// The error kinds after which it is.
        kinds = "kinds": Option<Vec<ErrorKind>>,
        /// Attempts in all, from 1 to 100.
        attempts = "attempts": Option<Located<u32>>,
        /// The first delay.
        delay = "delay": Option<Located<Duration>>,
        /// Each delay is this many times the one before, from 1 to 10.
        factor = "factor": Option<Located<f64>>,
        /// No delay is longer.
        max_delay = "max_delay": Option<Located<Duration>>,
        /// No attempt begins later than this after the first one.
        max_elapsed = "max_elapsed": Option<Located<Duration>>,
        /// How delays are spread: `full` between nothing and the delay, `none` not at all.
        jitter = "jitter": Option<JitterName>,
        /// The business calendar: an attempt that would come while it is closed waits until it opens.
        calendar = "calendar": Option<Located<CalendarName>>,
    }
    not_yet []
}

choice! {
    /// How delays are spread.
    JitterName { Full = "full", None = "none", }
    not_yet []
}
