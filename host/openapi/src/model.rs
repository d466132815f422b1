//! What a document comes to: operations and the types that they need.

use dowel_core::ConnectorName;
use dowel_core::manifest::{Effect, Idempotency};
use semver::Version;

/// Whether a value goes into an operation or comes out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    /// Input: what is not known is refused, and what only the upstream writes is left out.
    Taken,
    /// Output: what is not known is dropped.
    Given,
}

/// A definition's place in [`Api::types`].
pub(crate) type Id = usize;

/// A type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    /// A text, and what is known about it.
    Text(Text),
    /// An integer, and its bounds.
    Integer(Option<i64>, Option<i64>),
    /// A number, digit by digit.
    Number,
    /// A truth value.
    Truth,
    /// A text or an integer.
    Either,
    /// What is passed on unread.
    Any(Shape),
    /// A list.
    List(Box<Type>),
    /// An object with any names.
    Map(Box<Type>),
    /// A definition.
    Named(Id),
    /// The same, or null.
    Nullable(Box<Type>),
}

impl Type {
    pub(crate) fn text() -> Self {
        Self::Text(Text::default())
    }

    pub(crate) fn nullable(self) -> Self {
        match self {
            Self::Nullable(_) | Self::Any(Shape::Anything) => self,
            other => Self::Nullable(Box::new(other)),
        }
    }

    /// The type without null.
    pub(crate) fn bare(&self) -> &Self {
        match self {
            Self::Nullable(inner) => inner,
            other => other,
        }
    }

    /// Whether it can be written into a path, a query or a header as it is.
    pub(crate) fn is_scalar(&self) -> bool {
        matches!(
            self,
            Self::Text(_) | Self::Integer(..) | Self::Number | Self::Truth | Self::Either
        )
    }
}

/// What is known about a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Text {
    /// A format of JSON Schema.
    pub(crate) format: Option<String>,
    /// The only texts that it can be; empty for any.
    pub(crate) values: Vec<String>,
}

/// What is known about a value that nobody reads.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// Nothing.
    Anything,
    /// It is an object.
    Object,
    /// It looks like this definition, which stands in the schema only.
    Like(Id),
}

/// A type with a name.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) direction: Direction,
    pub(crate) form: Form,
}

/// What a definition is.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// An object.
    Record {
        fields: Vec<Field>,
        /// Whether there may be other fields.
        open: bool,
    },
    /// One of several; only in schemas.
    Union(Vec<(String, Type)>),
    /// Another type under a name of its own.
    Wrapper(Type),
}

/// A field of an object.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// The name in JSON.
    pub(crate) wire: String,
    /// The name in Rust, without regard to keywords.
    pub(crate) ident: String,
    pub(crate) doc: String,
    pub(crate) ty: Type,
    pub(crate) required: bool,
    /// Whether it would make its own object endless.
    pub(crate) boxed: bool,
}

/// Where a parameter goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Header,
}

/// How a value is written (OpenAPI 3.1.1, section 4.8.12.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// As it is.
    Plain,
    /// Once for each item.
    Each,
    /// All items, with this between them.
    Joined(char),
    /// `name[key]=value`.
    Deep,
}

/// A parameter that is a field of the input.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(crate) ident: String,
    /// The field of the input.
    pub(crate) json: String,
    /// The name that the upstream knows.
    pub(crate) wire: String,
    pub(crate) place: Place,
    pub(crate) style: Style,
    pub(crate) required: bool,
    pub(crate) ty: Type,
    pub(crate) doc: String,
    /// What the upstream takes if it is not there.
    pub(crate) default: Option<i64>,
}

/// How a body is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Json,
    Form,
    /// As it is, with this media type.
    Text(String),
}

/// The body of a request: the field `body` of the input.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) encoding: Encoding,
    pub(crate) required: bool,
    pub(crate) ty: Type,
}

