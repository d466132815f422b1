//! Sources and receivers: recorded cases, and what the host relies on. An event has the same
//! id whenever it comes, and nothing is taken that no key fits.

use super::Findings;
use crate::bench::{Bench, Instance};
use crate::case::CaseFolder;
use crate::told::{ReceiverCase, SourceCase, Told};
use dowel_core::{ErrorKind, JsonText, StepError};
use dowel_flow::validate::Validator;

/// A key that fits no request.
const OTHER_KEY: &str = "another-key-4c1f";

/// Checks every source.
pub(crate) async fn sources(bench: &Bench, folder: &CaseFolder) -> Findings {
    let mut findings = Findings::default();
    for source in &bench.manifest.sources {
        let own = |case: &&SourceCase| case.source == source.name;
        let good = |case: &SourceCase| case.expect.events.as_ref().is_some_and(|e| !e.is_empty());
        if !folder.sources.iter().filter(own).any(good) {
            findings.lack(format!(
                "the source `{}` has no case with events",
                source.name
            ));
        }
    }
    for case in &folder.sources {
        let mut say = |what: String| findings.fail(format!("sources/{}: {what}", case.name));
        let Some(source) = bench.manifest.source(case.source.as_str()) else {
            say(format!("there is no source `{}`", case.source));
            continue;
        };
        let read = bench.read(case, Instance::Warm).await;
        read.strange.into_iter().for_each(&mut say);
        case.expect
            .problems(&read.result)
            .into_iter()
            .for_each(&mut say);
        if let Ok(told) = &read.result {
            unfit(told, &source.event_schema)
                .into_iter()
                .for_each(&mut say);
            let stays = told.cursor.is_none() || told.cursor == case.cursor;
            if stays && !told.events.is_empty() {
                say("there are events, and the cursor stays: they would be read for ever".into());
            }
            for instance in [Instance::Warm, Instance::Fresh] {
                let again = bench.read(case, instance).await.result;
                repeated(told, again).into_iter().for_each(&mut say);
            }
        }
        findings.pass();
    }
    findings
}

/// Checks every receiver.
pub(crate) async fn receivers(bench: &Bench, folder: &CaseFolder) -> Findings {
    let mut findings = Findings::default();
    for receiver in &bench.manifest.receivers {
        let own = |case: &&ReceiverCase| case.receiver == receiver.name;
        let good = |case: &ReceiverCase| case.expect.events.as_ref().is_some_and(|e| !e.is_empty());
        if !folder.receivers.iter().filter(own).any(good) {
            findings.lack(format!(
                "the receiver `{}` has no case with events",
                receiver.name
            ));
        }
    }
    for case in &folder.receivers {
        for what in one(bench, case).await {
            findings.fail(format!("receivers/{}: {what}", case.name));
        }
        findings.pass();
    }
    findings
}

async fn one(bench: &Bench, case: &ReceiverCase) -> Vec<String> {
    let Some(receiver) = bench.manifest.receiver(case.receiver.as_str()) else {
        return vec![format!("there is no receiver `{}`", case.receiver)];
    };
    let received = bench.receive(case, Instance::Warm).await;
    let mut found = received.strange;
    found.extend(case.expect.problems(&received.result));
    let Ok(told) = received.result else {
        return found;
    };
    found.extend(unfit(&told, &receiver.event_schema));
    for instance in [Instance::Warm, Instance::Fresh] {
        found.extend(repeated(&told, bench.receive(case, instance).await.result));
    }
    if told.events.is_empty() {
        return found;
    }
    let mut forged = case.clone();
    forged.key = Some(OTHER_KEY.to_owned());
    let mut changed = case.clone();
    changed.request.body.push(' ');
    for (what, case) in [
        ("a key that does not fit", forged),
        ("a changed body", changed),
    ] {
        match bench.receive(&case, Instance::Warm).await.result {
            Err(error) if error.kind == ErrorKind::Unauthenticated => {}
            Err(error) => found.push(format!("{what} is not `unauthenticated`, but {error}")),
            Ok(_) => found.push(format!("{what} is believed")),
        }
    }
    found
}

/// Events that do not follow the schema of the manifest, and ids that come twice.
fn unfit(told: &Told, schema: &JsonText) -> Vec<String> {
    let mut found = Vec::new();
    match Validator::new(schema) {
        Err(error) => found.push(format!("the schema of the events: {error}")),
        Ok(schema) => {
            for event in &told.events {
                for violation in schema.check(&event.data) {
                    let (id, place) = (&event.id, &violation.pointer);
                    let what = &violation.message;
                    found.push(format!("the data of the event {id}, at `{place}`: {what}"));
                }
            }
        }
    }
    let mut ids = told.ids();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() < told.events.len() {
        found.push("two events have the same id: one of them would be lost".to_owned());
    }
    found
}

/// The same again has to be the same.
fn repeated(first: &Told, again: Result<Told, StepError>) -> Option<String> {
    let what = match again {
        Ok(again) if again.ids() == first.ids() && again.cursor == first.cursor => return None,
        Ok(again) => format!("{:?}", again.ids()),
        Err(error) => error.to_string(),
    };
    let ids = first.ids();
    Some(format!(
        "the same again gives {what}, and {ids:?} before: events would be taken twice"
    ))
}
