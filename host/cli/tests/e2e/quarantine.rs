//! Orders that break the schema, with the real program on both sides.

use crate::desk::{answer, dowel};
use crate::world::{World, eventually, order};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_order_is_corrected_and_taken_in() {
    let world = World::start().await;
    let host = world.host();
    let wrong = order("Q1").replace(r#""currency":"EUR","#, "");
    let rejected = world.post(&host, &wrong).await.unwrap();
    assert_eq!(
        rejected.status(),
        422,
        "the sender has the answer as before"
    );
    let list = ["exceptions", "list", "--class", "quarantined"];
    let kept = async || {
        let found = answer(&dowel(&host, &list));
        let id = found["exceptions"][0]["id"].as_str()?;
        Some(id.to_owned())
    };
    let id = eventually("the payload is in quarantine", kept).await;
    let shown = answer(&dowel(&host, &["exceptions", "show", &id]));
    assert_eq!(shown["code"], "DWL-4003", "{shown}");
    assert_eq!(shown["input"]["order_id"], "Q1", "{shown}");
    assert_eq!(shown["violations"].as_array().unwrap().len(), 1, "{shown}");
    let again = dowel(&host, &["exceptions", "resubmit", &id]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("DWL-2370"));
    let file = world.folder.path().join("corrected.json");
    std::fs::write(&file, order("Q1")).unwrap();
    let file = file.to_str().unwrap();
    let taken = answer(&dowel(
        &host,
        &["exceptions", "resubmit", &id, "--input", file],
    ));
    let run = taken["began"].as_str().unwrap();
    let story = world.settled(&host, run).await;
    assert_eq!(story["status"], "succeeded", "{story}");
    assert_eq!(story["resubmitted_from"], id.as_str());
    let left = answer(&dowel(&host, &list));
    assert_eq!(left["exceptions"].as_array().unwrap().len(), 0, "{left}");
}
