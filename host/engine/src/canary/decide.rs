//! Decisions about canaries: at once, durable and on record.

use super::{
    Canary, CanaryEnd, CanaryError, CanaryState, CanaryTerms, HOST, VERSION, compare, records,
};
use crate::desk::{AuditTarget, Deciding, Draft, Standing};
use crate::engine::{Engine, Shared};
use crate::keys;
use crate::plans::{ActivationError, ActivePlan, Prepared};
use dowel_core::port::{Batch, StoreError};
use dowel_core::{Digest, FlowName};
use dowel_flow::plan::Plan;
use semver::Version;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the canaries are where other versions are pinned, before it is written down.
pub(crate) struct Turned {
    pub(crate) records: BTreeMap<FlowName, Canary>,
    pub(crate) batch: Batch,
    pub(crate) drafts: Vec<Draft>,
}

/// Follows the pins: a canary whose version is pinned now begins, and one whose version is
/// not pinned any more is over. Nothing is written.
pub(crate) async fn follow(
    shared: &Shared,
    pinned: &[Arc<ActivePlan>],
) -> Result<Turned, ActivationError> {
    let store = shared.ports.store.as_ref();
    let mut turned = Turned {
        records: BTreeMap::new(),
        batch: Batch::default(),
        drafts: Vec::new(),
    };
    for (flow, mut canary) in records(store).await? {
        let plan = pinned.iter().find(|plan| plan.plan.flow == flow);
        let is_pinned = plan.is_some_and(|plan| plan.plan.version == canary.version);
        match (plan, canary.before) {
            (Some(plan), None) if is_pinned => {
                canary.before = version_before(shared, &plan.plan).await?;
                if canary.before.is_none() {
                    let why = "there is no version before it";
                    turned.end(&flow, &canary, why);
                    continue;
                }
                canary.state = CanaryState::Running;
                canary.since = shared.ports.clock.now();
                let begins = draft(&flow, HOST, "begin-canary", Some(&canary), None);
                turned.drafts.push(begins);
                put(&mut turned.batch, &flow, &canary)?;
                turned.records.insert(flow, canary);
            }
            (_, Some(_)) if !is_pinned => {
                turned.end(&flow, &canary, "the environment pins another version");
            }
            _ => drop(turned.records.insert(flow, canary)),
        }
    }
    Ok(turned)
}

impl Turned {
    /// Writes down what has changed, where there is anything.
    pub(crate) async fn write(self, shared: &Shared) -> Result<(), StoreError> {
        match self.drafts.is_empty() {
            true => Ok(()),
            false => {
                shared
                    .desk
                    .audit
                    .commit(shared, self.batch, self.drafts)
                    .await
            }
        }
    }

    fn end(&mut self, flow: &FlowName, canary: &Canary, why: &str) {
        self.batch.delete(keys::canary(flow));
        self.drafts.push(Draft {
            reason: Some(why.to_owned()),
            ..draft(flow, HOST, "end-canary", None, Some(canary))
        });
    }
}

/// The plan that the flow ran on before this version: the one that is pinned now, or the
/// newest one below it that is kept.
async fn version_before(shared: &Shared, plan: &Plan) -> Result<Option<Digest>, StoreError> {
    if let Some(pinned) = shared.plans.pinned_of(&plan.flow)
        && pinned.plan.version != plan.version
    {
        return Ok(Some(pinned.digest));
    }
    let known = crate::known::plans_of(shared.ports.store.as_ref(), &plan.flow).await?;
    let below = known.iter().find(|known| known.version < plan.version);
    Ok(below.and_then(|plan| plan.digest().ok()))
}

fn put(batch: &mut Batch, flow: &FlowName, canary: &Canary) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec(canary);
    let bytes = bytes.map_err(|error| StoreError::Failed(error.to_string().into()))?;
    batch.put(keys::canary(flow), bytes);
    Ok(())
}

