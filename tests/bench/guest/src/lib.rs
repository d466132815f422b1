//! The connector that the benchmark calls: it answers with what it was given, so that
//! the time of a call is the time of the border and not of the work behind it.

use dowel_sdk::{Context, Id, Result, connector, operation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A connection needs nothing.
#[connector(
    name = "trivial",
    summary = "Answers with what it was given.",
    operations = [echo],
)]
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {}

/// A small input, and the output as well.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    /// Any id.
    id: Id,
    /// Any text.
    text: String,
}

/// Answers with its input.
#[operation(
    effect = "read",
    idempotency = "natural",
    example_input = { "id": 7, "text": "hello" },
    example_output = { "id": 7, "text": "hello" },
)]
pub(crate) fn echo(_ctx: &Context<Config>, input: Note) -> Result<Note> {
    Ok(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_sdk::testing::FakeHost;

    #[test]
    fn the_example_fits() {
        FakeHost::<Config>::new("{}").check_example::<echo>();
    }
}
