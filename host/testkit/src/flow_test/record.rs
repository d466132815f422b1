//! A case made of a real run.

use super::fake::fake_in;
use dowel_core::code::run as code;
use dowel_core::journal::{
    CallArguments, ChildBegan, ChildEnd, Entry, Event, RunCreated, StopReason,
};
use dowel_core::units::format_duration;
use dowel_core::{ErrorKind, JsonText, SendRecord, StepError, StepPath};
use dowel_engine::mask::MASK;
use dowel_flow::plan::Plan;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

use super::Specs;
use super::decisions::Decisions;
use super::observe::{Intake, MadeCall, Observed, ObservedRun};

/// A case made of a run.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The case, as it stands in a test file. It expects what the run came to.
    pub case: JsonText,
    /// Places whose values were masked, and hold made-up ones now.
    pub faked: Vec<String>,
}

/// Makes a case of a run's journal. Masked values are replaced by made-up ones that
/// satisfy the schemas of `plan` and `specs`. `None` if the journal is not one.
pub fn record(entries: &[Entry], plan: &Plan, specs: &Specs, name: &str) -> Option<Recorded> {
    let Event::Created(created) = &entries.first()?.event else {
        return None;
    };
    let mut unmask = Unmask::default();
    let given = given(created, entries, plan, &mut unmask);
    let mut calls = Calls::default();
    let mut decisions = Decisions::default();
    for entry in entries {
        calls.add(&entry.event);
        decisions.add(entry);
    }
    let mocks: Vec<(String, JsonText)> = calls
        .answers
        .iter()
        .map(|(name, answers)| {
            let schema = specs.get(name).map(|spec| spec.output_schema.to_value());
            (
                name.clone(),
                mock(name, answers, schema.as_ref(), &mut unmask),
            )
        })
        .chain(decisions.mocks())
        .collect();
    let sent = super::record_events::events(entries);
    let sent = sent.iter().map(|(step, answers)| {
        let place = format!("mocks.{step}");
        let answers = match answers.as_slice() {
            [only] => only.clone(),
            many => JsonText::array(many),
        };
        (step.clone(), unmask.value(&answers, &place, None))
    });
    let mocks: Vec<(String, JsonText)> = mocks.into_iter().chain(sent).collect();
    let run = ObservedRun {
        intake: Intake::Accepted,
        run: Some(created.run),
        refusal: None,
        violations: Vec::new(),
        entries: entries.to_vec(),
        story: None,
    };
    let observed = Observed {
        runs: vec![run],
        calls: calls.made,
        unanswered: Vec::new(),
        unreceived: Vec::new(),
    };
    let expect = super::judge::summary(&observed);
    let mocks = JsonText::object(mocks.iter().map(|(name, mock)| (name.as_str(), mock)));
    let case = JsonText::object([
        ("name", &JsonText::string(name)),
        ("given", &given),
        ("mocks", &mocks),
        ("expect", &expect),
    ]);
    Some(Recorded {
        case,
        faked: unmask.places,
    })
}

fn given(created: &RunCreated, entries: &[Entry], plan: &Plan, unmask: &mut Unmask) -> JsonText {
    let trigger = plan.trigger(&created.trigger);
    let schema = trigger.and_then(|trigger| trigger.schema.as_ref());
    let schema = schema.map(JsonText::to_value);
    let payload = unmask.value(&created.payload, "given.trigger", schema.as_ref());
    let mut fields = vec![("trigger", payload)];
    if plan.triggers.len() > 1 {
        fields.push(("via", JsonText::string(&created.trigger)));
    }
    if let Some(first) = entries.first() {
        fields.push(("now", JsonText::string(&first.at.to_string())));
    }
    let event = created.event.fields().unwrap_or_default();
    let headers = event.into_iter().find(|(name, _)| name == "headers");
    let headers = headers.map(|(_, headers)| unmask.value(&headers, "given.headers", None));
    let env = unmask.value(&created.env, "given.env", None);
    let has_fields = |json: &JsonText| json.fields().is_some_and(|fields| !fields.is_empty());
    fields.extend(Some(env).filter(has_fields).map(|env| ("env", env)));
    fields.extend(
        headers
            .filter(has_fields)
            .map(|headers| ("headers", headers)),
    );
    JsonText::object(fields.iter().map(|(name, value)| (*name, value)))
}

/// What a call came to once.
#[derive(Clone, Debug, PartialEq)]
struct Answered {
    item: Option<usize>,
    outcome: Result<JsonText, (StepError, SendRecord)>,
}

/// The calls of a journal.
#[derive(Default)]
struct Calls {
    names: BTreeMap<StepPath, String>,
    answers: BTreeMap<String, Vec<Answered>>,
    made: Vec<MadeCall>,
    /// Why runs of other flows were stopped.
    stopped: BTreeMap<StepPath, StopReason>,
}

