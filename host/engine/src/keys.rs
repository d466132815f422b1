//! Where things are in the store. Every key begins with a letter that names its family.

use crate::state::RunStatus;
use crate::switches::SwitchTarget;
use dowel_core::id::ConnectionName;
use dowel_core::{Digest, FlowName, RunId, Timestamp};

/// How many runs' ids fit behind each other in order: the id is written as 16 bytes.
const RUN_ID_BYTES: usize = 16;

fn with_run(family: &[u8], run: RunId) -> Vec<u8> {
    let mut key = Vec::with_capacity(family.len() + RUN_ID_BYTES + 8);
    key.extend_from_slice(family);
    key.extend_from_slice(&run.as_u128().to_be_bytes());
    key
}

/// Journal pages of one run, in order: `j` + run + position of the first entry.
pub(crate) fn journal(run: RunId) -> Vec<u8> {
    with_run(b"j", run)
}

/// One journal page.
pub(crate) fn journal_page(run: RunId, first_seq: u64) -> Vec<u8> {
    let mut key = journal(run);
    key.extend_from_slice(&first_seq.to_be_bytes());
    key
}

/// The large values of one run's journal.
pub(crate) fn blobs(run: RunId) -> Vec<u8> {
    with_run(b"b", run)
}

/// A large value of a run's journal: `b` + run + the value's digest.
pub(crate) fn blob(run: RunId, digest: &Digest) -> Vec<u8> {
    let mut key = blobs(run);
    key.extend_from_slice(digest.bytes());
    key
}

/// The large bodies that were written in one run.
pub(crate) fn bodies(run: RunId) -> Vec<u8> {
    with_run(b"z", run)
}

/// A piece of a body: `z` + run + `c` + the body's number + position.
pub(crate) fn body_piece(run: RunId, body: [u8; 16], position: u32) -> Vec<u8> {
    let mut key = bodies(run);
    key.push(b'c');
    key.extend_from_slice(&body);
    key.extend_from_slice(&position.to_be_bytes());
    key
}

/// A body that is whole, by its digest.
pub(crate) fn body(run: RunId, digest: &Digest) -> Vec<u8> {
    let mut key = bodies(run);
    key.push(b'm');
    key.extend_from_slice(digest.bytes());
    key
}

/// A run that has not ended and is not parked. The value is when it is due.
pub(crate) fn active(run: RunId) -> Vec<u8> {
    with_run(ACTIVE, run)
}

/// The family of active runs.
pub(crate) const ACTIVE: &[u8] = b"a";

/// The lease of a run that one of several hosts works on.
pub(crate) fn lease(run: RunId) -> Vec<u8> {
    with_run(LEASE, run)
}

/// The family of leases.
pub(crate) const LEASE: &[u8] = b"l";

/// The messages to a run that its driver has not taken up, in order.
pub(crate) fn inbox(run: RunId) -> Vec<u8> {
    with_run(INBOX, run)
}

/// One message: `i` + run + time + random bytes.
pub(crate) fn message(run: RunId, at: Timestamp, random: [u8; 8]) -> Vec<u8> {
    let mut key = inbox(run);
    key.extend_from_slice(&at.as_millis().to_be_bytes());
    key.extend_from_slice(&random);
    key
}

/// The family of messages.
pub(crate) const INBOX: &[u8] = b"i";

/// A run's summary, for lists.
pub(crate) fn summary(run: RunId) -> Vec<u8> {
    with_run(SUMMARY, run)
}

/// The family of summaries; sorted by creation time.
pub(crate) const SUMMARY: &[u8] = b"s";

/// The runs of one flow, in the order of their arrival.
pub(crate) fn runs_of_flow(flow: &FlowName) -> Vec<u8> {
    let mut out = b"f".to_vec();
    out.extend_from_slice(flow.as_str().as_bytes());
    out.push(0);
    out
}

/// One run of a flow.
pub(crate) fn run_of_flow(flow: &FlowName, run: RunId) -> Vec<u8> {
    with_run(&runs_of_flow(flow), run)
}

/// The runs in one status, in the order of their arrival.
pub(crate) fn runs_of_status(status: RunStatus) -> Vec<u8> {
    let mut out = b"rs".to_vec();
    out.extend_from_slice(status.name().as_bytes());
    out.push(0);
    out
}

