//! Random flows of the step kinds that there are, and the one that has all of them.

mod linked;
mod steps;

use crate::expressions::program;
use crate::random::Random;
use dowel_core::journal::{PinnedConnector, WhileParked};
use dowel_core::manifest::Idempotency;
use dowel_core::{Digest, ErrorKind, JsonText};
use dowel_flow::plan::{
    Block, Concurrency, Dedupe, KeptState, KeptValue, OnFailure, Plan, Poll, RunLimits, Trigger,
    TriggerKind, WhenFull,
};
use dowel_flow::schedule::{Misfire, Overlap, Rhythm, Schedule};
use std::collections::BTreeMap;
use std::time::Duration;
use steps::Steps;

/// The flow that events come in for.
pub(crate) const FLOW: &str = "flow";

/// The flow that takes what the other one emits.
pub(crate) const FOLLOWER: &str = "follower";

/// The flow that the first one runs.
pub(crate) const CHILD: &str = "child";

/// The flow that a schedule begins.
pub(crate) const TICKER: &str = "ticker";

/// The flow that polls the source.
pub(crate) const POLLER: &str = "poller";

/// The type of the events that runs wait for.
pub(crate) const ANSWER_TYPE: &str = "sim.answered";

/// The connection that all calls use.
pub(crate) const CONNECTION: &str = "upstream";

/// The type of emitted events.
pub(crate) const EVENT_TYPE: &str = "sim.happened";

/// The flow of the trigger `manual` and the one that follows it.
pub(crate) fn random(random: &Random, several_hosts: bool) -> Vec<Plan> {
    // What has been sent to a run is known to one host alone, as are schedules.
    let linked = if several_hosts {
        0
    } else {
        random.pick(&[0, 15, 30])
    };
    let mut steps = Steps::new(random).with_linked(linked);
    let block = steps.block(0);
    let mut flow = plan(FLOW, block);
    flow.dedupe = Some(Dedupe {
        key: program(None, &["<.id>"]),
        window: Duration::from_secs(random.pick(&[60, 3_600, 86_400])),
    });
    flow.on_failure.compensate = match random.below(4) {
        0 => Vec::new(),
        1 => vec![ErrorKind::Rejected, ErrorKind::Timeout],
        _ => vec![ErrorKind::Rejected],
    };
    // Who waits for whom is known to one host alone.
    if random.percent(40) && !several_hosts {
        flow.concurrency = Some(concurrency(random));
    }
    if random.percent(20) {
        flow.state = Some(KeptState {
            values: vec![KeptValue {
                // A constant name that is a name.
                name: steps::id("mark"),
                initial: JsonText::null(),
            }],
            next: program(None, &["<$trigger.id>"]),
        });
    }
    if random.percent(15) {
        flow.limits = RunLimits {
            timeout: Some(Duration::from_secs(random.between(1, 60))),
            deadline: random
                .percent(50)
                .then(|| Duration::from_secs(random.between(60, 86_400))),
        };
    }
    let mut plans = vec![flow, follower()];
    if linked > 0 {
        plans.push(child(random));
    }
    if !several_hosts && random.percent(20) {
        plans.push(ticker(random));
    }
    plans
}

/// What the flow runs: a call, and often something that takes time or fails.
fn child(random: &Random) -> Plan {
    let mut steps = Steps::new(random).with_linked(0);
    let mut block = vec![steps.call()];
    if random.percent(50) {
        block.push(steps.wait());
    }
    block.push(steps.fail());
    plan(CHILD, block)
}

/// Begins runs by itself.
fn ticker(random: &Random) -> Plan {
    let mut steps = Steps::new(random);
    let mut plan = plan(TICKER, vec![steps.call()]);
    plan.triggers = vec![Trigger {
        name: "schedule".to_owned(),
        schema: None,
        sensitive: Vec::new(),
        kind: TriggerKind::Schedule(Schedule {
            rhythm: Rhythm::Every(Duration::from_secs(random.pick(&[3_600, 6 * 3_600]))),
            misfire: random.pick(&[Misfire::Skip, Misfire::Once, Misfire::All]),
            overlap: random.pick(&[Overlap::Queue, Overlap::Skip, Overlap::CancelRunning]),
            calendar: None,
            jitter: Duration::from_secs(random.pick(&[0, 60])),
        }),
    }];
    plan.output = Some(program(None, &["<$trigger.scheduled_at>"]));
    plan
}

