//! Calendar files that are refused.

use crate::support::{cases, expect, render};
use dowel_flow::calendar::parse;

#[test]
fn bad_calendars() {
    for (name, text) in cases("calendar") {
        let found = parse(&format!("calendars/{name}.yaml"), &text).unwrap_err();
        expect("calendar", &name, &render(&found));
    }
}
