//! `retention`, of the environment and of single flows.

use super::within;
use crate::diagnostic::Report;
use crate::shape::Located;
use crate::surface::environment::{EnvironmentFile, KeepFile, RetentionFile};
use dowel_core::retention::{Keep, Retention, RetentionRules};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Less than a minute would remove what people are still looking at; more than a hundred
/// years is written `forever`.
const AGE: RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(36_500 * 86_400);

/// At least one; the largest is what the key can hold.
const COUNT: RangeInclusive<u32> = 1..=u32::MAX;

/// The rules of all flows: what a flow does not say comes from the environment, what the
/// environment does not say is the host's default.
pub(super) fn rules(file: &EnvironmentFile, report: &mut Report) -> RetentionRules {
    let default = rule(file.retention.as_ref(), Retention::default(), report);
    let mut rules = RetentionRules {
        default,
        flows: Default::default(),
    };
    for (flow, settings) in file.flows.iter().flat_map(|flows| &flows.0) {
        if let Some(written) = &settings.retention {
            let own = rule(Some(written), default, report);
            rules.flows.insert(flow.value.clone(), own);
        }
    }
    rules
}

fn rule(written: Option<&RetentionFile>, base: Retention, report: &mut Report) -> Retention {
    let Some(written) = written else {
        return base;
    };
    let mut rule = base;
    if let Some(keep) = &written.succeeded {
        rule.succeeded = checked(keep, report);
    }
    if let Some(keep) = &written.failed {
        rule.failed = checked(keep, report);
    }
    if let Some(count) = &written.max_runs {
        within(count.value, COUNT, count, "1 or more", report);
        rule.max_runs = Some(u64::from(count.value));
    }
    rule
}

fn checked(keep: &Located<KeepFile>, report: &mut Report) -> Keep {
    if let Keep::For(age) = keep.value.0 {
        within(age, AGE, keep, "from 1m to 36500d, or `forever`", report);
    }
    keep.value.0
}
