//! How pages follow each other: documents do not say so, names do.

use crate::model::{Answer, Definition, Field, Next, Page, Parameter, Place, Type, fields};

const CURSORS: &[&str] = &[
    "cursor",
    "page_cursor",
    "page_token",
    "next_token",
    "next_cursor",
    "continuation_token",
    "start_cursor",
    "pagination_token",
    "marker",
    "after",
    "starting_after",
    "start_key",
];
const NEXT_CURSORS: &[&str] = &[
    "next_cursor",
    "next_page_cursor",
    "next_page_token",
    "next_token",
    "continuation_token",
    "next_continuation_token",
    "pagination_token",
    "next_marker",
    "end_cursor",
    "after",
    "cursor",
    "last_evaluated_key",
];
const MORE: &[&str] = &["has_more", "more", "has_next_page", "has_next"];
const OFFSETS: &[&str] = &["offset", "skip", "start"];
const NUMBERS: &[&str] = &["page", "page_number", "page_no"];
const SIZES: &[&str] = &[
    "per_page",
    "page_size",
    "limit",
    "count",
    "size",
    "pagesize",
    "perpage",
    "top",
];
const ITEMS: &[&str] = &[
    "items", "data", "results", "records", "values", "entries", "elements",
];

/// Finds out how the pages of an operation follow each other, if it has any.
pub(crate) fn find(
    parameters: &[Parameter],
    answer: &Answer,
    types: &[Definition],
    links: bool,
) -> Option<Page> {
    let Answer::Json(answer) = answer else {
        return None;
    };
    let (items, own) = match answer.bare() {
        Type::List(_) => (None, &[][..]),
        Type::Named(id) => {
            let own = fields(types, *id);
            (Some(items(own)?.clone()), own)
        }
        _ => return None,
    };
    let parameter = |names: &[&str]| {
        let of = |name: &&str| {
            parameters
                .iter()
                .position(|p| p.place == Place::Query && p.ident == **name)
        };
        names.iter().find_map(of)
    };
    let more = own
        .iter()
        .find(|f| MORE.contains(&f.ident.as_str()) && *f.ty.bare() == Type::Truth);
    let page = |parameter, next| {
        Some(Page {
            parameter,
            next,
            items: items.clone(),
            more: more.cloned(),
        })
    };
    if let Some(cursor) = parameter(CURSORS) {
        let ty = parameters[cursor].ty.bare();
        if let Some(pointer) = answered(own, types, ty) {
            return page(cursor, Next::Answered(pointer));
        }
        if links {
            return page(cursor, Next::Link);
        }
        let by_id = matches!(
            parameters[cursor].ident.as_str(),
            "starting_after" | "after"
        );
        if by_id && more.is_some() && has_id(items.as_ref(), types) {
            return page(cursor, Next::LastId);
        }
    }
    let integer = |at: &usize| matches!(parameters[*at].ty.bare(), Type::Integer(..));
    if links {
        let of = parameter(NUMBERS)
            .or(parameter(&["since"]))
            .or(parameter(OFFSETS));
        return of.and_then(|at| page(at, Next::Link));
    }
    parameter(SIZES)?;
    if let Some(offset) = parameter(OFFSETS).filter(integer) {
        return page(offset, Next::Offset);
    }
    let number = parameter(NUMBERS).filter(integer)?;
    page(
        number,
        Next::Number(parameters[number].default.unwrap_or(1)),
    )
}

/// The field with the items: the only list, or the one with a usual name.
fn items(fields: &[Field]) -> Option<&Field> {
    let lists = || {
        fields
            .iter()
            .filter(|field| matches!(field.ty.bare(), Type::List(_)))
    };
    let usual = ITEMS
        .iter()
        .find_map(|name| lists().find(|field| field.ident == *name));
    usual.or_else(|| {
        let mut all = lists();
        all.next().filter(|_| all.next().is_none())
    })
}

/// Where the answer has the next cursor: a field of it, or of an object in it.
fn answered(own: &[Field], types: &[Definition], wanted: &Type) -> Option<String> {
    let same = |field: &&Field| {
        let text =
            |ty: &Type| matches!(ty, Type::Text(text) if text.format.as_deref() != Some("uri"));
        let number = |ty: &Type| matches!(ty, Type::Integer(..));
        let ty = field.ty.bare();
        (text(ty) && text(wanted)) || (number(ty) && number(wanted))
    };
    let within = |fields: &[Field]| -> Option<String> {
        let of = |name: &&str| {
            fields
                .iter()
                .filter(same)
                .find(|field| field.ident == **name)
        };
        NEXT_CURSORS
            .iter()
            .find_map(of)
            .map(|field| format!("/{}", field.wire))
    };
    within(own).or_else(|| {
        own.iter().find_map(|field| match field.ty.bare() {
            Type::Named(id) => {
                let inner = within(fields(types, *id))?;
                Some(format!("/{}{inner}", field.wire))
            }
            _ => None,
        })
    })
}

/// Whether every item has an id that is a text.
fn has_id(items: Option<&Field>, types: &[Definition]) -> bool {
    let Some(Type::List(item)) = items.map(|field| field.ty.bare()) else {
        return false;
    };
    let Type::Named(id) = item.as_ref() else {
        return false;
    };
    let is_id = |f: &Field| f.wire == "id" && f.required && matches!(f.ty, Type::Text(_));
    fields(types, *id).iter().any(is_id)
}
