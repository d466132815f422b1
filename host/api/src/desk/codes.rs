//! What a code means.

use super::{Failure, Page, Shown, Tab};
use axum::extract::Path;
use dowel_core::code::Code;
use maud::html;

pub(super) async fn page(Path(code): Path<String>) -> Shown {
    let known = code.parse::<Code>().ok().and_then(Code::entry);
    let entry = known.ok_or_else(Failure::no_such_page)?;
    let body = html! {
        section .panel {
            h2 { "What happened" }
            p { (entry.what) }
            div .note { strong { "What to do" } p { (entry.fix) } }
            p .soft { "The same on a terminal: " code { "dowel explain " (entry.code) } }
            p .row {
                a .button href=(super::html::with_query("/desk/exceptions", &[("code", &entry.code.to_string())])) {
                    "Open exceptions with this code"
                }
            }
        }
    };
    let title = format!("{}: {}", entry.code, entry.title);
    Ok(Page::new(Tab::None, title, body))
}
