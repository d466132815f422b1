//! The demo checks itself: what the host said, what the run did, what the ERP got.

use super::client::Answer;
use super::order::{BUSY_TIMES, Kind, Order};
use super::story::Story;
use crate::ledger::Ledger;
use std::fmt::Write as _;

/// What is known about an order once its run is at rest.
pub(crate) struct Facts<'a> {
    pub(crate) order: &'a Order,
    pub(crate) answer: &'a Answer,
    pub(crate) story: Option<&'a Story>,
    pub(crate) first_run: Option<&'a str>,
    pub(crate) ledger: &'a Ledger,
}

/// How many checks there were, and which of them failed.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    count: usize,
    failed: Vec<String>,
}

/// Invoices that the demo's orders make.
const INVOICES: usize = 3;

impl Checks {
    pub(crate) fn passed(&self) -> bool {
        self.count > 0 && self.failed.is_empty()
    }

    /// The closing line.
    pub(crate) fn summary(&self) -> String {
        if self.failed.is_empty() {
            return format!("All {} checks hold", self.count);
        }
        let failed = self.failed.join("\n  ");
        format!(
            "{} of {} checks do NOT hold:\n  {failed}\n",
            self.failed.len(),
            self.count
        )
    }

    /// Judges one order and says what reached the ERP.
    pub(crate) fn judge(&mut self, facts: &Facts<'_>) -> String {
        let before = self.failed.len();
        let order = facts.order;
        match order.kind {
            Kind::Plain | Kind::Exact | Kind::Busy => self.run_of(facts),
            Kind::Duplicate => {
                let same = facts.answer.run.as_deref() == facts.first_run;
                self.hold(order, "is answered 200", facts.answer.status == 200);
                self.hold(
                    order,
                    "names the first run",
                    same && facts.first_run.is_some(),
                );
            }
            Kind::Invalid => {
                let pointers = ["/currency", "/lines/0/qty"];
                let all = pointers
                    .iter()
                    .all(|pointer| has(&facts.answer.errors, pointer));
                self.hold(order, "is answered 422", facts.answer.status == 422);
                self.hold(order, "names what is wrong", all);
                self.hold(order, "begins no run", facts.answer.run.is_none());
            }
        }
        let mut text = reached(facts);
        for failed in &self.failed[before..] {
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "  NOT OK: {failed}");
        }
        text
    }

    fn run_of(&mut self, facts: &Facts<'_>) {
        let order = facts.order;
        self.hold(order, "is answered 202", facts.answer.status == 202);
        let location = facts.answer.location.as_deref().unwrap_or_default();
        let run = facts.answer.run.as_deref();
        let located = run.is_some_and(|run| location.ends_with(run));
        self.hold(order, "has its run as Location", located);
        let status = facts.story.map(|story| story.status.as_str());
        self.hold(order, "ends well", status == Some("succeeded"));
        let invoice = facts.ledger.invoices.get(&order.key());
        self.hold(
            order,
            "made one request to the ERP",
            invoice.is_some_and(|i| i.requests == 1),
        );
        let body = invoice
            .map(|invoice| invoice.body.as_str())
            .unwrap_or_default();
        for piece in order.arrives() {
            self.hold(
                order,
                &format!("arrived with {piece}"),
                body.contains(&piece),
            );
        }
        if order.kind == Kind::Busy {
            self.hold(
                order,
                "was tried again after each 429",
                facts.story.is_some_and(retried),
            );
        }
    }

    /// What holds for all orders together.
    pub(crate) fn close(&mut self, ledger: &Ledger) {
        self.count += 1;
        if ledger.invoices.len() != INVOICES || ledger.duplicates + ledger.conflicts > 0 {
            self.failed.push(format!(
                "the ledger has {INVOICES} invoices and nothing twice (it has {}, {} duplicates, {} conflicts)",
                ledger.invoices.len(),
                ledger.duplicates,
                ledger.conflicts
            ));
        }
    }

    fn hold(&mut self, order: &Order, what: &str, holds: bool) {
        self.count += 1;
        if !holds {
            self.failed.push(format!("{} {what}", order.title()));
        }
    }
}

