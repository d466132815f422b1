//! The style sheet and the script, from the binary.

use super::Failure;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use dowel_core::Digest;
use dowel_flow::picture::RULES;
use std::sync::LazyLock;

/// The page's own rules, and those of pictures of flows.
static STYLE: LazyLock<String> = LazyLock::new(|| format!("{}\n{RULES}", include_str!("desk.css")));
const SCRIPT: &str = include_str!("desk.js");

/// A peg in two boards.
const ICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="#4c6ee0" d="M3 3h7v7H3zM14 3h7v7h-7zM3 14h7v7H3zM14 14h7v7h-7z"/><path fill="#2f52c4" d="M5 10.5h14v3H5z"/></svg>"##;

/// A name of an asset that changes with its content, so that browsers may keep it.
fn versioned(name: &str, content: &str) -> String {
    let digest = Digest::of(content).hex();
    format!("/desk/assets/{name}?v={}", &digest[..16])
}

/// Where the style sheet is.
pub(crate) static STYLE_URL: LazyLock<String> = LazyLock::new(|| versioned("desk.css", &STYLE));
/// Where the script is.
pub(super) static SCRIPT_URL: LazyLock<String> = LazyLock::new(|| versioned("desk.js", SCRIPT));
/// Where the icon is.
pub(crate) static ICON_URL: LazyLock<String> = LazyLock::new(|| versioned("icon.svg", ICON));

pub(super) async fn asset(Path(name): Path<String>) -> Result<Response, Failure> {
    let (content, kind) = match name.as_str() {
        "desk.css" => (STYLE.as_str(), "text/css; charset=utf-8"),
        "desk.js" => (SCRIPT, "text/javascript; charset=utf-8"),
        "icon.svg" => (ICON, "image/svg+xml"),
        _ => return Err(Failure::no_such_page()),
    };
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, content).into_response())
}
