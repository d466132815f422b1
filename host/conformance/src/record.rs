//! Making a case of a real exchange. What is personal or secret is replaced before it is
//! written: the same value by the same replacement, so that the case still holds.

use crate::case::{Case, Exchange, Expected, ExpectedError, Reply, Request};
use crate::json::{self, Step};
use dowel_core::id::OperationName;
use dowel_core::port::{BoxFuture, CallOutcome};
use dowel_core::{JsonText, SendRecord};
use dowel_wasm::{Wire, WireAnswer, WireFailure, WireRequest};
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// Headers of answers that a connector may read. The others are between the upstream and
/// whoever calls it: cookies, traces, addresses of machines.
const KEPT_HEADERS: [&str; 7] = [
    "content-type",
    "etag",
    "last-modified",
    "link",
    "location",
    "retry-after",
    "content-disposition",
];

/// Words in names of fields whose values are personal or secret.
const PERSONAL: [&str; 22] = [
    "address",
    "birth",
    "city",
    "email",
    "first_name",
    "firstname",
    "iban",
    "last_name",
    "lastname",
    "mail",
    "mobile",
    "name",
    "password",
    "phone",
    "postcode",
    "secret",
    "ssn",
    "street",
    "tax",
    "token",
    "vat",
    "zip",
];

/// Values shorter than this are replaced where they are a field, not inside of texts.
const MIN_INSIDE: usize = 5;

/// Watches what passes between the gateway and the network.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Vec<(WireRequest, Option<WireAnswer>)>>);

impl Recorder {
    /// What has passed.
    pub fn exchanges(&self) -> Vec<(WireRequest, Option<WireAnswer>)> {
        self.0.lock().clone()
    }
}

impl Wire for Recorder {
    fn answer<'a>(
        &'a self,
        _: &'a WireRequest,
    ) -> BoxFuture<'a, Option<Result<WireAnswer, WireFailure>>> {
        Box::pin(std::future::ready(None))
    }

    fn saw(&self, request: &WireRequest, answer: Option<&WireAnswer>) {
        self.0.lock().push((request.clone(), answer.cloned()));
    }
}

/// A call and what passed.
#[derive(Debug)]
pub struct Recorded<'a> {
    /// The operation.
    pub operation: &'a OperationName,
    /// Its input.
    pub input: &'a JsonText,
    /// What passed.
    pub exchanges: &'a [(WireRequest, Option<WireAnswer>)],
    /// What came of it.
    pub outcome: &'a CallOutcome,
    /// The query parameter that the host adds a key in, if it does.
    pub key_parameter: Option<&'a str>,
}

/// The case of a call, as it happened.
///
/// # Errors
/// Why there is none: a case needs every exchange whole.
pub fn record(recorded: &Recorded<'_>) -> Result<Case, String> {
    let mut exchanges = Vec::new();
    for (request, answer) in recorded.exchanges {
        let answer = answer.as_ref().filter(|answer| !answer.torn);
        let Some(answer) = answer else {
            return Err(format!(
                "{} {} got no whole answer",
                request.method, request.url
            ));
        };
        exchanges.push(exchange(recorded, request, answer)?);
    }
    if exchanges.is_empty() && recorded.outcome.sent != SendRecord::NotSent {
        return Err("a request was sent and is not on record".to_owned());
    }
    let expect = match &recorded.outcome.result {
        Ok(output) => Expected {
            output: Some(output.clone()),
            error: None,
        },
        Err(error) => Expected {
            output: None,
            error: Some(ExpectedError {
                kind: error.kind,
                code: Some(error.code.clone()),
                retry_after_ms: error.retry_after_ms,
            }),
        },
    };
    Ok(Case {
        name: String::new(),
        about: None,
        operation: recorded.operation.clone(),
        input: recorded.input.clone(),
        key: None,
        exchanges,
        expect,
    })
}

fn exchange(
    recorded: &Recorded<'_>,
    request: &WireRequest,
    answer: &WireAnswer,
) -> Result<Exchange, String> {
    let kept = |(name, _): &&(String, String)| KEPT_HEADERS.contains(&name.as_str());
    Ok(Exchange {
        request: Request {
            method: request.method.clone(),
            url: url_without(&request.url, recorded.key_parameter),
            headers: BTreeMap::new(),
            body: text(&request.body)?,
        },
        answer: Some(Reply {
            status: answer.status,
            headers: answer.headers.iter().filter(kept).cloned().collect(),
            body: text(&answer.body)?,
        }),
        fail: None,
    })
}

/// The URL as the connector wrote it, without the key that the host added.
fn url_without(url: &str, parameter: Option<&str>) -> String {
    let (Some(parameter), Ok(mut parsed)) = (parameter, url::Url::parse(url)) else {
        return url.to_owned();
    };
    let pairs: Vec<(String, String)> = parsed
        .query_pairs()
        .filter(|(name, _)| name != parameter)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    parsed.set_query(None);
    if !pairs.is_empty() {
        parsed.query_pairs_mut().extend_pairs(pairs);
    }
    parsed.into()
}