fn has(errors: &[String], pointer: &str) -> bool {
    errors
        .iter()
        .any(|error| error.starts_with(&format!("{pointer}:")))
}

/// Whether the CRM was asked once more than it was busy, and waited for each time.
fn retried(story: &Story) -> bool {
    let attempts = story
        .step("customer")
        .map_or(&[][..], |step| &step.attempts);
    let busy = attempts.iter().filter(|attempt| {
        let error = attempt.error.as_ref();
        error.is_some_and(|error| error.kind == "rate-limited")
    });
    busy.count() as u64 == BUSY_TIMES && attempts.len() as u64 == BUSY_TIMES + 1
}

fn reached(facts: &Facts<'_>) -> String {
    if facts.order.kind == Kind::Invalid {
        return "  nothing reached the ERP\n".to_owned();
    }
    match facts.ledger.invoices.get(&facts.order.key()) {
        Some(invoice) => format!(
            "  the ERP has {} from {} request(s): {}\n",
            invoice.id, invoice.requests, invoice.body
        ),
        None => "  the ERP has nothing\n".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::order;
    use super::super::story::tests::RUN;
    use super::*;
    use crate::ledger::Invoice;
    use jiff::Timestamp;

    fn ledger(order: &Order, body: &str) -> Ledger {
        let invoice = Invoice {
            id: "INV-1".to_owned(),
            number: "1".to_owned(),
            status: "open".to_owned(),
            body: body.to_owned(),
            first_at: Timestamp::UNIX_EPOCH,
            last_at: Timestamp::UNIX_EPOCH,
            requests: 1,
            answered: true,
        };
        Ledger {
            invoices: [(order.key(), invoice)].into(),
            ..Ledger::default()
        }
    }

    fn failures(kind: Kind, status: u16, body: &str, errors: &[&str]) -> Vec<String> {
        let orders = order::all();
        let order = orders.iter().find(|order| order.kind == kind).unwrap();
        let answer = Answer {
            status,
            location: Some("/api/v1/runs/r1".to_owned()),
            run: (kind != Kind::Invalid).then(|| "r1".to_owned()),
            said: String::new(),
            errors: errors.iter().map(|e| (*e).to_owned()).collect(),
        };
        let story = Story::read(RUN).unwrap();
        let mut checks = Checks::default();
        checks.judge(&Facts {
            order,
            answer: &answer,
            story: order.begins_a_run().then_some(&story),
            first_run: Some("r1"),
            ledger: &ledger(order, body),
        });
        checks.failed
    }

    #[test]
    fn what_has_to_hold_holds() {
        let exact = r#"{"order_id":12345678901234567890,"total":"60.27"}"#;
        assert_eq!(failures(Kind::Exact, 202, exact, &[]), Vec::<String>::new());
        let busy = r#"{"order_id":"A-1002","total":"7.30"}"#;
        assert_eq!(failures(Kind::Busy, 202, busy, &[]), Vec::<String>::new());
        assert_eq!(
            failures(Kind::Duplicate, 200, "", &[]),
            Vec::<String>::new()
        );
        let errors = ["/currency: x", "/lines/0/qty: y"];
        assert_eq!(
            failures(Kind::Invalid, 422, "", &errors),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_does_not_hold_is_named() {
        let rounded = r#"{"order_id":12345678901234567000,"total":"60.269999"}"#;
        assert_eq!(failures(Kind::Exact, 202, rounded, &[]).len(), 2);
        assert_eq!(failures(Kind::Duplicate, 202, "", &[]).len(), 1);
        assert_eq!(failures(Kind::Invalid, 422, "", &["/currency: x"]).len(), 1);
        let mut checks = Checks::default();
        checks.close(&Ledger::default());
        assert!(!checks.passed());
    }
}
