//! The picture as a Mermaid flowchart, for pages that draw those.

use super::scene::{Inside, Lane, Scene, Shown};
use std::fmt::Write as _;

/// Writes the picture.
pub(super) fn write(scene: &Scene) -> String {
    let mut chart = Chart::default();
    chart.out.push_str("flowchart TD\n");
    let mut from = Vec::new();
    for (index, entry) in scene.triggers.iter().enumerate() {
        let node = format!("t{index}");
        let words = label(&entry.name, &entry.detail);
        chart.line(&format!("{node}([{words}])"));
        from.push(Loose::new(node));
    }
    let ends = chart.block(&scene.steps, from);
    if !ends.is_empty() {
        let output = scene.output.as_deref().unwrap_or_default();
        chart.line(&format!("finish([{}])", label("end", output)));
        chart.join(ends, "finish");
    }
    chart.out
}

/// The end of a line that leads nowhere yet.
struct Loose {
    node: String,
    label: Option<String>,
}

impl Loose {
    const fn new(node: String) -> Self {
        Self { node, label: None }
    }
}

#[derive(Default)]
struct Chart {
    out: String,
    depth: usize,
    nodes: usize,
}

impl Chart {
    fn line(&mut self, text: &str) {
        let indent = "  ".repeat(self.depth + 1);
        let _ = writeln!(self.out, "{indent}{text}");
    }

    /// Names of nodes are numbers: step ids may be words of Mermaid, such as `end`.
    fn name(&mut self) -> String {
        self.nodes += 1;
        format!("s{}", self.nodes)
    }

    fn join(&mut self, from: Vec<Loose>, to: &str) {
        for one in from {
            match one.label {
                Some(label) => self.line(&format!("{} -->|{}| {to}", one.node, quoted(&label))),
                None => self.line(&format!("{} --> {to}", one.node)),
            }
        }
    }

    fn block(&mut self, steps: &[Shown], mut from: Vec<Loose>) -> Vec<Loose> {
        for step in steps {
            from = self.step(step, from);
        }
        from
    }

    fn step(&mut self, step: &Shown, from: Vec<Loose>) -> Vec<Loose> {
        let node = self.name();
        let words = label(&step.id, &words(step));
        let shape = match &step.inside {
            Inside::Choice(_) => format!("{node}{{{words}}}"),
            Inside::Fork(_) => format!("{node}[/{words}/]"),
            _ => format!("{node}[{words}]"),
        };
        self.line(&shape);
        self.join(from, &node);
        if let Some(undo) = &step.undo {
            let name = self.name();
            self.line(&format!("{name}[{}]", label("undo", &undo.detail)));
            self.line(&format!("{node} -.->|{}| {name}", quoted("on failure")));
        }
        let next = self.inside(step, &node);
        if step.ends { Vec::new() } else { next }
    }

    fn inside(&mut self, step: &Shown, node: &str) -> Vec<Loose> {
        match &step.inside {
            Inside::Nothing => vec![Loose::new(node.to_owned())],
            Inside::Choice(lanes) | Inside::Fork(lanes) => self.lanes(lanes, node),
            Inside::Loop { fetch, steps } => {
                self.group(step, "for each item");
                let mut from = vec![Loose {
                    node: node.to_owned(),
                    label: Some("each".to_owned()),
                }];
                if let Some(fetch) = fetch {
                    from = self.step(fetch, from);
                }
                for end in self.block(steps, from) {
                    self.line(&format!("{} -.-> {node}", end.node));
                }
                self.leave();
                vec![Loose::new(node.to_owned())]
            }
            Inside::Guard { steps, catch } => {
                self.group(step, "guarded");
                let mut ends = self.block(steps, vec![Loose::new(node.to_owned())]);
                self.leave();
                for clause in catch {
                    let from = vec![Loose {
                        node: node.to_owned(),
                        label: Some(format!("catch {}", clause.label)),
                    }];
                    ends.extend(self.block(&clause.steps, from));
                }
                ends
            }
        }
    }

    fn lanes(&mut self, lanes: &[Lane], node: &str) -> Vec<Loose> {
        let mut ends = Vec::new();
        for lane in lanes {
            let from = vec![Loose {
                node: node.to_owned(),
                label: Some(lane.label.clone()),
            }];
            ends.extend(self.block(&lane.steps, from));
        }
        ends
    }

    fn group(&mut self, step: &Shown, what: &str) {
        let name = self.name();
        let title = quoted(&format!("{}: {what}", step.id));
        self.line(&format!("subgraph {name}[{title}]"));
        self.depth += 1;
    }

    fn leave(&mut self) {
        self.depth -= 1;
        self.line("end");
    }
}

fn words(step: &Shown) -> String {
    let detail = match step.kind {
        "set" | "return" | "wait" => format!("{} {}", step.kind, step.detail),
        _ => step.detail.clone(),
    };
    match &step.condition {
        Some(condition) => format!("{detail}\nif {condition}"),
        None => detail,
    }
}

fn label(title: &str, detail: &str) -> String {
    if detail.trim().is_empty() {
        return quoted(title);
    }
    quoted(&format!("{title}\n{detail}"))
}

/// Text in quotes, in which nothing means anything to Mermaid or to HTML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '\n' => out.push_str("<br/>"),
            '"' | '#' | '&' | '<' | '>' | '`' | '\\' => {
                let _ = write!(out, "#{};", u32::from(c));
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
