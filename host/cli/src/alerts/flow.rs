//! What is watched of one flow: what it promises, what waits for people, and its clock.

use super::{Options, Rule};
use dowel_core::units::{Share, format_duration};
use dowel_flow::plan::{Plan, Sla, TriggerKind};
use dowel_flow::schedule::Rhythm;
use std::time::Duration;

/// Runs that did not do what the flow is for. One that somebody cancelled says nothing.
const BAD: &str = "failed|compensated|parked";

/// The promise about time is kept by this share of the runs, where the flow names none.
const IN_TIME: f64 = 0.99;

/// How long an exception may wait, where the flow does not say.
const DEFAULT_DUE: Duration = Duration::from_secs(24 * 3_600);

/// The turn of a check whose schedule does not say how long it is.
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// The shortest turn that is watched: Prometheus looks every minute or so.
const SHORTEST_TURN: Duration = Duration::from_secs(120);

/// How late a schedule may fire.
const LATE_SECONDS: u64 = 300;

/// How many rounds of a poll may be missed, and how long it may take beside them: a source
/// that fails is read less often, but at least every quarter of an hour.
const MISSED_ROUNDS: u32 = 3;
const POLL_PATIENCE: Duration = Duration::from_secs(900);

/// A way to spend the error budget of thirty days too fast: over the long window so many
/// times as fast as it lasts for, and still so over the short one.
struct Burn {
    name: &'static str,
    long: &'static str,
    short: &'static str,
    factor: f64,
}

/// 2% of the budget in an hour and 5% in six call somebody; 10% in three days can wait for
/// the morning.
const BURNS: [Burn; 3] = [
    Burn {
        name: "fast",
        long: "1h",
        short: "5m",
        factor: 14.4,
    },
    Burn {
        name: "slow",
        long: "6h",
        short: "30m",
        factor: 6.0,
    },
    Burn {
        name: "creeping",
        long: "3d",
        short: "6h",
        factor: 1.0,
    },
];

pub(super) fn rules(plan: &Plan, options: &Options) -> Vec<Rule> {
    let sla = plan.sla.unwrap_or_default();
    // Made-up runs keep no promise; whether they succeed is what they are for.
    let mut rules = match plan.synthetic {
        true => synthetic(plan),
        false => success(plan, sla),
    };
    if !plan.synthetic {
        rules.extend(in_time(plan, sla));
    }
    rules.extend(exceptions(plan, sla, options.desk_depth));
    rules.extend(schedules(plan));
    rules.extend(polls(plan));
    let owner = options.owner_of(plan);
    let finished = rules.into_iter().map(|(rule, page)| {
        rule.about("flow", plan.flow.as_str())
            .owned_by(&owner)
            .runbook(&options.runbook_of(plan, page))
    });
    finished.collect()
}

/// A rule, and the page for flows without a runbook of their own.
type Draft = (Rule, &'static str);

fn success(plan: &Plan, sla: Sla) -> Vec<Draft> {
    let Some(promised) = sla.success else {
        return Vec::new();
    };
    let flow = &plan.flow;
    let bad = format!("dowel_runs_ended_total{{flow=\"{flow}\",status=~\"{BAD}\"}}");
    let all = format!("dowel_runs_ended_total{{flow=\"{flow}\",status!=\"cancelled\"}}");
    let page = "docs/guide/on-call.md#dowelerrorbudgetburn";
    let summary = format!("Too many runs of {flow} do not succeed; it promises {promised}.");
    let budget = 1.0 - ratio(promised);
    burns("DowelErrorBudgetBurn", (&bad, &all), budget, &summary)
        .map(|rule| (rule, page))
        .collect()
}

fn in_time(plan: &Plan, sla: Sla) -> Vec<Draft> {
    let Some(within) = sla.within else {
        return Vec::new();
    };
    let flow = &plan.flow;
    let late = format!("dowel_runs_late_total{{flow=\"{flow}\"}}");
    let all = format!("dowel_runs_ended_total{{flow=\"{flow}\",status!=\"cancelled\"}}");
    let page = "docs/guide/on-call.md#dowellatencybudgetburn";
    let within = format_duration(within);
    let summary = format!("Too many runs of {flow} are late; it promises to end within {within}.");
    let budget = 1.0 - sla.success.map_or(IN_TIME, ratio);
    burns("DowelLatencyBudgetBurn", (&late, &all), budget, &summary)
        .map(|rule| (rule, page))
        .collect()
}

/// A check that fails, and one that has not succeeded for three of its turns.
fn synthetic(plan: &Plan) -> Vec<Draft> {
    let flow = &plan.flow;
    let turns = plan
        .triggers
        .iter()
        .filter_map(|trigger| match &trigger.kind {
            TriggerKind::Schedule(schedule) => Some(match schedule.rhythm {
                Rhythm::Every(every) => every,
                // How far its times are apart is in the calendar: a day is the most common.
                _ => DAY,
            }),
            _ => None,
        });
    let turn = turns.min().unwrap_or(DAY).max(SHORTEST_TURN);
    let ended = |status: &str, window: Duration| {
        let seconds = window.as_secs();
        format!(
            "sum(increase(dowel_synthetic_runs_ended_total{{flow=\"{flow}\",status=~\"{status}\"}}[{seconds}s]))"
        )
    };
    let page = "docs/guide/on-call.md#dowelsyntheticfailed";
    vec![
        (
            Rule::page(
                "DowelSyntheticFailed",
                format!("{} > 0", ended(BAD, turn * 2)),
            )
            .summary(&format!(
                "The check {flow} failed: what it checks does not work end to end."
            )),
            page,
        ),
        (
            Rule::page(
                "DowelSyntheticSilent",
                format!("{} < 1", ended("succeeded", turn * 3)),
            )
            .lasting(&format_duration(turn * 3))
            .summary(&format!(
                "The check {flow} has not succeeded for three turns."
            )),
            page,
        ),
    ]
}

fn ratio(share: Share) -> f64 {
    f64::from(share.hundredths()) / 10_000.0
}

fn burns<'a>(
    name: &'a str,
    (bad, all): (&'a str, &'a str),
    budget: f64,
    summary: &'a str,
) -> impl Iterator<Item = Rule> + 'a {
    BURNS.iter().map(move |burn| {
        let limit = limit(budget, burn.factor);
        let over = |window: &str| {
            format!("sum(rate({bad}[{window}])) / sum(rate({all}[{window}])) > {limit:.4}")
        };
        let expr = format!("{} and {}", over(burn.long), over(burn.short));
        let rule = match burn.name {
            "creeping" => Rule::ticket(name, expr),
            _ => Rule::page(name, expr),
        };
        rule.about("burn", burn.name).summary(summary)
    })
}