impl Calls {
    fn add(&mut self, event: &Event) {
        match event {
            Event::CallIntended { path, call, .. } => self.begin(path, call.as_ref()),
            Event::AttemptFailed {
                path,
                attempt,
                error,
                sent,
                call,
                ..
            } => {
                self.begin(path, call.as_ref());
                self.end(path, *attempt, Err((error.clone(), *sent)));
            }
            Event::CallSucceeded {
                path,
                attempt,
                result,
                call,
                ..
            } => {
                self.begin(path, call.as_ref());
                self.end(path, *attempt, Ok(result.clone()));
            }
            Event::StepFailed {
                path,
                attempt: Some(failed),
                error,
                ..
            } => {
                self.begin(path, failed.call.as_ref());
                let outcome = match &failed.result {
                    Some(result) => Ok(result.clone()),
                    None => Err((error.clone(), failed.sent)),
                };
                self.end(path, failed.number, outcome);
            }
            Event::ChildBegan(began) => self.begin_run(began),
            Event::ChildStopped { path, reason, .. } => {
                self.stopped.insert(path.clone(), *reason);
            }
            Event::ChildEnded {
                path, attempt, end, ..
            } => {
                let reason = self.stopped.remove(path);
                self.end(path, *attempt, came_to(end, reason));
            }
            _ => {}
        }
    }

    /// A run of another flow is answered under the id of its step.
    fn begin_run(&mut self, began: &ChildBegan) {
        let path = &began.path;
        self.names.insert(path.clone(), path.id().to_owned());
        if let Some(payload) = &began.payload {
            self.made.push(MadeCall {
                name: super::runs::named(&began.flow),
                step: path.to_string(),
                attempts: 0,
                input: payload.clone(),
                key: String::new(),
                is_mocked: true,
            });
        }
        if began.detached {
            let id = JsonText::string(&began.run.to_string());
            self.end(path, began.attempt, Ok(JsonText::object([("run", &id)])));
        }
    }

    fn begin(&mut self, path: &StepPath, call: Option<&CallArguments>) {
        let Some(call) = call else { return };
        let name = format!("{}.{}", call.connection, call.operation);
        self.names.insert(path.clone(), name.clone());
        self.made.push(MadeCall {
            name,
            step: path.to_string(),
            attempts: 0,
            input: call.input.clone(),
            key: call.idempotency_key.clone(),
            is_mocked: true,
        });
    }

    fn end(
        &mut self,
        path: &StepPath,
        attempt: u32,
        outcome: Result<JsonText, (StepError, SendRecord)>,
    ) {
        let Some(name) = self.names.get(path) else {
            return;
        };
        let item = super::mocks::item(path.as_str());
        let answers = self.answers.entry(name.clone()).or_default();
        answers.push(Answered { item, outcome });
        let made = self.made.iter_mut().rev();
        if let Some(call) = made.into_iter().find(|call| call.step == path.as_str()) {
            call.attempts = attempt;
        }
    }
}

/// What a step is told of its child.
fn came_to(
    end: &ChildEnd,
    stopped: Option<StopReason>,
) -> Result<JsonText, (StepError, SendRecord)> {
    let error = match (end, stopped) {
        (ChildEnd::Succeeded { output }, _) => return Ok(output.clone()),
        (ChildEnd::Failed { error }, _) => error.clone(),
        (ChildEnd::Cancelled {}, Some(StopReason::Timeout)) => StepError::host(
            ErrorKind::Timeout,
            code::CHILD_TIMEOUT,
            "the run did not end in time",
        ),
        (ChildEnd::Cancelled {}, _) => StepError::host(
            ErrorKind::Rejected,
            code::CHILD_CANCELLED,
            "the run was cancelled",
        ),
    };
    // What the mock is taken as, so that nothing has to be said about it.
    let sent = match error.kind {
        ErrorKind::Timeout | ErrorKind::UnknownOutcome => SendRecord::Sent,
        _ => SendRecord::Answered,
    };
    Err((error, sent))
}

/// One answer, or the list of them; equal ones that follow each other are one.
fn mock(name: &str, answers: &[Answered], schema: Option<&Value>, unmask: &mut Unmask) -> JsonText {
    let mut grouped: Vec<(&Answered, u32)> = Vec::new();
    for answer in answers {
        match grouped.last_mut() {
            Some((last, times)) if *last == answer => *times += 1,
            _ => grouped.push((answer, 1)),
        }
    }
    let last = grouped.len().saturating_sub(1);
    let written: Vec<JsonText> = grouped
        .iter()
        .enumerate()
        .map(|(index, (answer, times))| {
            let place = format!("mocks.{name}[{index}]");
            let times = (index < last && *times > 1).then_some(*times);
            answer_document(answer, times, &place, schema, unmask)
        })
        .collect();
    match written.as_slice() {
        [only] => only.clone(),
        many => JsonText::array(many),
    }
}

