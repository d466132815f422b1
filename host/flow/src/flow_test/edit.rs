//! Edits of a test file that leave everything else as it is, comments included.

use super::{FORMAT, Path, Segment};
use crate::diagnostic::Report;
use crate::text::{Source, Span};
use crate::yaml::{self, Node, emit, extent};
use dowel_core::JsonText;
use std::sync::Arc;

/// A new value for a place in a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Index of the case.
    pub case: usize,
    /// The place.
    pub path: Path,
    /// What stands there from now on.
    pub value: JsonText,
}

/// Why a file could not be edited; it has to be edited by hand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotEdit {
    /// The file is not what the edits were made for.
    #[error("the file has changed meanwhile")]
    Changed,
    /// The result would not be read as it is meant.
    #[error("the layout of the file at `{0}` cannot be kept")]
    Layout(String),
}

/// Gives values in a test file new ones. Comments stay, except those inside of a list or
/// map that is replaced as a whole.
///
/// # Errors
/// [`CannotEdit`], and nothing is changed then.
pub fn apply(text: &str, edits: &[Edit]) -> Result<String, CannotEdit> {
    let (source, tree) = read(text)?;
    let chars = source.chars();
    let mut changes: Vec<(Span, String)> = Vec::new();
    for edit in edits {
        let node = find(&tree, edit.case, &edit.path).ok_or(CannotEdit::Changed)?;
        let span = extent(chars, node);
        changes.push((span, replacement(chars, span, &edit.value)));
    }
    changes.sort_by_key(|(span, _)| span.start);
    let mut out = String::new();
    let mut at = 0;
    for (span, new) in &changes {
        // An edit inside of what another one replaces says the same.
        if span.start < at {
            continue;
        }
        out.extend(&chars[at..span.start]);
        if new.starts_with('\n') {
            out.truncate(out.trim_end_matches(' ').len());
        }
        out.push_str(new);
        at = span.end;
    }
    out.extend(&chars[at..]);
    verify(&out, edits)?;
    Ok(out)
}

/// Adds a case at the end of a test file, or makes the file.
///
/// # Errors
/// [`CannotEdit`] where `cases` is not written as a list of lines.
pub fn append(text: Option<&str>, case: &JsonText) -> Result<String, CannotEdit> {
    let Some(text) = text else {
        let case = emit::block(&JsonText::array([case]), 2);
        return Ok(format!("tests: {FORMAT}\ncases:\n{case}\n"));
    };
    let (source, tree) = read(text)?;
    let chars = source.chars();
    let layout = || CannotEdit::Layout("cases".to_owned());
    let Some(cases @ Node::List(items, _)) = field(&tree, "cases") else {
        return Err(layout());
    };
    let Span { start, end } = extent(chars, cases);
    if chars.get(start) != Some(&'-') {
        return Err(layout());
    }
    let indent = column(chars, start);
    let new = emit::block(&JsonText::array([case]), indent);
    let mut out: String = chars[..end].iter().collect();
    out.push_str("\n\n");
    out.push_str(&new);
    let rest: String = chars[end..].iter().collect();
    out.push_str(if rest.is_empty() { "\n" } else { &rest });
    let (_, again) = read(&out)?;
    match field(&again, "cases") {
        Some(Node::List(more, _)) if more.len() == items.len() + 1 => Ok(out),
        _ => Err(layout()),
    }
}

/// What stands in the place of a value from now on.
fn replacement(chars: &[char], span: Span, value: &JsonText) -> String {
    let line = emit::inline(value);
    let was_block = {
        let first = chars.get(span.start);
        let is_flow = matches!(first, Some('[' | '{' | '\'' | '"'));
        !is_flow && chars[span.start..span.end].contains(&'\n')
    };
    let line_start = span.start - column(chars, span.start);
    let lead = chars[line_start..span.start].iter();
    let indent = lead.take_while(|c| **c == ' ' || **c == '-').count();
    if was_block && emit::is_block(value) {
        let own = column(chars, span.start);
        return emit::block(value, own).trim_start().to_owned();
    }
    // On the line of its key, if the key is on that line.
    let used = column(chars, span.start);
    if in_flow(chars, span.start) || !emit::is_block(value) {
        return line;
    }
    match emit::value(value, indent, used).strip_prefix(' ') {
        Some(line) => line.to_owned(),
        None => format!("\n{}", emit::block(value, indent + 2)),
    }
}

/// Whether a place is inside of brackets on its own line, where nothing may be broken
/// into lines by indentation.
fn in_flow(chars: &[char], at: usize) -> bool {
    let line_start = at - column(chars, at);
    let line = &chars[line_start..at];
    let count = |wanted: [char; 2]| line.iter().filter(|c| wanted.contains(c)).count();
    count(['[', '{']) > count([']', '}'])
}

/// Each edit has to be read back as it was meant.
fn verify(text: &str, edits: &[Edit]) -> Result<(), CannotEdit> {
    let (source, tree) = read(text)?;
    let mut report = Report::new(source);
    for edit in edits {
        let node = find(&tree, edit.case, &edit.path);
        let value = node.and_then(|node| crate::template::constant(node, "", &mut report));
        let same = value.is_some_and(|value| emit::inline(&value) == emit::inline(&edit.value));
        let inside = edits.iter().any(|other| {
            other.case == edit.case
                && other.path.0.len() < edit.path.0.len()
                && edit.path.0.starts_with(&other.path.0)
        });
        if !same && !inside {
            return Err(CannotEdit::Layout(edit.path.to_string()));
        }
    }
    Ok(())
}

fn read(text: &str) -> Result<(Arc<Source>, Node), CannotEdit> {
    let source = Arc::new(Source::new("", text));
    let mut report = Report::new(Arc::clone(&source));
    let tree = yaml::parse(text, &mut report).ok_or(CannotEdit::Changed)?;
    Ok((source, tree))
}

fn column(chars: &[char], at: usize) -> usize {
    let line = chars[..at].iter().rev();
    line.take_while(|c| **c != '\n').count()
}

fn field<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    let Node::Map(entries, _) = node else {
        return None;
    };
    let entry = entries.iter().find(|entry| entry.key.text == name)?;
    Some(&entry.value)
}

fn step<'n>(node: &'n Node, segment: &Segment) -> Option<&'n Node> {
    match (segment, node) {
        (Segment::Key(name), node) => field(node, name),
        (Segment::Index(index), Node::List(items, _)) => items.get(*index),
        _ => None,
    }
}

fn find<'n>(tree: &'n Node, case: usize, path: &Path) -> Option<&'n Node> {
    let case = step(field(tree, "cases")?, &Segment::Index(case))?;
    path.0.iter().try_fold(case, step)
}

/// The node at a place, or the nearest one around it that is there.
pub(super) fn nearest<'n>(tree: &'n Node, case: usize, path: &Path) -> &'n Node {
    let all = [Segment::from("cases"), Segment::Index(case)];
    let mut node = tree;
    for segment in all.iter().chain(&path.0) {
        match step(node, segment) {
            Some(next) => node = next,
            None => break,
        }
    }
    node
}

/// A value as lines of YAML that a test file takes.
pub fn yaml(json: &JsonText) -> String {
    if emit::is_block(json) {
        emit::block(json, 0)
    } else {
        emit::inline(json)
    }
}