/// JSON as it is, everything else as a text.
fn text(bytes: &[u8]) -> Result<Option<JsonText>, String> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|_| "a body is not text, which a case cannot hold".to_owned())?;
    Ok(Some(match JsonText::parse(text) {
        // A JSON text that is a string would be taken for a plain text.
        Ok(json) if json.type_name() != "string" => json,
        _ => JsonText::string(text),
    }))
}

/// What was replaced in a case.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Scrubbed {
    /// The names of the fields, with how many different values each had.
    pub fields: BTreeMap<String, usize>,
    /// How often a secret's value was found.
    pub secrets: usize,
}

/// Replaces personal data by made-up data and secrets by nothing, everywhere in a case.
/// `secrets` are values that are known to be secret.
pub fn scrub(case: &mut Case, secrets: &[String]) -> Scrubbed {
    let mut replacing = Replacing::default();
    for json in texts(case) {
        replacing.learn(json);
    }
    let mut scrubbed = Scrubbed {
        fields: replacing.counts(),
        secrets: 0,
    };
    let mut clean = |text: &str| {
        let mut text = replacing.inside(text);
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            scrubbed.secrets += text.matches(secret.as_str()).count();
            text = text.replace(secret.as_str(), "scrubbed");
        }
        text
    };
    for json in texts(case) {
        *json = rewrite(json, &mut clean);
    }
    for exchange in &mut case.exchanges {
        exchange.request.url = clean(&exchange.request.url);
        for value in exchange
            .answer
            .iter_mut()
            .flat_map(|a| a.headers.values_mut())
        {
            *value = clean(value);
        }
    }
    scrubbed
}

/// Every JSON of a case.
fn texts(case: &mut Case) -> Vec<&mut JsonText> {
    let mut texts = vec![&mut case.input];
    texts.extend(case.expect.output.as_mut());
    for exchange in &mut case.exchanges {
        texts.extend(exchange.request.body.as_mut());
        texts.extend(exchange.answer.as_mut().and_then(|a| a.body.as_mut()));
    }
    texts
}

/// Rewrites every scalar of a JSON.
fn rewrite(json: &JsonText, clean: &mut impl FnMut(&str) -> String) -> JsonText {
    let mut out = json.clone();
    for leaf in json::leaves(json) {
        let value = match leaf.value.as_string() {
            Some(text) => JsonText::string(&clean(&text)),
            None if leaf.value.type_name() == "number" => {
                let text = clean(leaf.value.as_str());
                JsonText::parse(&text).unwrap_or_else(|_| leaf.value.clone())
            }
            None => continue,
        };
        out = json::with(&out, &leaf.path, &value);
    }
    out
}

/// Values and what comes in their place.
#[derive(Default)]
struct Replacing {
    values: Vec<(String, String, String)>,
}

impl Replacing {
    /// Takes note of the personal values of a JSON.
    fn learn(&mut self, json: &JsonText) {
        for leaf in json::leaves(json) {
            let key = leaf.path.iter().rev().find_map(|step| match step {
                Step::Key(name) => Some(name.to_ascii_lowercase()),
                Step::Item(_) => None,
            });
            let is_value = matches!(leaf.value.type_name(), "string" | "number");
            let Some(key) = key.filter(|key| is_value && is_personal(key)) else {
                continue;
            };
            let value = json::plain(&leaf.value);
            let known = self.values.iter().any(|(_, known, _)| *known == value);
            if !value.is_empty() && !known {
                let number = self.values.len() + 1;
                let made_up = made_up(&key, &value, number);
                self.values.push((key, value, made_up));
            }
        }
        // Longer ones first: one may be a part of another.
        self.values
            .sort_by_key(|(_, value, _)| std::cmp::Reverse(value.len()));
    }

    fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (key, _, _) in &self.values {
            *counts.entry(key.clone()).or_default() += 1;
        }
        counts
    }

    /// The text with every personal value replaced.
    fn inside(&self, text: &str) -> String {
        if let Some((_, _, made_up)) = self.values.iter().find(|(_, value, _)| value == text) {
            return made_up.clone();
        }
        let mut text = text.to_owned();
        for (_, value, made_up) in &self.values {
            if value.len() < MIN_INSIDE {
                continue;
            }
            for (value, made_up) in [
                (value.clone(), made_up.clone()),
                (encoded(value), encoded(made_up)),
            ] {
                text = text.replace(&value, &made_up);
            }
        }
        text
    }
}

