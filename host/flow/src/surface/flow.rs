//! The flow file outside of its steps.

use super::environment::HeaderName;
use super::step::Step;
use crate::shape::{
    Any, Either, Formula, FromText, Key, Located, MapOf, Percent, Text, choice, record,
};
use dowel_core::ErrorKind;
use dowel_core::deprecation::{Date, Deprecation};
use dowel_core::id::{CalendarName, ConnectionName, FlowName, StepId};
use serde_json::{Value, json};
use std::time::Duration;

record! {
    /// A flow of the language dowel/v1.
    FlowFile {
        /// The version of the language: dowel/v1.
        language = "language": Located<Text>,
        /// The flow's name, in kebab-case, the same as its folder's.
        flow = "flow": Located<FlowName>,
        /// The flow's version (SemVer); a breaking change of its contract needs a new major.
        version = "version": semver::Version,
        /// Who answers for the flow.
        owner = "owner": Option<Text>,
        /// What the flow does, in a sentence.
        description = "description": Option<Text>,
        /// What the flow promises.
        sla = "sla": Option<Sla>,
        /// The runbook, a file of the flow's folder.
        runbook = "runbook": Option<Located<Text>>,
        /// That the flow will go: since when that is known, until when it stays, what takes its place.
        deprecated = "deprecated": Option<Located<DeprecatedFile>>,
        /// That the flow is a check: its runs, and those that they begin, are made up and count for no promise and in no chart; a failed one calls somebody.
        synthetic = "synthetic": Option<bool>,
        /// Labels for people and permissions.
        labels = "labels": Option<MapOf<Key, Text>>,
        /// Logical names of connections and the connectors that they need, such as `crm: hubspot@^2.1`; each environment binds them.
        connections = "connections": Option<MapOf<ConnectionName, Located<Text>>>,
        /// What begins a run.
        trigger = "trigger": Option<Trigger>,
        /// What begins a run, where there are several ways.
        triggers = "triggers": Option<MapOf<StepId, Trigger>>,
        /// How duplicates of an event are recognised.
        dedupe = "dedupe": Option<Dedupe>,
        /// How many runs of the same key may be at work; the others wait in the order of their arrival.
        concurrency = "concurrency": Option<Concurrency>,
        /// What a failure means that nothing caught.
        on_failure = "on_failure": Option<OnFailure>,
        /// Values that are kept between runs, read as `$state.<name>`.
        state = "state": Option<Located<MapOf<StepId, KeptValue>>>,
        /// How long a run may be at work; waiting for people, events, timers, slots and breakers does not count.
        timeout = "timeout": Option<Located<Duration>>,
        /// How long a run may take by the clock.
        deadline = "deadline": Option<Located<Duration>>,
        /// What a run does, in order.
        steps = "steps": Located<Vec<Step>>,
        /// The run's output; `null` without it.
        output = "output": Option<Any>,
        /// The JSON Schema of the run's output, a file of the flow's folder; a run whose output does not follow it does not succeed.
        output_schema = "output_schema": Option<Located<Text>>,
    }
    not_yet []
}

record! {
    /// What a failure means that nothing caught.
    OnFailure {
        /// The error kinds after which the steps that succeeded are undone; after all others a person decides.
        compensate = "compensate": Option<Vec<ErrorKind>>,
        /// Who is told, by the names of the policy.
        notify = "notify": Option<Vec<Located<Text>>>,
    }
    not_yet []
}

record! {
    /// A value that is kept between runs.
    KeptValue {
        /// What the first run reads.
        initial = "initial": Any,
        /// What the next run reads, computed when a run succeeds and written together with the success.
        next = "next": Any,
    }
    not_yet []
}

record! {
    /// What the flow promises.
    Sla {
        /// The longest active time of a run.
        within = "within": Option<Duration>,
        /// The longest time until a person has decided about an exception, such as 4h; `within` unless given.
        resolve = "resolve": Option<Duration>,
        /// The share of runs that succeed, such as 99.5%.
        success = "success": Option<Percent>,
    }
    not_yet []
}

