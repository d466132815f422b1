//! `src/<tag>.rs`: the operations.

use super::MADE;
use super::types::comment;
use crate::contract;
use crate::model::{Answer, Api, Encoding, Form, Next, Operation, Page, Place, Style, Type};
use crate::name::escaped;
use crate::sample;
use dowel_core::manifest::{Effect, Idempotency};
use std::fmt::Write;

/// The text of a module.
pub(super) fn module(api: &Api, module: &str) -> String {
    let own = || {
        api.operations
            .iter()
            .filter(|operation| operation.module == module)
    };
    let mut body = String::new();
    for operation in own() {
        one(api, operation, &mut body);
    }
    let kind = if body.contains("ErrorKind::") {
        "ErrorKind, "
    } else {
        ""
    };
    format!(
        "//! {MADE}\n\nuse crate::Config;\nuse crate::types::*;\nuse dowel_sdk::{{Context, {kind}Result, operation}};\n{body}"
    )
}

fn one(api: &Api, operation: &Operation, out: &mut String) {
    out.push('\n');
    comment(&operation.summary, "", out);
    if !operation.detail.is_empty() && operation.detail != operation.summary {
        out.push_str("///\n");
        comment(&operation.detail, "", out);
    }
    if operation.deprecated {
        out.push_str("///\n/// The document says that it is deprecated.\n");
    }
    let effect = match operation.effect {
        Effect::Read => "read",
        Effect::Write => "write",
    };
    let idempotency = match operation.idempotency {
        Idempotency::Natural => "natural",
        Idempotency::Keyed => "keyed",
        Idempotency::None => "none",
    };
    let _ = writeln!(
        out,
        "#[operation(\n    effect = \"{effect}\",\n    idempotency = \"{idempotency}\","
    );
    if operation.name != operation.ident.replace('_', "-")
        || escaped(&operation.ident) != operation.ident
    {
        let _ = writeln!(out, "    name = \"{}\",", operation.name);
    }
    if let Some(page) = contract::pagination(operation) {
        let _ = writeln!(
            out,
            "    pagination = {{ cursor_in = {:?}, cursor_out = {:?}, items = {:?} }},",
            page.cursor_in, page.cursor_out, page.items
        );
    }
    let (input, output) = (
        sample::input(api, operation),
        sample::output(api, operation),
    );
    let _ = writeln!(
        out,
        "    example_input = {input},\n    example_output = {output},\n)]"
    );
    function(api, operation, out);
}

fn function(api: &Api, operation: &Operation, out: &mut String) {
    let (taken, given) = (
        &api.types[operation.input].name,
        &api.types[operation.output].name,
    );
    let is_used = !api.fields(operation.input).is_empty();
    let input = if is_used { "input" } else { "_input" };
    let _ = writeln!(
        out,
        "pub(crate) fn {}(ctx: &Context<Config>, {input}: {taken}) -> Result<{given}> {{",
        escaped(&operation.ident)
    );
    let path = format!(
        "{}{}",
        operation.origin.as_deref().unwrap_or(""),
        operation.path
    );
    let method = operation.method.to_ascii_lowercase();
    let _ = writeln!(out, "    let request = ctx.http().{method}({path:?});");
    for parameter in &operation.parameters {
        let field = format!("input.{}", escaped(&parameter.ident));
        let line = match (parameter.place, parameter.style) {
            (Place::Path, Style::Joined(mark)) => {
                format!(
                    "request.path({:?}, {})",
                    parameter.ident,
                    joined(&field, mark)
                )
            }
            (Place::Path, _) => format!("request.path({:?}, &{field})", parameter.ident),
            (Place::Query, style) => query(&parameter.wire, &field, style, parameter.required),
            (Place::Header, style) => header(&parameter.wire, &field, style, parameter.required),
        };
        let _ = writeln!(out, "    let request = {line};");
    }
    if let Some(accept) = &operation.accept {
        let _ = writeln!(
            out,
            "    let request = request.header(\"accept\", {accept:?});"
        );
    }
    body(operation, out);
    for (status, kind) in [(402, "Rejected"), (423, "Conflict")] {
        if operation.statuses.contains(&status) {
            let _ = writeln!(
                out,
                "    let request = request.on_status({status}, ErrorKind::{kind});"
            );
        }
    }
    answer(api, operation, given, out);
    out.push_str("}\n");
}

fn body(operation: &Operation, out: &mut String) {
    if let Some(body) = &operation.body {
        let call = match &body.encoding {
            Encoding::Json => "json(BODY)".to_owned(),
            Encoding::Form => "form(BODY)".to_owned(),
            Encoding::Text(media) => format!("bytes({media:?}, BODY.as_bytes())"),
        };
        let line = match body.required && !matches!(body.ty, Type::Nullable(_)) {
            true => format!(
                "request.{}",
                call.replace("BODY", "&input.body")
                    .replace("&input.body.", "input.body.")
            ),
            false => format!(
                "match &input.body {{\n        Some(body) => request.{},\n        None => request,\n    }}",
                call.replace("BODY", "body")
            ),
        };
        let _ = writeln!(out, "    let request = {line};");
    }
}

