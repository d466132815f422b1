//! Switches that make the shop slow, busy, broken or silent, with counters, so that a
//! test says exactly what happens to which request.

use crate::chaos::Chaos;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::Duration;

/// The routes that switches act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// `GET /crm/contacts/{id}`; its subject is the contact's id.
    CrmContact,
    /// `GET /crm/contacts`; its subject is the cursor, empty for the first page.
    CrmContacts,
    /// `POST /erp/invoices`; its subject is the idempotency key.
    ErpCreate,
    /// `POST /erp/invoices/{id}/void`; its subject is the invoice's id.
    ErpVoid,
}

/// Everything that can be switched, the body of `PUT /switches`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// The first rule that fits a request and has something left to do decides.
    pub rules: Vec<Rule>,
    /// Seeded trouble for the requests that no rule decides.
    pub chaos: Option<Chaos>,
}

/// Trouble for the requests of one route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The route.
    pub route: Route,
    /// What the subject begins with; empty fits every subject.
    #[serde(default)]
    pub prefix: String,
    /// Extra latency of every request that fits, in milliseconds.
    #[serde(default)]
    pub latency_ms: u64,
    /// How many requests are refused with `status`.
    #[serde(default)]
    pub fail_times: u64,
    /// The status of the refusals.
    #[serde(default = "default_status")]
    pub status: u16,
    /// `Retry-After` of the refusals, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    /// How many requests, after the refusals, take effect and are never answered.
    #[serde(default)]
    pub timeout_after_success: u64,
    /// How they are not answered.
    #[serde(default)]
    pub silence: Silence,
    /// What the two counters count.
    #[serde(default)]
    pub count: Count,
}

fn default_status() -> u16 {
    500
}

impl Rule {
    /// A rule that does nothing yet.
    pub fn new(route: Route) -> Self {
        Self {
            route,
            prefix: String::new(),
            latency_ms: 0,
            fail_times: 0,
            status: default_status(),
            retry_after_s: None,
            timeout_after_success: 0,
            silence: Silence::default(),
            count: Count::default(),
        }
    }
}

/// How a request is not answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Silence {
    /// The connection is closed.
    #[default]
    Drop,
    /// The connection stays open until the caller gives up.
    Hang,
}

/// What the counters of a rule count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Count {
    /// All requests that fit the rule together.
    #[default]
    Rule,
    /// The requests of each subject on their own.
    Subject,
}

/// What happens to one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) latency: Duration,
    pub(crate) refusal: Option<Refusal>,
    pub(crate) silence: Option<Silence>,
}

impl Verdict {
    pub(crate) fn refuse(&mut self, status: u16, retry_after_s: Option<u64>) {
        self.refusal = Some(Refusal {
            status,
            retry_after_s,
        });
    }
}

/// A request that is refused without an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) retry_after_s: Option<u64>,
}

/// The switches as they stand, with what was counted since they were set.
#[derive(Debug, Default)]
pub(crate) struct Panel {
    switches: Switches,
    rules: HashMap<(usize, String), u64>,
    subjects: HashMap<(Route, String), u64>,
}

impl Panel {
    pub(crate) fn new(switches: Switches) -> Self {
        Self {
            switches,
            ..Self::default()
        }
    }

    pub(crate) fn switches(&self) -> &Switches {
        &self.switches
    }

    /// Decides and counts one request.
    pub(crate) fn decide(&mut self, route: Route, subject: &str) -> Verdict {
        let mut latency = Duration::ZERO;
        for (index, rule) in self.switches.rules.iter().enumerate() {
            if rule.route != route || !subject.starts_with(&rule.prefix) {
                continue;
            }
            latency = latency.max(Duration::from_millis(rule.latency_ms));
            let counted = match rule.count {
                Count::Rule => String::new(),
                Count::Subject => subject.to_owned(),
            };
            let count = self.rules.entry((index, counted)).or_default();
            *count += 1;
            let mut verdict = Verdict {
                latency,
                ..Verdict::default()
            };
            if *count <= rule.fail_times {
                verdict.refuse(rule.status, rule.retry_after_s);
                return verdict;
            }
            if *count <= rule.fail_times + rule.timeout_after_success {
                verdict.silence = Some(rule.silence);
                return verdict;
            }
        }
        let Some(chaos) = &self.switches.chaos else {
            return Verdict {
                latency,
                ..Verdict::default()
            };
        };
        let nth = self
            .subjects
            .entry((route, subject.to_owned()))
            .or_default();
        let mut verdict = chaos.verdict(route, subject, *nth);
        *nth += 1;
        verdict.latency = verdict.latency.max(latency);
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(rule: Rule, subjects: &[&str]) -> String {
        let mut panel = Panel::new(Switches {
            rules: vec![rule],
            chaos: None,
        });
        let letters = subjects.iter().map(|subject| {
            let verdict = panel.decide(Route::ErpCreate, subject);
            match (verdict.refusal, verdict.silence) {
                (Some(_), _) => 'F',
                (None, Some(_)) => 'S',
                (None, None) => '.',
            }
        });
        letters.collect()
    }

    fn rule() -> Rule {
        Rule {
            fail_times: 2,
            timeout_after_success: 1,
            ..Rule::new(Route::ErpCreate)
        }
    }

    #[test]
    fn refusals_come_first_then_silence_then_service() {
        assert_eq!(story(rule(), &["a", "b", "c", "d", "e"]), "FFS..");
    }

    #[test]
    fn subjects_can_be_counted_each() {
        let rule = Rule {
            count: Count::Subject,
            ..rule()
        };
        assert_eq!(story(rule, &["a", "a", "b", "a", "a", "b"]), "FFFS.F");
    }

    #[test]
    fn other_prefixes_and_routes_are_left_alone() {
        let prefixed = Rule {
            prefix: "x".to_owned(),
            ..rule()
        };
        assert_eq!(story(prefixed, &["a", "x", "a"]), ".F.");
        let elsewhere = Rule {
            route: Route::CrmContact,
            ..rule()
        };
        assert_eq!(story(elsewhere, &["a"]), ".");
    }

    #[test]
    fn the_json_is_closed_and_has_defaults() {
        let text =
            r#"{"rules":[{"route":"crm-contact","fail_times":2,"status":429,"retry_after_s":1}]}"#;
        let switches: Switches = serde_json::from_str(text).unwrap();
        assert_eq!(switches.rules[0].silence, Silence::Drop);
        let unknown = r#"{"rules":[{"route":"crm-contact","fail":2}]}"#;
        assert!(serde_json::from_str::<Switches>(unknown).is_err());
    }
}
