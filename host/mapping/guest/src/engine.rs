//! The engine: definitions that are parsed once, and programs that are remembered.

use crate::check::{self, Report};
use crate::prelude::Prelude;
use crate::program::{Compiled, Failure, FailureKind, Outcome, Part, Piece, Program, Scope};
use std::collections::HashMap;

/// How many compiled programs an instance remembers: more than the steps of a few busy
/// flows, little enough to stay in a few MiB.
const MAX_PROGRAMS: usize = 256;

/// Checks and evaluates expressions.
pub struct Engine {
    prelude: Prelude,
    programs: HashMap<String, Remembered>,
    /// Counts evaluations, to find the program that was not used for longest.
    clock: u64,
}

struct Remembered {
    compiled: Compiled,
    used: u64,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine {
    /// An engine without programs.
    pub fn new() -> Self {
        Self {
            prelude: Prelude::new(),
            programs: HashMap::new(),
            clock: 0,
        }
    }

    /// Checks one expression; `variables` are the names in scope, without `$`.
    pub fn check(&self, source: &str, variables: &[&str]) -> Report {
        check::report(&self.prelude, source, Some(variables))
    }

    /// Compiles a program and remembers it under its id. What the checker refuses is
    /// refused here as well.
    pub fn load(&mut self, program: Program) -> Result<(), Failure> {
        let mut index = 0;
        let mut compile = |source: &str| {
            let compiled = check::compile(&self.prelude, source).map_err(|message| Failure {
                kind: FailureKind::Failed,
                expression: index,
                message,
            });
            index += 1;
            compiled
        };
        let condition = program.condition.as_deref().map(&mut compile).transpose()?;
        let mut outputs = Vec::with_capacity(program.outputs.len());
        for output in program.outputs {
            let mut parts = Vec::with_capacity(output.len());
            for piece in output {
                parts.push(match piece {
                    Piece::Text(text) => Part::Text(text),
                    Piece::Expression(source) => Part::Expression(compile(&source)?),
                });
            }
            outputs.push(parts);
        }
        if self.programs.len() >= MAX_PROGRAMS {
            let oldest = self.programs.iter().min_by_key(|(_, known)| known.used);
            if let Some(id) = oldest.map(|(id, _)| id.clone()) {
                self.programs.remove(&id);
            }
        }
        let remembered = Remembered {
            compiled: Compiled { condition, outputs },
            used: self.clock,
        };
        self.programs.insert(program.id, remembered);
        Ok(())
    }

    /// Evaluates a loaded program over the JSON texts of `.` and of the variables.
    pub fn eval(
        &mut self,
        id: &str,
        input: String,
        variables: Vec<(String, String)>,
    ) -> Result<Outcome, Failure> {
        self.clock += 1;
        let Some(known) = self.programs.get_mut(id) else {
            return Err(Failure {
                kind: FailureKind::UnknownProgram,
                expression: 0,
                message: "the program is not loaded".to_owned(),
            });
        };
        known.used = self.clock;
        known.compiled.evaluate(&mut Scope::new(input, variables))
    }
}

#[cfg(test)]
mod tests;
