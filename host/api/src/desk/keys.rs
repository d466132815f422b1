//! What keys do.

use super::{Page, Tab};
use maud::html;

/// Keys and what they do.
const KEYS: [(&[&str], &str); 16] = [
    (&["/"], "Search"),
    (&["j"], "Next row of a list"),
    (&["k"], "Previous row of a list"),
    (&["Enter"], "Open the row"),
    (&["x"], "Pick the row, where rows can be picked"),
    (&["n"], "Older entries of a list"),
    (&["g", "o"], "Overview"),
    (&["g", "r"], "Runs"),
    (&["g", "e"], "Exceptions"),
    (&["g", "a"], "Approvals"),
    (&["g", "f"], "Flows"),
    (&["g", "s"], "Schedules"),
    (&["g", "c"], "Connections"),
    (&["g", "v"], "Versions and drift"),
    (&["g", "u"], "Audit"),
    (&["?"], "This page"),
];

pub(super) async fn page() -> Page {
    let body = html! {
        section .panel .flush aria-label="Keys" {
            table {
                thead { tr { th scope="col" { "Keys" } th scope="col" { "What they do" } } }
                tbody {
                    @for (keys, what) in KEYS {
                        tr {
                            td .nowrap { @for (at, key) in keys.iter().enumerate() { @if at > 0 { " then " } kbd { (key) } } }
                            td { (what) }
                        }
                    }
                }
            }
        }
        p .soft { "Keys work while no field is being typed in; " kbd { "Esc" } " leaves a field. Everything can be reached with " kbd { "Tab" } " alone, and without a script." }
    };
    Page::new(Tab::None, "Keyboard shortcuts", body)
}
