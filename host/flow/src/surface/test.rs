//! The test file beside a flow.

use crate::diagnostic::Report;
use crate::shape::{Any, Definitions, FromText, Key, Located, MapOf, Shape, Text, choice, record};
use crate::yaml::{Node, Plain};
use dowel_core::id::StepId;
use dowel_core::{ErrorKind, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;

record! {
    /// Tests of a flow: `flow.test.yaml` beside its `flow.yaml`.
    TestFile {
        /// The version of the test format: dowel/v1.
        tests = "tests": Located<Text>,
        /// What every case is given, unless the case says otherwise.
        given = "given": Option<Given>,
        /// Answers for every case; a case's own mock of the same name comes in their place.
        mocks = "mocks": Option<MapOf<Key, Answers>>,
        /// The cases.
        cases = "cases": Located<Vec<TestCase>>,
    }
    not_yet []
}

record! {
    /// One case: what is given, how the outside answers, what has to come of it.
    TestCase {
        /// What the case shows, in a few words; unique in the file.
        name = "name": Located<Key>,
        /// What the run begins with.
        given = "given": Option<Given>,
        /// How the outside answers, by `<connection>.<operation>`, or by the step that asks people or waits for an event.
        mocks = "mocks": Option<MapOf<Key, Answers>>,
        /// What has to come of it.
        expect = "expect": Expected,
    }
    not_yet []
}

record! {
    /// What a run begins with.
    Given {
        /// The payload: a JSON file of the flow's folder, or the value itself.
        trigger = "trigger": Option<Any>,
        /// The trigger that the payload comes by; the flow's first one unless given.
        via = "via": Option<Located<StepId>>,
        /// Several payloads, one after the other.
        payloads = "payloads": Option<Located<Vec<GivenPayload>>>,
        /// When the case begins (RFC 3339), 2026-01-01T00:00:00Z unless given; time stands still but for waiting.
        now = "now": Option<Moment>,
        /// The environment's values, read as `$env`.
        env = "env": Option<Any>,
        /// Request headers, read as `$event.headers`.
        headers = "headers": Option<MapOf<Key, Text>>,
        /// What earlier runs have left, by name, read as `$state`; the flow's `initial` values where it is not given.
        state = "state": Option<MapOf<StepId, Any>>,
    }
    not_yet []
}

record! {
    /// One of several payloads.
    GivenPayload {
        /// The payload: a JSON file of the flow's folder, or the value itself.
        trigger = "trigger": Any,
        /// The trigger that the payload comes by; the flow's first one unless given.
        via = "via": Option<Located<StepId>>,
        /// How long after the run before has come to rest.
        after = "after": Option<Duration>,
        /// Request headers, read as `$event.headers`.
        headers = "headers": Option<MapOf<Key, Text>>,
    }
    not_yet []
}

record! {
    /// One answer of a mock: exactly one of `return`, `pages` and `fail`, or for an approval `decide` or nothing, or for a step that receives an event `event` or nothing.
    Answer {
        /// The operation returns this value.
        returns = "return": Option<Any>,
        /// The operation returns these pages, one for each fetch of a `for_each` over `pages_of`: a list of items each, or the whole result of a fetch. The cursor of the second page is `page-2`, and so on.
        pages = "pages": Option<Located<Vec<Any>>>,
        /// The operation fails with this error kind.
        fail = "fail": Option<ErrorKind>,
        /// The failure's code; `mock` unless given.
        code = "code": Option<Text>,
        /// The failure's message.
        message = "message": Option<Text>,
        /// The failure's details.
        details = "details": Option<Any>,
        /// How long the upstream asks to wait before the next attempt.
        retry_after = "retry_after": Option<Duration>,
        /// What a person decides about the approval of this step; without it nobody decides, and it expires.
        decide = "decide": Option<Located<StepId>>,
        /// Who decides; `tester` unless given.
        by = "by": Option<Text>,
        /// Why, in their words.
        comment = "comment": Option<Text>,
        /// The event that comes for this step, such as `{ data: … }`; of the step's type unless it says otherwise. Without it none comes.
        event = "event": Option<Any>,
        /// How far the attempt got, as the gateway saw it; `sent` for `timeout` and `unknown-outcome` unless given, `answered` for the others.
        sent = "sent": Option<SentName>,
        /// How long the answer takes; beyond the step's timeout the attempt ends without it.
        after = "after": Option<Duration>,
        /// How many attempts it answers; 1 unless given, and the last answer repeats.
        times = "times": Option<Located<u32>>,
        /// Only for calls in the loop item of this index.
        item = "item": Option<u32>,
        /// Only for calls whose input has these values.
        with = "with": Option<Any>,
    }
    not_yet []
}

choice! {
    /// How far an attempt got.
    SentName { NotSent = "not-sent", Sent = "sent", Answered = "answered", }
    not_yet []
}

record! {
    /// What has to come of a case. Maps are compared by the keys that are named, lists as a whole, numbers by their text.
    Expect {
        /// The run's status.
        status = "status": Option<OrNull<StatusName>>,
        /// What intake does with the payload.
        intake = "intake": Option<IntakeName>,
        /// Why the run failed, is parked or was refused; `null` where it did not.
        error = "error": Option<OrNull<ExpectError>>,
        /// The run's output.
        output = "output": Option<Any>,
        /// Every call that is made, in the order in which they begin.
        calls = "calls": Option<Vec<ExpectCall>>,
        /// Whether the order of `calls` counts: `listed` unless given, or `any`.
        call_order = "call_order": Option<OrderName>,
        /// How many calls each of these operations gets.
        counts = "counts": Option<MapOf<Key, u32>>,
        /// Every event that is emitted, in order: its type, or its type and data.
        emitted = "emitted": Option<Vec<ExpectEvent>>,
        /// The branch that a `switch` takes, by step: the index of the case from 0, or `default`.
        decisions = "decisions": Option<MapOf<Key, Any>>,
        /// Every step whose `if` does not hold.
        skipped = "skipped": Option<Vec<Located<Key>>>,
        /// Values of steps, by step, as `$steps` shows them.
        steps = "steps": Option<MapOf<Key, Any>>,
        /// What has to come of each payload, where there are several.
        runs = "runs": Option<Vec<ExpectRun>>,
    }
    not_yet []
}

record! {
    /// What has to come of one of several payloads.
    ExpectRun {
        /// The run's status.
        status = "status": Option<OrNull<StatusName>>,
        /// What intake does with the payload.
        intake = "intake": Option<IntakeName>,
        /// Why the run failed, is parked or was refused; `null` where it did not.
        error = "error": Option<OrNull<ExpectError>>,
        /// The run's output.
        output = "output": Option<Any>,
        /// The branch that a `switch` takes, by step.
        decisions = "decisions": Option<MapOf<Key, Any>>,
        /// Every step whose `if` does not hold.
        skipped = "skipped": Option<Vec<Located<Key>>>,
        /// Values of steps, by step, as `$steps` shows them.
        steps = "steps": Option<MapOf<Key, Any>>,
    }
    not_yet []
}

record! {
    /// Why a run failed, is parked or was refused.
    ExpectError {
        /// The error kind.
        kind = "kind": Option<ErrorKind>,
        /// The code: the host's (`DWL-…`), the connector's or the flow's own.
        code = "code": Option<Text>,
        /// The message.
        message = "message": Option<Text>,
        /// The step, such as `invoice` or `lines[2].check`.
        step = "step": Option<Located<Key>>,
    }
    not_yet []
}

record! {
    /// One call with all its attempts.
    ExpectCall {
        /// `<connection>.<operation>`.
        call = "call": Located<Key>,
        /// The step, such as `invoice` or `lines[2].check`.
        step = "step": Option<Located<Key>>,
        /// How many calls like this follow each other; 1 unless given.
        times = "times": Option<u32>,
        /// How many attempts it takes.
        attempts = "attempts": Option<u32>,
        /// The key that every attempt carries.
        idempotency_key = "idempotency_key": Option<Text>,
        /// Values of the input.
        with = "with": Option<Any>,
    }
    not_yet []
}

record! {
    /// An event with its data.
    ExpectEventMap {
        /// CloudEvents `type`.
        event_type = "type": Text,
        /// CloudEvents `data`.
        data = "data": Option<Any>,
    }
    not_yet []
}

choice! {
    /// Where a run comes to rest.
    StatusName {
        Succeeded = "succeeded", SucceededWithFailures = "succeeded_with_failures",
        Failed = "failed", Compensated = "compensated", Parked = "parked",
        Cancelled = "cancelled", Waiting = "waiting",
    }
    not_yet []
}

choice! {
    /// What intake does with a payload.
    IntakeName { Accepted = "accepted", Duplicate = "duplicate", Dropped = "dropped", Refused = "refused", }
    not_yet []
}

choice! {
    /// Whether the order counts.
    OrderName { Listed = "listed", Any = "any", }
    not_yet []
}

/// One answer, or several in order.
#[derive(Clone, Debug)]
pub(crate) struct Answers(pub(crate) Vec<Answer>);

impl Shape for Answers {
    fn decode(node: &Node, report: &mut Report) -> Option<Self> {
        match node {
            Node::List(..) => Vec::decode(node, report).map(Self),
            _ => Answer::decode(node, report).map(|one| Self(vec![one])),
        }
    }

    fn schema(definitions: &mut Definitions) -> Value {
        let one = Answer::schema(definitions);
        json!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}

/// An event's type, or its type and data.
#[derive(Clone, Debug)]
pub(crate) struct ExpectEvent;

impl Shape for ExpectEvent {
    fn decode(node: &Node, report: &mut Report) -> Option<Self> {
        match node {
            Node::Map(..) => ExpectEventMap::decode(node, report).map(|_| Self),
            _ => Text::decode(node, report).map(|_| Self),
        }
    }

    fn schema(definitions: &mut Definitions) -> Value {
        json!({ "anyOf": [{ "type": "string" }, ExpectEventMap::schema(definitions)] })
    }
}

/// A value, or `null` for nothing.
#[derive(Clone, Debug)]
pub(crate) struct OrNull<T>(pub(crate) Option<T>);

impl<T: Shape> Shape for OrNull<T> {
    fn decode(node: &Node, report: &mut Report) -> Option<Self> {
        match node {
            Node::Scalar(scalar) if scalar.resolve() == Plain::Null => Some(Self(None)),
            _ => T::decode(node, report).map(|value| Self(Some(value))),
        }
    }

    fn schema(definitions: &mut Definitions) -> Value {
        json!({ "anyOf": [T::schema(definitions), { "type": "null" }] })
    }
}

/// The expectations, checked, and as they are written.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) checked: Expect,
    pub(crate) node: Node,
}

impl Shape for Expected {
    fn decode(node: &Node, report: &mut Report) -> Option<Self> {
        let checked = Expect::decode(node, report)?;
        let node = node.clone();
        Some(Self { checked, node })
    }

    fn schema(definitions: &mut Definitions) -> Value {
        Expect::schema(definitions)
    }
}

/// A point in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl FromText for Moment {
    fn from_text(text: &str) -> Result<Self, String> {
        let rule = "a time is written in RFC 3339, such as 2026-03-01T09:00:00Z";
        Timestamp::parse(text)
            .map(Self)
            .ok_or_else(|| rule.to_owned())
    }

    fn schema() -> Value {
        json!({ "type": "string", "format": "date-time" })
    }
}