/// One run in a status.
pub(crate) fn run_of_status(status: RunStatus, run: RunId) -> Vec<u8> {
    with_run(&runs_of_status(status), run)
}

/// The runs of one trace.
pub(crate) fn runs_of_trace(trace: &str) -> Vec<u8> {
    let mut out = b"rt".to_vec();
    out.extend_from_slice(Digest::of(trace).hex().as_bytes());
    out
}

/// One run of a trace.
pub(crate) fn run_of_trace(trace: &str, run: RunId) -> Vec<u8> {
    with_run(&runs_of_trace(trace), run)
}

/// The run that owns a dedupe key. Scoped by the flow's name, across versions.
pub(crate) fn dedupe(flow: &FlowName, key: &str) -> Vec<u8> {
    let mut out = b"d".to_vec();
    out.extend_from_slice(flow.as_str().as_bytes());
    out.push(0);
    out.extend_from_slice(Digest::of(key).hex().as_bytes());
    out
}

/// The run that owns an `Idempotency-Key` of a flow.
pub(crate) fn idempotency(flow: &FlowName, key: &str) -> Vec<u8> {
    let mut out = b"h".to_vec();
    out.extend_from_slice(flow.as_str().as_bytes());
    out.push(0);
    out.extend_from_slice(Digest::of(key).hex().as_bytes());
    out
}

/// The run that a flow has begun for a signed message, where the flow has no `dedupe` of
/// its own. The zero in front keeps it apart from the events of `event_seen`.
pub(crate) fn signed_message(flow: &FlowName, trigger: &str, identity: &str) -> Vec<u8> {
    event_seen(flow, &format!("\0{trigger}"), identity)
}

/// The run that a flow has begun for an event, where the flow has no `dedupe` of its
/// own: by CloudEvents `source` and `id`.
pub(crate) fn event_seen(flow: &FlowName, source: &str, id: &str) -> Vec<u8> {
    // A family of its own: no dedupe key that a flow computes can meet it.
    let mut out = b"c".to_vec();
    out.extend_from_slice(flow.as_str().as_bytes());
    out.push(0);
    let length = source.len();
    let both = format!("{length}:{source}{id}");
    out.extend_from_slice(Digest::of(both).hex().as_bytes());
    out
}

/// An emitted event that has not been delivered yet: `o` + run + position in its
/// journal, so that the events of one run are in the order in which it emitted them.
pub(crate) fn outbox(run: RunId, seq: u64) -> Vec<u8> {
    let mut key = with_run(OUTBOX, run);
    key.extend_from_slice(&seq.to_be_bytes());
    key
}

/// The family of emitted events.
pub(crate) const OUTBOX: &[u8] = b"o";

/// An event that a flow did not take although its trigger is for it. Sorted by time.
pub(crate) fn undelivered(id: RunId) -> Vec<u8> {
    with_run(UNDELIVERED, id)
}

/// The family of events that flows did not take.
pub(crate) const UNDELIVERED: &[u8] = b"u";

/// Runs by business key: family, digest of the key, run.
pub(crate) fn by_business_key(key: &str, run: RunId) -> Vec<u8> {
    let mut out = business_key(key);
    out.extend_from_slice(&run.as_u128().to_be_bytes());
    out
}

/// An approval that waits for a decision: `y` + when it was asked + run + position of
/// the question in the journal, so that the oldest come first.
pub(crate) fn approval(asked: Timestamp, run: RunId, seq: u64) -> Vec<u8> {
    let mut out = APPROVAL.to_vec();
    out.extend_from_slice(&asked.as_millis().to_be_bytes());
    out.extend_from_slice(&run.as_u128().to_be_bytes());
    out.extend_from_slice(&seq.to_be_bytes());
    out
}

/// The family of open approvals.
pub(crate) const APPROVAL: &[u8] = b"y";

/// When it was asked, the run and the position of such a key.
pub(crate) fn read_approval(key: &[u8]) -> Option<(Timestamp, RunId, u64)> {
    let (asked, rest) = key.strip_prefix(APPROVAL)?.split_first_chunk::<8>()?;
    let (run, seq) = rest.split_last_chunk::<8>()?;
    let asked = Timestamp::from_millis(u64::from_be_bytes(*asked));
    Some((asked, run_at_end(run)?, u64::from_be_bytes(*seq)))
}