/// The share of bad runs beyond which a budget is spent too fast. A large budget cannot be
/// spent at fourteen times its pace: half of the runs, or the budget itself, is enough then.
fn limit(budget: f64, factor: f64) -> f64 {
    (budget * factor).min(budget.max(0.5))
}

fn exceptions(plan: &Plan, sla: Sla, depth: u64) -> [Draft; 2] {
    let flow = &plan.flow;
    let due = sla.due().unwrap_or(DEFAULT_DUE);
    let (due, seconds) = (format_duration(due), due.as_secs());
    let page = "docs/runbooks/clearing-a-queue.md";
    let overdue = format!("dowel_exceptions_oldest_age_seconds{{flow=\"{flow}\"}} > {seconds}");
    let many = format!("dowel_exceptions_open{{flow=\"{flow}\"}} > {depth}");
    [
        (
            Rule::ticket("DowelExceptionOverdue", overdue).summary(&format!(
                "Nobody has decided about an exception of {flow} within {due}."
            )),
            page,
        ),
        (
            Rule::page("DowelExceptionsMany", many)
                .lasting("5m")
                .summary(&format!(
                    "{{{{ $value }}}} exceptions of {flow} wait for a person."
                )),
            page,
        ),
    ]
}

fn schedules(plan: &Plan) -> Vec<Draft> {
    let flow = &plan.flow;
    let is_scheduled =
        |trigger: &dowel_flow::plan::Trigger| matches!(trigger.kind, TriggerKind::Schedule(_));
    if !plan.triggers.iter().any(is_scheduled) {
        return Vec::new();
    }
    let late = format!("dowel_schedule_lag_seconds{{flow=\"{flow}\"}} > {LATE_SECONDS}");
    let left_out = format!(
        "sum by (flow, trigger) (increase(dowel_schedule_left_out_total{{flow=\"{flow}\"}}[1h])) > 0"
    );
    let page = "docs/guide/on-call.md#dowelschedulelate";
    vec![
        (
            Rule::ticket("DowelScheduleLate", late).summary(&format!(
                "A schedule of {flow} fired {{{{ $value }}}} seconds late."
            )),
            page,
        ),
        (
            Rule::ticket("DowelScheduleLeftOut", left_out)
                .summary(&format!("Fires of a schedule of {flow} were left out.")),
            page,
        ),
    ]
}

/// Nothing else tells of a source that cannot be read: no run fails, because none begins.
fn polls(plan: &Plan) -> Vec<Draft> {
    let flow = &plan.flow;
    let page = "docs/guide/on-call.md#dowelsourcenotread";
    let polls = plan.triggers.iter().filter_map(|trigger| {
        let TriggerKind::Poll(poll) = &trigger.kind else {
            return None;
        };
        let name = &trigger.name;
        let most = poll.every * MISSED_ROUNDS + POLL_PATIENCE;
        let (source, seconds) = (
            format!("{}.{}", poll.connection, poll.source),
            most.as_secs(),
        );
        let late = format!(
            "dowel_poll_read_age_seconds{{flow=\"{flow}\",trigger=\"{name}\"}} > {seconds}"
        );
        let summary = format!(
            "The source {source} of {flow} has not been read for {{{{ $value }}}} seconds."
        );
        let rule = Rule::page("DowelSourceNotRead", late).about("trigger", name);
        Some((rule.summary(&summary), page))
    });
    polls.collect()
}

#[cfg(test)]
mod tests {
    use super::limit;

    #[test]
    fn a_limit_can_be_reached_whatever_the_budget() {
        assert!((limit(0.001, 14.4) - 0.0144).abs() < 1e-9);
        assert!((limit(0.1, 14.4) - 0.5).abs() < 1e-9);
        assert!((limit(0.7, 14.4) - 0.7).abs() < 1e-9);
        assert!(limit(0.1, 1.0) < 0.11);
    }
}
