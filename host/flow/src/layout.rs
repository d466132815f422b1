//! The layout of files in YAML: two spaces for each level, one space where one is enough.
//! Only blanks and line ends change; what a file says, its comments and the order of its
//! keys stay as they are.

use crate::diagnostic::{Diagnostic, Report};
use crate::text::Source;
use crate::yaml::{self, Node, extent};
use dowel_core::code::change::LAYOUT;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Spaces for each level.
const STEP: usize = 2;

/// The text of a file with the usual layout; it is laid out again as it is. `path` is only
/// shown.
///
/// # Errors
/// The file is not YAML as Dowel reads it, or is written in a way whose layout cannot be
/// changed without a risk.
pub fn lay_out(path: &str, text: &str) -> Result<String, Vec<Diagnostic>> {
    let text = text.replace("\r\n", "\n");
    let before = parse(path, &text)?;
    if let Some(out) = laid_out(path, &text, &before) {
        return Ok(out);
    }
    let mut report = Report::new(Arc::new(Source::new(path, &text)));
    let message = "the file is written in a way whose layout cannot be changed";
    report.error(LAYOUT, before.span(), message);
    Err(report.into_sorted())
}

/// `None` if what came of it would say something else.
fn laid_out(path: &str, text: &str, before: &Node) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let spaced = spaced(&chars, before);
    let tree = parse(path, &spaced).ok()?;
    let chars: Vec<char> = spaced.chars().collect();
    let out = indented(&chars, &tree);
    let after = parse(path, &out).ok()?;
    let is_solid = |c: &char| !c.is_whitespace();
    let keeps_all = text
        .chars()
        .filter(is_solid)
        .eq(out.chars().filter(is_solid));
    (keeps_all && is_same(before, &after)).then_some(out)
}

fn parse(path: &str, text: &str) -> Result<Node, Vec<Diagnostic>> {
    let mut report = Report::new(Arc::new(Source::new(path, text)));
    match yaml::parse(text, &mut report) {
        Some(tree) if !report.has_errors() => Ok(tree),
        _ => Err(report.into_sorted()),
    }
}

/// Whether two trees say the same, wherever it stands.
fn is_same(one: &Node, other: &Node) -> bool {
    match (one, other) {
        (Node::Scalar(one), Node::Scalar(other)) => {
            one.text == other.text && one.style == other.style
        }
        (Node::List(one, _), Node::List(other, _)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| is_same(a, b))
        }
        (Node::Map(one, _), Node::Map(other, _)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(a, b)| a.key.text == b.key.text && is_same(&a.value, &b.value))
        }
        _ => false,
    }
}

/// Blanks within lines: behind colons and commas, and inside of brackets.
fn spaced(chars: &[char], tree: &Node) -> String {
    let mut edits = Edits {
        chars,
        found: BTreeMap::new(),
    };
    edits.node(tree);
    let mut out = String::with_capacity(chars.len());
    let mut at = 0;
    for (start, (end, new)) in edits.found {
        if start < at {
            continue;
        }
        out.extend(&chars[at..start]);
        out.push_str(new);
        at = end;
    }
    out.extend(&chars[at..]);
    out
}

struct Edits<'t> {
    chars: &'t [char],
    /// Where each begins, its end, and what stands there then.
    found: BTreeMap<usize, (usize, &'static str)>,
}

impl Edits<'_> {
    fn node(&mut self, node: &Node) {
        let span = extent(self.chars, node);
        let opening = self.chars.get(span.start).copied();
        let is_flow = matches!(opening, Some('{' | '['));
        match node {
            Node::Scalar(_) => return,
            Node::Map(entries, _) => {
                for entry in entries {
                    let key = extent(self.chars, &Node::Scalar(entry.key.clone()));
                    let value = extent(self.chars, &entry.value);
                    self.between(key.end, value.start, ":", ": ");
                    self.node(&entry.value);
                }
            }
            Node::List(items, _) => {
                items.iter().for_each(|item| self.node(item));
            }
        }
        let is_one_line = !self.chars[span.start..span.end].contains(&'\n');
        if is_flow && is_one_line {
            self.brackets(node, span.start, span.end);
        }
    }

    /// A list or map in brackets, on one line.
    fn brackets(&mut self, node: &Node, start: usize, end: usize) {
        let part = |edits: &Self, node: &Node| extent(edits.chars, node);
        let parts: Vec<(usize, usize)> = match node {
            Node::Map(entries, _) => entries
                .iter()
                .map(|entry| {
                    let value = part(self, &entry.value);
                    (entry.key.span.start, value.end.max(entry.key.span.end))
                })
                .collect(),
            Node::List(items, _) => items
                .iter()
                .map(|item| (part(self, item).start, part(self, item).end))
                .collect(),
            Node::Scalar(_) => return,
        };
        let pad = match (node, parts.is_empty()) {
            (Node::Map(..), false) => " ",
            _ => "",
        };
        let mut at = start + 1;
        for (index, (from, to)) in parts.iter().enumerate() {
            match index {
                0 => self.between(at, *from, "", pad),
                _ => self.between(at, *from, ",", ", "),
            }
            at = *to;
        }
        self.between(at, end.saturating_sub(1), "", pad);
    }

    /// Replaces what stands between two places of a line, if it is `old` and blanks.
    fn between(&mut self, start: usize, end: usize, old: &str, new: &'static str) {
        let Some(found) = self.chars.get(start..end) else {
            return;
        };
        let is_on_one_line = !found.contains(&'\n');
        let solid: String = found.iter().filter(|c| **c != ' ').collect();
        if is_on_one_line && solid == old {
            self.found.insert(start, (end, new));
        }
    }
}

