//! [`Problem`].

use dowel_core::code::{Code, openapi as code};

/// Why nothing can be made of a document.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Neither JSON nor YAML.
    #[error("{code}: the document is not JSON or YAML: {0}", code = code::DOCUMENT)]
    Syntax(String),
    /// Something else than OpenAPI 3.0 or 3.1.
    #[error("{code}: {0}", code = code::DOCUMENT)]
    Version(String),
    /// A reference that leads nowhere, in a circle or out of the document.
    #[error("{code}: `{0}` {1}", code = code::REFERENCE)]
    Reference(String, &'static str),
    /// `--only` names what is not there, or nothing is left.
    #[error("{code}: {0}", code = code::NOTHING)]
    Nothing(String),
    /// The record of an earlier generation cannot be read.
    #[error("{code}: {0}", code = code::RECORD)]
    Record(String),
}

impl Problem {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Syntax(_) | Self::Version(_) => code::DOCUMENT,
            Self::Reference(..) => code::REFERENCE,
            Self::Nothing(_) => code::NOTHING,
            Self::Record(_) => code::RECORD,
        }
    }
}
