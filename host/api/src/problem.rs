//! Errors as RFC 9457 problem details.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dowel_core::code::{
    Code, access, api, approval, desk, gitops, http, repeat, run, store, switch, upgrade,
};
use dowel_core::port::StoreError;
use dowel_engine::{
    CanaryError, ChangeError, CommandError, DecideError, EngineError, IntakeError, PeopleError,
    RetireError, SwitchError, Violations,
};
use dowel_flow::validate::Violation;
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;

/// The media type of problem details (RFC 9457, section 3).
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// An error answer. Boxed, because most answers are none.
#[derive(Debug)]
pub struct Problem(Box<Details>);

#[derive(Debug, Serialize)]
struct Details {
    /// Identifies the kind of problem; explained under `docs/errors/`.
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    code: Code,
    /// What to do about it.
    help: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Violations,
    #[serde(skip)]
    retry_after: Option<Duration>,
}

impl Problem {
    /// A problem with this code; title, help and HTTP status follow from it.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let entry = code.entry();
        Self(Box::new(Details {
            kind: format!("urn:dowel:error:{code}"),
            title: entry.map_or("Error", |entry| entry.title),
            status: status(code).as_u16(),
            detail: detail.into(),
            code,
            help: entry.map_or("", |entry| entry.fix),
            correlation_id: crate::request::current(),
            errors: Violations::new(),
            retry_after: None,
        }))
    }

    /// The same problem with one more place that is wrong.
    pub(crate) fn with_violation(mut self, pointer: String, message: &str) -> Self {
        let message = message.to_owned();
        self.0.errors.push(Violation { pointer, message });
        self
    }

    /// The same problem under another HTTP status.
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status.as_u16();
        self
    }

    /// The same problem, which may be gone after this time.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// A few words.
    pub(crate) fn title(&self) -> &'static str {
        self.0.title
    }

    /// What happened.
    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// What to do about it.
    pub(crate) fn help(&self) -> &'static str {
        self.0.help
    }

    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        self.0.code
    }

    /// After which time it may be gone.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The same problem with the id under which the log speaks about it.
    pub(crate) fn correlated(mut self, id: String) -> Self {
        self.0.correlation_id = Some(id);
        self
    }
}

/// What a problem says, for those who show it in another form.
pub(crate) struct Said<'p> {
    pub(crate) title: &'static str,
    pub(crate) status: u16,
    pub(crate) detail: &'p str,
    pub(crate) code: Code,
    pub(crate) help: &'static str,
    pub(crate) correlation_id: Option<&'p str>,
    pub(crate) errors: &'p [Violation],
}

impl Problem {
    /// What it says.
    pub(crate) fn details(&self) -> Said<'_> {
        let details = &self.0;
        Said {
            title: details.title,
            status: details.status,
            detail: &details.detail,
            code: details.code,
            help: details.help,
            correlation_id: details.correlation_id.as_deref(),
            errors: &details.errors,
        }
    }
}

/// The form of problem details (RFC 9457, section 3.1) in the description of the API.
pub(crate) fn schema() -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    json!({
        "type": "object",
        "description": "What went wrong (RFC 9457).",
        "required": ["type", "title", "status", "detail", "code", "help"],
        "properties": {
            "type": text("`urn:dowel:error:` and the code."),
            "title": text("A few words, the same for every problem of the code."),
            "status": { "type": "integer", "description": "The HTTP status." },
            "detail": text("What happened this time."),
            "code": {
                "type": "string",
                "pattern": "^DWL-[0-9]{4}$",
                "description": "The stable code, explained by `dowel explain`.",
            },
            "help": text("What to do about it."),
            "correlation_id": text("The id of the request: also in the header `x-request-id` and in the log."),
            "errors": {
                "type": "array",
                "description": "The places that are wrong.",
                "items": {
                    "type": "object",
                    "required": ["pointer", "message"],
                    "properties": {
                        "pointer": text("JSON Pointer (RFC 6901) into what was sent."),
                        "message": text("One sentence."),
                    },
                },
            },
        },
    })
}

/// Whether it says that something is not there.
fn is_missing(code: Code) -> bool {
    matches!(
        code,
        api::NO_SUCH_HOOK
            | api::NO_SUCH_BLOB
            | api::NO_SUCH_RUN
            | api::NO_SUCH_FLOW
            | api::NO_SUCH_ROUTE
            | run::NO_SUCH_EXCEPTION
            | run::NO_SUCH_BULK
            | desk::NO_SUCH_PROPOSAL
            | gitops::NO_SUCH_CHANGE
            | upgrade::NO_SUCH_CANARY
    )
}