/// The indentation of lines, blank lines, and blanks at their ends.
fn indented(chars: &[char], tree: &Node) -> String {
    let mut lines = Lines::new(chars);
    lines.node(tree, 0);
    lines.write()
}

struct Lines<'t> {
    chars: &'t [char],
    /// Where each line begins.
    starts: Vec<usize>,
    /// The new indentation of lines that begin with a key, a dash or a value.
    placed: BTreeMap<usize, usize>,
    /// Lines that begin with the dash of a list.
    dashes: BTreeSet<usize>,
    /// Lines that belong to a value that began on an earlier line, and that line.
    within: BTreeMap<usize, usize>,
}

impl<'t> Lines<'t> {
    fn new(chars: &'t [char]) -> Self {
        let ends = chars.iter().enumerate().filter(|(_, c)| **c == '\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1));
        Self {
            chars,
            starts: starts.collect(),
            placed: BTreeMap::new(),
            dashes: BTreeSet::new(),
            within: BTreeMap::new(),
        }
    }

    fn line_of(&self, at: usize) -> usize {
        self.starts
            .partition_point(|start| *start <= at)
            .saturating_sub(1)
    }

    fn text(&self, line: usize) -> &'t [char] {
        let start = self.starts[line];
        let end = self
            .starts
            .get(line + 1)
            .map_or(self.chars.len(), |next| next - 1);
        &self.chars[start..end]
    }

    fn indent_of(&self, line: usize) -> usize {
        self.text(line).iter().take_while(|c| **c == ' ').count()
    }

    /// What begins here, if it is the first of its line.
    fn place(&mut self, at: usize, indent: usize) {
        let line = self.line_of(at);
        if self.starts[line] + self.indent_of(line) == at {
            self.placed.insert(line, indent);
        }
    }

    fn node(&mut self, node: &Node, indent: usize) {
        let span = extent(self.chars, node);
        let is_flow = matches!(self.chars.get(span.start), Some('{' | '['));
        match node {
            Node::Map(entries, _) if !is_flow => {
                for entry in entries {
                    self.place(entry.key.span.start, indent);
                    let inner = match &entry.value {
                        Node::Scalar(_) => indent,
                        _ => indent + STEP,
                    };
                    self.value(&entry.value, entry.key.span.start, inner);
                }
            }
            Node::List(items, _) if !is_flow => {
                for item in items {
                    let start = item.span().start;
                    let mut before = self.chars[..start].iter();
                    let dash = before.rposition(|c| !c.is_whitespace()).unwrap_or(start);
                    self.place(dash, indent);
                    self.dashes.insert(self.line_of(dash));
                    self.value(item, dash, indent + STEP);
                }
            }
            _ => self.whole(span.start, self.end_of(node), span.start),
        }
    }

    /// A value behind a key or a dash.
    fn value(&mut self, value: &Node, owner: usize, indent: usize) {
        let start = value.span().start;
        let is_flow = matches!(self.chars.get(start), Some('{' | '['));
        if is_flow || matches!(value, Node::Scalar(_)) {
            // Also where it begins on a line below.
            self.whole(owner, self.end_of(value), owner);
        } else {
            self.node(value, indent);
        }
    }

    /// The lines behind the first of a value move as that one does.
    fn whole(&mut self, start: usize, end: usize, owner: usize) {
        let owner = self.line_of(owner);
        for line in self.line_of(start) + 1..=self.line_of(end.max(start + 1) - 1) {
            self.within.insert(line, owner);
        }
    }

    fn end_of(&self, node: &Node) -> usize {
        extent(self.chars, node).end
    }

    fn write(&self) -> String {
        let mut out: Vec<String> = Vec::new();
        for line in 0..self.starts.len() {
            let text: String = self.text(line).iter().collect();
            if let Some(owner) = self.within.get(&line) {
                out.push(self.moved(&text, *owner));
            } else if text.trim().is_empty() {
                if out.last().is_some_and(|before| !before.is_empty()) {
                    out.push(String::new());
                }
            } else {
                let indent = self.indent(line);
                out.push(format!(
                    "{}{}",
                    " ".repeat(indent),
                    self.content(line, &text)
                ));
            }
        }
        format!("{}\n", out.join("\n").trim_end_matches('\n'))
    }

    /// What stands in a line, with one space behind the dash of a list.
    fn content(&self, line: usize, text: &str) -> String {
        let text = text.trim();
        let item = text
            .strip_prefix('-')
            .filter(|_| self.dashes.contains(&line));
        match item.map(str::trim_start) {
            Some(item) if !item.is_empty() => format!("- {item}"),
            _ => text.to_owned(),
        }
    }

    /// A line of a value that began earlier: its blanks may be a part of it.
    fn moved(&self, text: &str, owner: usize) -> String {
        if text.trim().is_empty() {
            return String::new();
        }
        let old = text.chars().take_while(|c| *c == ' ').count();
        let new = (old + self.indent(owner)).saturating_sub(self.indent_of(owner));
        format!("{}{}", " ".repeat(new), text.trim_start_matches(' '))
    }

    /// The new indentation of a line; a comment goes with what follows it, or with what is
    /// before it if it stands deeper.
    fn indent(&self, line: usize) -> usize {
        if let Some(indent) = self.placed.get(&line) {
            return *indent;
        }
        let old = self.indent_of(line);
        let next = self.placed.range(line + 1..).next();
        if let Some((below, indent)) = next
            && old <= self.indent_of(*below)
        {
            return *indent;
        }
        if old == 0 {
            return 0;
        }
        match self.placed.range(..line).next_back() {
            Some((above, indent)) => (old + indent).saturating_sub(self.indent_of(*above)),
            None => old,
        }
    }
}

#[cfg(test)]
mod tests;