fn draft(
    flow: &FlowName,
    actor: &str,
    action: &str,
    after: Option<&Canary>,
    before: Option<&Canary>,
) -> Draft {
    let standing = |canary: Option<&Canary>| match canary {
        Some(canary) => Standing::of(&format!(
            "{} {} of version {}",
            canary.state.name(),
            canary.terms.share,
            canary.version
        )),
        None => Standing::of("no canary"),
    };
    let reason = after.or(before).map(|canary| canary.reason.clone());
    Draft {
        reason,
        flow: Some(flow.clone()),
        before: Some(standing(before)),
        after: Some(standing(after)),
        ..Draft::new(actor, action, AuditTarget::Flow(flow.clone()))
    }
}

/// Takes the share back. The caller is alone, or loses nothing if it is not: the record has
/// to be as it was read.
pub(super) async fn hold(
    shared: &Shared,
    flow: &FlowName,
    canary: &Canary,
    state: CanaryState,
    deciding: Deciding,
) -> Result<(), CanaryError> {
    let _turn = shared.rollout.turn().await;
    let held = Canary {
        state,
        since: shared.ports.clock.now(),
        actor: deciding.actor.clone(),
        reason: deciding.reason.clone().unwrap_or_default(),
        ..canary.clone()
    };
    let action = match state {
        CanaryState::RolledBack => "roll-back-canary",
        _ => "abort-canary",
    };
    let draft = Draft {
        origin: deciding.origin,
        ..draft(flow, &deciding.actor, action, Some(&held), Some(canary))
    };
    write(shared, flow, Some(canary), Some(&held), draft).await
}

/// Replaces a record if it is as it was read, and shares the runs anew.
async fn write(
    shared: &Shared,
    flow: &FlowName,
    old: Option<&Canary>,
    new: Option<&Canary>,
    draft: Draft,
) -> Result<(), CanaryError> {
    let mut batch = Batch::default();
    let key = keys::canary(flow);
    let store = shared.ports.store.as_ref();
    let there = store.get(&key).await?;
    let read = there
        .as_deref()
        .and_then(|bytes| serde_json::from_slice::<Canary>(bytes).ok());
    if read.as_ref() != old {
        let changed = "somebody has decided about the canary in between: look at it again";
        return Err(CanaryError::Refused(changed.to_owned()));
    }
    match there {
        Some(bytes) => batch.require_equal(key.clone(), bytes),
        None => batch.require_absent(key.clone()),
    };
    match new {
        Some(canary) => put(&mut batch, flow, canary)?,
        None => {
            batch.delete(key);
        }
    }
    shared.desk.audit.commit(shared, batch, vec![draft]).await?;
    share(shared).await?;
    Ok(())
}

/// Shares the runs of what is pinned as the records say.
async fn share(shared: &Shared) -> Result<(), ActivationError> {
    let store = shared.ports.store.as_ref();
    let pinned = shared.plans.pinned_all();
    let records = records(store).await?;
    let disabled = shared.settings().disabled.clone();
    let prepared = Prepared::of(shared, pinned, &records, &disabled).await?;
    let now = shared.ports.clock.now();
    shared
        .receivers
        .activate(store, &prepared.all(), now)
        .await?;
    shared.plans.take_up(prepared);
    Ok(())
}

