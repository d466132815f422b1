//! The operations of a document.

use crate::auth::{self, Asked};
use crate::document::{Document, entries};
use crate::model::{
    Answer, Api, Body, Direction, Encoding, Field, Form, Next, Operation, Page, Place, Type,
    sentence,
};
use crate::name::{self, MODULES, Names};
use crate::parameter::{self, Found, essence, is_json};
use crate::schema::{At, Types, doc};
use crate::{Options, Problem, page, server};
use dowel_core::ConnectorName;
use dowel_core::manifest::{Effect, Idempotency};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Statuses that say nothing about the operation itself.
const OF_ALL: [u16; 2] = [401, 429];

/// Reads everything that is asked for.
pub(crate) fn read(document: &Document, options: &Options) -> Result<Api, Problem> {
    let mut reader = Reader {
        document,
        types: Types::new(document, options.depth),
        names: Names::default(),
        modules: BTreeMap::new(),
        module_names: Names::reserved(MODULES),
        asked: Asked::default(),
        credentials: auth::names(document),
        key_header: None,
        nothing: None,
    };
    let mut chosen: BTreeSet<&str> = BTreeSet::new();
    let mut operations = Vec::new();
    for (path, item) in entries(&document.root()["paths"]) {
        let item = document.follow(item)?;
        for (method, operation) in entries(item) {
            let Some(label) = label(method, path) else {
                continue;
            };
            let id = operation["operationId"].as_str().unwrap_or_default();
            let words = if id.is_empty() { label.as_str() } else { id };
            let name = reader.names.unique(&name::kebab(words, "operation"), "-");
            if !options.only.is_empty() {
                let tags = operation["tags"].as_array().into_iter().flatten();
                let mut known = tags.filter_map(Value::as_str).chain([id, name.as_str()]);
                let found = known.find_map(|k| options.only.iter().find(|only| *only == k));
                let Some(found) = found else { continue };
                chosen.insert(found);
            }
            if !METHODS.contains(&method) {
                reader.types.note(
                    &label,
                    "has no answer that a flow could use: it is left out",
                );
                continue;
            }
            let place = Where {
                path,
                method,
                item,
                operation,
                label: &label,
            };
            operations.extend(reader.operation(&place, name)?);
        }
    }
    let unknown: Vec<&String> = options
        .only
        .iter()
        .filter(|o| !chosen.contains(o.as_str()))
        .collect();
    if let Some(first) = unknown.first() {
        let what = format!("no operation has the tag, the id or the name `{first}`");
        return Err(Problem::Nothing(what));
    }
    if operations.is_empty() {
        let what = "the document has no operation that a connector can call".to_owned();
        return Err(Problem::Nothing(what));
    }
    reader.finish(operations, options)
}

fn idempotency(method: &str, has_key: bool) -> Idempotency {
    match method {
        "get" | "put" | "delete" => Idempotency::Natural,
        _ if has_key => Idempotency::Keyed,
        _ => Idempotency::None,
    }
}

fn summary(operation: &Value, label: &str) -> String {
    let own = operation["summary"].as_str();
    let words = own.map_or_else(|| doc(operation), str::trim);
    sentence(if words.is_empty() { label } else { words })
}

fn label(method: &str, path: &str) -> Option<String> {
    let known = METHODS.contains(&method) || matches!(method, "head" | "options" | "trace");
    known.then(|| format!("{} {path}", method.to_ascii_uppercase()))
}

/// An operation and where it stands.
struct Where<'a> {
    path: &'a str,
    method: &'a str,
    item: &'a Value,
    operation: &'a Value,
    label: &'a str,
}

struct Reader<'a> {
    document: &'a Document,
    types: Types<'a>,
    names: Names,
    modules: BTreeMap<String, String>,
    module_names: Names,
    asked: Asked,
    credentials: Vec<String>,
    key_header: Option<String>,
    /// The definition of an output without fields.
    nothing: Option<usize>,
}

