//! What is different in the steps of a flow. A step is known by its id: one that was
//! renamed is another step.

use super::facet::Facets;
use super::flow::{Detail, Kind, retry, word};
use crate::picture::{step_detail, step_kind, template_text};
use crate::plan::{
    Approve, Block, Call, ForEach, OnItemFailure, Receive, RunFlow, Step, StepKind, Wait,
};
use dowel_core::Digest;
use dowel_core::units::format_duration;
use std::collections::BTreeMap;

/// A step and where it stands.
struct Placed<'p> {
    step: &'p Step,
    /// The list of steps that it stands in, such as `steps` or `choose, case 1`.
    list: String,
}

/// Compares the steps of two versions.
pub(super) fn compare(old: &Block, new: &Block) -> Vec<Detail> {
    let (before, after) = (placed(old), placed(new));
    let find = |all: &[Placed<'_>], id: &str| all.iter().position(|one| one.step.id.as_str() == id);
    let mut details = Vec::new();
    let moved = moved(&before, &after);
    for one in &after {
        let id = one.step.id.as_str();
        let subject = format!("step {id}");
        match find(&before, id) {
            None => details.push(whole(subject, Kind::Added, one)),
            Some(index) => {
                if moved.contains(&id) {
                    details.push(Detail {
                        subject: subject.clone(),
                        kind: Kind::Moved,
                        what: String::new(),
                        from: Some(before[index].list.clone()),
                        to: Some(one.list.clone()),
                    });
                }
                let old = facets(before[index].step);
                details.extend(old.compare(&facets(one.step), &subject));
            }
        }
    }
    for one in &before {
        let id = one.step.id.as_str();
        if find(&after, id).is_none() {
            details.push(whole(format!("step {id}"), Kind::Removed, one));
        }
    }
    details
}

fn whole(subject: String, kind: Kind, one: &Placed<'_>) -> Detail {
    let text = format!(
        "{} {}",
        step_kind(&one.step.kind),
        step_detail(&one.step.kind)
    );
    let text = Some(text.trim_end().to_owned());
    let (from, to) = match kind {
        Kind::Removed => (text, None),
        _ => (None, text),
    };
    Detail {
        subject,
        kind,
        what: String::new(),
        from,
        to,
    }
}

fn placed(steps: &Block) -> Vec<Placed<'_>> {
    let mut out = Vec::new();
    collect(steps, "steps", &mut out);
    out
}

fn collect<'p>(steps: &'p Block, list: &str, out: &mut Vec<Placed<'p>>) {
    for step in steps {
        out.push(Placed {
            step,
            list: list.to_owned(),
        });
        let names = lists(step);
        for (block, name) in step.blocks().into_iter().zip(names) {
            collect(block, &format!("{}, {name}", step.id), out);
        }
    }
}

/// The names of the lists of steps inside of a step, in the order of [`Step::blocks`].
fn lists(step: &Step) -> Vec<String> {
    match &step.kind {
        StepKind::Switch { cases, .. } => {
            let cases = (1..=cases.len()).map(|number| format!("case {number}"));
            cases.chain(["default".to_owned()]).collect()
        }
        StepKind::ForEach(_) => vec!["for each item".to_owned()],
        StepKind::Parallel(parallel) => {
            let branches = parallel.branches.iter();
            branches
                .map(|branch| format!("branch {}", branch.name))
                .collect()
        }
        StepKind::Try(plan) => {
            let clauses = (1..=plan.catch.len()).map(|number| format!("catch {number}"));
            std::iter::once("try".to_owned()).chain(clauses).collect()
        }
        _ => Vec::new(),
    }
}

