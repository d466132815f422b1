//! A process of its own that commits and is killed, traced, or stopped by its disk.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "helpers of tests are not seen as tests"
)]

mod support;

use dowel_core::port::{Scan, Store, StoreError};
use dowel_store_sled::SledOptions;
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use support::{
    Random, files_below, marker, open, open_restless, rolling_batch, runtime, whole_rolling_batches,
};

/// Set for the child: the store's folder.
const FOLDER: &str = "DOWEL_STORE_CHILD_FOLDER";
/// Set for the child: how many batches each writer commits.
const BATCHES: &str = "DOWEL_STORE_CHILD_BATCHES";
/// Set for the child: the store compacts its log again and again.
const RESTLESS: &str = "DOWEL_STORE_CHILD_RESTLESS";
const WRITERS: u64 = 8;
const ROUNDS: u64 = 20;

/// The child's side; as a test of the parent it only checks that it is not the child.
#[test]
fn child_process() {
    let Ok(folder) = std::env::var(FOLDER) else {
        assert!(
            std::env::var(BATCHES).is_err(),
            "{BATCHES} without {FOLDER}"
        );
        return;
    };
    let batches: u64 = std::env::var(BATCHES).unwrap().parse().unwrap();
    let folder = Path::new(&folder);
    let store = match std::env::var(RESTLESS) {
        Ok(_) => open_restless(folder).unwrap(),
        Err(_) => open(folder).unwrap(),
    };
    runtime().block_on(async {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| tokio::spawn(write(Arc::new(store.clone()), writer, batches)))
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

async fn write(store: Arc<dyn Store>, writer: u64, batches: u64) {
    let first = whole_rolling_batches(&*store, writer).await;
    for number in first..first.saturating_add(batches) {
        match store.commit(rolling_batch(writer, number)).await {
            Ok(()) => say(&format!("ack {writer} {number}")),
            Err(error) => {
                say(&format!("error {error}"));
                // Fail-stop: whatever was the reason, it is the answer from now on.
                let (again, read) = (
                    store.commit(rolling_batch(writer, number)).await,
                    store.get(b"head/0").await,
                );
                say(&format!(
                    "then {}",
                    matches!(
                        (again, read),
                        (Err(StoreError::Failed(_)), Err(StoreError::Failed(_)))
                    )
                ));
                return;
            }
        }
    }
}

/// One line to the parent, in one system call.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn child(mut command: Command, folder: &Path, batches: u64) -> std::process::Child {
    command
        .env(FOLDER, folder)
        .env(BATCHES, batches.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

fn with_arguments(mut command: Command) -> Command {
    command.args([
        "--exact",
        "child_process",
        "--nocapture",
        "--test-threads=1",
    ]);
    command
}

fn acknowledgement(line: &str) -> Option<(u64, u64)> {
    let (writer, number) = line.strip_prefix("ack ")?.split_once(' ')?;
    Some((writer.parse().ok()?, number.parse().ok()?))
}

/// The highest acknowledged number of each writer must be there, and everything whole.
fn check(folder: &Path, acknowledged: &[Option<u64>]) {
    let store = open(folder).unwrap();
    runtime().block_on(async {
        for (writer, number) in (0..).zip(acknowledged) {
            let there = whole_rolling_batches(&store, writer).await;
            let wanted = number.map_or(0, |number| number + 1);
            assert!(
                there >= wanted,
                "writer {writer}: {wanted} batches acknowledged, {there} there"
            );
        }
        // A file for each large value, and none that a crash has left.
        let values = store.scan(Scan::prefix("z/", usize::MAX)).await.unwrap();
        let values = values.into_iter().map(|(_, value)| value);
        let large: HashSet<Vec<u8>> = values
            .filter(|value| value.len() > SledOptions::MAX_BLOB_THRESHOLD)
            .collect();
        assert_eq!(files_below(&folder.join("values")), large.len());
    });
}

#[test]
fn killed_at_any_instant_it_keeps_what_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    kill_again_and_again(folder.path(), 120, |_| {});
}

#[test]
fn killed_while_its_log_is_compacted_it_keeps_what_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    // Rounds are long enough for the log to grow and be copied several times.
    kill_again_and_again(folder.path(), 600, |command| {
        command.env(RESTLESS, "1");
    });
    let pointer = std::fs::read_to_string(folder.path().join("generation")).unwrap();
    let compactions: u64 = pointer.trim().parse().unwrap();
    assert!(compactions > 0);
}

fn kill_again_and_again(folder: &Path, longest: u64, prepare: impl Fn(&mut Command)) {
    let mut random = Random::announced();
    let mut acknowledged = vec![None; WRITERS as usize];
    for round in 0..ROUNDS {
        let patience = random.below(longest);
        let program = std::env::current_exe().unwrap();
        let mut command = with_arguments(Command::new(program));
        prepare(&mut command);
        let mut child = child(command, folder, u64::MAX);
        let mut seen = 0;
        let mut killed = false;
        // To the end of the pipe: what was written before the kill was acknowledged.
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let Some((writer, number)) = line.ok().as_deref().and_then(acknowledgement) else {
                continue;
            };
            acknowledged[writer as usize] = Some(number);
            seen += 1;
            if seen > patience && !killed {
                child.kill().unwrap();
                killed = true;
            }
        }
        child.wait().unwrap();
        assert!(killed, "round {round}: the child ended by itself");
        check(folder, &acknowledged);
    }
}