/// The HTTP status that goes with a code.
fn status(code: Code) -> StatusCode {
    match code {
        code if is_missing(code) => StatusCode::NOT_FOUND,
        http::METHOD_NOT_ALLOWED => StatusCode::METHOD_NOT_ALLOWED,
        http::TOO_MANY_STREAMS => StatusCode::TOO_MANY_REQUESTS,
        api::NOT_JSON | api::BAD_REQUEST | api::NOT_AN_EVENT => StatusCode::BAD_REQUEST,
        gitops::MAY_NOT_APPROVE | desk::SAME_PERSON => StatusCode::FORBIDDEN,
        desk::PROPOSAL_STALE
        | upgrade::CANARY_REFUSED
        | upgrade::VERSION_NEEDED
        | repeat::STILL_UNDERWAY
        | repeat::OUTCOME_UNKNOWN
        | repeat::ANSWER_NOT_KEPT => StatusCode::CONFLICT,
        run::REASON_REQUIRED | desk::BULK_UNBOUNDED => StatusCode::BAD_REQUEST,
        run::RERUN_REFUSED | run::VERSION_REFUSED | run::BULK_REFUSED | desk::RESUBMIT_REFUSED => {
            StatusCode::CONFLICT
        }
        run::EDIT_INVALID
        | api::PAYLOAD_SCHEMA
        | api::DEDUPE_KEY
        | api::CONCURRENCY_KEY
        | api::EVENT_REFUSED
        | api::IDEMPOTENCY_MISMATCH => StatusCode::UNPROCESSABLE_ENTITY,
        api::DISABLED_IN_FILE => StatusCode::CONFLICT,
        api::EVENT_MEDIA_TYPE => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        api::EVENT_NOT_GRANTED => StatusCode::FORBIDDEN,
        run::COMMAND_REFUSED | approval::APPROVAL_DECIDED => StatusCode::CONFLICT,
        approval::APPROVAL_NOT_IN_GROUP | approval::APPROVAL_EXCLUDED => StatusCode::FORBIDDEN,
        approval::APPROVAL_UNKNOWN => StatusCode::NOT_FOUND,
        approval::APPROVAL_NO_SUCH_DECISION => StatusCode::UNPROCESSABLE_ENTITY,
        access::SIGN_IN
        | access::NO_USER_YET
        | access::TOKEN_REFUSED
        | access::SESSION_ENDED
        | access::LINK_REFUSED
        | access::IDENTITY_REFUSED => StatusCode::UNAUTHORIZED,
        access::NOT_PERMITTED
        | access::OUT_OF_REACH
        | access::CROSS_SITE
        | access::PEER_REFUSED
        | access::OTHER_PERSON => StatusCode::FORBIDDEN,
        access::NO_SUCH_USER | access::NO_SUCH_TOKEN => StatusCode::NOT_FOUND,
        access::ACCESS_INVALID => StatusCode::UNPROCESSABLE_ENTITY,
        access::DUTIES | access::LAST_ADMIN => StatusCode::CONFLICT,
        access::TOO_MANY_ATTEMPTS => StatusCode::TOO_MANY_REQUESTS,
        access::LOGIN_WAITS => StatusCode::ACCEPTED,
        access::PROVIDER_FAILED => StatusCode::BAD_GATEWAY,
        api::TOO_LARGE | api::BATCH_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
        api::BACKLOG => StatusCode::TOO_MANY_REQUESTS,
        api::UNVERIFIED | api::OUTSIDE_TOLERANCE | api::EVENT_UNVERIFIED => {
            StatusCode::UNAUTHORIZED
        }
        api::SHUTTING_DOWN
        | api::FLOW_DISABLED
        | switch::TRIGGER_DISABLED
        | api::STORE_FAILED
        | store::UNAVAILABLE => StatusCode::SERVICE_UNAVAILABLE,
        switch::NO_SUCH_TRIGGER | switch::NO_SUCH_CONNECTION | switch::NO_SUCH_VERSION => {
            StatusCode::NOT_FOUND
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        let mut problem = Self::new(error.code(), error.to_string());
        problem.0.retry_after = error.retry_after();
        if let IntakeError::Schema(violations) = error {
            problem.0.errors = violations;
        }
        problem
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<SwitchError> for Problem {
    fn from(error: SwitchError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<PeopleError> for Problem {
    fn from(error: PeopleError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::new(store::UNAVAILABLE, error.to_string())
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        let (code, detail) = (error.code(), error.to_string());
        match error {
            CommandError::Intake(error) => error.into(),
            CommandError::Invalid { violations, .. } => {
                let mut problem = Self::new(code, detail);
                problem.0.errors = violations;
                problem
            }
            _ => Self::new(code, detail),
        }
    }
}

impl From<RetireError> for Problem {
    fn from(error: RetireError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<CanaryError> for Problem {
    fn from(error: CanaryError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<DecideError> for Problem {
    fn from(error: DecideError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let details = self.0;
        if details.status >= 500 {
            tracing::warn!(code = %details.code, correlation_id = details.correlation_id, detail = details.detail, "request failed");
        } else {
            tracing::debug!(code = %details.code, correlation_id = details.correlation_id, "request refused");
        }
        let status =
            StatusCode::from_u16(details.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&details)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(wait) = details.retry_after {
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(wait.as_secs().max(1)),
            );
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
