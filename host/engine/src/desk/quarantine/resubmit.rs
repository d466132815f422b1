//! What people decide about payloads in quarantine.

use super::{RejectedForm, Stored, close, closed, load};
use crate::command::CommandError;
use crate::desk::audit::{AuditTarget, Draft, Standing};
use crate::desk::decide::{Action, Decided, Deciding};
use crate::desk::item::{Item, ItemClass};
use crate::desk::keys;
use crate::engine::Engine;
use crate::events;
use crate::intake::{
    Accepted, IntakeError, IntakeRequest, Origin, Prepared, With, begin, only, prepare_request,
};
use crate::summary;
use dowel_core::JsonText;
use dowel_core::cloud_event::CloudEvent;
use dowel_core::port::{Batch, StoreError};

/// Where a payload stands that nobody has decided about.
const QUARANTINED: &str = "quarantined";

impl Engine {
    /// Decides about a payload in quarantine, and writes `with` in the same batch.
    pub(in crate::desk) async fn decide_rejected(
        &self,
        item: &Item,
        deciding: Deciding,
        action: Action,
        with: Batch,
    ) -> Result<Decided, CommandError> {
        check_rejected(&action, &deciding)?;
        let draft = Draft {
            confirmed_by: deciding.confirmed_by,
            origin: deciding.origin,
            bulk: deciding.bulk,
            reason: deciding.reason,
            flow: Some(item.flow.clone()),
            before: Some(Standing {
                code: Some(item.code.clone()),
                ..Standing::of(QUARANTINED)
            }),
            ..Draft::new(
                &deciding.actor,
                action.name(),
                AuditTarget::Payload(item.id),
            )
        };
        match action {
            Action::Resubmit { payload } => self.resubmit(item, payload, draft, with).await,
            Action::Discard { .. } => self.discard_rejected(item, draft, with).await,
            // `check_rejected` lets no other pass.
            _ => Err(CommandError::NoSuchItem(item.id)),
        }
    }

    async fn discard_rejected(
        &self,
        item: &Item,
        mut draft: Draft,
        mut batch: Batch,
    ) -> Result<Decided, CommandError> {
        let shared = self.shared();
        close(shared.ports.store.as_ref(), item, &mut batch)
            .await
            .map_err(|error| decided_meanwhile(item, error))?;
        draft.after = Some(Standing::of("discarded"));
        let written = shared.desk.audit.commit(shared, batch, vec![draft]).await;
        written.map_err(|error| decided_meanwhile(item, error))?;
        closed(shared, item);
        Ok(Decided {
            run: None,
            status: None,
            began: None,
            proposed: None,
        })
    }

    /// Through the normal intake: the schema of the flow as it is now, and its dedupe.
    async fn resubmit(
        &self,
        item: &Item,
        payload: Option<JsonText>,
        mut draft: Draft,
        mut batch: Batch,
    ) -> Result<Decided, CommandError> {
        let shared = self.shared();
        let store = shared.ports.store.as_ref();
        let none = || CommandError::NoSuchItem(item.id);
        let stored = load(store, item.id).await?.ok_or_else(none)?;
        let prepared = self.prepare_rejected(item, stored, payload).await?;
        if let Some(other) = prepared.dropped_for() {
            return Err(CommandError::ResubmitRefused(format!(
                "run {other} of the same concurrency key is at work, and the flow says `when_full: drop`"
            )));
        }
        close(store, item, &mut batch)
            .await
            .map_err(|error| decided_meanwhile(item, error))?;
        draft.after = Some(Standing::of("resubmitted"));
        draft.began = Some(prepared.run());
        let with = With {
            batch,
            drafts: vec![draft],
        };
        let accepted = begin(shared, std::slice::from_ref(&prepared), &with).await;
        let accepted = accepted.and_then(only).map_err(|error| match error {
            IntakeError::Store(error) => decided_meanwhile(item, error),
            other => other.into(),
        })?;
        closed(shared, item);
        let run = accepted.run();
        let summary = summary::get(store, run).await?;
        Ok(Decided {
            run: Some(run),
            status: summary.map(|summary| summary.status),
            began: matches!(accepted, Accepted::New(_)).then_some(run),
            proposed: None,
        })
    }

    async fn prepare_rejected(
        &self,
        item: &Item,
        stored: Stored,
        payload: Option<JsonText>,
    ) -> Result<Prepared, CommandError> {
        let kept = stored.payload;
        let body = match payload {
            Some(payload) => payload.as_str().to_owned(),
            None if kept.is_cut => {
                return Err(CommandError::ResubmitRefused(format!(
                    "only the beginning of its {} bytes is kept: give the whole payload",
                    kept.bytes
                )));
            }
            None => kept.body,
        };
        let origin = Origin {
            resubmitted_from: Some(item.id),
            ..Origin::default()
        };
        let prepared = match kept.form {
            RejectedForm::Request => {
                let request = IntakeRequest {
                    headers: kept.headers,
                    query: kept.query,
                    path: kept.path,
                    traceparent: kept.traceparent,
                    message: kept.message,
                    ..IntakeRequest::new(item.flow.clone(), kept.trigger, body)
                };
                prepare_request(self.shared(), &request, origin).await
            }
            RejectedForm::Event => {
                let refuse = |reason: String| CommandError::ResubmitRefused(reason);
                let json = JsonText::parse_strict(&body).map_err(|e| refuse(e.to_string()))?;
                let event = CloudEvent::parse(&json).map_err(|e| refuse(e.to_string()))?;
                let place = (&item.flow, kept.trigger.as_str());
                events::prepare_again(self.shared(), place, &event, origin).await
            }
        };
        prepared.map_err(|error| match error {
            IntakeError::Schema(violations) => CommandError::Invalid {
                what: "the payload",
                violations,
            },
            other => other.into(),
        })
    }
}

/// Whether a payload allows this.
pub(in crate::desk) fn check_rejected(
    action: &Action,
    deciding: &Deciding,
) -> Result<(), CommandError> {
    if !action.is_for(ItemClass::Quarantined) {
        return Err(CommandError::Refused(format!(
            "a payload in quarantine can be resubmitted or discarded; `{}` is for runs",
            action.name()
        )));
    }
    let reason = deciding.reason.as_deref().unwrap_or_default();
    if action.needs_reason() && reason.trim().is_empty() {
        return Err(CommandError::ReasonRequired(action.name()));
    }
    Ok(())
}

/// A payload that is not there any more as it was read was decided about by somebody else,
/// or has come again just now.
fn decided_meanwhile(item: &Item, error: StoreError) -> CommandError {
    match error {
        StoreError::Conflict(key) if key == keys::item(item.id) => {
            let message = "the payload came again or was decided about just now: look again";
            CommandError::Refused(message.to_owned())
        }
        other => other.into(),
    }
}
