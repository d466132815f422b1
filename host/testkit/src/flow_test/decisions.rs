//! What people decided in a real run, as mocks of its approvals.

use dowel_core::journal::{Command, Entry, Event};
use dowel_core::units::format_duration;
use dowel_core::{JsonText, StepPath, Timestamp};
use std::collections::BTreeMap;

/// The approvals of a journal.
#[derive(Default)]
pub(super) struct Decisions {
    asked: BTreeMap<StepPath, Timestamp>,
    /// Answers by the id of the step, in order.
    answers: BTreeMap<String, Vec<JsonText>>,
}

impl Decisions {
    pub(super) fn add(&mut self, entry: &Entry) {
        match &entry.event {
            Event::ApprovalAsked(asked) => {
                self.asked.insert(asked.path.clone(), entry.at);
            }
            Event::ApprovalExpired { path } => self.end(path, Vec::new()),
            Event::Commanded(commanded) => {
                let Command::Decide { path, decision, .. } = &commanded.command else {
                    return;
                };
                let mut fields = vec![
                    ("decide", JsonText::string(decision)),
                    ("by", JsonText::string(&commanded.actor.0)),
                ];
                let comment = commanded.reason.as_deref().map(JsonText::string);
                fields.extend(comment.map(|comment| ("comment", comment)));
                let asked = self.asked.get(path).copied();
                let took = asked.map(|asked| entry.at.since(asked));
                let took = took.filter(|took| !took.is_zero()).map(format_duration);
                fields.extend(took.map(|took| ("after", JsonText::string(&took))));
                self.end(path, fields);
            }
            _ => {}
        }
    }

    /// Nothing is said about an approval that nobody decided.
    fn end(&mut self, path: &StepPath, mut fields: Vec<(&'static str, JsonText)>) {
        let item = super::mocks::item(path.as_str());
        let item = item.and_then(|item| JsonText::of(&item).ok());
        fields.extend(item.map(|item| ("item", item)));
        let answer = JsonText::object(fields.iter().map(|(name, value)| (*name, value)));
        let answers = self.answers.entry(path.id().to_owned()).or_default();
        answers.push(answer);
    }

    /// The mocks by name.
    pub(super) fn mocks(&self) -> impl Iterator<Item = (String, JsonText)> {
        self.answers.iter().map(|(name, answers)| {
            let mock = match answers.as_slice() {
                [only] => only.clone(),
                many => JsonText::array(many),
            };
            (name.clone(), mock)
        })
    }
}
