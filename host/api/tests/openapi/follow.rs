//! Streams of events.

use crate::support::{Caller, LEADS, ORDERS, World, everywhere, for_team, request};
use axum::body::{Body, HttpBody as _};
use axum::extract::connect_info::ConnectInfo;
use axum::http::{Method, Request, header};
use dowel_api::Router;
use dowel_core::RunId;
use dowel_core::access::Role;
use dowel_engine::IntakeRequest;
use std::pin::Pin;
use std::time::Duration;

/// What a stream says: name, id and data of each event.
struct Follower {
    body: Body,
    text: String,
}

type Told = (String, String, String);

impl Follower {
    async fn new(world: &World, caller: &Caller, path: &str, last: Option<&str>) -> Self {
        let Caller::Token(token) = caller else {
            panic!("followers have a token");
        };
        let bearer = format!("Bearer {token}");
        let mut request = Request::get(path).header(header::AUTHORIZATION, bearer);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(caller.peer()));
        let router: Router = dowel_api::admin(world.state.clone());
        let response = tower::ServiceExt::oneshot(router, request).await.unwrap();
        assert_eq!(response.status(), 200);
        Self {
            body: response.into_body(),
            text: String::new(),
        }
    }

    /// The next event; nothing at the end of the stream.
    async fn next(&mut self) -> Option<Told> {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                let field = |name: &str| {
                    let lines = block.lines().filter_map(|line| line.strip_prefix(name));
                    lines.map(str::trim).collect::<Vec<_>>().join("\n")
                };
                if block.contains("event:") {
                    return Some((field("event:"), field("id:"), field("data:")));
                }
            }
            let frame = std::future::poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx)).await;
            let data = frame?.unwrap().into_data().unwrap();
            self.text.push_str(std::str::from_utf8(&data).unwrap());
        }
    }
}

async fn begin(world: &World, flow: &str) -> RunId {
    let request = IntakeRequest::new(flow.parse().unwrap(), "manual", "{}");
    let run = world.engine.accept(request).await.unwrap().run();
    world.engine.settled(run).await.unwrap();
    run
}

#[tokio::test]
async fn a_run_is_followed_to_its_end_and_from_any_entry() {
    let world = World::new().await;
    let viewer = world.service(everywhere(Role::Viewer)).await;
    let run = begin(&world, ORDERS).await;
    let path = format!("/api/v1/runs/{run}/events");
    let mut follower = Follower::new(&world, &viewer, &path, None).await;
    let mut told = Vec::new();
    while let Some(event) = follower.next().await {
        told.push(event);
    }
    let journal = world
        .get(&viewer, &format!("/api/v1/runs/{run}/journal"))
        .await;
    let entries = journal.json()["entries"].as_array().unwrap().clone();
    assert!(entries.len() > 1, "{entries:?}");
    assert_eq!(told.len(), entries.len());
    for (index, ((name, id, data), entry)) in told.iter().zip(&entries).enumerate() {
        assert_eq!((name.as_str(), id), ("entry", &(index + 1).to_string()));
        assert_eq!(
            &serde_json::from_str::<serde_json::Value>(data).unwrap(),
            entry
        );
    }
    let mut again = Follower::new(&world, &viewer, &path, Some("1")).await;
    assert_eq!(again.next().await.as_ref(), told.get(1));
    let seen = request(&Method::GET, &path).header("last-event-id", entries.len());
    let answer = world.send(&viewer, seen, Body::empty()).await;
    assert_eq!(answer.status, 204, "whoever has seen all is told to stop");
}

#[tokio::test]
async fn what_moves_is_told_to_those_who_may_see_it_and_can_be_resumed() {
    let world = World::new().await;
    let all = world.service(everywhere(Role::Viewer)).await;
    let sales = world.service(for_team(Role::Viewer, "sales")).await;
    let mut everything = Follower::new(&world, &all, "/api/v1/events", None).await;
    let mut theirs = Follower::new(&world, &sales, "/api/v1/events", None).await;
    let order = begin(&world, ORDERS).await.to_string();
    let lead = begin(&world, LEADS).await.to_string();
    let first = everything.next().await.unwrap();
    assert_eq!(first.0, "run");
    assert!(first.2.contains(&order), "{first:?}");
    let (_, _, data) = theirs.next().await.unwrap();
    assert!(
        data.contains(&lead),
        "the other flow is out of reach: {data}"
    );
    let mut again = Follower::new(&world, &all, "/api/v1/events", Some(&first.1)).await;
    let (_, id, _) = again.next().await.unwrap();
    assert_eq!(
        id.parse::<u64>().unwrap(),
        first.1.parse::<u64>().unwrap() + 1
    );
    let mut stale = Follower::new(&world, &all, "/api/v1/events", Some("4711")).await;
    assert_eq!(
        stale.next().await.unwrap().0,
        "missed",
        "of another life of the host"
    );
}

#[tokio::test]
async fn streams_end_when_the_host_stops() {
    let world = World::new().await;
    let viewer = world.service(everywhere(Role::Viewer)).await;
    let mut follower = Follower::new(&world, &viewer, "/api/v1/events", None).await;
    world.engine.drain(Duration::ZERO).await;
    assert_eq!(follower.next().await, None);
}

#[tokio::test]
async fn there_are_only_so_many_streams_and_a_closed_one_makes_room() {
    let world = World::new().await;
    let viewer = world.service(everywhere(Role::Viewer)).await;
    let mut open = Vec::new();
    for _ in 0..64 {
        open.push(Follower::new(&world, &viewer, "/api/v1/events", None).await);
    }
    let refused = world.get(&viewer, "/api/v1/events").await;
    assert_eq!(refused.short(), "429 DWL-5081");
    assert_eq!(refused.header("retry-after"), "5");
    open.pop();
    assert_eq!(world.get(&viewer, "/api/v1/events").await.status, 200);
}

#[tokio::test]
async fn a_last_id_that_is_none_is_refused() {
    let world = World::new().await;
    let viewer = world.service(everywhere(Role::Viewer)).await;
    let wrong = request(&Method::GET, "/api/v1/events").header("last-event-id", "x");
    let answer = world.send(&viewer, wrong, Body::empty()).await;
    assert_eq!(answer.status, 400);
}
