//! A host under load is killed at random instants, again and again.

use crate::world::{Host, World, eventually, order};
use dowel_core::port::Randomness;
use dowel_testkit::SeededRandomness;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How often the host is killed.
const KILLS: usize = 30;

/// Senders at the same time.
const SENDERS: usize = 8;

/// Things that happen (answers to senders, requests at the shop) between start and
/// kill, at most: some kills come before anything was finished, some in full flight.
const MOST_EVENTS_BETWEEN_KILLS: usize = 120;

/// What the senders and the killer share.
struct Load {
    world: World,
    /// Where the host is at this moment.
    public: Mutex<String>,
    acknowledged: Mutex<HashSet<String>>,
    answers: AtomicUsize,
    stop: AtomicBool,
}

impl Load {
    fn events(&self) -> usize {
        self.answers.load(Ordering::SeqCst) + self.world.shop.calls().len()
    }

    /// Sends orders until told to stop; each one again and again until it is taken.
    async fn send(self: Arc<Self>, sender: usize) {
        for number in 0.. {
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            let id = format!("{sender}-{number}");
            let mut ticks = tokio::time::interval(Duration::from_millis(5));
            while !self.take(&id).await {
                ticks.tick().await;
            }
            self.acknowledged.lock().unwrap().insert(id);
        }
    }

    /// Whether an order was taken.
    async fn take(&self, id: &str) -> bool {
        let public = self.public.lock().unwrap().clone();
        let answer = self.world.post_to(&public, &order(id)).await;
        self.answers.fetch_add(1, Ordering::SeqCst);
        answer.is_ok_and(|response| response.status().is_success())
    }

    fn start_host(&self) -> Host {
        let host = self.world.host();
        self.public.lock().unwrap().clone_from(&host.public);
        host
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_completed_is_repeated() {
    let seed = std::env::var("DOWEL_CRASH_SEED")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or_else(|| {
            u64::from(std::process::id()) ^ std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
        });
    println!("seed {seed}; repeat with DOWEL_CRASH_SEED={seed}");
    let dice = SeededRandomness::new(seed);
    let roll =
        |most: usize| usize::from(u16::from_be_bytes([dice.bytes()[0], dice.bytes()[1]])) % most;

    let load = Arc::new(Load {
        world: World::start().await,
        public: Mutex::default(),
        acknowledged: Mutex::default(),
        answers: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
    });
    let mut host = load.start_host();
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| tokio::spawn(load.clone().send(sender)))
        .collect();
    for _ in 0..KILLS {
        let at = load.events() + roll(MOST_EVENTS_BETWEEN_KILLS);
        eventually("something to happen", async || {
            (load.events() >= at).then_some(())
        })
        .await;
        host.kill();
        host = load.start_host();
    }
    load.stop.store(true, Ordering::SeqCst);
    for sender in senders {
        sender.await.unwrap();
    }
    all_at_rest(&load.world, &host).await;
    check(&load, &host).await;
}

async fn all_at_rest(world: &World, host: &Host) {
    for status in ["pending", "running", "waiting"] {
        eventually("all runs to come to rest", async || {
            let (_, text) = world
                .get(host, &format!("/api/v1/runs?status={status}&limit=1"))
                .await;
            let page: Value = serde_json::from_str(&text).unwrap();
            page["runs"].as_array().unwrap().is_empty().then_some(())
        })
        .await;
    }
}

async fn check(load: &Load, host: &Host) {
    let acknowledged = load.acknowledged.lock().unwrap().clone();
    let ledger = load.world.shop.ledger();
    assert!(
        acknowledged.len() > KILLS,
        "only {} orders were sent",
        acknowledged.len()
    );
    for id in &acknowledged {
        let invoice = ledger.invoices.get(&format!("inv-{id}-1"));
        assert!(invoice.is_some(), "the acknowledged order {id} is lost");
    }
    assert_eq!(
        ledger.invoices.len(),
        acknowledged.len(),
        "an order has more than one invoice"
    );
    assert_eq!(
        ledger.conflicts, 0,
        "an attempt sent other bytes under the same key"
    );
    // A customer is asked for again only while its answer is not on disk; the invoice
    // is sent only after that.
    let mut invoiced: HashMap<String, usize> = HashMap::new();
    for (at, call) in load.world.shop.calls().iter().enumerate() {
        if let Some(key) = &call.key {
            let id = key
                .trim_start_matches("inv-")
                .trim_end_matches("-1")
                .to_owned();
            invoiced.entry(id).or_insert(at);
        } else if let Some(id) = call.path.strip_prefix("/crm/contacts/C-") {
            assert!(
                !invoiced.contains_key(id),
                "the completed step `customer` of order {id} was called again"
            );
        }
    }
    let (_, parked) = load
        .world
        .get(host, "/api/v1/runs?status=parked&limit=1")
        .await;
    let parked: Value = serde_json::from_str(&parked).unwrap();
    assert_eq!(parked["runs"].as_array().unwrap().len(), 0, "{parked}");
}
