//! Cases: what a connector does with a recorded exchange. One file each in a folder
//! `cases/`, beside them `connection.yaml` with the configuration that they need.

use crate::told::{self, ReceiverCase, SourceCase};
use dowel_core::id::OperationName;
use dowel_core::{ErrorKind, JsonText};
use dowel_flow::document;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file with the connection's configuration.
const CONNECTION_FILE: &str = "connection.yaml";

/// The largest case file, in bytes.
const MAX_CASE_BYTES: u64 = 8 << 20;

/// What `connection.yaml` holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConnectionFile {
    config: JsonText,
}

/// A folder of cases.
#[derive(Clone, Debug, Default)]
pub struct CaseFolder {
    /// The configuration of the connection; made from the schema where it is not given.
    pub config: Option<JsonText>,
    /// The cases, by the names of their files.
    pub cases: Vec<Case>,
    /// Cases of sources.
    pub sources: Vec<SourceCase>,
    /// Cases of receivers.
    pub receivers: Vec<ReceiverCase>,
}

/// One case.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The name of its file, without the ending.
    #[serde(skip)]
    pub name: String,
    /// What it shows, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The operation that is called.
    pub operation: OperationName,
    /// Its input.
    #[serde(default = "JsonText::null")]
    pub input: JsonText,
    /// The idempotency key; one of the kit's own unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The requests that it makes, and their answers.
    #[serde(default)]
    pub exchanges: Vec<Exchange>,
    /// What has to come of it.
    pub expect: Expected,
}

/// One request and what comes back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The request, as far as it counts.
    pub request: Request,
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Reply>,
    /// In the place of an answer: how the request fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail: Option<Failure>,
}

/// A request. What is not given is not compared.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// Headers that it has to carry, among others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body: a text, or JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<JsonText>,
}

/// An answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Headers; `content-type: application/json` is added to a JSON body without one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body: a text as it is, or JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<JsonText>,
}

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// Nobody accepts connections.
    Connect,
    /// The connection breaks before an answer.
    Broken,
    /// No answer in time.
    Timeout,
}

/// What has to come of a case: exactly one of the two.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<JsonText>,
    /// The error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ExpectedError>,
}

/// An error, as far as it counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedError {
    /// The kind.
    pub kind: ErrorKind,
    /// The code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// How long the upstream asks to wait, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// Why cases cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The folder or a file cannot be read.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The YAML has errors.
    #[error("{0}")]
    Yaml(String),
    /// The file is no case.
    #[error("{path}: {why}")]
    Form {
        /// Which.
        path: String,
        /// What is wrong.
        why: String,
    },
}

impl CaseFolder {
    /// Reads every `*.yaml` of a folder, in the order of their names. A folder that is
    /// not there has no cases.
    ///
    /// # Errors
    /// The first file that cannot be used.
    pub fn read(folder: &Path) -> Result<Self, CaseError> {
        let mut found = Self {
            sources: told::sources(folder)?,
            receivers: told::receivers(folder)?,
            ..Self::default()
        };
        for path in files(folder)? {
            let shown = path.display().to_string();
            let text = read_file(&path)?;
            if path.file_name().is_some_and(|name| name == CONNECTION_FILE) {
                let file: ConnectionFile = decode(&shown, &text)?;
                found.config = Some(file.config);
                continue;
            }
            let mut case = Case::parse(&shown, &text)?;
            let stem = path.file_stem().unwrap_or_default();
            case.name = stem.to_string_lossy().into_owned();
            found.cases.push(case);
        }
        Ok(found)
    }
}

