//! `/api/v1/openapi.json`: the description of the API (OpenAPI 3.1), made from the handlers.
//!
//! Each handler carries its own part (`utoipa::path`). What is the same for many is added
//! here from the table of routes, so that it cannot differ from what is enforced: the
//! parameters of paths, who may call, and how errors look.

use crate::access::{Needs, Repeats, Route, Who};
use crate::state::ApiState;
use crate::{access, problem};
use axum::Json;
use axum::extract::State;
use axum::http::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::OpenApi as _;

/// Statuses of errors that every operation may answer with.
const ALWAYS: [(u16, &str); 6] = [
    (400, "The request cannot be read"),
    (401, "Nobody is signed in, or the token does not count"),
    (403, "The caller may not do this"),
    (
        429,
        "Too many requests, or too many tokens that do not count; `Retry-After` says when to ask again",
    ),
    (500, "The host is at fault; its log has the details"),
    (503, "The host cannot do this now"),
];

/// Those of operations that name something in their path.
const NAMED: [(u16, &str); 1] = [(404, "There is no such thing")];

/// Those of operations that change something.
const WRITES: [(u16, &str); 3] = [
    (409, "The state of the thing does not allow it"),
    (413, "The body is too large"),
    (422, "The request can be read, and what it says is wrong"),
];

/// The header that names a request, so that it can be sent again.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// What the names in paths stand for.
const PATH_PARTS: [(&str, &str); 14] = [
    ("id", "The id of the thing"),
    ("run", "The id of a run"),
    (
        "step",
        "The path of a step, such as `approve` or `items[3].approve`",
    ),
    ("flow", "The name of a flow"),
    ("version", "A version of the flow, such as `1.4.0`"),
    ("trigger", "The name of a trigger of the flow"),
    ("connection", "The name of a connection"),
    (
        "change",
        "What to do: `pause`, `resume` or `cancel` of a bulk operation; `grant`, `revoke`, `disable` or `enable` of a user",
    ),
    ("what", "`confirm` or `reject`"),
    ("word", "`approve` or `reject`"),
    ("digest", "The digest of a tree, such as `sha256:…`"),
    ("user", "The id of a user"),
    ("path", "The path of the webhook, as the flow names it"),
    ("code", "A stable code, such as `DWL-5001`"),
];

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Dowel",
        version = "1",
        description = "Runs, exceptions, approvals, flows and access of one host. The rules that all operations share are in `docs/api-rules.md`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(crate::follow::RunMoved)),
    paths(
        crate::status::show,
        crate::runs::list,
        crate::runs::show,
        crate::runs::journal,
        crate::blobs::download,
        crate::follow::all,
        crate::follow::one,
        crate::intake::manual,
        crate::decisions::decide,
        crate::flows::list,
        crate::flows::disable,
        crate::flows::enable,
        crate::approvals::list,
        crate::approvals::decide,
        crate::connections::list,
        crate::switches::list,
        crate::switches::disable_trigger,
        crate::switches::enable_trigger,
        crate::switches::disable_connection,
        crate::switches::enable_connection,
        crate::schedules::list,
        crate::sources::list,
        crate::sources::reset,
        crate::audit::list,
        crate::audit::chain::verify,
        crate::audit::chain::export,
        crate::backup::backup,
        crate::upgrade::show,
        crate::upgrade::finalize,
        crate::events::undelivered,
        crate::events::receive,
        crate::hooks::receive,
        crate::catalogue::catalog,
        crate::catalogue::lineage,
        crate::catalogue::drawn,
        crate::catalogue::versions,
        crate::catalogue::retire,
        crate::catalogue::changes,
        crate::canaries::list,
        crate::canaries::start,
        crate::canaries::end,
        crate::environment::show,
        crate::environment::sync,
        crate::environment::decide,
        crate::exceptions::list,
        crate::exceptions::groups,
        crate::exceptions::decide,
        crate::exceptions::show,
        crate::exceptions::bulk::list,
        crate::exceptions::bulk::begin,
        crate::exceptions::bulk::show,
        crate::exceptions::bulk::change,
        crate::exceptions::proposals::list,
        crate::exceptions::proposals::decide,
        show,
    )
)]
struct Described;

/// The description of the routes of this table, and of those on the public listener.
///
/// # Errors
///
/// If the description cannot be written as JSON.
pub fn openapi(table: &[Route]) -> serde_json::Result<Value> {
    let mut described = Described::openapi();
    described.merge(access::Described::openapi());
    let mut document = serde_json::to_value(described)?;
    let declared = |method: &str, path: &str| {
        let same = |route: &&Route| {
            route.path == path && route.method.as_str().eq_ignore_ascii_case(method)
        };
        table.iter().find(same).map(|route| route.needs)
    };
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, operations) in paths {
            for (method, operation) in operations.as_object_mut().into_iter().flatten() {
                complete(operation, path, method, declared(method, path));
            }
        }
    }
    document["components"]["schemas"]["Problem"] = problem::schema();
    let problems = ALWAYS.iter().chain(&NAMED).chain(&WRITES);
    let problems = problems.map(|(status, about)| (status.to_string(), problem_response(about)));
    document["components"]["responses"] = Value::Object(problems.collect());
    document["components"]["securitySchemes"] = json!({
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of `dowel login` or `POST /api/v1/tokens`, or a JWT of the identity provider.",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "dowel-session",
            "description": "The session of a browser; writes carry its token in `dowel-csrf` as well.",
        },
    });
    document["security"] = json!([{ "token": [] }, { "session": [] }]);
    unbounded(&mut document);
    Ok(document)
}

