//! `fail`: fails with the flow's own error. Unless a `try` or a policy takes it, the run
//! ends as failed.

use super::Values;
use dowel_core::journal::Event;
use dowel_core::{ErrorKind, StepError, StepPath};

pub(crate) fn begin(kind: ErrorKind, code: &str, path: &StepPath, values: &mut Values) -> Event {
    let message = values.take();
    let details = Some(values.take()).filter(|details| !details.is_null());
    let error = StepError {
        kind,
        code: code.to_owned(),
        message: message
            .as_string()
            .unwrap_or_else(|| message.as_str().to_owned()),
        details,
        retry_after_ms: None,
        place: None,
    };
    Event::StepFailed {
        path: path.clone(),
        attempt: None,
        error,
        deliberate: true,
    }
}
