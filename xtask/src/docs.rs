//! Documentation that is generated from the code. A test beside each generator compares
//! what is there with what has to be, and writes it when asked to.

use crate::run;
use anyhow::Result;

/// Tells the tests to write instead of comparing.
const UPDATE: &str = "UPDATE_EXPECT";

/// Generators: the package and the test that holds it.
const GENERATORS: &[(&str, &str)] = &[
    ("dowel-tidy", ERROR_PAGES),
    ("dowel-flow", "the_published_schemas_are_fresh"),
    ("dowel-flow", "the_language_reference_is_fresh"),
    ("dowel-flow", "the_page_of_the_rules_is_fresh"),
    ("dowel-engine", "the_page_shows_what_the_code_does"),
    ("dowel-api", "the_description_of_the_api_is_fresh"),
    ("dowel-cli", "the_command_reference_is_fresh"),
    ("dowel-cli", "the_connector_pages_are_fresh"),
];

/// The generator of the pages of the error codes.
const ERROR_PAGES: &str = "every_error_code_has_its_page";

/// Everything that is generated.
pub(crate) fn all() -> Result<()> {
    for (package, test) in GENERATORS {
        generate(package, test)?;
    }
    Ok(())
}

/// The pages of the error codes.
pub(crate) fn errors() -> Result<()> {
    generate("dowel-tidy", ERROR_PAGES)
}

fn generate(package: &str, test: &str) -> Result<()> {
    let mut command = run::cargo(["test", "--quiet", "--package", package, test]);
    run::step(&format!("{package}: {test}"), command.env(UPDATE, "1"))
}
