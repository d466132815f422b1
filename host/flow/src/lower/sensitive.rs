//! JSON Pointers of values that are masked on reading.

use super::Lowering;
use super::files::SchemaFile;
use super::step::Lowered;
use crate::check::{Known, Leads};
use crate::plan::StepKind;
use crate::shape::{Located, Text, did_you_mean};
use crate::surface::flow::Trigger as WrittenTrigger;
use crate::surface::step::Step as Written;
use dowel_core::code::reference as code;
use dowel_core::pointer;

/// Pointers as they are written.
type Pointers = Option<Vec<Located<Text>>>;

impl Lowering<'_> {
    /// The pointers of a trigger, into its payload.
    pub(super) fn trigger_pointers(
        &mut self,
        trigger: &WrittenTrigger,
        schema: Option<&Option<SchemaFile>>,
    ) -> Option<Vec<String>> {
        let webhook = trigger.webhook.as_ref().map(|webhook| &webhook.sensitive);
        let manual = trigger.manual.as_ref().map(|manual| &manual.sensitive);
        let event = trigger.event.as_ref().map(|event| &event.sensitive);
        let poll = trigger.poll.as_ref().map(|poll| &poll.sensitive);
        let written = webhook.or(manual).or(event).or(poll).unwrap_or(&None);
        let payload = match schema {
            Some(Some(schema)) => schema.known.clone(),
            _ => Known::Any,
        };
        self.pointers(written, &[payload])
    }

    /// The pointers of a step, into its input and its value.
    pub(super) fn step_pointers(
        &mut self,
        step: &Written,
        lowered: Option<&Lowered>,
        schema: Option<&Option<SchemaFile>>,
    ) -> Option<Vec<String>> {
        let mut places = Vec::new();
        match lowered {
            Some((StepKind::Call(call), known)) => {
                let input = call.input_schema.as_ref();
                places.push(input.map_or(Known::Any, Known::schema));
                places.push(Known::schema(&call.result_schema));
                places.push(known.clone());
            }
            Some((StepKind::Set { .. }, known)) => places.push(known.clone()),
            // What is shown, the items of a list and the data of an event have no schema.
            _ => places.push(Known::Any),
        }
        if let Some(Some(schema)) = schema {
            places.push(schema.known.clone());
        }
        self.pointers(&step.sensitive, &places)
    }

    fn pointers(&mut self, written: &Pointers, places: &[Known]) -> Option<Vec<String>> {
        let mut pointers = Some(Vec::new());
        for one in written.iter().flatten() {
            match (self.pointer(one, places), &mut pointers) {
                (Some(pointer), Some(pointers)) => pointers.push(pointer),
                _ => pointers = None,
            }
        }
        pointers
    }

    fn pointer(&mut self, written: &Located<Text>, places: &[Known]) -> Option<String> {
        let (text, span) = (written.value.0.as_str(), written.span);
        let Some(segments) = pointer::segments(text).filter(|_| is_escaped(text)) else {
            let message = format!("`{text}` is not a JSON Pointer");
            let found = self.report.error(code::BAD_POINTER, span, message);
            found.help("begin it with a slash, such as /customer/iban; `~` is written ~0, and a slash in a name ~1");
            return None;
        };
        let ends: Vec<Leads> = places.iter().map(|known| lead(known, &segments)).collect();
        let is_there = ends.iter().any(|end| matches!(end, Leads::Value(_)));
        if is_there {
            return Some(text.to_owned());
        }
        let names = ends.iter().flat_map(|end| match end {
            Leads::Excluded(names) | Leads::Undeclared(names) => names.as_slice(),
            Leads::Value(_) => &[],
        });
        let last = segments.last().map_or("", String::as_str);
        let help = did_you_mean(last, names.map(String::as_str));
        let message = format!("nothing has a value at `{text}`, so nothing would be masked");
        let is_open = ends.iter().any(|end| matches!(end, Leads::Undeclared(_)));
        let found = if is_open {
            self.report
                .warning(code::POINTER_LEADS_NOWHERE, span, message)
        } else {
            self.report
                .error(code::POINTER_LEADS_NOWHERE, span, message)
        };
        found.help = help;
        is_open.then(|| text.to_owned())
    }
}

/// Whether every `~` begins one of the two escapes (RFC 6901, section 3).
fn is_escaped(pointer: &str) -> bool {
    let mut parts = pointer.split('~');
    parts.next();
    parts.all(|part| part.starts_with(['0', '1']))
}

/// Where the segments lead.
fn lead(known: &Known, segments: &[String]) -> Leads {
    let mut known = known.clone();
    for segment in segments {
        let is_index = segment.bytes().all(|byte| byte.is_ascii_digit());
        let next = match known.step_into(segment) {
            Leads::Value(known) => Leads::Value(known),
            other if is_index => match known.step_into("[]") {
                Leads::Value(known) => Leads::Value(known),
                _ => other,
            },
            other => other,
        };
        match next {
            Leads::Value(next) => known = next,
            other => return other,
        }
    }
    Leads::Value(known)
}