/// Numbers without a sign have 64 bits here, and `int64` would take one of them away.
fn unbounded(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let is_unsigned = members.get("minimum").is_some_and(|least| *least == 0);
            if is_unsigned
                && members
                    .get("format")
                    .is_some_and(|format| *format == "int64")
            {
                members.remove("format");
            }
            members.values_mut().for_each(unbounded);
        }
        Value::Array(items) => items.iter_mut().for_each(unbounded),
        _ => {}
    }
}

/// Adds what the table of routes knows and what is the same everywhere.
fn complete(operation: &mut Value, path: &str, method: &str, needs: Option<Needs>) {
    let parts = parts(path);
    let named = !parts.is_empty();
    let mut parameters: Vec<Value> = parts.into_iter().map(path_parameter).collect();
    if let Some(known) = operation["parameters"].as_array() {
        parameters.extend(known.iter().filter(|one| one["in"] != "path").cloned());
    }
    if let Some(needs) = needs.filter(|_| !method.eq_ignore_ascii_case("get")) {
        repeats(&mut parameters, needs);
    }
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    match needs.map(|needs| needs.who) {
        Some(Who::May(permission)) => {
            operation["description"] =
                format!("Needs the permission `{}`.", permission.name()).into();
        }
        Some(Who::SignedIn | Who::Metrics) => {}
        // Senders of events and webhooks prove themselves as their trigger asks.
        Some(Who::Open) | None => operation["security"] = json!([]),
    }
    let is_write = !method.eq_ignore_ascii_case(Method::GET.as_str());
    let groups = [
        (&ALWAYS[..], true),
        (&NAMED[..], named),
        (&WRITES[..], is_write),
    ];
    let Some(responses) = operation["responses"].as_object_mut() else {
        return;
    };
    for (statuses, applies) in groups {
        for (status, _) in statuses {
            let status = status.to_string();
            // Also where the handler alone says that there is such an answer.
            if applies || responses.contains_key(&status) {
                let reference = json!({ "$ref": format!("#/components/responses/{status}") });
                responses.insert(status, reference);
            }
        }
    }
}

/// The header by which requests are recognised that come again.
fn repeats(parameters: &mut Vec<Value>, needs: Needs) {
    // Whoever is not known has no keys.
    if needs.who == Who::Open {
        return;
    }
    let about = match needs.repeats {
        Repeats::Answered => {
            "A request with the same key and the same body, within a day, is answered as the first was and changes nothing."
        }
        Repeats::Secret => {
            "A request with the same key and the same body, within a day, changes nothing; the secret of the first answer is not shown again."
        }
        Repeats::Recognised => "The same key stands for the same run.",
    };
    parameters.retain(|one| one["name"] != IDEMPOTENCY_KEY);
    parameters.push(json!({
        "name": IDEMPOTENCY_KEY,
        "in": "header",
        "required": false,
        "description": about,
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": crate::intake::MAX_IDEMPOTENCY_KEY,
            "pattern": "^[!-~]([ -~]*[!-~])?$",
        },
    }));
}

/// The names in braces.
fn parts(path: &str) -> Vec<&str> {
    let named = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    named.collect()
}

fn path_parameter(name: &str) -> Value {
    let known = PATH_PARTS.iter().find(|(known, _)| *known == name);
    json!({
        "name": name,
        "in": "path",
        "required": true,
        "description": known.map_or("", |(_, description)| description),
        "schema": { "type": "string" },
    })
}

fn problem_response(description: &str) -> Value {
    let schema = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
    let id = json!({
        "description": "The id of the request, by which its log lines are found",
        "schema": { "type": "string" },
    });
    json!({
        "description": description,
        "headers": { "x-request-id": id },
        "content": { problem::MEDIA_TYPE: schema },
    })
}

#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "host",
    operation_id = "describe_api",
    summary = "Describes this API in OpenAPI 3.1",
    responses((status = 200, description = "The description", body = Object)),
)]
pub(crate) async fn show(
    State(state): State<Arc<ApiState>>,
) -> Result<Json<Value>, problem::Problem> {
    let document = openapi(&crate::admin_table(state));
    // What the handlers say of themselves is written in the code.
    let wrong = |error: serde_json::Error| {
        problem::Problem::new(dowel_core::code::api::STORE_FAILED, error.to_string())
    };
    Ok(Json(document.map_err(wrong)?))
}