impl Engine {
    /// Gives a version a share of the runs of its flow. Where the environment pins it, that
    /// begins at once, with `before` as the version that keeps the rest; otherwise when the
    /// environment comes to pin it. A canary that is there gets these terms.
    ///
    /// # Errors
    /// [`CanaryError`]; nothing has changed.
    pub async fn start_canary(
        &self,
        flow: &FlowName,
        version: &Version,
        before: Option<&Version>,
        terms: CanaryTerms,
        deciding: Deciding,
    ) -> Result<Canary, CanaryError> {
        let shared = self.shared();
        let _turn = shared.rollout.turn().await;
        let no_such = || CanaryError::NoSuchFlow(flow.clone());
        let pinned = shared.plans.pinned_of(flow).ok_or_else(no_such)?;
        let known = records(shared.ports.store.as_ref()).await?.remove(flow);
        let before = match pinned.plan.version == *version {
            false => None,
            true => Some(self.before(&pinned.plan, before, known.as_ref()).await?),
        };
        let canary = Canary {
            v: VERSION,
            version: version.clone(),
            state: match before {
                Some(_) => CanaryState::Running,
                None => CanaryState::Armed,
            },
            before,
            terms,
            since: shared.ports.clock.now(),
            actor: deciding.actor.clone(),
            reason: deciding.reason.clone().unwrap_or_default(),
        };
        let draft = Draft {
            origin: deciding.origin,
            ..draft(
                flow,
                &deciding.actor,
                "start-canary",
                Some(&canary),
                known.as_ref(),
            )
        };
        write(shared, flow, known.as_ref(), Some(&canary), draft).await?;
        tracing::warn!(%flow, %version, share = %canary.terms.share, by = deciding.actor, "a canary was started");
        Ok(canary)
    }

    /// The plan that keeps the rest of the runs.
    async fn before(
        &self,
        pinned: &Plan,
        named: Option<&Version>,
        canary: Option<&Canary>,
    ) -> Result<Digest, CanaryError> {
        let going_on = canary.filter(|canary| canary.version == pinned.version);
        if let (None, Some(before)) = (named, going_on.and_then(|canary| canary.before)) {
            return Ok(before);
        }
        let store = self.shared().ports.store.as_ref();
        let known = crate::known::plans_of(store, &pinned.flow).await?;
        let mut known = known.iter();
        let found = match named {
            Some(named) => known.find(|plan| plan.version == *named),
            None => known.find(|plan| plan.version < pinned.version),
        };
        let found = found.ok_or_else(|| {
            CanaryError::Refused(match named {
                Some(named) => format!("the host keeps no version {named} of `{}`", pinned.flow),
                None => format!(
                    "the host keeps no version of `{}` before {}",
                    pinned.flow, pinned.version
                ),
            })
        })?;
        compare::fits(found, pinned).map_err(CanaryError::Refused)?;
        let digest = found.digest().map_err(ActivationError::from)?;
        if crate::retire::is_retired(store, &digest).await? {
            let reason = format!("version {} is retired", found.version);
            return Err(CanaryError::Refused(reason));
        }
        Ok(digest)
    }

    /// Ends a canary: all runs begin on its version from now on, or on the version before it
    /// until the environment pins another one. Runs stay on the version that they began on.
    ///
    /// # Errors
    /// [`CanaryError`]; nothing has changed.
    pub async fn end_canary(
        &self,
        flow: &FlowName,
        end: CanaryEnd,
        deciding: Deciding,
    ) -> Result<Option<Canary>, CanaryError> {
        let shared = self.shared();
        let known = records(shared.ports.store.as_ref()).await?.remove(flow);
        let known = known.ok_or_else(|| CanaryError::NoCanary(flow.clone()))?;
        if end == CanaryEnd::Abort && known.before.is_some() {
            hold(shared, flow, &known, CanaryState::Aborted, deciding).await?;
            return Ok(records(shared.ports.store.as_ref()).await?.remove(flow));
        }
        let action = match end {
            CanaryEnd::Promote if known.before.is_none() => {
                let reason = format!("the environment does not pin version {} yet", known.version);
                return Err(CanaryError::Refused(reason));
            }
            CanaryEnd::Promote => "promote-canary",
            CanaryEnd::Abort => "abort-canary",
        };
        let _turn = shared.rollout.turn().await;
        let draft = Draft {
            origin: deciding.origin,
            reason: deciding.reason,
            ..draft(flow, &deciding.actor, action, None, Some(&known))
        };
        write(shared, flow, Some(&known), None, draft).await?;
        tracing::warn!(%flow, version = %known.version, action, by = deciding.actor, "a canary has ended");
        Ok(None)
    }
}
