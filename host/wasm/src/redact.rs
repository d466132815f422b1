//! Masks known secret values in what comes out of a guest.

use parking_lot::RwLock;
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use zeroize::Zeroizing;

/// What a secret is replaced by.
const MASK: &str = "[redacted]";

/// Shorter values are not masked: they would hit ordinary text everywhere, and say
/// nothing by standing in it.
const MIN_LENGTH: usize = 4;

/// Shorter values, and names of accounts, are not masked in what a call returns: they
/// stand in business data as well, which must arrive as it is.
const MIN_KEY_LENGTH: usize = 16;

/// Values that are remembered: the current ones and, after rotation, earlier ones.
const MAX_VALUES: usize = 16;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worth {
    /// Who has it may do something.
    Key,
    /// The name of an account, which belongs to a key.
    Name,
}

struct Known {
    value: Zeroizing<String>,
    worth: Worth,
}

/// The secret values that one connection has used.
#[derive(Default)]
pub(crate) struct Redactor {
    known: RwLock<Vec<Known>>,
    /// Whether there are any: many connections have no credential.
    is_needed: AtomicBool,
}

impl Redactor {
    /// Remembers a value.
    pub(crate) fn learn(&self, value: &str, worth: Worth) {
        let known = |values: &[Known]| values.iter().any(|v| v.value.as_str() == value);
        if value.len() < MIN_LENGTH || known(&self.known.read()) {
            return;
        }
        let mut values = self.known.write();
        if !known(&values) {
            if values.len() == MAX_VALUES {
                values.remove(0);
            }
            values.push(Known {
                value: Zeroizing::new(value.to_owned()),
                worth,
            });
            self.is_needed.store(true, Ordering::Release);
        }
    }

    /// The text without any known value, also where JSON or a URL has escaped it.
    pub(crate) fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.replace(text, |_| true)
    }

    /// What a call returns without any key that the upstream has repeated in it. Only what
    /// nobody could take for a value of its own is masked.
    pub(crate) fn clean_output(&self, text: String) -> String {
        let is_apart = |known: &Known| {
            let is_number = known.value.bytes().all(|b| b.is_ascii_digit());
            known.worth == Worth::Key && known.value.len() >= MIN_KEY_LENGTH && !is_number
        };
        match self.replace(&text, is_apart) {
            Cow::Owned(clean) => clean,
            Cow::Borrowed(_) => text,
        }
    }

    fn replace<'a>(&self, text: &'a str, wanted: impl Fn(&Known) -> bool) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        if !self.is_needed.load(Ordering::Acquire) {
            return text;
        }
        for known in self.known.read().iter().filter(|known| wanted(known)) {
            for form in forms(&known.value) {
                if text.contains(form.as_str()) {
                    text = Cow::Owned(text.replace(form.as_str(), MASK));
                }
            }
        }
        text
    }
}

/// The value as it is, inside a JSON string, and in a URL's query.
fn forms(value: &str) -> Vec<Zeroizing<String>> {
    let mut forms = vec![Zeroizing::new(value.to_owned())];
    if value.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return forms;
    }
    let json = serde_json::Value::from(value).to_string();
    forms.push(Zeroizing::new(json[1..json.len() - 1].to_owned()));
    let query: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    forms.push(Zeroizing::new(query));
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_masked() {
        let redactor = Redactor::default();
        redactor.learn("s3cr\"t /1", Worth::Name);
        redactor.learn("abc", Worth::Key);
        for text in [
            "a s3cr\"t /1 b",
            r#"{"t": "s3cr\"t /1"}"#,
            "/path?key=s3cr%22t+%2F1",
        ] {
            let clean = redactor.clean(text);
            assert!(clean.contains(MASK) && !clean.contains("s3cr"), "{clean}");
        }
        assert!(matches!(redactor.clean("abc"), Cow::Borrowed("abc")));
    }

    #[test]
    fn what_a_call_returns_loses_keys_alone() {
        let redactor = Redactor::default();
        redactor.learn("integration@example.com", Worth::Name);
        redactor.learn("a-long-and-random-key", Worth::Key);
        redactor.learn("short-key", Worth::Key);
        redactor.learn("12345678901234567890", Worth::Key);
        let kept = r#"["integration@example.com","short-key",12345678901234567890]"#;
        assert_eq!(redactor.clean_output(kept.to_owned()), kept);
        let heard = r#"{"heard":"Bearer a-long-and-random-key"}"#.to_owned();
        let clean = redactor.clean_output(heard);
        assert_eq!(clean, r#"{"heard":"Bearer [redacted]"}"#);
    }

    #[test]
    fn only_so_many_values_are_kept() {
        let redactor = Redactor::default();
        for number in 0..100 {
            redactor.learn(&format!("secret-{number}"), Worth::Key);
        }
        assert_eq!(redactor.known.read().len(), MAX_VALUES);
        assert_eq!(redactor.clean("secret-99"), MASK);
    }
}
