//! What can be seen without running anything: schemas and examples.

use super::{Findings, Outcomes};
use crate::case::CaseFolder;
use dowel_core::JsonText;
use dowel_core::manifest::{Manifest, OperationSpec};
use dowel_flow::validate::Validator;

/// Checks `schemas` and `examples`.
pub(crate) fn check(manifest: &Manifest, cases: &CaseFolder, found: &mut Outcomes) {
    let (mut schemas, mut examples) = (Findings::default(), Findings::default());
    let config = compile("the configuration", &manifest.config_schema, &mut schemas);
    if let (Some(config), Some(given)) = (config, &cases.config) {
        satisfies("the cases' configuration", &config, given, &mut schemas);
    }
    for operation in &manifest.operations {
        let part = |part: &str| format!("the {part} of `{}`", operation.name);
        let input = compile(&part("input"), &operation.input_schema, &mut schemas);
        let output = compile(&part("output"), &operation.output_schema, &mut schemas);
        references(manifest, operation, &mut schemas);
        for (what, schema, value) in [
            ("example input", input, &operation.example_input),
            ("example output", output, &operation.example_output),
        ] {
            match (schema, value) {
                (Some(schema), Some(value)) => {
                    satisfies(&part(what), &schema, value, &mut examples);
                }
                (_, None) => examples.lack(format!("`{}` has no {what}", operation.name)),
                (None, Some(_)) => {}
            }
        }
    }
    found.insert("schemas", schemas);
    found.insert("examples", examples);
}

fn compile(what: &str, schema: &JsonText, findings: &mut Findings) -> Option<Validator> {
    match Validator::new(schema) {
        Ok(compiled) => {
            findings.pass();
            Some(compiled)
        }
        Err(error) => {
            findings.fail(format!("the schema of {what}: {error}"));
            None
        }
    }
}

fn satisfies(what: &str, schema: &Validator, value: &JsonText, findings: &mut Findings) {
    findings.pass();
    for violation in schema.check(value) {
        let place = match violation.pointer.as_str() {
            "" => String::new(),
            pointer => format!(" at {pointer}"),
        };
        findings.fail(format!("{what}{place}: {}", violation.message));
    }
}

/// What the manifest refers to has to be there.
fn references(manifest: &Manifest, operation: &OperationSpec, findings: &mut Findings) {
    if let Some(undo) = &operation.compensated_by
        && manifest.operation(undo.as_str()).is_none()
    {
        let name = &operation.name;
        findings.fail(format!(
            "`{name}` is compensated by `{undo}`, which is not there"
        ));
    }
}
