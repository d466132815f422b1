//! Masks known secret values in what comes out of a guest.

use parking_lot::RwLock;
use std::borrow::Cow;
use zeroize::Zeroizing;

/// What a secret is replaced by.
const MASK: &str = "[redacted]";

/// Shorter values are not masked: they would hit ordinary text everywhere, and say
/// nothing by standing in it.
const MIN_LENGTH: usize = 4;

/// Values that are remembered: the current ones and, after rotation, earlier ones.
const MAX_VALUES: usize = 16;

/// The secret values that one connection has used.
#[derive(Default)]
pub(crate) struct Redactor(RwLock<Vec<Zeroizing<String>>>);

impl Redactor {
    /// Remembers a value.
    pub(crate) fn learn(&self, value: &str) {
        let known = |values: &[Zeroizing<String>]| values.iter().any(|v| v.as_str() == value);
        if value.len() < MIN_LENGTH || known(&self.0.read()) {
            return;
        }
        let mut values = self.0.write();
        if !known(&values) {
            if values.len() == MAX_VALUES {
                values.remove(0);
            }
            values.push(Zeroizing::new(value.to_owned()));
        }
    }

    /// The text without any known value, also where JSON or a URL has escaped it.
    pub(crate) fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for value in self.0.read().iter() {
            for form in forms(value) {
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
        redactor.learn("s3cr\"t /1");
        redactor.learn("abc");
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
    fn only_so_many_values_are_kept() {
        let redactor = Redactor::default();
        for number in 0..100 {
            redactor.learn(&format!("secret-{number}"));
        }
        assert_eq!(redactor.0.read().len(), MAX_VALUES);
        assert_eq!(redactor.clean("secret-99"), MASK);
    }
}