/// As in a query.
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn is_personal(key: &str) -> bool {
    let key = key.replace('-', "_");
    let words = |word: &str| key == word || key.split('_').any(|part| part == word);
    PERSONAL.iter().any(|word| words(word)) || (key.len() > 4 && key.ends_with("name"))
}

/// Something of the same form: digits for digits, an address for an address.
fn made_up(key: &str, value: &str, number: usize) -> String {
    if value.contains('@') {
        return format!("person-{number}@example.com");
    }
    if value
        .bytes()
        .all(|b| b.is_ascii_digit() || b"+- ()./".contains(&b))
    {
        let mut digits = (1..=9).cycle().skip(number % 9);
        let digit = |c: char| match c {
            '0'..='9' => digits
                .next()
                .and_then(|d| char::from_digit(d, 10))
                .unwrap_or(c),
            other => other,
        };
        return value.chars().map(digit).collect();
    }
    format!("{key}-{number}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_core::{ErrorKind, StepError};

    fn json(text: &str) -> JsonText {
        JsonText::parse(text).unwrap()
    }

    fn passed(url: &str, answer: &str) -> Vec<(WireRequest, Option<WireAnswer>)> {
        let request = WireRequest {
            method: "GET".to_owned(),
            url: url.to_owned(),
            headers: vec![("authorization".to_owned(), "Bearer t0p-secret".to_owned())],
            body: Vec::new(),
        };
        let answer = WireAnswer {
            status: 200,
            headers: vec![
                ("content-type".to_owned(), "application/json".to_owned()),
                ("set-cookie".to_owned(), "session=abc".to_owned()),
            ],
            body: answer.as_bytes().to_vec(),
            torn: false,
        };
        vec![(request, Some(answer))]
    }

    fn recorded(url: &str, answer: &str, output: &str, input: &str) -> Case {
        let operation = "get-contact".parse().unwrap();
        let outcome = CallOutcome {
            result: Ok(json(output)),
            sent: SendRecord::Answered,
        };
        record(&Recorded {
            operation: &operation,
            input: &json(input),
            exchanges: &passed(url, answer),
            outcome: &outcome,
            key_parameter: Some("api_key"),
        })
        .unwrap()
    }

    #[test]
    fn nothing_personal_and_nothing_secret_is_left() {
        let mut case = recorded(
            "https://crm.example/find?email=ada%40lovelace.org&api_key=t0p-secret",
            r#"{"id":17,"name":"Ada Lovelace","email":"ada@lovelace.org","phone":"+44 20 7946",
                "total":1.10,"note":"call Ada Lovelace, t0p-secret"}"#,
            r#"{"full":"Ada Lovelace","email":"ada@lovelace.org","total":1.10}"#,
            r#"{"email":"ada@lovelace.org"}"#,
        );
        let scrubbed = scrub(&mut case, &["t0p-secret".to_owned()]);
        let text = serde_json::to_string(&case).unwrap();
        for gone in ["Ada", "ada@", "ada%40", "7946", "t0p", "session", "api_key"] {
            assert!(!text.contains(gone), "{gone}: {text}");
        }
        assert_eq!(scrubbed.secrets, 1);
        assert_eq!(scrubbed.fields["email"], 1);
        // The same value has the same replacement, and what is not personal stays.
        let email = case.input.to_value()["email"].as_str().unwrap().to_owned();
        assert!(case.exchanges[0].request.url.ends_with(&encoded(&email)));
        let output = case.expect.output.unwrap();
        assert_eq!(output.to_value()["email"], email.as_str());
        assert!(output.as_str().contains("\"total\":1.10"), "{output}");
    }

    #[test]
    fn names_of_fields_that_are_personal() {
        for key in [
            "email",
            "e_mail",
            "billing_address",
            "last_name",
            "username",
            "vat-id",
        ] {
            assert!(is_personal(key), "{key}");
        }
        for key in [
            "id",
            "status",
            "total",
            "rename_count_of",
            "currency",
            "domain",
        ] {
            assert!(!is_personal(key), "{key}");
        }
    }

    #[test]
    fn an_error_becomes_a_case_too() {
        let operation = "get-contact".parse().unwrap();
        let outcome = CallOutcome {
            result: Err(StepError {
                kind: ErrorKind::NotFound,
                code: "http-404".to_owned(),
                message: "no".to_owned(),
                details: None,
                retry_after_ms: None,
                place: None,
            }),
            sent: SendRecord::Answered,
        };
        let exchanges = passed("https://crm.example/1", "gone");
        let case = record(&Recorded {
            operation: &operation,
            input: &json("{}"),
            exchanges: &exchanges,
            outcome: &outcome,
            key_parameter: None,
        })
        .unwrap();
        assert_eq!(case.expect.error.unwrap().kind, ErrorKind::NotFound);
        let body = case.exchanges[0].answer.as_ref().unwrap().body.clone();
        assert_eq!(body.unwrap().as_str(), "\"gone\"");
    }
}
