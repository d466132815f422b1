//! From the parser's events to the tree.

use super::prescan::prescan;
use super::{Entry, Node, Plain, Scalar, Style};
use crate::diagnostic::Report;
use crate::text::Span;
use dowel_core::code::flow as code;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};
use std::collections::HashSet;

/// Deeper files are attacks or mistakes, and everything that walks the tree recurses.
const MAX_DEPTH: usize = 64;

/// Reads one document. `None` if it cannot be used; the reason is in the report.
pub(crate) fn parse(text: &str, report: &mut Report) -> Option<Node> {
    if !prescan(text, report) {
        return None;
    }
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => {
                let span = Span {
                    start: span.start.index(),
                    end: span.end.index(),
                };
                if builder.event(event, span, report).is_break() {
                    return None;
                }
            }
            Err(error) => {
                explain(&error, report);
                return None;
            }
        }
    }
    if builder.root.is_none() {
        report.error(code::YAML_SYNTAX, Span::at(0), "the file is empty");
    }
    builder.root
}

/// Turns a syntax error into the trap that causes it, where that can be told.
fn explain(error: &ScanError, report: &mut Report) {
    let marker = error.marker();
    let offset = marker.index().min(report.source().chars().len());
    if error.info().contains("anchor") {
        let message = "aliases are not accepted";
        let found = report.error(code::ANCHOR, Span::at(offset), message);
        found.help("write the value out, or quote it if it only begins with `*`");
        return;
    }
    if error.info().contains("recursion") {
        too_deep(Span::at(offset), report);
        return;
    }
    if let Some(start) = unquoted_expression(report.source().chars(), offset) {
        let message = "YAML reads the braces and colons of this expression as its own";
        let span = Span {
            start,
            end: start + 2,
        };
        let found = report.error(code::UNQUOTED_EXPRESSION, span, message);
        found.help("put the whole expression in single quotes: '${ … }'");
        return;
    }
    let message = format!("this is not YAML: {}", error.info());
    report.error(code::YAML_SYNTAX, Span::at(offset), message);
}

fn too_deep(span: Span, report: &mut Report) {
    let message = format!("lists and maps are nested more than {MAX_DEPTH} levels deep");
    report.error(code::TOO_DEEP, span, message);
}

/// Finds `${` without quotes on the line of the error or the one before.
fn unquoted_expression(file: &[char], error: usize) -> Option<usize> {
    let is_newline = |index: &usize| file[*index] == '\n';
    let mut starts = (0..error).rev().filter(is_newline).map(|index| index + 1);
    let line = starts.next().unwrap_or(0);
    let before = starts.next().unwrap_or(0);
    let end = (error..file.len()).find(is_newline).unwrap_or(file.len());
    [line..end, before..line].into_iter().find_map(|range| {
        let mut quote = None;
        for index in range {
            match (quote, file[index]) {
                (None, '\'' | '"') => quote = Some(file[index]),
                (Some(open), c) if c == open => quote = None,
                (None, '$') if file.get(index + 1) == Some(&'{') => return Some(index),
                _ => {}
            }
        }
        None
    })
}

/// A list or map that is not closed yet.
struct Open {
    span: Span,
    children: Children,
}

enum Children {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        key: Option<Scalar>,
        seen: HashSet<String>,
        /// The value of a key that was refused is dropped.
        drop_next: bool,
    },
}

#[derive(Default)]
struct Builder {
    stack: Vec<Open>,
    root: Option<Node>,
    documents: usize,
}