impl Case {
    /// Reads a case. `path` is shown in errors.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(path: &str, text: &str) -> Result<Self, CaseError> {
        let case: Self = decode(path, text)?;
        let form = |why: &str| CaseError::Form {
            path: path.to_owned(),
            why: why.to_owned(),
        };
        if case.expect.output.is_some() == case.expect.error.is_some() {
            return Err(form("`expect` has either `output` or `error`"));
        }
        let odd = |one: &Exchange| one.answer.is_some() == one.fail.is_some();
        if case.exchanges.iter().any(odd) {
            return Err(form("every exchange has either `answer` or `fail`"));
        }
        for exchange in &case.exchanges {
            if let Err(error) = url::Url::parse(&exchange.request.url) {
                let url = &exchange.request.url;
                return Err(form(&format!("`{url}` is not a whole URL: {error}")));
            }
        }
        Ok(case)
    }

    /// Whether it shows what the operation does when all is well.
    pub(crate) fn succeeds(&self) -> bool {
        self.expect.output.is_some()
    }

    /// Whether one of its answers has this status: then the case says what comes of it.
    pub(crate) fn has_status(&self, status: u16) -> bool {
        let answers = self.exchanges.iter().filter_map(|one| one.answer.as_ref());
        answers.into_iter().any(|answer| answer.status == status)
    }
}

impl Reply {
    /// The bytes of the body.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.body.as_ref().map(body).unwrap_or_default()
    }
}

/// A body: a JSON string stands for its text, everything else for itself.
pub(crate) fn body(json: &JsonText) -> Vec<u8> {
    let text = json.as_string();
    text.unwrap_or_else(|| json.as_str().to_owned())
        .into_bytes()
}

pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>, CaseError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let io = |error| CaseError::Io {
        path: folder.to_owned(),
        error,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|end| end == "yaml") {
            files.push(path);
        }
    }
    // By the names themselves, so that `get` comes before `get-unknown`.
    files.sort_by_key(|path| path.file_stem().map(std::ffi::OsStr::to_owned));
    Ok(files)
}

pub(crate) fn read_file(path: &Path) -> Result<String, CaseError> {
    let io = |error| CaseError::Io {
        path: path.to_owned(),
        error,
    };
    if std::fs::metadata(path).map_err(io)?.len() > MAX_CASE_BYTES {
        return Err(io(std::io::Error::other("the file is too large")));
    }
    std::fs::read_to_string(path).map_err(io)
}

pub(crate) fn decode<T: for<'de> Deserialize<'de>>(path: &str, text: &str) -> Result<T, CaseError> {
    let json = document::read(path, text).map_err(|found| {
        let found = found.iter().map(|one| one.render());
        CaseError::Yaml(found.collect::<Vec<_>>().join("\n"))
    })?;
    serde_json::from_str(json.as_str()).map_err(|error| CaseError::Form {
        path: path.to_owned(),
        // The place would be one of the JSON that was made of the file.
        why: error
            .to_string()
            .split(" at line ")
            .next()
            .unwrap_or_default()
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "
operation: get-contact
input: { id: 12345678901234567890 }
exchanges:
  - request: { method: GET, url: 'https://crm.example/contacts/1' }
    answer: { status: 200, body: { price: 1.10 } }
expect: { output: { price: 1.10 } }
";

    #[test]
    fn digits_stay() {
        let case = Case::parse("c.yaml", GOOD).unwrap();
        assert_eq!(case.input.as_str(), r#"{"id":12345678901234567890}"#);
        let answer = case.exchanges[0].answer.as_ref().unwrap();
        assert_eq!(answer.bytes(), br#"{"price":1.10}"#);
        assert!(case.succeeds() && case.has_status(200) && !case.has_status(404));
    }

    #[test]
    fn what_is_no_case() {
        let check = |from: &str, to: &str, expected: &str| {
            let error = Case::parse("c.yaml", &GOOD.replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        };
        check("expect:", "expects:", "unknown field `expects`");
        check("output: { price: 1.10 }", "", "either `output` or `error`");
        check(
            "answer: { status: 200, body: { price: 1.10 } }",
            "fail: fire",
            "unknown variant",
        );
        check(
            "    answer: { status: 200, body: { price: 1.10 } }\n",
            "",
            "either `answer`",
        );
        check("https://crm.example", "", "not a whole URL");
        check(
            "operation: get-contact",
            "operation: get-contact\noperation: x",
            "c.yaml",
        );
    }
}