impl Reader<'_> {
    fn operation(&mut self, place: &Where<'_>, name: String) -> Result<Option<Operation>, Problem> {
        let &Where { path, method, .. } = place;
        let (item, operation, label) = (place.item, place.operation, place.label);
        let mut parameters = parameter::parameters(
            self.document,
            &mut self.types,
            (&item["parameters"], &operation["parameters"]),
            (label, &name),
            &self.credentials,
        )?;
        let request = operation.get("requestBody").unwrap_or(&Value::Null);
        let body = parameter::body(self.document, &mut self.types, request, &name)?;
        let mut impossible = parameters.impossible;
        let body = match body {
            Found::Body(body) => body,
            Found::Impossible(why) => {
                impossible = Some(why);
                None
            }
        };
        let path = template(path, &parameters.fields).unwrap_or_else(|why| {
            impossible = Some(why);
            String::new()
        });
        let has = |ident: &str| path.contains(&format!("{{{ident}}}"));
        parameters
            .fields
            .retain(|p| p.place != Place::Path || has(&p.ident));
        let answers = self.answers(operation, &name)?;
        if answers.is_binary {
            impossible = Some("its answer is neither JSON nor text".to_owned());
        }
        if let Some(why) = impossible {
            self.types.note(label, format!("is left out: {why}"));
            return Ok(None);
        }
        self.asked.by(self.document.root(), operation);
        let idempotency = idempotency(method, parameters.key_header.is_some());
        if idempotency == Idempotency::Keyed {
            self.key_header = self.key_header.take().or(parameters.key_header);
        }
        let tag = operation["tags"][0].as_str().unwrap_or("api").to_owned();
        Ok(Some(Operation {
            ident: name.replace('-', "_"),
            module: self.module(&tag),
            summary: summary(operation, label),
            detail: sentence(doc(operation)),
            method: method.to_ascii_uppercase(),
            path,
            origin: server::own(operation).or_else(|| server::own(item)),
            effect: if method == "get" {
                Effect::Read
            } else {
                Effect::Write
            },
            idempotency,
            parameters: parameters.fields,
            body,
            answer: answers.answer,
            accept: answers.accept,
            links: answers.links,
            page: None,
            statuses: answers.statuses,
            deprecated: operation["deprecated"] == true,
            input: 0,
            output: 0,
            name,
        }))
    }

    fn module(&mut self, tag: &str) -> String {
        if let Some(known) = self.modules.get(tag) {
            return known.clone();
        }
        let name = self.module_names.unique(&name::snake(tag, "api"), "_");
        self.modules.insert(tag.to_owned(), name.clone());
        name
    }

    fn answers(&mut self, operation: &Value, name: &str) -> Result<Answers, Problem> {
        let mut out = Answers::default();
        let responses = entries(&operation["responses"]);
        let is_good = |status: &str| status.starts_with('2');
        let any_good = responses.iter().any(|(status, _)| is_good(status));
        let mut found: Option<(Answer, Option<String>)> = None;
        for (status, response) in &responses {
            let response = self.document.follow(response)?;
            if !is_good(status) && (any_good || *status != "default") {
                let number = status
                    .parse::<u16>()
                    .ok()
                    .filter(|s| (400..500).contains(s));
                out.statuses
                    .extend(number.filter(|status| !OF_ALL.contains(status)));
                continue;
            }
            out.links |= entries(&response["headers"])
                .iter()
                .any(|(h, _)| h.eq_ignore_ascii_case("link"));
            let contents = entries(&response["content"]);
            let of = |wanted: fn(&str) -> bool| contents.iter().find(|(m, _)| wanted(essence(m)));
            if let Some((media, content)) = of(is_json) {
                let at = At::new(Direction::Given, &format!("{name} Answer"));
                let anything = Value::Bool(true);
                let ty = self
                    .types
                    .of(content.get("schema").unwrap_or(&anything), &at)?;
                match &mut found {
                    None | Some((Answer::Text, _)) => {
                        let accept =
                            (essence(media) != "application/json").then(|| (*media).to_owned());
                        found = Some((Answer::Json(ty), accept.filter(|a| a != "*/*")));
                    }
                    Some((Answer::Json(known), _)) if *known != ty => {
                        let place = format!("{name} {status}");
                        self.types.note(&place, "answers in another form than the first success: passed on as the first is");
                    }
                    Some(_) => {}
                }
            } else if let Some((media, _)) = of(|media| media.starts_with("text/")) {
                found.get_or_insert_with(|| (Answer::Text, Some((*media).to_owned())));
            } else if !contents.is_empty() {
                out.is_binary = found.is_none();
            }
        }
        if let Some((answer, accept)) = found {
            (out.answer, out.accept, out.is_binary) = (answer, accept, false);
        }
        Ok(out)
    }

    /// The types are all there now: inputs, outputs and pages can be made of them.
    fn finish(mut self, mut operations: Vec<Operation>, options: &Options) -> Result<Api, Problem> {
        self.types.finish()?;
        for operation in &mut operations {
            let known = &self.types.definitions;
            operation.page = page::find(
                &operation.parameters,
                &operation.answer,
                known,
                operation.links,
            );
            operation.input = self.input(operation);
            operation.output = self.output(operation);
        }
        operations.sort_by(|a, b| a.name.cmp(&b.name));
        let document = self.document;
        let mut notes = self.types.notes;
        let auth = self.asked.methods(document, &mut notes)?;
        let title = document.title();
        let name = match &options.name {
            Some(name) => name.clone(),
            None => {
                let name = name::kebab(title, "api");
                ConnectorName::new(&name).map_err(|error| Problem::Nothing(error.to_string()))?
            }
        };
        Ok(Api {
            summary: format!(
                "Calls {}.",
                if title.is_empty() {
                    name.as_str()
                } else {
                    title
                }
            ),
            name,
            version: options.version.clone(),
            title: title.to_owned(),
            document_version: document.version().to_owned(),
            servers: server::all(document.root(), &mut notes),
            operations,
            types: self.types.definitions,
            auth,
            key_header: self.key_header,
            notes,
        })
    }

    fn input(&mut self, operation: &Operation) -> usize {
        let mut fields: Vec<Field> = operation
            .parameters
            .iter()
            .map(|parameter| Field {
                wire: parameter.json.clone(),
                ident: parameter.ident.clone(),
                doc: sentence(&parameter.doc),
                ty: parameter.ty.clone(),
                required: parameter.required,
                boxed: false,
            })
            .collect();
        if let Some(Body {
            encoding,
            required,
            ty,
        }) = &operation.body
        {
            let kind = match encoding {
                Encoding::Form => "What is sent, as a form.",
                _ => "What is sent.",
            };
            fields.push(field("body", kind, ty.clone(), *required));
        }
        let name = name::pascal(&operation.name) + "Input";
        let doc = format!("What `{}` takes.", operation.name);
        let form = Form::Record {
            fields,
            open: false,
        };
        self.types.define(&name, &doc, Direction::Taken, form)
    }

    fn output(&mut self, operation: &Operation) -> usize {
        let name = name::pascal(&operation.name) + "Output";
        let doc = format!("What `{}` gives.", operation.name);
        let ty = match &operation.answer {
            Answer::Nothing => {
                if let Some(known) = self.nothing {
                    return known;
                }
                let form = Form::Record {
                    fields: Vec::new(),
                    open: false,
                };
                let doc = "That it is done.";
                let id = self.types.define("Done", doc, Direction::Given, form);
                self.nothing = Some(id);
                return id;
            }
            Answer::Text => Type::text(),
            Answer::Json(ty) => ty.clone(),
        };
        let form = match (&operation.page, ty) {
            (
                Some(Page {
                    next,
                    items,
                    parameter,
                    ..
                }),
                ty,
            ) if !matches!(next, Next::Answered(_)) => {
                let (answer, about) = match items {
                    None => ("items", "The page."),
                    Some(_) => ("answer", "The answer, with the page."),
                };
                let next = operation.parameters[*parameter].ty.clone();
                let fields = vec![
                    field(answer, about, ty, true),
                    field(
                        "next",
                        "Where the next page begins; absent on the last one.",
                        next,
                        false,
                    ),
                ];
                Form::Record {
                    fields,
                    open: false,
                }
            }
            (_, Type::Named(id)) => return id,
            (_, ty) => Form::Wrapper(ty),
        };
        self.types.define(&name, &doc, Direction::Given, form)
    }
}

fn field(name: &str, doc: &str, ty: Type, required: bool) -> Field {
    Field {
        wire: name.to_owned(),
        ident: name.to_owned(),
        doc: doc.to_owned(),
        ty,
        required,
        boxed: false,
    }
}

/// What the responses of an operation come to.
struct Answers {
    answer: Answer,
    accept: Option<String>,
    links: bool,
    is_binary: bool,
    statuses: Vec<u16>,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            answer: Answer::Nothing,
            accept: None,
            links: false,
            is_binary: false,
            statuses: Vec::new(),
        }
    }
}

/// The path with our names of its parameters; the error says why there is none.
fn template(path: &str, parameters: &[crate::model::Parameter]) -> Result<String, String> {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let mut out = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let (wire, after) = after
            .split_once('}')
            .ok_or("its path has a `{` without `}`")?;
        let own = parameters
            .iter()
            .find(|p| p.place == Place::Path && p.wire == wire);
        let own = own.ok_or_else(|| format!("does not say what `{wire}` in its path is"))?;
        out.push_str(before);
        out.push_str(&format!("{{{}}}", own.ident));
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}