/// A write that fails for real: the largest size of a file stands in for a disk that is
/// full although the floor of free space should have prevented it.
#[test]
fn a_failed_write_stops_the_store_and_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let mut shell = Command::new("sh");
    // 16384 blocks of 512 bytes (POSIX); without the trap the signal would kill.
    shell
        .args(["-c", "trap '' XFSZ; ulimit -f 16384; exec \"$0\" \"$@\""])
        .arg(program);
    let mut child = child(with_arguments(shell), folder.path(), u64::MAX);
    let mut acknowledged = vec![None; WRITERS as usize];
    let (mut errors, mut stopped) = (0, 0);
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some((writer, number)) = acknowledgement(&line) {
            acknowledged[writer as usize] = Some(number);
        }
        errors += usize::from(line.starts_with("error the store failed"));
        stopped += usize::from(line == "then true");
    }
    child.wait().unwrap();
    assert_eq!((errors, stopped), (WRITERS as usize, WRITERS as usize));
    assert!(acknowledged.iter().all(Option::is_some), "{acknowledged:?}");
    check(folder.path(), &acknowledged);
}

#[test]
fn no_acknowledgement_precedes_its_fdatasync() {
    const PER_WRITER: u64 = 12;
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let mut strace = Command::new("strace");
    strace
        .args([
            "-f",
            "-y",
            "-s",
            "4000000",
            "-e",
            "trace=fdatasync,pwrite64,write",
            "-o",
        ])
        .arg(&trace);
    strace.arg(std::env::current_exe().unwrap());
    assert!(
        Command::new("strace")
            .arg("-V")
            .stdout(Stdio::null())
            .status()
            .is_ok(),
        "this test needs strace: apt-get install strace"
    );
    let mut child = child(
        with_arguments(strace),
        &folder.path().join("store"),
        PER_WRITER,
    );
    let acknowledged = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .filter(|line| {
            line.as_deref()
                .is_ok_and(|line| acknowledgement(line).is_some())
        })
        .count() as u64;
    assert!(child.wait().unwrap().success());
    assert_eq!(acknowledged, WRITERS * PER_WRITER);
    let trace = String::from_utf8_lossy(&std::fs::read(&trace).unwrap()).into_owned();
    assert_eq!(check_trace(&trace), Ok(acknowledged));
}

/// What a line of a trace starts; lines of several threads are woven together.
enum Call {
    /// Data of these batches to the database file.
    Data(Vec<String>),
    /// A sync of what had been written when it began.
    Sync(HashSet<String>),
    Other,
}

/// Counts acknowledgements; an error if one was written before a sync that began after
/// its batch's data had been written had ended well.
fn check_trace(trace: &str) -> Result<u64, String> {
    let mut written = HashSet::new();
    let mut durable: HashSet<String> = HashSet::new();
    let mut unfinished = std::collections::HashMap::new();
    let mut acknowledged = 0;
    for line in trace.lines() {
        let Some((thread, event)) = line.split_once(' ') else {
            continue;
        };
        let event = event.trim_start();
        let call = if event.starts_with("<... ") {
            unfinished.remove(thread).unwrap_or(Call::Other)
        } else if event.starts_with("pwrite64(") && event.contains("/sled/db>") {
            Call::Data(markers(event))
        } else if event.starts_with("fdatasync(") && event.contains("/sled/db>") {
            Call::Sync(written.clone())
        } else {
            if event.starts_with("write(1") {
                for (writer, number) in event.split("\\n").filter_map(acknowledgement) {
                    if !durable.contains(&marker(writer, number)) {
                        return Err(format!("ack {writer} {number} before its fdatasync"));
                    }
                    acknowledged += 1;
                }
            }
            Call::Other
        };
        if event.ends_with("<unfinished ...>") {
            unfinished.insert(thread, call);
            continue;
        }
        match call {
            Call::Data(batches) => written.extend(batches),
            Call::Sync(batches) if event.trim_end().ends_with("= 0") => durable.extend(batches),
            Call::Sync(_) | Call::Other => {}
        }
    }
    Ok(acknowledged)
}

fn markers(event: &str) -> Vec<String> {
    let starts = event.match_indices("[batch ").map(|(at, _)| at);
    starts
        .filter_map(|at| event[at..].split_inclusive(']').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_check_of_traces_notices_an_early_acknowledgement() {
    let data = "7 pwrite64(9</x/sled/db>, \"..[batch 0 1]..\", 40, 0) = 40\n";
    let sync = "7 fdatasync(10</x/sled/db>) = 0\n";
    let ack = "8 write(1<pipe:[1]>, \"\\nack 0 1\\n\", 9) = 9\n";
    let begun = "7 fdatasync(10</x/sled/db> <unfinished ...>\n";
    let ended = "7 <... fdatasync resumed>) = 0\n";
    let failed = "7 <... fdatasync resumed>) = -1 EIO (Input/output error)\n";
    let passes = |lines: &[&str]| check_trace(&lines.concat()).is_ok();
    assert_eq!(check_trace(&[data, sync, ack].concat()), Ok(1));
    assert!(passes(&[data, begun, ended, ack]));
    for wrong in [
        &[data, ack, sync][..],
        &[sync, data, ack],
        &[data, begun, ack, ended],
        &[begun, data, ended, ack],
        &[data, begun, failed, ack],
        &[sync, ack],
    ] {
        assert!(!passes(wrong), "{wrong:?}");
    }
}