fn concurrency(random: &Random) -> Concurrency {
    Concurrency {
        keys: program(None, &["<.customer>", "<.id>"]),
        limit: random.pick(&[1, 1, 2]),
        when_full: random.pick(&[WhenFull::Queue, WhenFull::Queue, WhenFull::Drop]),
        while_parked: random.pick(&[WhileParked::Hold, WhileParked::Release]),
    }
}

/// Polls the source, and calls with each event.
pub(crate) fn poller(random: &Random) -> Plan {
    let mut steps = Steps::new(random).with_linked(0);
    let mut block = vec![steps.call()];
    if random.percent(30) {
        block.push(steps.wait());
    }
    let mut plan = plan(POLLER, block);
    if random.percent(50) {
        // The same window as without a word about it.
        plan.dedupe = Some(Dedupe {
            key: program(None, &["<.id>"]),
            window: Duration::from_secs(7 * 86_400),
        });
    }
    plan.triggers = vec![Trigger {
        name: "poll".to_owned(),
        schema: None,
        sensitive: Vec::new(),
        kind: TriggerKind::Poll(Poll {
            connection: steps::name(CONNECTION),
            source: steps::name("changes"),
            params: JsonText::object([]),
            every: Duration::from_secs(random.pick(&[60, 900, 3_600])),
            deadline: Duration::from_secs(random.pick(&[5, 60])),
        }),
    }];
    plan
}

/// Takes each event once, and calls with it.
fn follower() -> Plan {
    let random = Random::new(0, 0);
    let mut steps = Steps::new(&random);
    let call = steps.call_of("taken", r#"{"event":<$event.id>}"#, Idempotency::Natural);
    let mut plan = plan(FOLLOWER, vec![call]);
    plan.triggers = vec![Trigger {
        name: "event".to_owned(),
        schema: None,
        sensitive: Vec::new(),
        kind: TriggerKind::Event {
            event_type: EVENT_TYPE.to_owned(),
            source: None,
            filter: None,
        },
    }];
    plan
}

/// A flow with every step kind and two compensations, for what is tried systematically.
pub(crate) fn whole() -> Vec<Plan> {
    let random = Random::new(0, 0);
    let mut flow = plan(FLOW, Steps::new(&random).whole());
    flow.dedupe = Some(Dedupe {
        key: program(None, &["<.id>"]),
        window: Duration::from_secs(86_400),
    });
    flow.on_failure.compensate = vec![ErrorKind::Rejected];
    flow.concurrency = Some(Concurrency {
        keys: program(None, &["<.customer>", "<.id>"]),
        limit: 1,
        when_full: WhenFull::Queue,
        while_parked: WhileParked::Release,
    });
    vec![flow, follower()]
}

fn plan(name: &str, steps: Block) -> Plan {
    let connector = PinnedConnector {
        name: steps::name(CONNECTION),
        version: steps::name("0.1.0"),
        digest: Digest::of(CONNECTION),
    };
    Plan {
        format: dowel_flow::plan::FORMAT,
        flow: steps::name(name),
        version: steps::name("1.0.0"),
        owner: None,
        description: None,
        runbook: None,
        labels: BTreeMap::new(),
        output_schema: None,
        sla: None,
        deprecated: None,
        synthetic: false,
        commit: None,
        source: Digest::of(name),
        mapping: Digest::of("paths"),
        connectors: BTreeMap::from([(steps::name(CONNECTION), connector)]),
        triggers: vec![Trigger {
            name: "manual".to_owned(),
            schema: None,
            sensitive: Vec::new(),
            kind: TriggerKind::Manual,
        }],
        dedupe: None,
        concurrency: None,
        on_failure: OnFailure::default(),
        steps,
        output: Some(program(None, &["<$trigger.id>"])),
        state: None,
        calendars: BTreeMap::new(),
        limits: RunLimits::default(),
    }
}