/// Such a key as a cursor of lists.
pub(crate) fn cursor_of_approval(key: &[u8]) -> String {
    let place = key.strip_prefix(APPROVAL).unwrap_or_default();
    place.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The key of a cursor; `None` if it is none.
pub(crate) fn approval_of_cursor(cursor: &str) -> Option<Vec<u8>> {
    let mut key = APPROVAL.to_vec();
    for at in (0..cursor.len()).step_by(2) {
        key.push(u8::from_str_radix(cursor.get(at..at + 2)?, 16).ok()?);
    }
    read_approval(&key).map(|_| key)
}

/// All runs of one business key.
pub(crate) fn business_key(key: &str) -> Vec<u8> {
    let mut out = b"k".to_vec();
    out.extend_from_slice(Digest::of(key).hex().as_bytes());
    out
}

/// Finished runs of one flow, by how they ended and when: what retention goes by.
pub(crate) fn finished_class(flow: &FlowName, class: EndClass) -> Vec<u8> {
    let mut out = finished_flow(flow);
    out.push(class as u8);
    out
}

/// One finished run.
pub(crate) fn finished(flow: &FlowName, class: EndClass, ended: Timestamp, run: RunId) -> Vec<u8> {
    let mut out = finished_class(flow, class);
    out.extend_from_slice(&ended.as_millis().to_be_bytes());
    with_run(&out, run)
}

/// All finished runs of one flow.
pub(crate) fn finished_flow(flow: &FlowName) -> Vec<u8> {
    let mut out = FINISHED.to_vec();
    out.extend_from_slice(flow.as_str().as_bytes());
    out.push(0);
    out
}

/// The family of finished runs.
pub(crate) const FINISHED: &[u8] = b"e";

/// How a run ended, as far as retention tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum EndClass {
    /// Well.
    Good = b'g',
    /// Otherwise.
    Bad = b'x',
}

impl EndClass {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Good, Self::Bad];
}

/// The flow of a key of the family of finished runs.
pub(crate) fn flow_of_finished(key: &[u8]) -> Option<FlowName> {
    let rest = key.strip_prefix(FINISHED)?;
    let name = rest.split(|byte| *byte == 0).next()?;
    FlowName::new(std::str::from_utf8(name).ok()?).ok()
}

/// When the run of such a key ended.
pub(crate) fn end_of_finished(key: &[u8]) -> Option<Timestamp> {
    const TIME_BYTES: usize = 8;
    let time = key.len().checked_sub(RUN_ID_BYTES + TIME_BYTES)?;
    let bytes = key.get(time..time + TIME_BYTES)?.try_into().ok()?;
    Some(Timestamp::from_millis(u64::from_be_bytes(bytes)))
}

/// A dedupe key that outlives its run: it is looked at again at `at`.
pub(crate) fn expiring(at: Timestamp, dedupe: &[u8]) -> Vec<u8> {
    let mut out = EXPIRING.to_vec();
    out.extend_from_slice(&at.as_millis().to_be_bytes());
    out.extend_from_slice(dedupe);
    out
}

/// The family of dedupe keys that outlive their runs, in order of their end.
pub(crate) const EXPIRING: &[u8] = b"x";

/// When and which dedupe key a key of that family is about.
pub(crate) fn read_expiring(key: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (at, dedupe) = key.strip_prefix(EXPIRING)?.split_first_chunk::<8>()?;
    Some((Timestamp::from_millis(u64::from_be_bytes(*at)), dedupe))
}

/// Everything that belongs to one run alone and goes with it, apart from its summary.
pub(crate) fn families_of_run(run: RunId) -> [Vec<u8>; 4] {
    [journal(run), blobs(run), bodies(run), inbox(run)]
}

/// What a flow keeps between runs. Scoped by the flow's name, across versions.
pub(crate) fn kept(flow: &FlowName) -> Vec<u8> {
    let mut out = b"v".to_vec();
    out.extend_from_slice(flow.as_str().as_bytes());
    out
}

/// The position of a schedule. Scoped by the flow's name, across versions.
pub(crate) fn schedule(flow: &FlowName, trigger: &str) -> Vec<u8> {
    let mut out = SCHEDULE.to_vec();
    out.extend_from_slice(flow.as_str().as_bytes());
    out.push(0);
    out.extend_from_slice(trigger.as_bytes());
    out
}

