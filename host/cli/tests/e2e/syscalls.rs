//! What the kernel sees: no acknowledgement leaves before its event is on disk.

use crate::world::{Host, World, eventually, order};
use std::process::Command;

/// Orders that are watched.
const ORDERS: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_202_leaves_before_its_fdatasync() {
    let world = World::start().await;
    let log = world.folder.path().join("strace.txt");
    // -D: the host is this test's own child, so that it can be stopped.
    let mut strace = Command::new("strace");
    strace.args([
        "-D",
        "-f",
        "-y",
        "-s",
        "64",
        "-e",
        "trace=fdatasync,write,writev,sendto,sendmsg,read,recvfrom",
        "-o",
    ]);
    strace.arg(&log).arg(env!("CARGO_BIN_EXE_dowel"));
    world.arguments(&mut strace);
    assert!(
        Command::new("strace").arg("-V").output().is_ok(),
        "strace is missing: apt-get install strace"
    );
    let host = Host::spawn(strace);
    for number in 0..ORDERS {
        // One at a time, so that the only commit between request and answer is its own.
        let story = world.order(&host, &order(&format!("S{number}"))).await;
        assert_eq!(story["status"], "succeeded");
    }
    assert_eq!(host.terminate(), Some(0));
    let read = async || {
        Some(std::fs::read_to_string(&log).unwrap())
            .filter(|text| text.contains("+++ exited with 0 +++"))
    };
    check(&eventually("the end of the trace", read).await);
}

fn check(log: &str) {
    let mut synced = false;
    let mut answered = 0;
    for line in log.lines() {
        if line.contains("POST /hooks/orders") {
            synced = false;
        } else if line.contains("fdatasync") && line.trim_end().ends_with("= 0") {
            synced = true;
        } else if line.contains("HTTP/1.1 202") {
            assert!(synced, "a 202 left before the disk had its event: {line}");
            answered += 1;
        }
    }
    assert_eq!(answered, ORDERS);
}

#[test]
#[should_panic(expected = "a 202 left before")]
fn the_check_bites() {
    check(
        "1 read(9<socket>, \"POST /hooks/orders\", 64) = 64\n1 writev(9<socket>, \"HTTP/1.1 202 Accepted\") = 64\n",
    );
}
