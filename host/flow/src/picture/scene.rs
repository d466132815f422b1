//! What a picture shows, before it has places.

use super::label;
use crate::plan::{Plan, Step, StepKind};
use serde::Serialize;

/// What a picture shows of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scene {
    /// The flow.
    pub flow: String,
    /// Its version.
    pub version: String,
    /// What it does.
    pub description: Option<String>,
    /// What begins a run.
    pub triggers: Vec<Entry>,
    /// The steps.
    pub steps: Vec<Shown>,
    /// What a run yields.
    pub output: Option<String>,
    /// What a failure means that nothing caught, if the flow says so.
    pub on_failure: Option<String>,
}

/// What begins a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The trigger's name.
    pub name: String,
    /// Its kind, as in a flow.
    pub kind: &'static str,
    /// What is said about it, such as the path of a webhook.
    pub detail: String,
}

/// What a picture shows of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Identifies the step in numbers and links: its id, `<id>~compensate` for what undoes
    /// it, `<id>~page` for the call that fetches the pages of a loop.
    pub key: String,
    /// Its kind, as in a flow; `undo` for a compensation.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// What it does, in a few words.
    pub detail: String,
    /// The step's `if`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// What else is said about it: attempts, times.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Where it stands, as `file:line:column`.
    pub place: String,
    /// The steps inside.
    #[serde(skip_serializing_if = "Inside::is_nothing")]
    pub inside: Inside,
    /// What undoes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<Box<Self>>,
    /// Whether the run ends with it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ends: bool,
}

/// The steps inside of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Inside {
    /// None.
    #[default]
    Nothing,
    /// The branches of a `switch`, of which one is taken.
    Choice(Vec<Lane>),
    /// The branches of a `parallel`, which run at the same time.
    Fork(Vec<Lane>),
    /// The body of a loop.
    Loop {
        /// The call that fetches pages, if there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        fetch: Option<Box<Shown>>,
        /// What runs for each item.
        steps: Vec<Shown>,
    },
    /// A `try`.
    Guard {
        /// What may fail.
        steps: Vec<Shown>,
        /// What answers a failure.
        catch: Vec<Lane>,
    },
}

impl Inside {
    fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }
}

/// Steps beside other ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lane {
    /// When it is taken, or its name.
    pub label: String,
    /// Its steps; there may be none.
    pub steps: Vec<Shown>,
}

impl Scene {
    /// What is shown of a plan.
    pub fn of(plan: &Plan) -> Self {
        Self {
            flow: plan.flow.to_string(),
            version: plan.version.to_string(),
            description: plan.description.clone(),
            triggers: plan.triggers.iter().map(label::trigger).collect(),
            steps: block(&plan.steps),
            output: plan.output.as_ref().and_then(|output| label::value(output)),
            on_failure: label::on_failure(&plan.on_failure),
        }
    }
}

impl Shown {
    /// One sentence that says all that the picture shows of the step.
    pub fn alternative(&self) -> String {
        let mut text = format!("{} {}", self.kind, self.id);
        if !self.detail.is_empty() {
            text.push_str(": ");
            text.push_str(&self.detail);
        }
        if let Some(condition) = &self.condition {
            text.push_str("; only if ");
            text.push_str(condition);
        }
        for note in &self.notes {
            text.push_str("; ");
            text.push_str(note);
        }
        if let Some(undo) = &self.undo {
            text.push_str("; undone by ");
            text.push_str(&undo.detail);
        }
        text
    }
}

fn block(steps: &[Step]) -> Vec<Shown> {
    steps.iter().map(shown).collect()
}

fn shown(step: &Step) -> Shown {
    let id = step.id.to_string();
    let undo = step.compensate.as_deref().map(|undo| Shown {
        key: format!("{id}~compensate"),
        kind: "undo",
        ..shown(undo)
    });
    Shown {
        key: id.clone(),
        kind: label::kind(&step.kind),
        detail: label::detail(&step.kind),
        condition: step.program().condition.as_ref().map(label::expression),
        notes: label::notes(&step.kind),
        place: step.position.to_string(),
        inside: inside(step),
        undo: undo.map(Box::new),
        ends: matches!(step.kind, StepKind::Fail { .. } | StepKind::Return { .. })
            && step.program().condition.is_none(),
        id,
    }
}

fn inside(step: &Step) -> Inside {
    match &step.kind {
        StepKind::Switch {
            program,
            cases,
            default,
        } => {
            let conditions = program.outputs.iter().map(label::template);
            let mut lanes: Vec<Lane> = conditions
                .zip(cases)
                .map(|(condition, steps)| Lane {
                    label: condition,
                    steps: block(steps),
                })
                .collect();
            lanes.push(Lane {
                label: "otherwise".to_owned(),
                steps: default.as_deref().map(block).unwrap_or_default(),
            });
            Inside::Choice(lanes)
        }
        StepKind::Parallel(parallel) => {
            let lane = |branch: &crate::plan::Branch| Lane {
                label: branch.name.to_string(),
                steps: block(&branch.steps),
            };
            Inside::Fork(parallel.branches.iter().map(lane).collect())
        }
        StepKind::ForEach(each) => Inside::Loop {
            fetch: step.fetch().map(|fetch| {
                Box::new(Shown {
                    key: format!("{}~page", step.id),
                    condition: None,
                    ..shown(fetch)
                })
            }),
            steps: block(&each.steps),
        },
        StepKind::Try(plan) => {
            let lane = |clause: &crate::plan::Catch| Lane {
                label: label::kinds(&clause.kinds),
                steps: block(&clause.steps),
            };
            Inside::Guard {
                steps: block(&plan.steps),
                catch: plan.catch.iter().map(lane).collect(),
            }
        }
        _ => Inside::Nothing,
    }
}