fn answer_document(
    answer: &Answered,
    times: Option<u32>,
    place: &str,
    schema: Option<&Value>,
    unmask: &mut Unmask,
) -> JsonText {
    let mut fields: Vec<(&str, JsonText)> = Vec::new();
    match &answer.outcome {
        Ok(result) => {
            let result = unmask.value(result, &format!("{place}.return"), schema);
            fields.push(("return", result));
        }
        Err((error, sent)) => {
            fields.push(("fail", JsonText::string(error.kind.name())));
            fields.push(("code", JsonText::string(&error.code)));
            fields.push(("message", JsonText::string(&error.message)));
            if let Some(details) = &error.details {
                let details = unmask.value(details, &format!("{place}.details"), None);
                fields.push(("details", details));
            }
            if let Some(millis) = error.retry_after_ms {
                let text = format_duration(Duration::from_millis(millis));
                fields.push(("retry_after", JsonText::string(&text)));
            }
            let usual = match error.kind {
                ErrorKind::Timeout | ErrorKind::UnknownOutcome => SendRecord::Sent,
                _ => SendRecord::Answered,
            };
            if *sent != usual {
                fields.extend(JsonText::of(sent).ok().map(|sent| ("sent", sent)));
            }
        }
    }
    let times = times.and_then(|times| JsonText::of(&times).ok());
    let item = answer.item.and_then(|item| JsonText::of(&item).ok());
    fields.extend(times.map(|times| ("times", times)));
    fields.extend(item.map(|item| ("item", item)));
    JsonText::object(fields.iter().map(|(name, value)| (*name, value)))
}

/// Puts made-up values where masks are.
#[derive(Default)]
struct Unmask {
    places: Vec<String>,
}

impl Unmask {
    fn value(&mut self, json: &JsonText, place: &str, schema: Option<&Value>) -> JsonText {
        let root = schema.unwrap_or(&Value::Null);
        self.walk(json, place, schema, root)
    }

    fn walk(
        &mut self,
        json: &JsonText,
        place: &str,
        schema: Option<&Value>,
        root: &Value,
    ) -> JsonText {
        if let Some(fields) = json.fields() {
            let walked: Vec<(String, JsonText)> = fields
                .into_iter()
                .map(|(name, value)| {
                    let below = schema.and_then(|schema| property(schema, root, &name));
                    let value = self.walk(&value, &format!("{place}.{name}"), below, root);
                    (name, value)
                })
                .collect();
            return JsonText::object(walked.iter().map(|(name, value)| (name.as_str(), value)));
        }
        if let Some(items) = json.items() {
            let below = schema.and_then(|schema| resolve(schema, root).get("items"));
            let walked: Vec<JsonText> = items
                .iter()
                .enumerate()
                .map(|(index, item)| self.walk(item, &format!("{place}[{index}]"), below, root))
                .collect();
            return JsonText::array(&walked);
        }
        if json.as_string().is_some_and(|text| text == MASK) {
            self.places.push(place.to_owned());
            return match schema {
                Some(schema) => fake_in(schema, root),
                None => JsonText::string("made-up"),
            };
        }
        json.clone()
    }
}

fn resolve<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    let pointer = schema["$ref"].as_str();
    let target = pointer.and_then(|pointer| root.pointer(pointer.trim_start_matches('#')));
    target.unwrap_or(schema)
}

/// The schema of a property, wherever the schema says it.
fn property<'s>(schema: &'s Value, root: &'s Value, name: &str) -> Option<&'s Value> {
    let schema = resolve(schema, root);
    if let Some(found) = schema["properties"].get(name) {
        return Some(found);
    }
    ["oneOf", "anyOf", "allOf"].iter().find_map(|key| {
        let parts = schema[*key].as_array()?;
        parts
            .iter()
            .find_map(|part| resolve(part, root)["properties"].get(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn masks_become_values_of_their_schemas() {
        let schema = json!({ "properties": {
            "api_key": { "type": "string", "minLength": 8 },
            "cards": { "items": { "$ref": "#/$defs/card" } },
        }, "$defs": { "card": { "properties": { "pin": { "type": "integer", "minimum": 1000 } } } } });
        let masked =
            JsonText::parse(r#"{"api_key":"•••","id":1.10,"cards":[{"pin":"•••"}],"token":"•••"}"#);
        let mut unmask = Unmask::default();
        let made = unmask.value(&masked.unwrap(), "given.trigger", Some(&schema));
        assert_eq!(
            made.as_str(),
            r#"{"api_key":"textxxxx","id":1.10,"cards":[{"pin":1000}],"token":"made-up"}"#
        );
        assert_eq!(
            unmask.places,
            [
                "given.trigger.api_key",
                "given.trigger.cards[0].pin",
                "given.trigger.token"
            ]
        );
    }
}
