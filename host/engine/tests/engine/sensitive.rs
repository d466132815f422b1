//! What a flow declares as sensitive is masked wherever a run is read, and kept in full
//! where it is needed.

use crate::support::*;
use dowel_core::manifest::Idempotency;
use dowel_core::{ErrorKind, RunId, SendRecord};
use dowel_engine::state::RunStatus;
use dowel_engine::{ApprovalsQuery, Engine, OpenApproval};
use dowel_flow::plan::{Approve, ForEach, OnItemFailure, Plan, Step, StepKind};
use dowel_testkit::Answer;

/// The secret of the payload, the one that a call returns, and a short one.
const SECRETS: [&str; 3] = ["DE89-3704-0044", "S-99887766", "7712"];

const PAYLOAD: &str =
    r#"{"id":"A1","customer":"C1","bank":{"account":"DE89-3704-0044"},"code":7712,"total":60.270}"#;

fn sensitive(step: Step, pointers: &[&str]) -> Step {
    Step {
        sensitive: pointers.iter().map(|&pointer| pointer.to_owned()).collect(),
        ..step
    }
}

/// The payload's account goes through a copy, a call, and into the output.
fn secretive(mut steps: Vec<Step>) -> Plan {
    let customer = call(
        "customer",
        "crm.get",
        r#"{"id":<$trigger.customer>,"account":<$trigger.bank.account>}"#,
        Idempotency::Natural,
    );
    steps.insert(0, sensitive(customer, &["/social"]));
    let mut plan = plan(
        steps,
        r#"{"account":<$trigger.bank.account>,"social":<$steps.customer.social>,"erp":<$steps.customer.erp_id>}"#,
    );
    plan.triggers[0].sensitive = vec!["/bank/account".to_owned(), "/code".to_owned()];
    plan
}

fn world() -> World {
    let world = World::default();
    let customer = json(r#"{"erp_id":"E-1","social":"S-99887766"}"#);
    world
        .connectors
        .script("crm.get", [Answer::Return(customer)]);
    world
}

async fn begun(engine: &Engine) -> RunId {
    let run = engine.accept(request(PAYLOAD)).await.unwrap().run();
    engine.settled(run).await.unwrap();
    run
}

async fn open(engine: &Engine) -> Vec<OpenApproval> {
    let query = ApprovalsQuery {
        limit: 9,
        ..ApprovalsQuery::default()
    };
    engine.approvals(&query).await.unwrap().approvals
}

/// Nothing that people read names a secret; what is not secret is there.
async fn check_hidden(engine: &Engine, run: RunId) {
    let story = engine.story(run).await.unwrap().unwrap();
    let mut read = vec![serde_json::to_string(&story).unwrap()];
    let journal = engine.masked_journal(run).await.unwrap();
    read.extend(journal.iter().map(ToString::to_string));
    read.extend(open(engine).await.iter().map(|open| format!("{open:?}")));
    let item = engine.item(run).await.unwrap();
    read.extend(item.map(|item| format!("{item:?}")));
    for text in read {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} is shown: {text}");
        }
    }
    let text = serde_json::to_string(&story).unwrap();
    assert!(text.contains("60.270") && text.contains("•••"), "{text}");
}

#[tokio::test]
async fn values_at_pointers_and_their_copies_are_masked_on_reading_only() {
    let world = world();
    let copy = set("copy", r#"{"note":<$trigger.bank.account>}"#);
    let engine = world.engine(secretive(vec![copy])).await;
    let run = begun(&engine).await;
    check_hidden(&engine, run).await;
    let story = story(&engine, run).await;
    assert_eq!(story.status, RunStatus::Succeeded);
    let masked = r#"{"account":"•••","social":"•••","erp":"E-1"}"#;
    assert_eq!(story.output.unwrap().as_str(), masked);
    assert_eq!(
        story.payload.as_str(),
        r#"{"id":"A1","customer":"C1","bank":{"account":"•••"},"code":"•••","total":60.270}"#
    );
    // The upstream and the journal have it in full.
    assert!(world.connectors.calls()[0].input.contains(SECRETS[0]));
    let journal = format!("{:?}", engine.journal(run).await.unwrap());
    assert!(
        SECRETS.iter().all(|secret| journal.contains(secret)),
        "{journal}"
    );
}

#[tokio::test]
async fn the_desk_and_people_who_are_asked_do_not_see_it_either() {
    let world = world();
    let bad = Answer::Fail(ErrorKind::InvalidInput, SendRecord::Answered);
    world.connectors.script("erp.create", [bad]);
    let ask = Approve {
        program: program(
            None,
            &[
                "<$trigger.bank.account>",
                r#"{"who":<$steps.customer>}"#,
                "[]",
            ],
        ),
        groups: Vec::new(),
        decisions: vec!["approved".to_owned()],
        within: None,
        calendar: None,
        escalate: Vec::new(),
        on_expiry: dowel_core::journal::OnExpiry::Fail,
        fails_on: None,
    };
    let pay = call(
        "pay",
        "erp.create",
        r#"{"to":<$trigger.bank.account>,"amount":1}"#,
        Idempotency::Keyed,
    );
    let engine = world.engine(secretive(vec![pay])).await;
    let run = begun(&engine).await;
    check_hidden(&engine, run).await;
    let detail = engine.item(run).await.unwrap().unwrap();
    assert_eq!(detail.input.as_str(), r#"{"to":"•••","amount":1}"#);

    let ask = step("ask", StepKind::Approve(Box::new(ask)));
    let world = self::world();
    let engine = world.engine(secretive(vec![ask])).await;
    let run = engine.accept(request(PAYLOAD)).await.unwrap().run();
    while open(&engine).await.is_empty() {
        tokio::task::yield_now().await;
    }
    check_hidden(&engine, run).await;
}

#[tokio::test]
async fn pointers_of_a_loop_are_those_of_its_items() {
    let world = world();
    let each = ForEach {
        program: program(None, &[r#"[{"pin_code":12,"n":1},{"pin_code":34,"n":2}]"#]),
        parallel: 1,
        on_item_failure: OnItemFailure::Stop,
        steps: vec![sensitive(
            set("inner", r#"{"code":<$item.pin_code>,"n":<$item.n>}"#),
            &["/code"],
        )],
        pages: None,
    };
    let each = sensitive(step("each", StepKind::ForEach(each)), &["/pin_code"]);
    let engine = world.engine(secretive(vec![each])).await;
    let run = begun(&engine).await;
    check_hidden(&engine, run).await;
    let masked = engine.masked_journal(run).await.unwrap();
    let text: String = masked.iter().map(ToString::to_string).collect();
    assert!(
        text.contains(r#"[{"pin_code":"•••","n":1},{"pin_code":"•••","n":2}]"#),
        "{text}"
    );
    assert!(
        !text.contains(r#""code":12"#) && !text.contains(r#""code":34"#),
        "{text}"
    );
    // Tools of the flow's author read the masked journal as they read any other.
    let read = |entry: &dowel_core::JsonText| serde_json::from_str(entry.as_str()).unwrap();
    let entries: Vec<dowel_core::journal::Entry> = masked.iter().map(read).collect();
    let state = dowel_engine::state::RunState::fold(&entries).unwrap();
    assert_eq!(state.status, RunStatus::Succeeded);
}