/// Ids of the steps that stand elsewhere: in another list, or in another order among those
/// that are in both versions.
fn moved<'p>(old: &[Placed<'p>], new: &[Placed<'p>]) -> Vec<&'p str> {
    let mut lists: BTreeMap<&str, Vec<(usize, &'p str)>> = BTreeMap::new();
    let mut moved = Vec::new();
    for one in new {
        let id = one.step.id.as_str();
        let Some(index) = old.iter().position(|other| other.step.id.as_str() == id) else {
            continue;
        };
        if old[index].list == one.list {
            lists.entry(&one.list).or_default().push((index, id));
        } else {
            moved.push(id);
        }
    }
    for order in lists.into_values() {
        let kept = longest_rise(&order.iter().map(|(index, _)| *index).collect::<Vec<_>>());
        let others = order.iter().filter(|(index, _)| !kept.contains(index));
        moved.extend(others.map(|(_, id)| id));
    }
    moved
}

/// The longest selection of numbers that rises.
fn longest_rise(numbers: &[usize]) -> Vec<usize> {
    let mut best: Vec<Vec<usize>> = Vec::new();
    for (index, number) in numbers.iter().enumerate() {
        let before = (0..index)
            .filter(|other| numbers[*other] < *number)
            .max_by_key(|other| best[*other].len());
        let mut rise = before.map_or_else(Vec::new, |other| best[other].clone());
        rise.push(*number);
        best.push(rise);
    }
    best.into_iter().max_by_key(Vec::len).unwrap_or_default()
}

/// What there is to say of a step, without the steps inside.
fn facets(step: &Step) -> Facets {
    let mut facets = Facets::default();
    facets.put("kind", step_kind(&step.kind));
    facets.condition(step.program().condition.as_ref());
    if let Some(schema) = &step.schema {
        facets.put("schema", digest(schema.as_str()));
    }
    facets.put("sensitive", step.sensitive.join(", "));
    match &step.kind {
        StepKind::Call(call) => self::call(&mut facets, call),
        StepKind::Set { program } => facets.program("set", Some(program)),
        StepKind::Switch { program, .. } => {
            for (index, condition) in program.outputs.iter().enumerate() {
                facets.put(format!("case {}", index + 1), template_text(condition));
            }
        }
        StepKind::ForEach(each) => for_each(&mut facets, each),
        StepKind::Parallel(parallel) => facets.put("join", word(&parallel.join)),
        StepKind::Try(plan) => {
            for (index, clause) in plan.catch.iter().enumerate() {
                let kinds: Vec<&str> = clause.kinds.iter().map(|kind| kind.name()).collect();
                facets.put(format!("catch {}", index + 1), kinds.join(", "));
            }
        }
        StepKind::Wait(plan) => wait(&mut facets, plan),
        StepKind::Approve(ask) => approve(&mut facets, ask),
        StepKind::Run(run) => self::run(&mut facets, run),
        StepKind::Receive(plan) => receive(&mut facets, plan),
        StepKind::Emit {
            event_type,
            program,
        } => {
            facets.put("type", event_type);
            facets.program("with", Some(program));
        }
        StepKind::Fail {
            kind,
            code,
            program,
        } => {
            facets.put("error", format!("{kind} {code}"));
            for (name, output) in ["message", "with"].iter().zip(&program.outputs) {
                facets.value(name, Some(output));
            }
        }
        StepKind::Return { program } => facets.program("return", Some(program)),
    }
    if let Some(undo) = &step.compensate {
        facets.nest("compensate", self::facets(undo));
    }
    facets
}

fn digest(text: &str) -> String {
    Digest::of(text).to_string().chars().take(19).collect()
}

fn call(facets: &mut Facets, call: &Call) {
    facets.put("call", format!("{}.{}", call.connection, call.operation));
    facets.value("with", call.program.outputs.first());
    if call.has_key {
        facets.value("idempotency_key", call.program.outputs.get(1));
    }
    facets.program("output", call.output.as_deref());
    facets.nest("retry", retry(&call.retry));
    facets.put("timeout", format_duration(call.timeout));
    facets.put_some(
        "on_uncertain",
        call.on_uncertain.map(|choice| word(&choice)),
    );
}

fn for_each(facets: &mut Facets, each: &ForEach) {
    match &each.pages {
        Some(pages) => facets.nest("pages_of", self::facets(&pages.fetch)),
        None => facets.put(
            "in",
            each.program
                .outputs
                .first()
                .map(template_text)
                .unwrap_or_default(),
        ),
    }
    facets.put("parallel", each.parallel.to_string());
    let failure = match each.on_item_failure {
        OnItemFailure::Stop => "stop".to_owned(),
        OnItemFailure::Collect { fail_above: None } => "collect".to_owned(),
        OnItemFailure::Collect {
            fail_above: Some(share),
        } => format!("collect, fail above {share}"),
    };
    facets.put("on_item_failure", failure);
}

fn wait(facets: &mut Facets, plan: &Wait) {
    facets.put_some("for", plan.duration.map(format_duration));
    facets.program("until", Some(&plan.program));
    facets.put_some(
        "calendar",
        plan.calendar.as_ref().map(|one| digest(&word(one))),
    );
}

fn approve(facets: &mut Facets, ask: &Approve) {
    let join = |groups: &[dowel_core::id::GroupName]| {
        let names: Vec<&str> = groups.iter().map(|group| group.as_str()).collect();
        names.join(", ")
    };
    facets.put("groups", join(&ask.groups));
    facets.put("decisions", ask.decisions.join(", "));
    facets.put_some("within", ask.within.map(format_duration));
    facets.put("on_timeout", word(&ask.on_expiry));
    facets.put_some("fails_on", ask.fails_on.clone());
    facets.put_some(
        "calendar",
        ask.calendar.as_ref().map(|one| digest(&word(one))),
    );
    for (index, further) in ask.escalate.iter().enumerate() {
        let text = format!(
            "{} after {}",
            join(&further.groups),
            format_duration(further.after)
        );
        facets.put(format!("escalate {}", index + 1), text);
    }
    for (name, output) in ["title", "show", "exclude"]
        .iter()
        .zip(&ask.program.outputs)
    {
        facets.value(name, Some(output));
    }
}

fn run(facets: &mut Facets, run: &RunFlow) {
    facets.put("run", format!("{}@{}", run.flow, run.range));
    facets.program("with", Some(&run.program));
    facets.program("output", run.output.as_deref());
    facets.put("detach", run.detach.to_string());
    facets.nest("retry", retry(&run.retry));
    facets.put_some("timeout", run.timeout.map(format_duration));
}

fn receive(facets: &mut Facets, plan: &Receive) {
    facets.put("type", &plan.event_type);
    facets.program("match.value", Some(&plan.program));
    facets.program("match.event", Some(&plan.event));
    facets.put_some("within", plan.within.map(format_duration));
    facets.put("on_timeout", word(&plan.on_timeout));
    facets.program("output", plan.output.as_deref());
    facets.put_some(
        "calendar",
        plan.calendar.as_ref().map(|one| digest(&word(one))),
    );
}

#[cfg(test)]
mod tests {
    use super::longest_rise;

    #[test]
    fn the_longest_rise() {
        assert_eq!(longest_rise(&[]), Vec::<usize>::new());
        assert_eq!(longest_rise(&[0, 1, 2]), [0, 1, 2]);
        assert_eq!(longest_rise(&[3, 0, 1, 2]), [0, 1, 2]);
        assert_eq!(longest_rise(&[0, 2, 1, 3]).len(), 3);
    }
}
