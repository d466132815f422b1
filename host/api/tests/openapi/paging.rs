//! Pages of lists, and the status.

use crate::support::{Caller, World, everywhere, for_team};
use dowel_core::access::Role;
use serde_json::Value;
use std::collections::BTreeSet;

/// Lists, and the member that holds what is listed.
const LISTS: [(&str, &str); 13] = [
    ("/api/v1/runs", "runs"),
    ("/api/v1/flows", "flows"),
    ("/api/v1/flows/orders/versions", "versions"),
    ("/api/v1/approvals", "approvals"),
    ("/api/v1/connections", "connections"),
    ("/api/v1/events/undelivered", "events"),
    ("/api/v1/schedules", "schedules"),
    ("/api/v1/sources", "sources"),
    ("/api/v1/switches", "switches"),
    ("/api/v1/tokens", "tokens"),
    ("/api/v1/audit", "records"),
    ("/api/v1/exceptions", "exceptions"),
    ("/api/v1/exceptions/proposals", "proposals"),
];

async fn all(world: &World, caller: &Caller, path: &str, member: &str) -> Vec<Value> {
    let (mut all, mut next) = (Vec::new(), None::<String>);
    loop {
        let cursor = next.map_or_else(String::new, |next| format!("&cursor={next}"));
        let answer = world.get(caller, &format!("{path}?limit=1{cursor}")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let page = answer.json();
        let items = page[member].as_array().unwrap();
        assert!(items.len() <= 1, "{path}: {page}");
        all.extend(items.iter().cloned());
        assert!(all.len() < 100, "{path} does not end");
        match page["next"].as_str() {
            Some(cursor) => {
                let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
                assert!(cursor.bytes().all(is_plain), "{path}: {cursor}");
                next = Some(cursor.to_owned());
            }
            None => return all,
        }
    }
}

#[tokio::test]
async fn every_list_has_pages_and_refuses_cursors_of_others() {
    let world = World::new().await;
    let admin = world.service(everywhere(Role::Admin)).await;
    for number in 0..3 {
        let body = format!(r#"{{"reason":"{number}"}}"#);
        for word in ["disable", "enable"] {
            let path = format!("/api/v1/flows/leads/{word}");
            assert_eq!(world.post(&admin, &path, &body).await.status, 200);
        }
        let runs = "/api/v1/flows/orders/runs";
        assert_eq!(world.post(&admin, runs, "{}").await.status, 202);
        world.service(everywhere(Role::Viewer)).await;
    }
    for (path, member) in LISTS {
        let whole = world.get(&admin, path).await.json();
        let whole = whole[member].as_array().unwrap();
        let paged = all(&world, &admin, path, member).await;
        assert_eq!(&paged, whole, "{path}");
        let wrong = world.get(&admin, &format!("{path}?cursor=%21")).await;
        assert_eq!(wrong.short(), "400 DWL-4011", "{path}");
        let unknown = world.get(&admin, &format!("{path}?lmit=1")).await;
        assert_eq!(unknown.short(), "400 DWL-4011", "{path}");
    }
    let many = all(&world, &admin, "/api/v1/tokens", "tokens").await;
    let ids: BTreeSet<&str> = many.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!((many.len(), ids.len()), (4, 4), "each once");
    assert_eq!(all(&world, &admin, "/api/v1/flows", "flows").await.len(), 2);
    assert_eq!(all(&world, &admin, "/api/v1/runs", "runs").await.len(), 3);
}

#[tokio::test]
async fn the_status_tells_of_what_the_caller_may_see() {
    let world = World::new().await;
    let operator = world.service(everywhere(Role::Operator)).await;
    for _ in 0..2 {
        let path = "/api/v1/flows/orders/runs";
        let wait = axum::http::Request::post(path).header("prefer", "wait=20");
        let answer = world.send(&operator, wait, "{}".into()).await;
        assert_eq!(answer.json()["status"], "succeeded", "{}", answer.text);
    }
    let status = world.get(&operator, "/api/v1/status").await.json();
    assert_eq!(status["environment"], "prod", "{status}");
    assert_eq!(status["ready"], true, "{status}");
    assert_eq!(status["queues"]["limit"], 10_000, "{status}");
    assert_eq!(status["stuck"], 0, "{status}");
    let minute = &status["throughput"]["last_minute"];
    assert_eq!(
        (&minute["accepted"], &minute["succeeded"]),
        (&2.into(), &2.into())
    );
    let names = |status: &Value| {
        let flows = status["flows"].as_array().unwrap().iter();
        flows
            .map(|flow| flow["flow"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&status), ["leads", "orders"], "{status}");
    world.pass(std::time::Duration::from_secs(61));
    let later = world.get(&operator, "/api/v1/status").await.json();
    assert_eq!(later["throughput"]["last_minute"]["accepted"], 0, "{later}");
    assert_eq!(
        later["throughput"]["last_five_minutes"]["accepted"], 2,
        "{later}"
    );
    let sales = world.service(for_team(Role::Viewer, "sales")).await;
    let own = world.get(&sales, "/api/v1/status").await.json();
    assert_eq!(names(&own), ["leads"], "{own}");
}
