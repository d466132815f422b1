//! The port `Mapper`.

use crate::bindings::dowel::mapping::types as wit;
use crate::direct;
use crate::instance::{Instance, Stopped};
use crate::{Inner, Mapping};
use dowel_core::JsonText;
use dowel_core::code::{Code, run as codes};
use dowel_core::expression::{Bindings, Evaluated, EvaluationError, Expression, Piece, Program};
use dowel_core::port::{BoxFuture, EvaluationRequest, Mapper};
use wasmtime::Trap;

/// How many times as long as it may run an evaluation may take in all, on a machine that
/// has other work: beyond that something is wrong with the host.
const PATIENCE: u32 = 60;

impl Mapper for Mapping {
    fn evaluate(
        &self,
        request: EvaluationRequest,
    ) -> BoxFuture<'_, Result<Evaluated, EvaluationError>> {
        if self.inner.sandbox.has(&request.guest)
            && let Some(found) = direct::evaluate(&request.program, &request.bindings)
        {
            return Box::pin(std::future::ready(Ok(found)));
        }
        Box::pin(async move {
            let limit = request.deadline.saturating_mul(PATIENCE);
            let evaluation = self.inner.evaluate(&request);
            match tokio::time::timeout(limit, evaluation).await {
                Ok(done) => done,
                Err(_) => Err(stopped(&request.program, Stopped::Deadline)),
            }
        })
    }
}

impl Inner {
    async fn evaluate(&self, request: &EvaluationRequest) -> Result<Evaluated, EvaluationError> {
        let program = &*request.program;
        if !self.sandbox.has(&request.guest) {
            let message = "the plan pins a mapping engine that this host does not have".to_owned();
            return Err(error(codes::MAPPING_GUEST_MISSING, program, 0, message));
        }
        let Some(_permit) = self.pool.permit().await else {
            return Err(unavailable(program));
        };
        let _running = self.ticker.running();
        let mut instance = match self.pool.take(&request.guest) {
            Some(instance) => instance,
            None => match self.sandbox.instance(request.guest, request.deadline).await {
                Ok(instance) => instance,
                Err(cause) if cause.downcast_ref() == Some(&Trap::Interrupt) => {
                    return Err(stopped(program, Stopped::Deadline));
                }
                Err(cause) => {
                    tracing::error!(error = ?cause, "no instance of the mapping guest");
                    return Err(unavailable(program));
                }
            },
        };
        let bindings = bindings(&request.bindings);
        let input = request.bindings.input.as_str();
        instance.begin(request.deadline);
        match instance.run(program, input, &bindings).await {
            Ok(outcome) => {
                self.pool.give_back(instance);
                outcome
                    .map_err(|failure| failed(program, failure))
                    .and_then(|o| values(program, o))
            }
            // The instance is dropped: what it holds is unknown.
            Err(_) => Err(stopped(program, instance.stopped())),
        }
    }
}

type Outcome = Result<wit::Outcome, wit::Failure>;

impl Instance {
    /// Evaluates; loads the program first if the guest does not know it.
    async fn run(
        &mut self,
        program: &Program,
        input: &str,
        bindings: &[wit::Binding],
    ) -> wasmtime::Result<Outcome> {
        let engine = self.guest.dowel_mapping_engine();
        let store = &mut self.store;
        let first = engine
            .call_eval(&mut *store, &program.id, input, bindings)
            .await?;
        match first {
            Err(failure) if failure.kind == wit::FailureKind::UnknownProgram => {}
            known => return Ok(known),
        }
        if let Err(failure) = engine.call_load(&mut *store, &sources(program)).await? {
            return Ok(Err(failure));
        }
        engine
            .call_eval(&mut *store, &program.id, input, bindings)
            .await
    }
}

fn bindings(bindings: &Bindings) -> Vec<wit::Binding> {
    let variables = bindings.variables.iter().map(|(name, value)| wit::Binding {
        name: (*name).to_owned(),
        value: value.as_str().to_owned(),
    });
    variables.collect()
}

fn sources(program: &Program) -> wit::Program {
    let outputs = program.outputs.iter().map(|template| {
        let pieces = template.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => wit::Piece::Text(text.clone()),
            Piece::Expression(expression) => wit::Piece::Expression(expression.source.clone()),
        });
        pieces.collect()
    });
    wit::Program {
        id: program.id.to_string(),
        condition: program.condition.as_ref().map(|c| c.source.clone()),
        outputs: outputs.collect(),
    }
}

fn values(program: &Program, outcome: wit::Outcome) -> Result<Evaluated, EvaluationError> {
    let texts = match outcome {
        wit::Outcome::Skipped => return Ok(Evaluated::Skipped),
        wit::Outcome::Values(texts) => texts,
    };
    let values: Result<Vec<JsonText>, _> = texts.into_iter().map(JsonText::parse_owned).collect();
    match values {
        Ok(values) => Ok(Evaluated::Values(values)),
        Err(_) => {
            let message = "the results and the texts around them are not JSON together";
            Err(error(
                codes::EVALUATION_FAILED,
                program,
                0,
                message.to_owned(),
            ))
        }
    }
}

fn failed(program: &Program, failure: wit::Failure) -> EvaluationError {
    let code = match failure.kind {
        wit::FailureKind::NotOne => codes::EVALUATION_NOT_ONE,
        wit::FailureKind::Failed | wit::FailureKind::UnknownProgram => codes::EVALUATION_FAILED,
    };
    let index = usize::try_from(failure.expression).unwrap_or(0);
    error(code, program, index, failure.message)
}

fn unavailable(program: &Program) -> EvaluationError {
    let message = "no instance of the mapping engine could be started".to_owned();
    error(codes::MAPPING_UNAVAILABLE, program, 0, message)
}

fn stopped(program: &Program, stopped: Stopped) -> EvaluationError {
    let (code, message) = match stopped {
        Stopped::Deadline => (
            codes::EVALUATION_TIMEOUT,
            "the expressions did not end within their deadline",
        ),
        Stopped::Memory => (
            codes::EVALUATION_MEMORY,
            "the expressions needed more memory than the sandbox grants",
        ),
        Stopped::Trap => (
            codes::EVALUATION_TRAPPED,
            "the sandbox stopped the expressions, for example because of endless recursion",
        ),
    };
    error(code, program, 0, message.to_owned())
}

fn error(code: Code, program: &Program, index: usize, message: String) -> EvaluationError {
    let mut expressions = program.condition.iter().chain(
        program
            .outputs
            .iter()
            .flat_map(|output| output.expressions()),
    );
    let place = |e: &Expression| format!("{} ({})", e.position, e.key);
    EvaluationError {
        code,
        place: expressions.nth(index).map_or_else(String::new, place),
        message,
    }
}
