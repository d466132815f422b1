//! Journals and plans as they were written, committed beside the tests: whatever this host
//! becomes, a run that began on an earlier one goes on.
//!
//! A fixture is a folder below `fixtures/journals`: `journal.jsonl` has the entries as
//! they lie in the store, `<digest>.json` the large values beside them, and `state.txt`
//! what they fold to. `UPDATE_EXPECT=1` writes what is missing and changes nothing that is
//! there: a fixture that does not fold any more is a defect of the code.

use crate::diagram::{
    arguments, asked, awaited, child_began, child_failed, child_run, command, created, error,
    failed, path,
};
use crate::support::*;
use dowel_core::journal::{
    ChildEnd, Command, Entry, Event, EventReceived, FailedAttempt, HoldReason, OtherPlan,
    StopReason, VERSION,
};
use dowel_core::port::{Batch, Scan, Store};
use dowel_core::{Digest, RunId, SendRecord, StepError, Timestamp};
use dowel_engine::state::{RunState, StepState};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) fn folder(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(kind)
}

fn is_update() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some()
}

/// Writes a file that is not there, if asked.
pub(crate) fn add(file: &Path, text: &str) {
    if is_update() && !file.exists() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
}

pub(crate) fn fixtures(kind: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(kind)).into_iter().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// The names that an enumeration has in journals, from its own words.
pub(crate) fn names<T: serde::de::DeserializeOwned>() -> BTreeSet<String> {
    let Err(error) = serde_json::from_str::<T>(r#"{"?":null}"#) else {
        panic!("`?` is the name of something")
    };
    let text = error.to_string();
    let names = text.split('`').skip(3).step_by(2);
    let names: BTreeSet<String> = names.map(str::to_owned).collect();
    assert!(names.len() > 5, "{text}");
    names
}

fn step_failed(name: &str, attempt: Option<FailedAttempt>) -> Event {
    Event::StepFailed {
        path: path(name),
        attempt,
        error: error(),
        deliberate: false,
    }
}

fn failed_call(name: &str) -> Event {
    let attempt = FailedAttempt {
        number: 1,
        sent: SendRecord::Answered,
        started_at: Timestamp::from_millis(1),
        call: Some(arguments()),
        result: None,
    };
    step_failed(name, Some(attempt))
}

fn intended(name: &str, attempt: u32) -> Event {
    Event::CallIntended {
        path: path(name),
        attempt,
        call: (attempt == 1).then(arguments),
    }
}

