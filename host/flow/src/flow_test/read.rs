//! From the file as it is written to cases.

use super::check::Names;
use super::{Answer, Case, FORMAT, Outcome, Payload};
use crate::diagnostic::{Report, Severity};
use crate::lower::file_within;
use crate::plan::Plan;
use crate::shape::{Any, Key, MapOf, Text};
use crate::source::FlowFolder;
use crate::surface::test::{self as written, Given, SentName, TestCase, TestFile};
use crate::template::constant;
use crate::text::{Source, Span};
use crate::yaml::{Node, Plain};
use dowel_core::cloud_event::SPEC_VERSION;
use dowel_core::code::flow as code;
use dowel_core::{CloudEvent, ErrorKind, JsonText, SendRecord, StepError, Timestamp, time};
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// When a case begins that does not say when: 2026-01-01T00:00:00Z.
const DEFAULT_NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// The code of a mocked failure that does not name one.
const DEFAULT_CODE: &str = "mock";

/// Every case of a file. `None` if something in it is wrong.
pub(super) fn cases(
    file: &TestFile,
    folder: &FlowFolder,
    plans: (&Plan, &[Plan]),
    report: &mut Report,
) -> Option<Vec<Case>> {
    if file.tests.value.0 != FORMAT {
        let message = format!("the test format `{}` is not known", file.tests.value.0);
        let found = report.error(code::TEST_LANGUAGE, file.tests.span, message);
        found.help(format!("write `tests: {FORMAT}`"));
    }
    if file.cases.value.is_empty() {
        let message = "a test file needs at least one case";
        report.error(code::EMPTY_LIST, file.cases.span, message);
    }
    let mut reader = Reader {
        names: Names::of(plans),
        folder,
        file,
        report,
    };
    if let Some(mocks) = &file.mocks {
        reader.names.check_mocks(mocks, reader.report);
    }
    let mut seen = HashSet::new();
    let mut out = Some(Vec::new());
    for case in &file.cases.value {
        if !seen.insert(case.name.value.0.as_str()) {
            let message = format!("there is another case `{}`", case.name.value.0);
            let report = &mut *reader.report;
            report.error(code::TEST_CASE_REPEATED, case.name.span, message);
        }
        match (reader.case(case), &mut out) {
            (Some(case), Some(out)) => out.push(case),
            _ => out = None,
        }
    }
    out
}

/// Who sends an event in a case that does not say.
const DEFAULT_SOURCE: &str = "/test";

/// Who decides in a case that does not say.
const DEFAULT_PERSON: &str = "tester";

pub(super) struct Reader<'a> {
    pub(super) names: Names<'a>,
    folder: &'a FlowFolder,
    file: &'a TestFile,
    pub(super) report: &'a mut Report,
}