record! {
    /// That a flow will go.
    DeprecatedFile {
        /// The day since which that is known, such as 2026-01-01.
        since = "since": Date,
        /// The last day on which the flow is there.
        until = "until": Option<Date>,
        /// What to use instead, such as `charge@^2`.
        instead = "use": Option<Text>,
    }
    not_yet []
}

impl DeprecatedFile {
    /// What it says.
    pub(crate) fn read(&self) -> Deprecation {
        Deprecation {
            since: self.since,
            until: self.until,
            instead: self.instead.as_ref().map(|text| text.0.clone()),
        }
    }

    /// Whether the flow would go before anybody knew.
    pub(crate) fn is_backwards(&self) -> bool {
        self.until.is_some_and(|until| until < self.since)
    }
}

impl FromText for Date {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| "a day is written as `2026-06-30`".to_owned())
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[0-9]{4}-[0-1][0-9]-[0-3][0-9]$" })
    }
}

record! {
    /// What begins a run: exactly one of the kinds.
    Trigger {
        /// An HTTP request.
        webhook = "webhook": Option<Webhook>,
        /// A person or a program, by CLI or API.
        manual = "manual": Option<Manual>,
        /// A CloudEvent, emitted by a flow or sent to `POST /events`.
        event = "event": Option<EventTrigger>,
        /// Points in time.
        schedule = "schedule": Option<Schedule>,
        /// Events that the host fetches from a source of a connector.
        poll = "poll": Option<Poll>,
    }
    not_yet []
}

record! {
    /// An HTTP request to `/hooks/<path>`.
    Webhook {
        /// The path below `/hooks`, with a leading slash.
        path = "path": Located<Text>,
        /// The HTTP method, POST unless given.
        method = "method": Option<Method>,
        /// How the sender proves itself; `none` has to be written. Not with a `connection`, whose receiver knows.
        verify = "verify": Option<VerifyName>,
        /// A connection of the flow whose connector understands the requests.
        connection = "connection": Option<Located<ConnectionName>>,
        /// The receiver of that connector.
        receiver = "receiver": Option<Located<Text>>,
        /// The parameters of the receiver. Constants: no run is there that expressions could read.
        with = "with": Option<Any>,
        /// The JSON Schema of the payload, a file of the flow's folder.
        schema = "schema": Option<Located<Text>>,
        /// Names of the request headers that are kept in `$event.headers`.
        headers = "headers": Option<Vec<Located<HeaderName>>>,
        /// What the sender is told: `accepted` at once (the default), or the result with `{ when: completed }`.
        respond = "respond": Option<Either<RespondName, Respond>>,
        /// JSON Pointers of the payload whose values are masked wherever a run is read.
        sensitive = "sensitive": Option<Vec<Located<Text>>>,
    }
    not_yet []
}

choice! {
    /// What a webhook's sender is told.
    RespondName { Accepted = "accepted", }
    not_yet []
}

record! {
    /// An answer that waits for the end of the run.
    Respond {
        /// What the answer waits for: `completed`, the end of the run.
        when = "when": RespondWhenName,
        /// How long the sender waits before it is told `202 Accepted` and where to look; 30s unless given.
        within = "within": Option<Located<Duration>>,
        /// The HTTP status of the answer, or an expression over the run's output (`.`) that yields it; 200 unless given.
        status = "status": Option<Any>,
        /// The body of the answer, with expressions over the run's output (`.`); the output itself unless given.
        body = "body": Option<Any>,
    }
    not_yet []
}

choice! {
    /// What an answer waits for.
    RespondWhenName { Completed = "completed", }
    not_yet []
}

record! {
    /// A person or a program, by CLI or API.
    Manual {
        /// The JSON Schema of the payload, a file of the flow's folder.
        schema = "schema": Option<Located<Text>>,
        /// JSON Pointers of the payload whose values are masked wherever a run is read.
        sensitive = "sensitive": Option<Vec<Located<Text>>>,
    }
    not_yet []
}