/// The family of schedule positions.
pub(crate) const SCHEDULE: &[u8] = b"t";

/// The flow and the trigger of a schedule position's key.
pub(crate) fn schedule_at(key: &[u8]) -> Option<(FlowName, String)> {
    let text = std::str::from_utf8(key.strip_prefix(SCHEDULE)?).ok()?;
    let (flow, trigger) = text.split_once('\0')?;
    Some((flow.parse().ok()?, trigger.to_owned()))
}

/// The position of a poll. Scoped by the flow's name, across versions.
pub(crate) fn poll(flow: &FlowName, trigger: &str) -> Vec<u8> {
    let mut out = b"g".to_vec();
    out.extend_from_slice(flow.as_str().as_bytes());
    out.push(0);
    out.extend_from_slice(trigger.as_bytes());
    out
}

/// The tree of the environment that is active.
pub(crate) const ACTIVE_TREE: &[u8] = b"Ra";

/// The format of the store.
pub(crate) const FORMAT: &[u8] = b"Rf";

/// The family of canaries.
pub(crate) const CANARY: &[u8] = b"Rk";

/// The canary of a flow.
pub(crate) fn canary(flow: &FlowName) -> Vec<u8> {
    [CANARY, flow.as_str().as_bytes()].concat()
}

/// The flow of such a key.
pub(crate) fn flow_of_canary(key: &[u8]) -> Option<FlowName> {
    let name = std::str::from_utf8(key.strip_prefix(CANARY)?).ok()?;
    name.parse().ok()
}

/// The family of versions that nothing needs.
pub(crate) const UNUSED: &[u8] = b"Rv";

/// What is written down of a plan that nothing needs.
pub(crate) fn unused(plan: &Digest) -> Vec<u8> {
    [UNUSED, plan.hex().as_bytes()].concat()
}

/// The plan of such a key.
pub(crate) fn plan_of_unused(key: &[u8]) -> Option<Digest> {
    let hex = std::str::from_utf8(key.strip_prefix(UNUSED)?).ok()?;
    format!("sha256:{hex}").parse().ok()
}

/// The trees that wait to become active.
pub(crate) const TREE_CHANGES: &[u8] = b"Rc";

/// A tree that waits, by its digest.
pub(crate) fn tree_change(digest: &Digest) -> Vec<u8> {
    let mut out = TREE_CHANGES.to_vec();
    out.extend_from_slice(digest.bytes());
    out
}

/// The family of plans.
pub(crate) const PLAN: &[u8] = b"p";

/// A plan by its digest.
pub(crate) fn plan(digest: &Digest) -> Vec<u8> {
    let mut out = PLAN.to_vec();
    out.extend_from_slice(digest.hex().as_bytes());
    out
}

/// The run id that follows the family letter of a key.
pub(crate) fn run_at_start(key: &[u8]) -> Option<RunId> {
    run_at_end(key.get(..1 + RUN_ID_BYTES)?)
}

/// The last decision about a switch: `<flow>`, `<flow>/<trigger>` or `@<connection>`.
pub(crate) fn switch(target: &SwitchTarget) -> Vec<u8> {
    let mut out = SWITCH.to_vec();
    let text = match target {
        SwitchTarget::Flow(flow) => flow.to_string(),
        SwitchTarget::Trigger(flow, trigger) => format!("{flow}/{trigger}"),
        SwitchTarget::Connection(connection) => format!("@{connection}"),
    };
    out.extend_from_slice(text.as_bytes());
    out
}

/// The family of these decisions.
pub(crate) const SWITCH: &[u8] = b"w";

/// What a switch is for.
pub(crate) fn read_switch(key: &[u8]) -> Option<SwitchTarget> {
    let text = std::str::from_utf8(key.strip_prefix(SWITCH)?).ok()?;
    if let Some(connection) = text.strip_prefix('@') {
        return Some(SwitchTarget::Connection(
            ConnectionName::new(connection).ok()?,
        ));
    }
    Some(match text.split_once('/') {
        Some((flow, trigger)) => {
            SwitchTarget::Trigger(FlowName::new(flow).ok()?, trigger.to_owned())
        }
        None => SwitchTarget::Flow(FlowName::new(text).ok()?),
    })
}

