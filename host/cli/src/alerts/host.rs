//! What is watched of a host, whatever its flows.

use super::{Options, Rule};

/// How full the backlog may be before somebody is told: intake still takes events then.
const BACKLOG_SHARE: &str = "0.8";

pub(super) fn rules(options: &Options) -> Vec<Rule> {
    let in_sync = "dowel_environment_in_sync == 0 and on (instance) \
                   sum by (instance) (dowel_environment_looks_total) > 0";
    let rules = [
        Rule::page("DowelDown", "absent(dowel_runs_backlog)")
            .lasting("5m")
            .summary("No host can be asked for its metrics.")
            .runbook(&options.doc("docs/guide/on-call.md#doweldown")),
        Rule::page("DowelRunsStuck", "dowel_runs_stuck > 0")
            .lasting("5m")
            .summary("{{ $value }} runs could go on and do not.")
            .runbook(&options.doc("docs/runbooks/stuck-runs.md")),
        Rule::page(
            "DowelBacklogHigh",
            format!("dowel_runs_backlog > {BACKLOG_SHARE} * dowel_runs_backlog_limit"),
        )
        .lasting("5m")
        .summary("{{ $value }} runs wait for the host; soon it takes no more events.")
        .runbook(&options.doc("docs/runbooks/backlog.md")),
        Rule::page("DowelDiskFull", "dowel_runs_held_by_full_disk > 0")
            .lasting("1m")
            .summary("Runs wait because the store's disk is full.")
            .runbook(&options.doc("docs/guide/operator.md#runbook-disk-full")),
        Rule::ticket("DowelEnvironmentOutOfSync", in_sync)
            .lasting("30m")
            .summary("What is active is not what the repository says.")
            .runbook(&options.doc("docs/guide/on-call.md#dowelenvironmentoutofsync")),
        Rule::ticket("DowelCanaryRolledBack", "dowel_canary_rolled_back == 1")
            .summary("The new version of {{ $labels.flow }} did worse; its runs begin on the one before.")
            .runbook(&options.doc("docs/runbooks/rollback.md#a-canary-that-was-rolled-back")),
        Rule::ticket(
            "DowelEventsUndelivered",
            "sum(increase(dowel_events_undelivered_total[15m])) > 0",
        )
        .summary("Flows refused events that are for them; they are kept.")
        .runbook(&options.doc("docs/guide/events.md#what-was-refused")),
        Rule::ticket(
            "DowelApprovalWaits",
            "dowel_approvals_oldest_age_seconds > 86400",
        )
        .summary("An approval has waited for more than a day.")
        .runbook(&options.doc("docs/runbooks/approval-waits.md")),
    ];
    rules.map(|rule| rule.owned_by(&options.owner)).into()
}
