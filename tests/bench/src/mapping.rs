//! Three mappings of an order document, in the sandbox and by native jaq, in turns.

mod native;

use crate::Bench;
use crate::connector::each_us;
use crate::report::MappingTime;
use crate::statistics::{median, paired_ratio, rounded};
use anyhow::{Context as _, Result, anyhow, ensure};
use dowel_core::JsonText;
use dowel_core::expression::{
    Bindings, Evaluated, Expression, Needs, Piece, Position, Program, Template,
};
use dowel_core::port::{CheckExpressions as _, EvaluationRequest, Mapper as _};
use dowel_mapping::{Mapping, MappingOptions};
use native::Native;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An order of about one kibibyte.
const DOCUMENT: &str = include_str!("mapping/order.json");

/// An invoice with renamed fields, a summary by category, and the lines to ship: what
/// flows do, with jq's own filters only, because native jaq has no others.
const SOURCES: [&str; 3] = [
    include_str!("mapping/invoice.jq"),
    include_str!("mapping/summary.jq"),
    include_str!("mapping/shipment.jq"),
];

/// Rounds, and evaluations of each mapping in a round.
const ROUNDS: usize = 31;
const EVALUATIONS: usize = 300;

pub(crate) async fn measure(bench: &Bench) -> Result<MappingTime> {
    let document: &str = DOCUMENT.trim_end();
    let sandbox = Sandbox::new(document)?;
    let native = Native::new(&SOURCES)?;
    sandbox.agrees_with(&native, document).await?;
    let rounds = bench.size(ROUNDS, 5);
    let mut times = Vec::with_capacity(rounds);
    // The first round loads the programs, and is forgotten.
    for round in 0..=rounds {
        let sandboxed = sandbox.time(EVALUATIONS).await?;
        let begun = Instant::now();
        for _ in 0..EVALUATIONS {
            for index in 0..SOURCES.len() {
                std::hint::black_box(native.evaluate(index, document)?);
            }
        }
        let native = each_us(begun.elapsed(), EVALUATIONS * SOURCES.len());
        if round > 0 {
            times.push((sandboxed, native));
        }
    }
    let sandboxed: Vec<f64> = times.iter().map(|t| t.0).collect();
    let natively: Vec<f64> = times.iter().map(|t| t.1).collect();
    Ok(MappingTime {
        ratio: rounded(paired_ratio(&times), 2),
        sandbox_us: rounded(median(&sandboxed), 2),
        native_us: rounded(median(&natively), 2),
        document_bytes: document.len(),
    })
}

/// The sandbox and what is asked of it.
struct Sandbox {
    mapping: Mapping,
    requests: Vec<EvaluationRequest>,
}

impl Sandbox {
    fn new(document: &str) -> Result<Self> {
        let mapping = Mapping::new(MappingOptions::default())?;
        let input = JsonText::parse(document).context("the document is JSON")?;
        let requests = SOURCES
            .iter()
            .enumerate()
            .map(|(index, source)| EvaluationRequest {
                guest: mapping.guest(),
                program: Arc::new(program(index, source)),
                bindings: Bindings::input(input.clone()),
                deadline: Duration::from_secs(30),
            });
        Ok(Self {
            requests: requests.collect(),
            mapping,
        })
    }

    /// Both sides do the same work only if they give the same answers.
    async fn agrees_with(&self, native: &Native, document: &str) -> Result<()> {
        for (index, request) in self.requests.iter().enumerate() {
            let ours = evaluate(&self.mapping, request.clone()).await?;
            let theirs = native.evaluate(index, document)?;
            let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text);
            ensure!(
                parse(&ours)? == parse(&theirs)?,
                "mapping {index} differs: {ours} in the sandbox, {theirs} natively"
            );
        }
        Ok(())
    }

    async fn time(&self, evaluations: usize) -> Result<f64> {
        let begun = Instant::now();
        for _ in 0..evaluations {
            for request in &self.requests {
                evaluate(&self.mapping, request.clone()).await?;
            }
        }
        Ok(each_us(begun.elapsed(), evaluations * self.requests.len()))
    }
}

async fn evaluate(mapping: &Mapping, request: EvaluationRequest) -> Result<String> {
    match mapping.evaluate(request).await {
        Ok(Evaluated::Values(values)) => {
            let value = values.first().context("there is one output")?;
            Ok(value.as_str().to_owned())
        }
        Ok(Evaluated::Skipped) => Err(anyhow!("there is no condition")),
        Err(error) => Err(anyhow!("{error}")),
    }
}

fn program(index: usize, source: &str) -> Program {
    let expression = Expression {
        source: source.to_owned(),
        key: "set.value".to_owned(),
        position: Position {
            file: "bench".into(),
            line: 1,
            column: 1,
        },
    };
    Program {
        id: format!("bench-{index}").into(),
        condition: None,
        outputs: vec![Template {
            pieces: vec![Piece::Expression(expression)],
        }],
        needs: Needs {
            input: true,
            ..Needs::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_about_a_kibibyte() {
        assert!((950..1100).contains(&DOCUMENT.trim_end().len()));
    }

    #[test]
    fn native_jaq_evaluates_every_mapping() {
        let native = Native::new(&SOURCES).unwrap();
        for index in 0..SOURCES.len() {
            let text = native.evaluate(index, DOCUMENT).unwrap();
            assert!(text.len() > 100, "{text}");
        }
    }
}
