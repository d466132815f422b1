//! An operation with what the kit knows to call it by.

use crate::bench::Call;
use crate::case::{Case, CaseFolder};
use crate::upstream::{Back, Script};
use dowel_core::JsonText;
use dowel_core::manifest::{Manifest, OperationSpec};

/// An operation under test.
pub(crate) struct Subject<'a> {
    pub(crate) operation: &'a OperationSpec,
    /// All cases of the operation.
    pub(crate) cases: Vec<&'a Case>,
}

impl<'a> Subject<'a> {
    /// Every operation of a connector.
    pub(crate) fn all(manifest: &'a Manifest, folder: &'a CaseFolder) -> Vec<Self> {
        let operations = manifest.operations.iter();
        operations
            .map(|operation| {
                let own = |case: &&Case| case.operation == operation.name;
                Self {
                    operation,
                    cases: folder.cases.iter().filter(own).collect(),
                }
            })
            .collect()
    }

    pub(crate) fn name(&self) -> &str {
        self.operation.name.as_str()
    }

    /// The first case that shows what it does when all is well.
    pub(crate) fn golden(&self) -> Option<&'a Case> {
        self.cases.iter().copied().find(|case| case.succeeds())
    }

    /// An input that it accepts.
    pub(crate) fn input(&self) -> Option<&'a JsonText> {
        let golden = self.golden().map(|case| &case.input);
        golden.or(self.operation.example_input.as_ref())
    }

    /// The case that says what comes of an answer with this status.
    pub(crate) fn declared(&self, status: u16) -> Option<&'a Case> {
        let mut cases = self.cases.iter().copied();
        cases.find(|case| case.has_status(status))
    }

    /// The answers of a case, in their order.
    pub(crate) fn backs(case: &Case) -> Script {
        Script::InOrder(case.exchanges.iter().map(Back::of).collect())
    }

    /// A call of the operation with this input.
    pub(crate) fn call<'b>(&'b self, input: &'b JsonText, script: Script) -> Call<'b> {
        Call::new(&self.operation.name, input, script)
    }

    /// What is said where there is no case of success.
    pub(crate) fn no_case(&self) -> String {
        format!("`{}` has no case of success", self.name())
    }
}