/// The runs of one concurrency key, in the order of their arrival. Scoped by the
/// flow's name, across versions.
pub(crate) fn key_line(flow: &FlowName, key: &str) -> Vec<u8> {
    let mut out = KEY_LINE.to_vec();
    out.extend_from_slice(flow.as_str().as_bytes());
    out.push(0);
    out.extend_from_slice(Digest::of(key).hex().as_bytes());
    out
}

/// A run's place in a line: line, number of arrival, run. The value is its limit.
pub(crate) fn key_place(line: &[u8], number: u64, run: RunId) -> Vec<u8> {
    let mut out = line.to_vec();
    out.extend_from_slice(&number.to_be_bytes());
    out.extend_from_slice(&run.as_u128().to_be_bytes());
    out
}

/// The family of places in lines of concurrency keys.
pub(crate) const KEY_LINE: &[u8] = b"q";

/// The line, the number of arrival and the run of a place.
pub(crate) fn read_key_place(place: &[u8]) -> Option<(&[u8], u64, RunId)> {
    let run = run_at_end(place)?;
    let rest = place.get(..place.len().checked_sub(RUN_ID_BYTES)?)?;
    let (line, number) = rest.split_last_chunk::<8>()?;
    Some((line, u64::from_be_bytes(*number), run))
}

/// The run id at the end of a key.
pub(crate) fn run_at_end(key: &[u8]) -> Option<RunId> {
    let bytes = key.last_chunk::<RUN_ID_BYTES>()?;
    Some(RunId::from_u128(u128::from_be_bytes(*bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_a_run_follow_each_other_and_ids_come_back() {
        let run = RunId::new(Timestamp::from_millis(7), [3; 10]);
        assert!(journal_page(run, 255) < journal_page(run, 256));
        assert!(journal_page(run, 0).starts_with(&journal(run)));
        assert_eq!(run_at_end(&active(run)), Some(run));
        assert_eq!(run_at_end(&by_business_key("4711", run)), Some(run));
        assert_eq!(run_at_end(b"a"), None);
        let message = message(run, Timestamp::from_millis(9), [1; 8]);
        assert_eq!(run_at_start(&message), Some(run));
        let flow = FlowName::new("order-to-invoice").unwrap();
        for target in [
            SwitchTarget::Flow(flow.clone()),
            SwitchTarget::Trigger(flow.clone(), "by_hand".to_owned()),
            SwitchTarget::Connection("crm".parse().unwrap()),
        ] {
            assert_eq!(read_switch(&switch(&target)), Some(target));
        }
        let line = key_line(&flow, "C-1");
        let place = key_place(&line, 256, run);
        assert!(key_place(&line, 255, run) < place && place.starts_with(&line));
        assert_eq!(read_key_place(&place), Some((line.as_slice(), 256, run)));
        assert_eq!(read_key_place(b"q"), None);
        let flow: FlowName = "nightly".parse().unwrap();
        let name = schedule_at(&schedule(&flow, "at_two"));
        assert_eq!(name, Some((flow, "at_two".to_owned())));
    }

    #[test]
    fn finished_runs_lie_in_order_of_their_end() {
        let flow: FlowName = "order-to-invoice".parse().unwrap();
        let run = RunId::new(Timestamp::from_millis(7), [3; 10]);
        let key = |class, at| finished(&flow, class, Timestamp::from_millis(at), run);
        let early = key(EndClass::Good, 255);
        assert!(early < key(EndClass::Good, 256));
        assert!(early.starts_with(&finished_class(&flow, EndClass::Good)));
        assert_eq!(flow_of_finished(&early), Some(flow.clone()));
        assert_eq!(end_of_finished(&early), Some(Timestamp::from_millis(255)));
        assert_eq!(run_at_end(&early), Some(run));
        let dedupe = dedupe(&flow, "4711");
        let at = Timestamp::from_millis(9);
        assert_eq!(read_expiring(&expiring(at, &dedupe)), Some((at, &*dedupe)));
        assert_eq!(read_expiring(b"x1"), None);
        let open = approval(at, run, 7);
        assert!(open < approval(Timestamp::from_millis(256), run, 7));
        assert_eq!(read_approval(&open), Some((at, run, 7)));
        assert_eq!(approval_of_cursor(&cursor_of_approval(&open)), Some(open));
        assert_eq!(approval_of_cursor("zz"), None);
    }
}