type Flow = std::ops::ControlFlow<()>;
const GO_ON: Flow = Flow::Continue(());

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span, report: &mut Report) -> Flow {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => GO_ON,
            Event::DocumentStart(_) => self.document(span, report),
            Event::Alias(_) => {
                report.error(code::ANCHOR, span, "aliases are not accepted");
                Flow::Break(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                refuse(anchor, tag.is_some(), span, report)?;
                let scalar = scalar(text.into_owned(), style, span, report);
                self.add(Node::Scalar(scalar), report);
                GO_ON
            }
            Event::SequenceStart(anchor, tag) => {
                refuse(anchor, tag.is_some(), span, report)?;
                self.open(span, Children::List(Vec::new()), report)
            }
            Event::MappingStart(anchor, tag) => {
                refuse(anchor, tag.is_some(), span, report)?;
                let children = Children::Map {
                    entries: Vec::new(),
                    key: None,
                    seen: HashSet::new(),
                    drop_next: false,
                };
                self.open(span, children, report)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.stack.pop() {
                    let node = match open.children {
                        Children::List(items) => Node::List(items, open.span),
                        Children::Map { entries, .. } => Node::Map(entries, open.span),
                    };
                    self.add(node, report);
                }
                GO_ON
            }
        }
    }

    fn document(&mut self, span: Span, report: &mut Report) -> Flow {
        self.documents += 1;
        if self.documents == 1 {
            return GO_ON;
        }
        let message = "a second document begins here, a file holds one";
        report.error(code::SEVERAL_DOCUMENTS, span, message);
        Flow::Break(())
    }

    fn open(&mut self, span: Span, children: Children, report: &mut Report) -> Flow {
        // Of a list or map only the first character is shown.
        let span = Span::at(span.start);
        if self.stack.len() >= MAX_DEPTH {
            too_deep(span, report);
            return Flow::Break(());
        }
        self.stack.push(Open { span, children });
        GO_ON
    }

    fn add(&mut self, node: Node, report: &mut Report) {
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut open.children {
            Children::List(items) => items.push(node),
            Children::Map {
                entries,
                key,
                seen,
                drop_next,
            } => {
                if std::mem::take(drop_next) {
                    return;
                }
                match key.take() {
                    Some(key) => entries.push(Entry { key, value: node }),
                    None => match accept_key(node, seen, report) {
                        Some(accepted) => *key = Some(accepted),
                        None => *drop_next = true,
                    },
                }
            }
        }
    }
}

fn refuse(anchor: usize, has_tag: bool, span: Span, report: &mut Report) -> Flow {
    if anchor != 0 {
        let found = report.error(code::ANCHOR, span, "anchors are not accepted");
        found.help("write the value out where it is used");
        return Flow::Break(());
    }
    if has_tag {
        let found = report.error(code::TAG, span, "tags are not accepted");
        found.help("remove the tag; quote the value if it is meant as a text");
        return Flow::Break(());
    }
    GO_ON
}

fn scalar(text: String, style: ScalarStyle, span: Span, report: &Report) -> Scalar {
    let style = match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::Single,
        ScalarStyle::DoubleQuoted => Style::Double,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    };
    let chars = report.source().chars();
    let in_file = |offset: usize| offset.min(chars.len());
    let span = Span {
        start: in_file(span.start),
        end: in_file(span.end),
    };
    Scalar { text, style, span }
}

fn accept_key(node: Node, seen: &mut HashSet<String>, report: &mut Report) -> Option<Scalar> {
    let span = node.span();
    let Node::Scalar(key) = node else {
        let message = "a key has to be a text";
        let found = report.error(code::KEY_NOT_TEXT, span, message);
        found.help("if this was meant as an expression, put it in single quotes: '${ … }'");
        return None;
    };
    if key.style == Style::Plain && key.text == "<<" {
        report.error(code::MERGE_KEY, span, "merge keys are not accepted");
        return None;
    }
    match key.resolve() {
        Plain::BooleanWord | Plain::Bool(_) | Plain::Null => {
            let message = format!(
                "many YAML readers do not take the key `{}` for a text",
                key.text
            );
            let found = report.error(code::BOOLEAN_KEY, span, message);
            found.help(if key.text.eq_ignore_ascii_case("on") {
                "what begins a run stands under `trigger`; quote the key if the name is the data's own"
            } else {
                "quote the key if the name is the data's own"
            });
            return None;
        }
        _ => {}
    }
    if !seen.insert(key.text.clone()) {
        let message = format!("the key `{}` stands here twice", key.text);
        report.error(code::DUPLICATE_KEY, span, message);
        return None;
    }
    Some(key)
}
