//! From YAML values to JSON text with holes. Numbers keep their text.

use crate::diagnostic::Report;
use crate::scalar::{self, Content};
use crate::yaml::{Entry, Node, Plain, Scalar};
use dowel_core::JsonText;
use dowel_core::code::flow as code;
use dowel_core::expression::{Expression, Piece, Template};

/// An expression as it stands in the file.
pub(crate) struct Hole<'a> {
    /// The scalar that holds it.
    pub(crate) scalar: &'a Scalar,
    /// The jq source.
    pub(crate) source: String,
    /// Which character of the scalar's value the source begins with.
    pub(crate) start: usize,
    /// The key, such as `with.lines`.
    pub(crate) key: &'a str,
}

/// What is done with expressions.
pub(crate) trait FillHoles {
    /// Where errors go.
    fn report(&mut self) -> &mut Report;

    /// Checks an expression and takes it into the template.
    fn expression(&mut self, hole: Hole<'_>) -> Option<Expression>;
}

/// Turns a value into a template. `None` if something in it is wrong.
pub(crate) fn template(node: &Node, key: &str, fill: &mut impl FillHoles) -> Option<Template> {
    let mut writer = Writer {
        pieces: Vec::new(),
        text: String::new(),
    };
    let complete = writer.node(node, key, fill);
    writer.flush();
    complete.then_some(Template {
        pieces: writer.pieces,
    })
}

/// Turns a value without expressions into JSON text.
pub(crate) fn constant(node: &Node, key: &str, report: &mut Report) -> Option<JsonText> {
    template(node, key, &mut NoHoles(report))?.as_constant()
}

struct NoHoles<'r>(&'r mut Report);

impl FillHoles for NoHoles<'_> {
    fn report(&mut self) -> &mut Report {
        self.0
    }

    fn expression(&mut self, hole: Hole<'_>) -> Option<Expression> {
        let message = "no expression is accepted here, only fixed values";
        let span = hole.scalar.span;
        let found = self.0.error(code::EXPRESSION_REFUSED, span, message);
        found.help("write the value itself, or `$${` for a literal `${`");
        None
    }
}

struct Writer {
    pieces: Vec<Piece>,
    text: String,
}

impl Writer {
    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.pieces
                .push(Piece::Text(std::mem::take(&mut self.text)));
        }
    }

    /// Writes a value; whether all of it was right.
    fn node(&mut self, node: &Node, key: &str, fill: &mut impl FillHoles) -> bool {
        match node {
            Node::Scalar(scalar) => self.scalar(scalar, key, fill),
            Node::List(items, _) => self.list(items, key, fill),
            Node::Map(entries, _) => self.map(entries, key, fill),
        }
    }

    fn list(&mut self, items: &[Node], key: &str, fill: &mut impl FillHoles) -> bool {
        let mut complete = true;
        self.text.push('[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            complete &= self.node(item, &format!("{key}[{index}]"), fill);
        }
        self.text.push(']');
        complete
    }

    fn map(&mut self, entries: &[Entry], key: &str, fill: &mut impl FillHoles) -> bool {
        let mut complete = true;
        self.text.push('{');
        for (index, entry) in entries.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            let name = &entry.key.text;
            self.text.push_str(JsonText::string(name).as_str());
            self.text.push(':');
            complete &= self.node(&entry.value, &format!("{key}.{name}"), fill);
        }
        self.text.push('}');
        complete
    }

    fn scalar(&mut self, scalar: &Scalar, key: &str, fill: &mut impl FillHoles) -> bool {
        match scalar.resolve() {
            Plain::Null => self.text.push_str("null"),
            Plain::Bool(true) => self.text.push_str("true"),
            Plain::Bool(false) => self.text.push_str("false"),
            Plain::Number => self.text.push_str(&scalar.text),
            Plain::BooleanWord => {
                crate::shape::boolean_word(scalar, fill.report());
                return false;
            }
            Plain::ForeignNumber => {
                let message = format!("JSON has no number `{}`", scalar.text);
                let found = fill
                    .report()
                    .error(code::FOREIGN_NUMBER, scalar.span, message);
                found.help(format!(
                    "write '{}' in quotes if it is a text, or the number as JSON does, such as 31, 1000 or 0.5",
                    scalar.text
                ));
                return false;
            }
            Plain::Text => return self.content(scalar, key, fill),
        }
        true
    }

    fn content(&mut self, scalar: &Scalar, key: &str, fill: &mut impl FillHoles) -> bool {
        match scalar::read(scalar, fill.report()) {
            None => false,
            Some(Content::Literal(text)) => {
                self.text.push_str(JsonText::string(&text).as_str());
                true
            }
            Some(Content::Expression { source, start }) => {
                self.flush();
                let hole = Hole {
                    scalar,
                    source,
                    start,
                    key,
                };
                let expression = fill.expression(hole);
                let found = expression.is_some();
                self.pieces.extend(expression.map(Piece::Expression));
                found
            }
        }
    }
}
