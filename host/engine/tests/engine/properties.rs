//! Properties of the transition function, over journals that the engine wrote.

use crate::support::*;
use dowel_core::journal::Entry;
use dowel_core::manifest::Idempotency;
use dowel_core::port::{Scan, Store};
use dowel_core::{ErrorKind, SendRecord};
use dowel_engine::state::{RunState, RunStatus};
use dowel_flow::plan::{ForEach, OnItemFailure, StepKind};
use dowel_testkit::Answer;
use proptest::prelude::*;

/// A journal with calls, retries, a loop, a switch and a skipped step.
fn journal() -> Vec<Entry> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let world = World::default();
        world.connectors.script(
            "erp.create",
            [
                Answer::Fail(ErrorKind::Unavailable, SendRecord::Sent),
                Answer::Return(json(r#"{"id":1.10}"#)),
            ],
        );
        let loop_step = step(
            "lines",
            StepKind::ForEach(ForEach {
                on_item_failure: OnItemFailure::Stop,
                program: program(None, &["[1,2,3]"]),
                parallel: 2,
                steps: vec![call(
                    "book",
                    "erp.create",
                    r#"{"n":<$item>}"#,
                    Idempotency::Keyed,
                )],
                pages: None,
            }),
        );
        let route = step(
            "route",
            StepKind::Switch {
                program: program(None, &["<$trigger.id>"]),
                cases: vec![vec![set("inner", r#"{"a":1}"#)]],
                default: None,
            },
        );
        let skipped = step(
            "no",
            StepKind::Set {
                program: program(Some("$trigger.no"), &["{}"]),
            },
        );
        world
            .run(plan(vec![loop_step, route, skipped], "null"), ORDER)
            .await;
        let pages = world.store.scan(Scan::prefix("j", 1000)).await.unwrap();
        let text: String = pages
            .iter()
            .map(|(_, page)| String::from_utf8_lossy(page).into_owned())
            .collect();
        serde_json::Deserializer::from_str(&text)
            .into_iter()
            .collect::<Result<_, _>>()
            .unwrap()
    })
}

#[test]
fn every_prefix_folds_and_folding_is_deterministic() {
    let entries = journal();
    assert!(entries.len() > 12, "{}", entries.len());
    for end in 1..=entries.len() {
        let state = RunState::fold(&entries[..end]).unwrap();
        assert_eq!(state, RunState::fold(&entries[..end]).unwrap());
        assert_eq!(state.status.is_at_rest(), end == entries.len());
    }
    assert_eq!(
        RunState::fold(&entries).unwrap().status,
        RunStatus::Succeeded
    );
}

proptest! {
    /// Whatever is removed, repeated or moved is refused, and refusing changes nothing.
    #[test]
    fn a_disturbed_journal_is_refused(from in 0_usize..20, to in 0_usize..20, kind in 0..3) {
        let entries = journal();
        let (from, to) = (from % entries.len(), to % entries.len());
        let mut disturbed = entries.clone();
        match kind {
            0 => { disturbed.remove(from.min(entries.len() - 2)); }
            1 => { let entry = disturbed[from].clone(); disturbed.insert(to, entry); }
            _ => { prop_assume!(from != to); disturbed.swap(from, to); }
        }
        prop_assert!(RunState::fold(&disturbed).is_err());
    }

    /// An event of the journal at a wrong place is illegal even with the right number.
    #[test]
    fn a_repeated_event_is_illegal_by_its_meaning(at in 1_usize..20) {
        let entries = journal();
        let at = at % (entries.len() - 1);
        let mut state = RunState::fold(&entries[..=at]).unwrap();
        let before = state.clone();
        let again = Entry { seq: state.next_seq, ..entries[at].clone() };
        prop_assert!(state.apply(&again).is_err());
        prop_assert_eq!(state, before);
    }
}
