//! Which runs begin on the new version.

use super::Canary;
use crate::engine::Shared;
use crate::intake::Occasion;
use crate::plans::ActivePlan;
use dowel_core::units::Share;
use dowel_core::{Digest, FlowName, pointer};
use std::mem::discriminant;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The parts that shares are counted in.
const PARTS: u64 = 10_000;

/// How runs are shared between the plan that is active and another one.
#[derive(Clone)]
pub(crate) struct Split {
    /// The new version.
    pub(crate) new: Arc<ActivePlan>,
    share: Share,
    key: Option<String>,
    /// Payloads that the new version's schema refused and the other one took.
    refused: Arc<AtomicU64>,
}

impl Split {
    /// As a canary has it.
    pub(super) fn new(canary: &Canary, new: Arc<ActivePlan>) -> Self {
        let share = match canary.state {
            super::CanaryState::Running => canary.terms.share,
            _ => Share::NONE,
        };
        Self {
            new,
            share,
            key: canary.terms.key.clone(),
            refused: Arc::default(),
        }
    }

    /// How many payloads the new version refused that the other one took.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn has(&self, flow: &FlowName, key: &str) -> bool {
        part(flow, &self.new.plan.version, key) < u64::from(self.share.hundredths())
    }
}

/// Which part a key is in: the same on every host and after every restart. Another version
/// is tried on others; a larger share keeps those that it had.
fn part(flow: &FlowName, version: &semver::Version, key: &str) -> u64 {
    let digest = Digest::of(format!("{flow}\0{version}\0{key}"));
    let first = digest.bytes().iter().take(8);
    first.fold(0_u64, |all, byte| (all << 8) | u64::from(*byte)) % PARTS
}

/// The plan that a run begins on, if it is another than the active one that it was made for.
pub(crate) fn choose(
    shared: &Shared,
    active: &ActivePlan,
    occasion: &Occasion,
) -> Option<Arc<ActivePlan>> {
    let split = shared.plans.split(&active.plan.flow, active.digest)?;
    let named = &occasion.trigger;
    let (here, there) = (active.plan.trigger(named)?, split.new.plan.trigger(named)?);
    if discriminant(&here.kind) != discriminant(&there.kind) {
        return None;
    }
    if !split.has(&active.plan.flow, &key(&split, occasion)) {
        return None;
    }
    let is_valid =
        |schema: &dowel_flow::validate::Validator| schema.check(&occasion.payload).is_empty();
    if !split.new.trigger_schema(named).is_none_or(is_valid) {
        // The sender does what it did before; that the version would not is its failure.
        split.refused.fetch_add(1, Ordering::Relaxed);
        return None;
    }
    Some(split.new.clone())
}

/// What tells runs apart: what the canary names, the business key, the concurrency key, what
/// duplicates are known by otherwise, and the payload at last.
fn key(split: &Split, occasion: &Occasion) -> String {
    let named = split.key.as_deref();
    let named = named.and_then(|path| pointer::get(&occasion.payload, path));
    if let Some(value) = named {
        return value
            .as_string()
            .unwrap_or_else(|| value.as_str().to_owned());
    }
    let keys = &occasion.keys;
    if let Some(key) = keys.dedupe.as_ref().or(keys.concurrency.as_ref()) {
        return key.clone();
    }
    match occasion.claims.first() {
        Some(claim) => claim.name(),
        None => occasion.payload.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stays_in_its_part_and_parts_are_even() {
        let flow: FlowName = "orders".parse().unwrap();
        let version = "1.1.0".parse().unwrap();
        let parts: Vec<u64> = (0..10_000)
            .map(|number| part(&flow, &version, &format!("C-{number}")))
            .collect();
        let in_ten_percent = parts.iter().filter(|part| **part < 1_000).count();
        assert!((850..1_150).contains(&in_ten_percent), "{in_ten_percent}");
        assert_eq!(part(&flow, &version, "C-7"), parts[7]);
        // Hosts agree with each other, and with the hosts of earlier versions.
        assert_eq!(parts[..3], [8690, 2699, 9346]);
        let later = "1.2.0".parse().unwrap();
        let same = (0..1_000).filter(|number| {
            let key = format!("C-{number}");
            part(&flow, &later, &key) == part(&flow, &version, &key)
        });
        assert!(same.count() < 10, "another version is tried on others");
    }
}
