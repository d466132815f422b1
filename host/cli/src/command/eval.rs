//! `dowel eval`: one expression, in the sandbox.

use crate::args::{Eval, Format};
use crate::command::eval_place;
use crate::{exit, output, wiring};
use anyhow::{Context as _, Result, anyhow};
use dowel_core::expression::{
    Bindings, Evaluated, Expression, Needs, Piece, Position, Program, Template,
};
use dowel_core::port::{CheckExpressions, CheckRequest, EvaluationRequest, Mapper};
use dowel_core::{Digest, JsonText};
use dowel_mapping::{Mapping, MappingOptions};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// The longest time of an evaluation by hand.
const DEADLINE: Duration = Duration::from_secs(5);

/// The variables of the language.
const VARIABLES: [&str; 10] = [
    "trigger", "event", "steps", "vars", "state", "env", "run", "now", "item", "index",
];

pub(crate) async fn run(eval: &Eval, format: Format) -> Result<ExitCode> {
    let mapping = match (&eval.run, &eval.case) {
        (None, None) => Mapping::new(MappingOptions::default())?,
        _ => wiring::mapping(&eval.repository)?,
    };
    let seen = eval_place::bindings(eval, &mapping, &VARIABLES).await?;
    let mut bindings = seen.unwrap_or_else(|| Bindings::input(JsonText::null()));
    bindings.variables.extend(variables(&eval.variables)?);
    if let Some(path) = &eval.input {
        bindings.input = JsonText::parse_strict(&read(path)?).context("the input is not JSON")?;
    }
    let names: Vec<&str> = bindings.variables.keys().copied().collect();
    let request = CheckRequest {
        source: &eval.expression,
        variables: &names,
    };
    let report = mapping
        .check(&[request])
        .into_iter()
        .next()
        .unwrap_or_default();
    if !report.findings.is_empty() {
        let lines: Vec<String> = report
            .findings
            .iter()
            .map(|f| format!("{} at character {}: {}", f.code, f.offset + 1, f.message))
            .collect();
        let value = json!({ "errors": lines });
        output::print(format, &value, &lines.join("\n"))?;
        return Ok(exit::found(true));
    }
    evaluate(&eval.expression, &mapping, bindings, format).await
}

async fn evaluate(
    expression: &str,
    mapping: &Mapping,
    bindings: Bindings,
    format: Format,
) -> Result<ExitCode> {
    let request = EvaluationRequest {
        guest: mapping.guest(),
        program: Arc::new(program(expression, &bindings.variables)),
        bindings,
        deadline: DEADLINE,
    };
    match mapping.evaluate(request).await {
        Ok(Evaluated::Values(values)) => {
            let value = values.first().cloned().unwrap_or_else(JsonText::null);
            output::print(format, &value, value.as_str())?;
            Ok(exit::found(false))
        }
        Ok(Evaluated::Skipped) => Ok(exit::found(false)),
        Err(error) => {
            output::print(
                format,
                &json!({ "errors": [error.to_string()] }),
                &error.to_string(),
            )?;
            Ok(exit::found(true))
        }
    }
}

fn program(source: &str, variables: &BTreeMap<&'static str, JsonText>) -> Program {
    let position = Position {
        file: "expression".into(),
        line: 1,
        column: 1,
    };
    let expression = Expression {
        source: source.to_owned(),
        key: "eval".to_owned(),
        position,
    };
    Program {
        id: Digest::of(source).to_string().into(),
        condition: None,
        outputs: vec![Template {
            pieces: vec![Piece::Expression(expression)],
        }],
        needs: Needs {
            input: true,
            variables: variables.keys().map(|name| (*name).to_owned()).collect(),
            ..Needs::default()
        },
    }
}

fn variables(given: &[String]) -> Result<BTreeMap<&'static str, JsonText>> {
    let mut variables = BTreeMap::new();
    for text in given {
        let (name, json) = text
            .split_once('=')
            .ok_or_else(|| anyhow!("--var is written NAME=JSON, not `{text}`"))?;
        let name = VARIABLES
            .iter()
            .find(|known| **known == name.trim_start_matches('$'));
        let name = name.ok_or_else(|| anyhow!("a variable is one of {}", VARIABLES.join(", ")))?;
        variables.insert(
            *name,
            JsonText::parse_strict(json).context("the value of --var is not JSON")?,
        );
    }
    Ok(variables)
}

/// The text of a file, or of standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<String> {
    if path.as_os_str() == "-" {
        return Ok(std::io::read_to_string(std::io::stdin())?);
    }
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
