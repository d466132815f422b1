//! JSON Schema 2020-12 for editors, made from the types that read the files.

use crate::shape::{Definitions, Shape};
use crate::surface::calendar::CalendarFile;
use crate::surface::environment::EnvironmentFile;
use crate::surface::flow::FlowFile;
use crate::surface::policy::PolicyFile;
use crate::surface::test::TestFile;
use serde_json::json;

/// The schema of `flow.yaml`, formatted, with a line end.
pub fn flow() -> String {
    document::<FlowFile>("Dowel flow (dowel/v1)")
}

/// The schema of an environment file, formatted, with a line end.
pub fn environment() -> String {
    document::<EnvironmentFile>("Dowel environment")
}

/// The schema of `flow.test.yaml`, formatted, with a line end.
pub fn flow_test() -> String {
    document::<TestFile>("Dowel flow tests (dowel/v1)")
}

/// The schema of a calendar file, formatted, with a line end.
pub fn calendar() -> String {
    document::<CalendarFile>("Dowel business calendar")
}

/// The schema of the policy file, formatted, with a line end.
pub fn policy() -> String {
    document::<PolicyFile>("Dowel policy")
}

fn document<T: Shape>(title: &str) -> String {
    let mut definitions = Definitions::default();
    let mut root = T::schema(&mut definitions);
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!(title);
    root["$defs"] = json!(definitions.0);
    // The order of keys must not depend on what else is built with serde_json.
    root.sort_all_objects();
    format!("{root:#}\n")
}
