//! `cases/*.yaml`: what the operations do with answers that fit the document. JSON is
//! YAML: the values are written as JSON.

use crate::model::{Api, Encoding, Next, Operation, Place, Style};
use crate::sample;
use serde_json::{Value, json};

/// The cases of all operations, by name.
pub(super) fn cases(api: &Api) -> Vec<(String, String)> {
    let config = json!({ "base_url": api.servers[0] });
    let mut out = vec![("connection".to_owned(), format!("config: {config}\n"))];
    for operation in &api.operations {
        let name = &operation.name;
        let input = sample::input(api, operation);
        let answer = sample::answer(api, operation);
        let output = sample::output(api, operation);
        let mut good = exchange(api, operation, &input, (200, &answer));
        if operation
            .page
            .as_ref()
            .is_some_and(|page| page.next == Next::Link)
        {
            good["answer"]["headers"] = json!({ "link": link(api, operation) });
        }
        out.push((
            name.clone(),
            case(operation, &input, &good, &json!({ "output": output })),
        ));
        if let Some(last) = sample::last(api, operation) {
            let exchange = exchange(api, operation, &last.input, (200, &last.answer));
            let expect = json!({ "output": last.output });
            out.push((
                format!("{name}-last"),
                case(operation, &last.input, &exchange, &expect),
            ));
        }
        if operation.gone_is_good() {
            let exchange = exchange(api, operation, &input, (404, &Value::Null));
            let expect = json!({ "output": output });
            out.push((
                format!("{name}-gone"),
                case(operation, &input, &exchange, &expect),
            ));
        }
        let refused = json!({ "error": "refused" });
        let exchange = exchange(api, operation, &input, (403, &refused));
        let expect = json!({ "error": { "kind": "forbidden", "code": "http-403" } });
        out.push((
            format!("{name}-forbidden"),
            case(operation, &input, &exchange, &expect),
        ));
    }
    out
}

fn case(operation: &Operation, input: &Value, exchange: &Value, expect: &Value) -> String {
    let name = &operation.name;
    format!("operation: {name}\ninput: {input}\nexchanges:\n  - {exchange}\nexpect: {expect}\n")
}

fn exchange(
    api: &Api,
    operation: &Operation,
    input: &Value,
    (status, answer): (u16, &Value),
) -> Value {
    let mut request = json!({ "method": operation.method, "url": url(api, operation, input) });
    if let Some(body) = &operation.body
        && body.encoding == Encoding::Json
        && let Some(sent) = input.get("body")
    {
        request["body"] = sent.clone();
    }
    let mut reply = json!({ "status": status });
    if !answer.is_null() {
        reply["body"] = answer.clone();
    } else if status == 200 {
        reply["status"] = json!(204);
    }
    json!({ "request": request, "answer": reply })
}

/// The address that an input leads to.
fn url(api: &Api, operation: &Operation, input: &Value) -> String {
    let base = operation.origin.as_deref().unwrap_or(&api.servers[0]);
    let mut path = operation.path.clone();
    let mut query = Vec::new();
    for parameter in &operation.parameters {
        let Some(value) = input.get(&parameter.json) else {
            continue;
        };
        let name = encode(&parameter.wire);
        match (parameter.place, parameter.style, value) {
            (Place::Path, _, value) => {
                let place = format!("{{{}}}", parameter.ident);
                path = path.replace(&place, &encode(&flat(value, ",")));
            }
            (Place::Query, Style::Plain, value) => {
                query.push(format!("{name}={}", encode(&flat(value, ""))));
            }
            (Place::Query, Style::Each, Value::Array(items)) => {
                query.extend(
                    items
                        .iter()
                        .map(|item| format!("{name}={}", encode(&flat(item, "")))),
                );
            }
            (Place::Query, Style::Joined(mark), value) => {
                query.push(format!(
                    "{name}={}",
                    encode(&flat(value, &mark.to_string()))
                ));
            }
            (Place::Query, Style::Deep, value) => deep(&parameter.wire, value, &mut query),
            _ => {}
        }
    }
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{}", query.join("&"))
    };
    format!("{base}{path}{query}")
}

/// As the SDK writes values of any shape.
fn deep(name: &str, value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Null => {}
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                deep(&format!("{name}[{index}]"), item, out);
            }
        }
        Value::Object(_) => {
            for (key, value) in crate::document::entries(value) {
                deep(&format!("{name}[{key}]"), value, out);
            }
        }
        scalar => out.push(format!("{}={}", encode(name), encode(&flat(scalar, "")))),
    }
}

fn flat(value: &Value, mark: &str) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items
            .iter()
            .map(|item| flat(item, mark))
            .collect::<Vec<_>>()
            .join(mark),
        other => other.to_string(),
    }
}

/// Everything but the unreserved characters of RFC 3986, section 2.3, as the SDK does.
fn encode(text: &str) -> String {
    let one = |b: u8| match b {
        b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
        b if b.is_ascii_alphanumeric() => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    text.bytes().map(one).collect()
}

fn link(api: &Api, operation: &Operation) -> String {
    let wire = operation
        .page
        .as_ref()
        .map(|page| &operation.parameters[page.parameter].wire);
    let wire = wire.map_or(String::new(), |wire| encode(wire));
    let url = url(api, operation, &sample::input(api, operation));
    let mark = if url.contains('?') { '&' } else { '?' };
    format!(
        "<{url}{mark}{wire}={}>; rel=\"next\"",
        flat(&sample::linked(operation), "")
    )
}