record! {
    /// A CloudEvent, emitted by a flow or sent to `POST /events`.
    EventTrigger {
        /// The CloudEvents `type`, or all types below a name, such as `com.example.order.*`.
        event_type = "type": Located<Text>,
        /// The CloudEvents `source`, exactly; any without it.
        source = "source": Option<Located<Text>>,
        /// An expression over the event (`.`) that yields `true` if the event is meant and `false` if not.
        filter = "filter": Option<Formula>,
        /// The JSON Schema of the event's data, a file of the flow's folder.
        schema = "schema": Option<Located<Text>>,
        /// JSON Pointers of the event's data whose values are masked wherever a run is read.
        sensitive = "sensitive": Option<Vec<Located<Text>>>,
    }
    not_yet []
}

record! {
    /// Points in time: `cron` with `timezone`, or `every`.
    Schedule {
        /// Minute, hour, day of the month, month and day of the week, such as `30 2 * * mon-fri`.
        cron = "cron": Option<Located<Text>>,
        /// Whose clocks `cron` goes by: an IANA name, such as `Europe/Berlin`.
        timezone = "timezone": Option<Located<Text>>,
        /// An interval: fires at every multiple of it since 1970-01-01T00:00:00Z.
        every = "every": Option<Located<Duration>>,
        /// What becomes of fires while no host was running: `once` makes up for all of them with one run (the default), `skip` leaves them out, `all` makes up for each.
        misfire = "misfire": Option<MisfireName>,
        /// What becomes of a fire while the run of the one before is unfinished: `queue` lets it wait (the default), `skip` leaves it out, `cancel_running` cancels that run and takes its place.
        overlap = "overlap": Option<OverlapName>,
        /// A business calendar of the repository: fires while it is closed are left out.
        calendar = "calendar": Option<Located<CalendarName>>,
        /// Spreads the fires: each is later by its own share of this, the same on every host.
        jitter = "jitter": Option<Located<Duration>>,
    }
    not_yet []
}

record! {
    /// Events that the host fetches from a source of a connector. Each is taken once, and begins a run with its data as the payload.
    Poll {
        /// A connection of the flow and a source of its connector, such as `rates.new-rates`.
        source = "source": Located<Text>,
        /// The parameters of the source. Constants: no run is there that expressions could read.
        with = "with": Option<Any>,
        /// How long the host waits after it has taken everything that there was.
        every = "every": Located<Duration>,
        /// JSON Pointers of the event's data whose values are masked wherever a run is read.
        sensitive = "sensitive": Option<Vec<Located<Text>>>,
    }
    not_yet []
}

choice! {
    /// What becomes of fires while no host was running.
    MisfireName { Skip = "skip", Once = "once", All = "all", }
    not_yet []
}

choice! {
    /// What becomes of a fire while the run of the one before is unfinished.
    OverlapName { Queue = "queue", Skip = "skip", CancelRunning = "cancel_running", }
    not_yet []
}

record! {
    /// How duplicates of an event are recognised.
    Dedupe {
        /// An expression over the payload (`.`) that yields a text or a number.
        key = "key": Formula,
        /// For how long a key is remembered.
        window = "window": Located<Duration>,
    }
    not_yet []
}

record! {
    /// How many runs of the same key may be at work.
    Concurrency {
        /// An expression over the payload (`.`) that yields a text or a number.
        key = "key": Formula,
        /// Runs of the same key at the same time, 1 unless given.
        limit = "limit": Option<Located<u32>>,
        /// What becomes of an event while that many are at work: `queue` (unless given) or `drop`.
        when_full = "when_full": Option<WhenFullName>,
        /// Whether a parked run keeps its place (`hold`, unless given) or lets the next one go on (`release`).
        while_parked = "while_parked": Option<WhileParkedName>,
    }
    not_yet []
}

choice! {
    /// What becomes of an event while as many runs of its key are at work as may be.
    WhenFullName { Queue = "queue", Drop = "drop", }
    not_yet []
}

choice! {
    /// What a parked run does with its place.
    WhileParkedName { Hold = "hold", Release = "release", }
    not_yet []
}

choice! {
    /// How a webhook's sender proves itself.
    VerifyName {
        None = "none",
        Token = "token",
        StandardWebhooks = "standard-webhooks",
        Github = "github",
        Stripe = "stripe",
        Shopify = "shopify",
    }
    not_yet []
}

choice! {
    /// An HTTP method that carries a payload.
    Method { Post = "POST", Put = "PUT", Patch = "PATCH", }
    not_yet []
}