/// What an operation answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Nothing that matters.
    Nothing,
    /// A text as it is.
    Text,
    /// JSON.
    Json(Type),
}

/// How the next page is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The answer has it, at this pointer.
    Answered(String),
    /// In the header `Link`, as the parameter of the same name (RFC 8288).
    Link,
    /// Behind the last item's id.
    LastId,
    /// Behind as many items as there were.
    Offset,
    /// One page further; pages begin here.
    Number(i64),
}

/// How pages follow each other.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// The parameter, by its place among the parameters.
    pub(crate) parameter: usize,
    pub(crate) next: Next,
    /// The answer's field with the items; none if the answer is the list.
    pub(crate) items: Option<Field>,
    /// The answer's field that says whether there is more.
    pub(crate) more: Option<Field>,
}

/// An operation.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// In flows.
    pub(crate) name: String,
    /// In Rust.
    pub(crate) ident: String,
    /// The file that it stands in.
    pub(crate) module: String,
    pub(crate) summary: String,
    pub(crate) detail: String,
    /// Upper case.
    pub(crate) method: String,
    /// With the idents of the parameters in braces.
    pub(crate) path: String,
    /// Where it is, if not where the others are.
    pub(crate) origin: Option<String>,
    pub(crate) effect: Effect,
    pub(crate) idempotency: Idempotency,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Option<Body>,
    pub(crate) answer: Answer,
    /// The media type that has to be asked for, if not plain JSON.
    pub(crate) accept: Option<String>,
    /// Whether an answer may have a header `Link`.
    pub(crate) links: bool,
    pub(crate) page: Option<Page>,
    /// What the document says of errors.
    pub(crate) statuses: Vec<u16>,
    pub(crate) deprecated: bool,
    /// The definitions of input and output.
    pub(crate) input: Id,
    pub(crate) output: Id,
}

impl Operation {
    /// Whether "not there" is what was wanted: repeating a removal succeeds.
    pub(crate) fn gone_is_good(&self) -> bool {
        self.method == "DELETE" && matches!(self.answer, Answer::Nothing)
    }
}

/// What a connection has to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Auth {
    Bearer,
    Basic,
    KeyInHeader(String),
    KeyInQuery(String),
    /// A token of OAuth 2.0: what the host asks for tokens with.
    Token {
        /// Where people consent, if they have to.
        authorization_url: Option<String>,
        token_url: String,
        scopes: Vec<String>,
    },
}

/// What the document says and the connector does not do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Note {
    pub(crate) place: String,
    pub(crate) what: String,
}

/// Everything.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) name: ConnectorName,
    pub(crate) version: Version,
    pub(crate) summary: String,
    pub(crate) title: String,
    pub(crate) document_version: String,
    /// Where the API is; the first is the example.
    pub(crate) servers: Vec<String>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) types: Vec<Definition>,
    /// The ways to show who one is, the most used first.
    pub(crate) auth: Vec<Auth>,
    /// The header that makes writes repeatable.
    pub(crate) key_header: Option<String>,
    pub(crate) notes: Vec<Note>,
}

impl Api {
    /// The fields of a record.
    pub(crate) fn fields(&self, id: Id) -> &[Field] {
        fields(&self.types, id)
    }
}

/// The fields of a record; none of anything else.
pub(crate) fn fields(types: &[Definition], id: Id) -> &[Field] {
    match types.get(id).map(|definition| &definition.form) {
        Some(Form::Record { fields, .. }) => fields,
        _ => &[],
    }
}

/// The first sentence of a text, on one line, not too long.
pub(crate) fn sentence(text: &str) -> String {
    const MOST: usize = 200;
    let paragraph = text.trim().split("\n\n").next().unwrap_or("");
    let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = line.find(". ").map_or(line.len(), |at| at + 1);
    let mut out: String = line[..end].chars().take(MOST).collect();
    if out.len() < end {
        out.push('…');
    }
    out
}
