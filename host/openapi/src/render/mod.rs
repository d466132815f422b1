//! The files of a project.

mod cases;
mod operations;
mod readme;
mod types;

use crate::contract;
use crate::model::{Api, Auth};
use crate::name::escaped;
use crate::{Options, server};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// What stands above everything that is written.
const MADE: &str = "Made by `dowel connector from-openapi`.";

/// Every file of a project, and its text.
pub(crate) fn project(api: &Api, options: &Options) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut add = |path: &str, text: String| files.insert(path.to_owned(), text);
    add("Cargo.toml", cargo(api, &options.sdk));
    add(".gitignore", "/target\n/.dowel\n".to_owned());
    add("README.md", readme::readme(api));
    add("connection.example.yaml", connection(api));
    add("src/lib.rs", library(api));
    add("src/types.rs", types::types(api));
    for module in modules(api) {
        add(&format!("src/{module}.rs"), operations::module(api, module));
    }
    for (name, text) in cases::cases(api) {
        add(&format!("cases/{name}.yaml"), text);
    }
    files
}

fn modules(api: &Api) -> BTreeSet<&str> {
    api.operations
        .iter()
        .map(|operation| operation.module.as_str())
        .collect()
}

fn cargo(api: &Api, sdk: &str) -> String {
    let (name, version) = (&api.name, &api.version);
    format!(
        r#"[package]
name = "dowel-connector-{name}"
version = "{version}"
edition = "2024"
description = "The connector {name}"

# Stands alone, wherever it lies.
[workspace]

[lib]
crate-type = ["cdylib"]

[dependencies]
dowel-sdk = {{ path = {sdk:?} }}
schemars = "1"
serde = {{ version = "1", features = ["derive"] }}

[profile.release]
opt-level = "s"
lto = true
codegen-units = 1
panic = "abort"
strip = true
"#
    )
}

fn library(api: &Api) -> String {
    let mut out = format!("//! The connector `{}`. {MADE}\n\n", api.name);
    for module in modules(api) {
        let _ = writeln!(out, "mod {};", escaped(module));
    }
    out.push_str("mod types;\n\nuse dowel_sdk::connector;\nuse schemars::JsonSchema;\nuse serde::Deserialize;\n\n");
    let quoted: Vec<String> = contract::egress(api)
        .iter()
        .map(|rule| format!("        {rule:?},\n"))
        .collect();
    let operations = api.operations.iter();
    let operations: Vec<String> = operations
        .map(|o| format!("        {}::{},\n", escaped(&o.module), escaped(&o.ident)))
        .collect();
    let servers: String = api
        .servers
        .iter()
        .map(|server| format!("    /// `{server}`\n"))
        .collect();
    let _ = write!(
        out,
        r#"/// A connection to the API.
#[connector(
    name = "{}",
    summary = {:?},
    egress = [
{}    ],
    operations = [
{}    ],
)]
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {{
    /// Where the API begins. The document names:
    ///
{servers}    #[schemars(extend("format" = "uri"), example = {:?})]
    base_url: String,
}}
"#,
        api.name,
        api.summary,
        quoted.concat(),
        operations.concat(),
        api.servers[0],
    );
    out
}

/// A connection for an environment, with everything that it grants.
fn connection(api: &Api) -> String {
    let (name, base) = (&api.name, &api.servers[0]);
    let secret = name.as_str().replace('-', "_");
    let mut out = format!(
        "# A connection for an environment. {MADE}\nenvironment: dev\n\nconnections:\n  {name}:\n    \
         connector: {name}\n    config: {{ base_url: '{base}' }}\n"
    );
    let origins: BTreeSet<&str> = [base.as_str()]
        .into_iter()
        .chain(
            api.operations
                .iter()
                .filter_map(|operation| operation.origin.as_deref()),
        )
        .map(server::origin)
        .collect();
    let origins: Vec<String> = origins.iter().map(|origin| format!("'{origin}'")).collect();
    for (index, auth) in api.auth.iter().enumerate() {
        let mark = if index == 0 { "" } else { "# " };
        if index == 1 {
            out.push_str("    # The document names other ways as well:\n");
        }
        let _ = writeln!(
            out,
            "    {mark}auth: {{ {}, origins: [{}] }}",
            method(auth, &secret),
            origins.join(", ")
        );
    }
    if let Some(header) = &api.key_header
        && !header.eq_ignore_ascii_case("Idempotency-Key")
    {
        let _ = writeln!(out, "    idempotency_header: {header}");
    }
    out.push_str("    allow:\n");
    for rule in contract::egress(api) {
        let _ = writeln!(out, "      - '{}'", rule.replace("{base_url}", base));
    }
    out
}

fn method(auth: &Auth, secret: &str) -> String {
    match auth {
        Auth::Bearer => format!("bearer: {{ token: {{ secret: {secret}_token }} }}"),
        Auth::Basic => format!(
            "basic: {{ username: {{ secret: {secret}_user }}, password: {{ secret: {secret}_password }} }}"
        ),
        Auth::KeyInHeader(header) => {
            format!("api_key: {{ header: '{header}', key: {{ secret: {secret}_key }} }}")
        }
        Auth::KeyInQuery(query) => {
            format!("api_key: {{ query: '{query}', key: {{ secret: {secret}_key }} }}")
        }
        Auth::Token {
            authorization_url,
            token_url,
            scopes,
        } => {
            let client = format!(
                "client_id: {{ secret: {secret}_client }}, client_secret: {{ secret: {secret}_client_secret }}"
            );
            let scopes: Vec<String> = scopes.iter().map(|scope| format!("'{scope}'")).collect();
            let scopes = scopes.join(", ");
            match authorization_url {
                None => format!(
                    "oauth2_client_credentials: {{ token_url: '{token_url}', {client}, scopes: [{scopes}] }}"
                ),
                Some(url) => format!(
                    "oauth2_authorization_code: {{ authorization_url: '{url}', token_url: '{token_url}', \
                     {client}, refresh_token: {{ secret: {secret}_refresh }}, scopes: [{scopes}] }}"
                ),
            }
        }
    }
}