impl Reader<'_> {
    fn case(&mut self, case: &TestCase) -> Option<Case> {
        if let Some(mocks) = &case.mocks {
            self.names.check_mocks(mocks, self.report);
        }
        self.names.check_expect(&case.expect.checked, self.report);
        let expect = constant(&case.expect.node, "expect", self.report);
        self.expects_something(case);
        let payloads = self.payloads(case);
        if let Some(payloads) = &payloads {
            super::check::check_runs(&case.expect.checked, payloads.len(), self.report);
        }
        let env = self.env(case);
        let state = self.state(case);
        let tests_schema = expect
            .as_ref()
            .is_some_and(|expect| expect.as_str().contains("DWL-2108"));
        let mocks = self.mocks(case, tests_schema);
        let given = [case.given.as_ref(), self.file.given.as_ref()];
        let now = given.into_iter().flatten().find_map(|given| given.now);
        Some(Case {
            name: case.name.value.0.clone(),
            position: self.report.source().position(case.span.start),
            payloads: payloads?,
            now: now.map_or(DEFAULT_NOW, |now| now.0),
            env: env?,
            state: state?,
            mocks: mocks?,
            expect: expect?,
        })
    }

    /// `expect: {}` may stand in a file only until the next `--update`, which is
    /// why it is a warning: the runner fails the case.
    fn expects_something(&mut self, case: &TestCase) {
        if matches!(&case.expect.node, Node::Map(entries, _) if entries.is_empty()) {
            let message = "the case expects nothing";
            let span = case.expect.node.span();
            let found = self.report.warning(code::EXPECT_NOTHING, span, message);
            found.help("write what has to come of it, or run `dowel test --update` and read what it writes");
        }
    }

    fn payloads(&mut self, case: &TestCase) -> Option<Vec<Payload>> {
        let has_payload = |given: &&Given| given.trigger.is_some() || given.payloads.is_some();
        let all = [case.given.as_ref(), self.file.given.as_ref()];
        let Some(given) = all.into_iter().flatten().find(has_payload) else {
            return Some(vec![Payload {
                via: None,
                json: JsonText::object([]),
                headers: BTreeMap::new(),
                after: Duration::ZERO,
            }]);
        };
        let headers = all.into_iter().flatten().find_map(|g| g.headers.as_ref());
        let via = all.into_iter().flatten().find_map(|g| g.via.as_ref());
        if let Some(via) = via {
            self.names.check_trigger(via, self.report);
        }
        let via = via.map(|via| via.value.to_string());
        match (&given.trigger, &given.payloads) {
            (Some(trigger), None) => Some(vec![Payload {
                json: self.json(trigger, "trigger")?,
                headers: self::headers(headers),
                via,
                after: Duration::ZERO,
            }]),
            (None, Some(payloads)) if !payloads.value.is_empty() => {
                let read = payloads.value.iter().map(|payload| {
                    if let Some(via) = &payload.via {
                        self.names.check_trigger(via, self.report);
                    }
                    let own = payload.via.as_ref().map(|via| via.value.to_string());
                    Some(Payload {
                        json: self.json(&payload.trigger, "payloads")?,
                        headers: self::headers(payload.headers.as_ref().or(headers)),
                        via: own.or_else(|| via.clone()),
                        after: payload.after.unwrap_or_default(),
                    })
                });
                read.collect::<Vec<_>>().into_iter().collect()
            }
            (None, Some(payloads)) => {
                let message = "a case needs at least one payload";
                self.report.error(code::EMPTY_LIST, payloads.span, message);
                None
            }
            _ => {
                let message = "`trigger` and `payloads` exclude each other";
                self.report.error(code::GIVEN_PAYLOADS, given.span, message);
                None
            }
        }
    }

    /// A fixture, or the value itself.
    fn json(&mut self, value: &Any, key: &str) -> Option<JsonText> {
        let Node::Scalar(scalar) = &value.0 else {
            return constant(&value.0, key, self.report);
        };
        if scalar.resolve() != Plain::Text {
            return constant(&value.0, key, self.report);
        }
        let (path, text) = file_within(self.folder, &scalar.text, scalar.span, self.report)?;
        match JsonText::parse_strict(text) {
            Ok(json) => Some(json),
            Err(error) => {
                let shown = crate::compile::path_in(self.folder, &path);
                let source = Source::new(&shown, text);
                // What repeats a key is JSON to the plain parser, and has no place.
                let at = serde_json::from_str::<serde_json::Value>(text).err();
                let at = at.map_or(0, |error| source.offset(error.line(), error.column()));
                let message = "the fixture is not JSON".to_owned();
                let (severity, span) = (Severity::Error, Span::at(at));
                let code = code::FIXTURE_NOT_JSON;
                let found = self.report.add(severity, code, &source, span, message);
                found.help(error.to_string());
                None
            }
        }
    }

    fn env(&mut self, case: &TestCase) -> Option<JsonText> {
        let all = [case.given.as_ref(), self.file.given.as_ref()];
        match all.into_iter().flatten().find_map(|g| g.env.as_ref()) {
            None => Some(JsonText::object([])),
            Some(Any(node @ Node::Map(..))) => constant(node, "env", self.report),
            Some(Any(node)) => {
                crate::shape::expected("a map", node, self.report);
                None
            }
        }
    }

    fn state(&mut self, case: &TestCase) -> Option<BTreeMap<String, JsonText>> {
        let all = [case.given.as_ref(), self.file.given.as_ref()];
        let given = all.into_iter().flatten().find_map(|g| g.state.as_ref());
        let mut out = Some(BTreeMap::new());
        for (name, value) in given.iter().flat_map(|given| &given.0) {
            self.names.check_state(name, self.report);
            match (constant(&value.0, "state", self.report), &mut out) {
                (Some(value), Some(out)) => {
                    out.insert(name.value.to_string(), value);
                }
                _ => out = None,
            }
        }
        out
    }

    fn mocks(
        &mut self,
        case: &TestCase,
        tests_schema: bool,
    ) -> Option<BTreeMap<String, Vec<Answer>>> {
        let mut out = BTreeMap::new();
        let mut complete = true;
        for mocks in [self.file.mocks.as_ref(), case.mocks.as_ref()]
            .into_iter()
            .flatten()
        {
            for (name, answers) in &mocks.0 {
                let mut read = Vec::new();
                for answer in &answers.0 {
                    let several = match &answer.pages {
                        Some(pages) => self.pages(&name.value.0, answer, pages),
                        None => self
                            .answer(&name.value.0, answer, tests_schema)
                            .map(|answer| vec![answer]),
                    };
                    complete &= several.is_some();
                    read.extend(several.unwrap_or_default());
                }
                out.insert(name.value.0.clone(), read);
            }
        }
        complete.then_some(out)
    }

    fn answer(
        &mut self,
        name: &str,
        answer: &written::Answer,
        tests_schema: bool,
    ) -> Option<Answer> {
        let outcome = match (&answer.returns, answer.fail) {
            _ if self.names.is_approval(name) => self.decision(name, answer)?,
            _ if self.names.receives(name).is_some() => self.event(name, answer)?,
            (Some(value), None) => {
                self.refuse_failure_keys(answer);
                let json = constant(&value.0, "return", self.report)?;
                if !tests_schema {
                    let span = value.0.span();
                    self.names.check_return(name, &json, span, self.report);
                }
                Outcome::Return(json)
            }
            (None, Some(kind)) => self.failure(kind, answer)?,
            _ => {
                let message = "an answer has exactly one of `return`, `pages` and `fail`";
                self.report.error(code::MOCK_CHOICE, answer.span, message);
                return None;
            }
        };
        if let Some(times) = answer.times.as_ref().filter(|times| times.value == 0) {
            let message = "the value is out of range: 1 or more";
            self.report.error(code::OUT_OF_RANGE, times.span, message);
        }
        let with = answer.with.as_ref();
        let with = with.map(|with| constant(&with.0, "with", self.report));
        let item = answer.item.map(usize::try_from).transpose();
        Some(Answer {
            outcome,
            after: answer.after.unwrap_or_default(),
            times: answer.times.as_ref().map(|times| times.value),
            item: item.ok()?,
            with: match with {
                Some(with) => Some(with?),
                None => None,
            },
        })
    }

    /// What becomes of an approval.
    fn decision(&mut self, name: &str, answer: &written::Answer) -> Option<Outcome> {
        let own = ["decide", "by", "comment", "after", "times", "item"];
        self.refuse_foreign_keys(answer, &own, &format!("`{name}` is an approval"));
        let Some(decide) = &answer.decide else {
            return Some(Outcome::Silence);
        };
        self.names.check_decision(name, decide, self.report)?;
        let text = |text: &Option<Text>| text.as_ref().map(|text| text.0.clone());
        Some(Outcome::Decide {
            decision: decide.value.to_string(),
            by: text(&answer.by).unwrap_or_else(|| DEFAULT_PERSON.to_owned()),
            comment: text(&answer.comment),
        })
    }

    /// The event that comes for a step.
    fn event(&mut self, name: &str, answer: &written::Answer) -> Option<Outcome> {
        let own = ["event", "after", "times", "item"];
        self.refuse_foreign_keys(answer, &own, &format!("`{name}` waits for an event"));
        let Some(Any(node)) = &answer.event else {
            return Some(Outcome::Silence);
        };
        let Node::Map(..) = node else {
            crate::shape::expected("a map", node, self.report);
            return None;
        };
        let json = constant(node, "event", self.report)?;
        let fields = json.fields().unwrap_or_default();
        let written = fields.iter().find(|(name, _)| name == "id");
        let id = written.and_then(|(_, id)| id.as_string());
        let mut attributes: Vec<(String, JsonText)> = fields;
        let event_type = self.names.receives(name).unwrap_or_default();
        let usual = [
            ("specversion", SPEC_VERSION),
            ("id", name),
            ("source", DEFAULT_SOURCE),
            ("type", event_type),
        ];
        for (name, value) in usual {
            if !attributes.iter().any(|(other, _)| other == name) {
                attributes.push((name.to_owned(), JsonText::string(value)));
            }
        }
        let fields = attributes.iter();
        let json = JsonText::object(fields.map(|(name, value)| (name.as_str(), value)));
        match CloudEvent::parse(&json) {
            Ok(event) => Some(Outcome::Event {
                event: Box::new(event),
                id,
            }),
            Err(error) => {
                let message = format!("this is no CloudEvent: {error}");
                let found = self.report.error(code::BAD_FORM, node.span(), message);
                found.help("write `event: { data: … }`, with `type` where the step takes several");
                None
            }
        }
    }

    fn refuse_foreign_keys(&mut self, answer: &written::Answer, own: &[&str], what: &str) {
        let is_foreign = |key: &str| !own.contains(&key) && !key.starts_with("x-");
        for (key, span) in answer.keys.iter().filter(|(key, _)| is_foreign(key)) {
            let message = format!("`{key}` means nothing here: {what}");
            self.report.error(code::MOCK_KEY, *span, message);
        }
    }

    fn failure(&mut self, kind: ErrorKind, answer: &written::Answer) -> Option<Outcome> {
        let text = |text: &Option<Text>| text.as_ref().map(|text| text.0.clone());
        let details = answer.details.as_ref();
        let details = details.map(|details| constant(&details.0, "details", self.report));
        let details = match details {
            Some(details) => Some(details?),
            None => None,
        };
        let error = StepError {
            kind,
            code: text(&answer.code).unwrap_or_else(|| DEFAULT_CODE.to_owned()),
            message: text(&answer.message).unwrap_or_else(|| format!("the mock says {kind}")),
            details,
            retry_after_ms: answer.retry_after.map(time::millis),
            place: None,
        };
        let sent = match (answer.sent, kind) {
            (Some(SentName::NotSent), _) => SendRecord::NotSent,
            (Some(SentName::Sent), _) => SendRecord::Sent,
            (Some(SentName::Answered), _) => SendRecord::Answered,
            (None, ErrorKind::Timeout | ErrorKind::UnknownOutcome) => SendRecord::Sent,
            (None, _) => SendRecord::Answered,
        };
        Some(Outcome::Fail { error, sent })
    }

    fn refuse_failure_keys(&mut self, answer: &written::Answer) {
        let foreign = [
            "code",
            "message",
            "details",
            "retry_after",
            "sent",
            "decide",
            "by",
            "comment",
            "event",
        ];
        for (key, span) in &answer.keys {
            if foreign.contains(&key.as_str()) {
                let message = format!("`{key}` describes a failure, and this answer returns");
                self.report.error(code::MOCK_KEY, *span, message);
            }
        }
    }
}

fn headers(headers: Option<&MapOf<Key, Text>>) -> BTreeMap<String, String> {
    let headers = headers.iter().flat_map(|headers| &headers.0);
    headers
        .map(|(name, value)| (name.value.0.to_lowercase(), value.0.clone()))
        .collect()
}