fn succeeded_call(name: &str, attempt: u32) -> Event {
    Event::CallSucceeded {
        path: path(name),
        attempt,
        started_at: Timestamp::from_millis(1),
        result: json(r#"{"id":1.10}"#),
        output: Some(json("12345678901234567890")),
        call: None,
    }
}

fn set_value(name: &str) -> Event {
    Event::ValueSet {
        path: path(name),
        value: json(r#"{"total":60.270}"#),
    }
}

fn block_ended(name: &str) -> Event {
    Event::BlockEnded {
        path: path(name),
        result: json(r#"{"n":1}"#),
    }
}

fn succeeded() -> Event {
    Event::Succeeded {
        output: json("1"),
        returned_by: None,
    }
}

fn parked() -> Event {
    Event::Parked {
        error: error(),
        path: Some(path("broken")),
    }
}

/// Calls, values, branches, waits, kept values, an emitted event.
fn order() -> Vec<Event> {
    vec![
        created(),
        Event::Queued {
            behind: RunId::new(Timestamp::default(), [0; 10]),
        },
        Event::StateRead {
            values: json(r#"{"last":7}"#),
            version: 2,
        },
        Event::StepSkipped { path: path("no") },
        intended("invoice", 1),
        failed("invoice", 1, None),
        Event::CallHeld {
            path: path("invoice"),
            attempt: 2,
            reason: HoldReason::Rate,
            until: Some(Timestamp::from_millis(9)),
            call: None,
        },
        intended("invoice", 2),
        succeeded_call("invoice", 2),
        Event::Stopped {},
        set_value("totals"),
        Event::BranchTaken {
            path: path("route"),
            case: Some(1),
        },
        block_ended("route"),
        Event::WaitBegan {
            path: path("pause"),
            until: Timestamp::from_millis(20),
        },
        Event::WaitEnded {
            path: path("pause"),
        },
        Event::Emitted {
            path: path("tell"),
            id: "i".to_owned(),
            event_type: "order.booked".to_owned(),
            data: json("{}"),
        },
        Event::StateWritten {
            values: json(r#"{"last":8}"#),
            version: 3,
            over: None,
        },
        succeeded(),
    ]
}

/// Loops, pages, branches at the same time, errors that are caught; an item that failed is
/// mended afterwards, another one is given up.
fn blocks() -> Vec<Event> {
    let item_failed = |index: usize| {
        let step = format!("list[{index}].x");
        let failed = Event::ItemFailed {
            path: path("list"),
            index,
            step: path(&step),
            error: error(),
        };
        [failed_call(&step), failed]
    };
    let [first, first_ended] = item_failed(0);
    let [second, second_ended] = item_failed(1);
    let item = |repair: bool| {
        let path = path("list");
        if repair {
            command(Command::RetryItem { path, index: 0 })
        } else {
            command(Command::DiscardItem { path, index: 1 })
        }
    };
    vec![
        created(),
        Event::LoopEntered {
            path: path("list"),
            items: json("[1,2,3]"),
        },
        first,
        first_ended,
        second,
        second_ended,
        set_value("list[2].y"),
        Event::ItemEnded {
            path: path("list"),
            index: 2,
            result: json("3"),
            keep: true,
        },
        block_ended("list"),
        Event::PagesEntered {
            path: path("pages"),
            input: json("{}"),
        },
        Event::CallSucceeded {
            path: path("pages~page1"),
            attempt: 1,
            started_at: Timestamp::default(),
            result: json(r#"{"items":[]}"#),
            output: None,
            call: Some(arguments()),
        },
        Event::PageEntered {
            path: path("pages"),
            items: "/items".to_owned(),
            next: None,
            keep: false,
        },
        Event::PageEnded {
            path: path("pages"),
        },
        block_ended("pages"),
        Event::ParallelEntered { path: path("fan") },
        Event::BranchEnded {
            path: path("fan"),
            branch: "left".parse().unwrap(),
            result: json("1"),
        },
        block_ended("fan"),
        Event::TryEntered { path: path("try") },
        step_failed("try[do].x", None),
        Event::Caught {
            path: path("try"),
            clause: 0,
            step: path("try[do].x"),
            error: error(),
        },
        block_ended("try"),
        succeeded(),
        item(false),
        item(true),
        intended("list[0].x", 2),
        succeeded_call("list[0].x", 2),
        Event::ItemRepaired {
            path: path("list"),
            index: 0,
            result: json("1"),
        },
        succeeded(),
    ]
}

/// People decide: an approval that escalates, another one that expires, and the end.
fn people() -> Vec<Event> {
    let decide = Command::Decide {
        path: path("ask"),
        decision: "approved".to_owned(),
        groups: vec!["leads".to_owned()],
    };
    vec![
        created(),
        asked("ask"),
        Event::ApprovalEscalated {
            path: path("ask"),
            index: 0,
        },
        command(decide),
        asked("again"),
        Event::ApprovalExpired {
            path: path("again"),
        },
        command(Command::Cancel { compensate: false }),
        Event::Cancelled {},
    ]
}

/// Events that steps wait for, and that come, do not come, or are not waited for any more.
fn events() -> Vec<Event> {
    vec![
        created(),
        awaited("payment"),
        Event::EventReceived(EventReceived {
            path: path("payment"),
            source: "/bank".to_owned(),
            id: "P1".to_owned(),
            event: json(r#"{"id":"P1","data":{"amount":1.10}}"#),
            output: Some(json(r#"{"amount":1.10}"#)),
        }),
        awaited("late"),
        Event::ReceiveExpired { path: path("late") },
        awaited("open"),
        command(Command::Cancel { compensate: false }),
        Event::Cancelled {},
    ]
}

/// What a person can decide about a run that is parked, one after the other.
fn decisions() -> Vec<Event> {
    let other = OtherPlan {
        version: "1.0.1".parse().unwrap(),
        plan: Digest::of("other"),
        commit: None,
        connectors: BTreeMap::new(),
        mapping: Digest::of("mapping"),
    };
    let edit = Command::EditInput {
        path: path("broken"),
        input: json(r#"{"qty":2}"#),
        idempotency_key: "k2".to_owned(),
    };
    let again = |attempt: u32| {
        let attempt = FailedAttempt {
            number: attempt,
            sent: SendRecord::Sent,
            started_at: Timestamp::from_millis(1),
            call: None,
            result: None,
        };
        [step_failed("broken", Some(attempt)), parked()]
    };
    let mut events = vec![created(), failed_call("broken"), parked()];
    events.push(command(Command::Retry { path: None }));
    events.extend(again(2));
    events.push(command(edit));
    events.extend(again(3));
    events.push(command(Command::RetryOn { path: None, other }));
    events.extend(again(4));
    events.push(command(Command::Complete {
        path: path("broken"),
        output: json("{}"),
    }));
    events.extend([step_failed("second", None), parked()]);
    events.push(command(Command::Skip {
        path: path("second"),
    }));
    events.extend([step_failed("third", None), parked()]);
    events.push(command(Command::Rerun {
        run: RunId::new(Timestamp::from_millis(5), [2; 10]),
    }));
    events
}

/// A part is undone, then all of it.
fn saga() -> Vec<Event> {
    let began = |within: &str| Event::CompensationBegan {
        error: Some(error()),
        path: Some(path("broken")),
        within: within.to_owned(),
    };
    vec![
        created(),
        Event::ParallelEntered { path: path("fan") },
        set_value("fan[left].x"),
        began("fan[left]."),
        Event::CompensationEnded {},
        failed_call("broken"),
        began(""),
        Event::Compensated {
            error: Some(error()),
        },
    ]
}

/// The limit of time, and what a person makes of it.
fn overrun() -> Vec<Event> {
    let error = StepError::host(
        dowel_core::ErrorKind::Timeout,
        dowel_core::code::run::RUN_TIMEOUT,
        "m",
    );
    vec![
        created(),
        Event::Overrun {
            error: error.clone(),
        },
        Event::Failed { error, path: None },
        command(Command::Discard { keep_key: true }),
    ]
}

fn compensated_by_a_person() -> Vec<Event> {
    vec![
        created(),
        failed_call("broken"),
        parked(),
        command(Command::Compensate),
        Event::Compensated {
            error: Some(error()),
        },
    ]
}

/// One journal for each group of events. A new event joins one of these, under a **new**
/// name, or gets a journal of its own.
fn journals() -> Vec<(&'static str, Vec<Event>)> {
    vec![
        ("order", order()),
        ("blocks", blocks()),
        ("people", people()),
        ("decisions", decisions()),
        ("saga", saga()),
        ("events", events()),
        ("overrun", overrun()),
        ("compensated-by-a-person", compensated_by_a_person()),
        ("children", children()),
    ]
}

/// A child that was run again, took too long, and was followed by another one.
fn children() -> Vec<Event> {
    let ended = |attempt, end| Event::ChildEnded {
        path: path("charge"),
        attempt,
        run: child_run(),
        end,
    };
    vec![
        created(),
        child_began("charge", 1, Some(json(r#"{"id":1}"#))),
        Event::ChildReplaced {
            path: path("charge"),
            attempt: 1,
            run: child_run(),
        },
        Event::ChildStopped {
            path: path("charge"),
            attempt: 1,
            run: child_run(),
            reason: StopReason::Timeout,
            compensate: true,
        },
        ended(1, ChildEnd::Cancelled {}),
        child_failed("charge", None),
        child_began("charge", 2, None),
        ended(
            2,
            ChildEnd::Succeeded {
                output: json(r#"{"paid":1.10}"#),
            },
        ),
        Event::ChildConcluded {
            path: path("charge"),
            output: Some(json("1.10")),
        },
        Event::Succeeded {
            output: json("1.10"),
            returned_by: None,
        },
    ]
}

fn lines(events: Vec<Event>) -> String {
    let entries = (0..).zip(events).map(|(seq, event)| Entry {
        v: 1,
        seq,
        at: Timestamp::from_millis(1_000 + seq),
        event,
    });
    let lines = entries.map(|entry| serde_json::to_string(&entry).unwrap() + "\n");
    lines.collect()
}

/// The run of a journal, whose first entry may lack large values.
fn run_of(journal: &str) -> RunId {
    let first = journal.lines().next().unwrap();
    let first: serde_json::Value = serde_json::from_str(first).unwrap();
    let events = [&first["event"], &first["outline"]];
    let run = events
        .iter()
        .find_map(|event| event["created"]["run"].as_str());
    run.unwrap().parse().unwrap()
}

fn with_run(family: u8, run: RunId, rest: &[u8]) -> Vec<u8> {
    [&[family], &run.as_u128().to_be_bytes()[..], rest].concat()
}

/// The entries of a fixture, read as a host reads them from its store.
async fn entries(fixture: &Path) -> Vec<Entry> {
    let journal = fs::read_to_string(fixture.join("journal.jsonl")).unwrap();
    let run = run_of(&journal);
    let mut batch = Batch::default();
    batch.put(with_run(b'j', run, &[0; 8]), journal.into_bytes());
    for file in fs::read_dir(fixture).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|kind| kind == "json") {
            let value = fs::read(&file).unwrap();
            let digest = Digest::of(&value);
            assert_eq!(file.file_stem().unwrap().to_str().unwrap(), digest.hex());
            batch.put(with_run(b'b', run, digest.bytes()), value);
        }
    }
    let world = World::default();
    world.store.commit(batch).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(world.store.clone());
    let engine = world.engine_of(store, Vec::new()).await;
    engine.journal(run).await.unwrap()
}

/// What a state says, in words that do not change.
fn told(state: &RunState) -> String {
    let mut text = String::new();
    let status = state.status.name();
    writeln!(text, "{status} after {} entries", state.next_seq).unwrap();
    for (path, step) in &state.steps {
        let what = match step {
            StepState::Skipped => "skipped".to_owned(),
            StepState::Calling(call) => format!("calling, attempt {}", call.attempt),
            StepState::Retrying { call, retry_at } => {
                format!("retrying after {} at {retry_at}", call.attempt)
            }
            StepState::Done(done) => {
                let value: String = done.value.as_str().chars().take(200).collect();
                format!("done by entry {}: {value}", done.seq)
            }
            StepState::Failed(failed) => {
                let attempts = failed.call.as_ref().map_or(0, |call| call.attempt);
                let (code, handled) = (&failed.error.code, failed.handled);
                format!("failed with {code} after {attempts} attempts, handled: {handled}")
            }
            other => format!("{other:?}")
                .split([' ', '(', '{'])
                .next()
                .unwrap()
                .to_owned(),
        };
        writeln!(text, "{path}: {what}").unwrap();
    }
    for (path, value) in &state.sets {
        writeln!(text, "vars of {path}: {value}").unwrap();
    }
    if let Some(kept) = &state.kept {
        writeln!(text, "kept, version {}: {}", kept.version, kept.values).unwrap();
    }
    if let Some((error, path)) = &state.error {
        let path = path.as_ref().map_or("nowhere", |path| path.as_str());
        writeln!(text, "error {} at {path}", error.code).unwrap();
    }
    for (path, settled) in &state.approvals {
        let decision = settled.decision.as_deref().unwrap_or("expired");
        writeln!(text, "{path}: {decision} by {}", settled.by).unwrap();
    }
    text
}

/// A run of today's host with a large value, as its rows lie in the store.
async fn write_large() {
    let fixture = folder("journals/large-values");
    if !is_update() || fixture.exists() {
        return;
    }
    let world = World::default();
    let payload = format!(
        r#"{{"id":"A1","customer":"{}","total":60.270}}"#,
        "n".repeat(20_000)
    );
    world.run(order_plan(), &payload).await;
    let rows = |family: &'static str| world.store.scan(Scan::prefix(family, 99));
    let pages = rows("j").await.unwrap();
    let text = pages.iter().map(|(_, page)| String::from_utf8_lossy(page));
    add(&fixture.join("journal.jsonl"), &text.collect::<String>());
    for (_, value) in rows("b").await.unwrap() {
        let name = format!("{}.json", Digest::of(&value).hex());
        add(&fixture.join(name), std::str::from_utf8(&value).unwrap());
    }
}

#[tokio::test]
async fn journals_of_earlier_hosts_fold_to_what_they_did() {
    for (name, events) in journals() {
        let file = folder("journals").join(name).join("journal.jsonl");
        add(&file, &lines(events));
        assert!(
            file.exists(),
            "there is no fixture `{name}`: write it with UPDATE_EXPECT=1"
        );
    }
    write_large().await;
    let fixtures = fixtures("journals");
    assert!(fixtures.len() >= 9, "fixtures are never removed");
    for fixture in fixtures {
        let entries = entries(&fixture).await;
        let state = RunState::fold(&entries)
            .unwrap_or_else(|error| panic!("{}: {error}", fixture.display()));
        let expected = fixture.join("state.txt");
        add(&expected, &told(&state));
        let expected = fs::read_to_string(expected).unwrap();
        assert_eq!(told(&state), expected, "{}", fixture.display());
        for end in 1..entries.len() {
            RunState::fold(&entries[..end]).unwrap();
        }
    }
}

#[tokio::test]
async fn every_event_and_every_command_has_a_fixture() {
    let (mut events, mut commands) = (BTreeSet::new(), BTreeSet::new());
    let mut versions = BTreeSet::new();
    for fixture in fixtures("journals") {
        let journal = fs::read_to_string(fixture.join("journal.jsonl")).unwrap();
        for line in journal.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            versions.insert(line["v"].as_u64());
        }
        for entry in entries(&fixture).await {
            let event = serde_json::to_value(&entry.event).unwrap();
            events.extend(event.as_object().unwrap().keys().cloned());
            match &event["commanded"]["command"] {
                serde_json::Value::String(name) => drop(commands.insert(name.clone())),
                serde_json::Value::Object(fields) => commands.extend(fields.keys().cloned()),
                _ => {}
            }
        }
    }
    let missing = |all: BTreeSet<String>, there: &BTreeSet<String>| {
        all.difference(there).cloned().collect::<Vec<_>>()
    };
    let none: Vec<String> = Vec::new();
    let hint = "add a journal with it to `journals()` and run this with UPDATE_EXPECT=1";
    assert_eq!(missing(names::<Event>(), &events), none, "events: {hint}");
    assert_eq!(
        missing(names::<Command>(), &commands),
        none,
        "commands: {hint}"
    );
    let all: BTreeSet<_> = (1..=u64::from(VERSION)).map(Some).collect();
    assert_eq!(versions, all, "every format has a fixture");
}
