//! Parameters and bodies become the fields of an operation's input.

use crate::Problem;
use crate::document::{Document, entries};
use crate::model::{Body, Direction, Encoding, Parameter, Place, Style, Type};
use crate::name::{self, Names};
use crate::schema::{At, Types};
use serde_json::Value;

/// Headers that are not the connector's to set: those of content negotiation (OpenAPI
/// 3.1.1, section 4.8.12.1) and those that the gateway adds.
const NOT_OURS: &[&str] = &[
    "accept",
    "content-type",
    "authorization",
    "cookie",
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
];

/// What the parameters of an operation come to.
#[derive(Default)]
pub(crate) struct Parameters {
    pub(crate) fields: Vec<Parameter>,
    /// The header with the idempotency key, which the gateway adds.
    pub(crate) key_header: Option<String>,
    /// Why the operation cannot be called.
    pub(crate) impossible: Option<String>,
}

/// Reads the parameters of a path and of its operation; the operation's win.
pub(crate) fn parameters(
    document: &Document,
    types: &mut Types<'_>,
    (shared, own): (&Value, &Value),
    (label, hint): (&str, &str),
    credentials: &[String],
) -> Result<Parameters, Problem> {
    let found = merged(document, shared, own)?;
    let mut out = Parameters::default();
    let (mut names, mut fields) = (Names::reserved(&["body"]), Names::reserved(&["body"]));
    for parameter in found {
        let wire = parameter["name"].as_str().unwrap_or_default();
        let required = parameter["required"] == true;
        let place = match parameter["in"].as_str() {
            Some("path") => Place::Path,
            Some("query") => Place::Query,
            Some("header") => Place::Header,
            _ => {
                if required {
                    out.impossible = Some(format!(
                        "needs the cookie `{wire}`, which only the host sets"
                    ));
                }
                types.note(label, format!("the cookie `{wire}` is left out"));
                continue;
            }
        };
        if place == Place::Header {
            let lower = wire.to_ascii_lowercase();
            if lower.contains("idempoten") || lower == "paypal-request-id" {
                out.key_header = Some(wire.to_owned());
                continue;
            }
            if NOT_OURS.contains(&lower.as_str()) {
                continue;
            }
        }
        if place != Place::Path && credentials.contains(&wire.to_ascii_lowercase()) {
            continue;
        }
        let ident = names.unique(&name::snake(wire, "parameter"), "_");
        let at = At::new(Direction::Taken, &format!("{hint} {ident}"));
        match field(types, parameter, place, &at)? {
            Some((ty, style, default)) => out.fields.push(Parameter {
                json: fields.unique(if is_word(wire) { wire } else { &ident }, "_"),
                ident,
                wire: wire.to_owned(),
                place,
                style,
                required: required || place == Place::Path,
                ty,
                doc: crate::schema::doc(parameter).to_owned(),
                default,
            }),
            None if required || place == Place::Path => {
                out.impossible = Some(format!(
                    "needs the parameter `{wire}`, whose form is not known"
                ));
            }
            None => types.note(
                label,
                format!("the parameter `{wire}` is left out: its form is not known"),
            ),
        }
    }
    Ok(out)
}

/// The parameters of both lists; the operation's win.
fn merged<'a>(
    document: &'a Document,
    shared: &'a Value,
    own: &'a Value,
) -> Result<Vec<&'a Value>, Problem> {
    let mut found: Vec<&Value> = Vec::new();
    for list in [shared, own] {
        for parameter in list.as_array().into_iter().flatten() {
            let parameter = document.follow(parameter)?;
            let same = |other: &&Value| {
                other["name"] == parameter["name"] && other["in"] == parameter["in"]
            };
            found.retain(|other| !same(other));
            found.push(parameter);
        }
    }
    Ok(found)
}

/// Whether a name can stay as it is.
fn is_word(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn field(
    types: &mut Types<'_>,
    parameter: &Value,
    place: Place,
    at: &At,
) -> Result<Option<(Type, Style, Option<i64>)>, Problem> {
    let text = serde_json::json!({ "type": "string" });
    let schema = match parameter.get("schema") {
        Some(schema) => schema,
        // A parameter with a media type of its own is a text that says it all.
        None if parameter.get("content").is_some() => {
            return Ok(Some((Type::text(), Style::Plain, None)));
        }
        None => &text,
    };
    let ty = match types.of(schema, at)?.bare() {
        Type::List(item) => Type::List(Box::new(item.bare().clone())),
        other => other.clone(),
    };
    let default = schema["default"].as_i64();
    let form = place == Place::Query;
    let style = parameter["style"].as_str();
    let explode = parameter["explode"]
        .as_bool()
        .unwrap_or(form && matches!(style, None | Some("form")));
    let style = match (&ty, style) {
        (_, Some("matrix" | "label")) => return Ok(None),
        (ty, _) if ty.is_scalar() => Style::Plain,
        (Type::List(item), style) if item.bare().is_scalar() => match style {
            Some("spaceDelimited") => Style::Joined(' '),
            Some("pipeDelimited") => Style::Joined('|'),
            Some("deepObject") => Style::Deep,
            _ if explode => Style::Each,
            _ => Style::Joined(','),
        },
        // What is not said in the document is done as most upstreams do.
        _ if form => Style::Deep,
        _ => return Ok(None),
    };
    Ok(Some((ty, style, default)))
}

/// What the body of an operation comes to.
pub(crate) enum Found {
    Body(Option<Body>),
    /// Why it cannot be sent.
    Impossible(String),
}

/// Reads the body of a request.
pub(crate) fn body(
    document: &Document,
    types: &mut Types<'_>,
    request: &Value,
    hint: &str,
) -> Result<Found, Problem> {
    let request = document.follow(request)?;
    let contents = entries(&request["content"]);
    if contents.is_empty() {
        return Ok(Found::Body(None));
    }
    let of = |wanted: fn(&str) -> bool| contents.iter().find(|(media, _)| wanted(essence(media)));
    let chosen = of(is_json)
        .map(|found| (found, Encoding::Json))
        .or_else(|| {
            of(|media| media == "application/x-www-form-urlencoded")
                .map(|found| (found, Encoding::Form))
        })
        .or_else(|| {
            of(|m| m.starts_with("text/")).map(|found| (found, Encoding::Text(found.0.to_owned())))
        });
    let Some(((_, content), encoding)) = chosen else {
        let media: Vec<&str> = contents.iter().map(|(media, _)| *media).collect();
        return Ok(Found::Impossible(format!(
            "its body is {}",
            media.join(" or ")
        )));
    };
    let at = At::new(Direction::Taken, &format!("{hint} Body"));
    let ty = match &encoding {
        Encoding::Text(_) => Type::text(),
        _ => types.of(content.get("schema").unwrap_or(&Value::Bool(true)), &at)?,
    };
    let required = request["required"] == true;
    Ok(Found::Body(Some(Body {
        encoding,
        required,
        ty,
    })))
}

/// A media type without its parameters, in lower case where it matters.
pub(crate) fn essence(media: &str) -> &str {
    media.split(';').next().unwrap_or(media).trim()
}

/// JSON, or a format that is written in it (RFC 6839, section 3.1).
pub(crate) fn is_json(media: &str) -> bool {
    media == "application/json" || media == "*/*" || media.ends_with("+json")
}
