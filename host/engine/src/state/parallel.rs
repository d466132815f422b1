//! A `parallel` at work.

use dowel_core::{JsonText, StepId};
use std::collections::BTreeMap;

/// A `parallel` at work.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParallelState {
    /// Results of the branches that ended.
    pub results: BTreeMap<StepId, JsonText>,
    /// The branch that ended first.
    pub first: Option<StepId>,
}