/// `joined(field)`, where there is no method for it.
fn joined(field: &str, mark: char) -> String {
    format!(
        "{field}.iter().map(ToString::to_string).collect::<Vec<_>>().join({:?})",
        mark.to_string()
    )
}

fn query(wire: &str, field: &str, style: Style, required: bool) -> String {
    let items = match required {
        true => format!("&{field}"),
        false => format!("{field}.iter().flatten()"),
    };
    match style {
        Style::Plain if required => format!("request.query({wire:?}, &{field})"),
        Style::Plain => format!("request.query_opt({wire:?}, {field}.as_ref())"),
        Style::Each => format!("request.query_each({wire:?}, {items})"),
        Style::Joined(mark) => format!("request.query_joined({wire:?}, {mark:?}, {items})"),
        Style::Deep => format!("request.query_deep({wire:?}, &{field})"),
    }
}

fn header(wire: &str, field: &str, style: Style, required: bool) -> String {
    let text = |field: &str| match style {
        Style::Joined(mark) => joined(field, mark),
        _ => format!("{field}.to_string()"),
    };
    match required {
        true => format!("request.header({wire:?}, {})", text(field)),
        false => format!(
            "match &{field} {{\n        Some(value) => request.header({wire:?}, {}),\n        None => request,\n    }}",
            text("value")
        ),
    }
}

fn answer(api: &Api, operation: &Operation, given: &str, out: &mut String) {
    let lines = match (&operation.answer, &operation.page) {
        (Answer::Nothing, _) if operation.gone_is_good() => {
            "    match request.send() {\n        // What is not there need not be removed: removing it twice succeeds.\n        \
             Err(error) if error.kind() == ErrorKind::NotFound => Ok(Done {}),\n        \
             answer => answer.map(|_| Done {}),\n    }\n".replace("Done", given)
        }
        (Answer::Nothing, _) => format!("    request.send()?;\n    Ok({given} {{}})\n"),
        (Answer::Text, _) => format!("    Ok({given}(request.send()?.text()?.to_owned()))\n"),
        (Answer::Json(_), Some(page)) if !matches!(page.next, Next::Answered(_)) => {
            paged(api, operation, page, given)
        }
        (Answer::Json(_), _) => "    request.send()?.json()\n".to_owned(),
    };
    out.push_str(&lines);
}

/// An operation that has to find out where the next page is.
fn paged(api: &Api, operation: &Operation, page: &Page, given: &str) -> String {
    let name = if page.items.is_some() {
        "answer"
    } else {
        "items"
    };
    let parameter = &operation.parameters[page.parameter];
    if page.next == Next::Link {
        let wire = &parameter.wire;
        let parse = match parameter.ty.bare() {
            Type::Text(_) => "",
            _ => ".and_then(|next| next.parse().ok())",
        };
        return format!(
            "    let answer = request.send()?;\n    let next = answer.next_page({wire:?}){parse};\n    \
             Ok({given} {{ {name}: answer.json()?, next }})\n"
        );
    }
    let Form::Record { fields, .. } = &api.types[operation.output].form else {
        return String::new();
    };
    let is_list = page.items.is_none();
    let ty = match (is_list, &fields[0].ty) {
        (false, Type::Named(id)) => api.types[*id].name.clone(),
        _ => "Vec<_>".to_owned(),
    };
    let field = escaped(&parameter.ident);
    let asked = |or: i64| match parameter.required {
        true => format!("input.{field}"),
        false => format!("input.{field}.unwrap_or({or})"),
    };
    // (how to borrow the items, how many there are)
    let (items, count) = match &page.items {
        None => (format!("{name}.as_slice()"), format!("{name}.len()")),
        Some(items) => {
            let place = format!("{name}.{}", escaped(&items.ident));
            match items.required && !matches!(items.ty, Type::Nullable(_)) {
                true => (format!("{place}.as_slice()"), format!("{place}.len()")),
                false => (
                    format!("{place}.as_deref().unwrap_or_default()"),
                    format!("{place}.as_ref().map_or(0, Vec::len)"),
                ),
            }
        }
    };
    let more = match &page.more {
        None => format!("{count} > 0"),
        Some(more) => {
            let place = format!("{name}.{}", escaped(&more.ident));
            match more.required && !matches!(more.ty, Type::Nullable(_)) {
                true => place,
                false => format!("{place}.unwrap_or(false)"),
            }
        }
    };
    let next = match page.next {
        Next::LastId => format!("{items}.last().map(|item| item.id.clone()).filter(|_| {more})"),
        Next::Offset => {
            format!(
                "({more}).then(|| {} + i64::try_from({count}).unwrap_or(0))",
                asked(0)
            )
        }
        Next::Number(first) => format!("({more}).then(|| {} + 1)", asked(first)),
        Next::Answered(_) | Next::Link => String::new(),
    };
    format!(
        "    let {name}: {ty} = request.send()?.json()?;\n    let next = {next};\n    Ok({given} {{ {name}, next }})\n"
    )
}
