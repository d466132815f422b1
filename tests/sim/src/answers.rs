//! Events from outside that runs wait for, and what must not become of them.

use crate::flows::{ANSWER_TYPE, CHILD};
use crate::random::Random;
use crate::watch::Told;
use crate::world::World;
use dowel_core::cloud_event::{CloudEvent, EventData};
use dowel_core::journal::Event;
use dowel_core::port::Clock;
use dowel_core::{JsonText, RunId, Timestamp};
use dowel_engine::state::ReceiveState;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Who sends them.
const SOURCE: &str = "urn:sim:outside";

/// Events are kept for 30 days; younger ones than this are surely there.
const SURELY_KEPT: Duration = Duration::from_secs(20 * 86_400);

/// After this time a run that waits has looked for what came before, and taken what came.
const SETTLED: Duration = Duration::from_secs(60);

/// An event that was acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Posted {
    id: String,
    /// The payload's id that it is for.
    of: String,
    /// When it was sent.
    at: Timestamp,
}

/// The acknowledged events. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Mail(Arc<Mutex<Vec<Posted>>>);

/// Whether the flows of the world have steps that wait for events.
pub(crate) fn are_awaited(world: &World) -> bool {
    let mut plans = world.around.plans.iter();
    plans.any(|plan| plan.flow.as_str() == CHILD)
}

/// Somebody sends an event for a payload, or one again that was sent before.
pub(crate) fn act(world: &mut World, random: &Random) {
    let posted = world.mail.0.lock().clone();
    if !posted.is_empty() && random.percent(25) {
        let again = posted[random.index(posted.len())].clone();
        send(world, random, again.id, again.of);
        return;
    }
    let of = format!("P{}", random.below(5));
    send_new(world, random, of);
}

fn send_new(world: &mut World, random: &Random, of: String) {
    world.requests += 1;
    let id = format!("E{}", world.requests);
    send(world, random, id, of);
}

fn send(world: &mut World, random: &Random, id: String, of: String) {
    let place = random.index(world.hosts.len());
    let Some(host) = &world.hosts[place] else {
        return;
    };
    let Some(engine) = host.engine() else {
        return;
    };
    world.requests += 1;
    let at = world.around.clock.now();
    let (log, mail, number) = (world.log().clone(), world.mail.clone(), host.number);
    log.line(format_args!("host {number} is sent event {id} for {of}"));
    host.spawn(async move {
        match engine.publish(&[event(&id, &of)]).await {
            Ok(_) => {
                log.line(format_args!("host {number} acknowledges event {id}"));
                let mut mail = mail.0.lock();
                // Sent again it is the same event, from when it came first.
                if mail.iter().all(|known| known.id != id) {
                    mail.push(Posted { id, of, at });
                }
            }
            Err(error) => log.line(format_args!("host {number} refuses event {id}: {error}")),
        }
    });
}

fn event(id: &str, of: &str) -> CloudEvent {
    CloudEvent {
        id: id.to_owned(),
        source: SOURCE.to_owned(),
        event_type: ANSWER_TYPE.to_owned(),
        subject: None,
        time: None,
        data_content_type: None,
        data_schema: None,
        extensions: BTreeMap::new(),
        data: EventData::Json(JsonText::object([("id", &JsonText::string(of))])),
    }
}

/// Sends what runs wait for that would wait for ever. Whether there was anything.
pub(crate) fn unblock(world: &mut World) -> bool {
    let random = Random::new(world.log().tick(), 11);
    let runs = world.around.watch.runs();
    let now = world.around.clock.now();
    let endless = |receive: &&ReceiveState| receive.awaited.until.is_none();
    let mut ids = Vec::new();
    let mut acted = false;
    for told in runs.values() {
        let Some(receive) = told.state.open_receives().find(endless) else {
            continue;
        };
        acted = true;
        if now.since(receive.since) >= SETTLED {
            ids.push(payload_of(told));
        }
    }
    if acted && ids.is_empty() {
        world.advance(SETTLED);
    }
    for id in ids {
        send_new(world, &random, id);
    }
    acted
}

fn payload_of(told: &Told) -> String {
    let fields = told.state.created.payload.fields().unwrap_or_default();
    let id = fields.into_iter().find(|(name, _)| *name == "id");
    id.and_then(|(_, id)| id.as_string()).unwrap_or_default()
}

/// The ids of the events that a run has received.
fn received(told: &Told) -> Vec<&str> {
    let events = told.entries.iter().map(|(_, entry)| &entry.event);
    let received = events.filter_map(|event| match event {
        Event::EventReceived(received) => Some(received.id.as_str()),
        _ => None,
    });
    received.collect()
}

/// While every host rests, no run waits for an event that was acknowledged for it.
pub(crate) fn check_at_rest(world: &World) {
    let posted = world.mail.0.lock().clone();
    let now = world.around.clock.now();
    for (run, told) in &world.around.watch.runs() {
        let settled = |receive: &ReceiveState| now.since(receive.since) >= SETTLED;
        if !told.state.open_receives().any(settled) {
            continue;
        }
        let (of, known) = (payload_of(told), received(told));
        let missed = posted.iter().find(|posted| {
            posted.of == of
                && posted.at > told.state.events_from()
                && (SETTLED..SURELY_KEPT).contains(&now.since(posted.at))
                && !known.contains(&posted.id.as_str())
        });
        if let Some(missed) = missed {
            let what = format!("run {run} waits although {} was acknowledged", missed.id);
            world.log().violated("acknowledged-is-kept", what);
        }
    }
}

/// A run gets an event once, however often it was sent.
pub(crate) fn check_once(world: &World, runs: &BTreeMap<RunId, Told>) {
    for (run, told) in runs {
        let mut ids = received(told);
        ids.sort_unstable();
        if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            let what = format!("run {run} received {} twice", twice[0]);
            world.log().violated("events-are-received-once", what);
        }
    }
}
