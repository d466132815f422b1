//! As much of `curl` as the pages use, so that the tests need no such program.

use reqwest::{Client, Method};
use std::fs;
use std::path::Path;

/// Sends what a `curl` line asks for. The status and the body, as `curl -i` prints
/// them in short.
pub(crate) async fn send(http: &Client, folder: &Path, words: &[String]) -> String {
    let mut url = None;
    let mut body = None;
    let mut headers = Vec::new();
    let mut words = words.iter().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "-H" => headers.push(words.next().unwrap().split_once(": ").unwrap()),
            "--data-binary" => {
                let file = words.next().unwrap().strip_prefix('@').unwrap();
                body = Some(fs::read(folder.join(file)).unwrap());
            }
            "-s" | "-i" => {}
            flag if flag.starts_with('-') => panic!("the test does not know curl {flag}"),
            _ => url = Some(word),
        }
    }
    let method = if body.is_some() {
        Method::POST
    } else {
        Method::GET
    };
    let mut request = http.request(method, url.unwrap());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let response = request.body(body.unwrap_or_default()).send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    assert!(status.is_success(), "{status} {text}");
    format!("{} {text}", status.as_u16())
}

/// The words of a line as a shell splits it; quotes only, no expansion.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (' ', None) => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[test]
fn lines_are_split_like_a_shell_does() {
    assert_eq!(
        words("curl -H 'a: b c'  \"d e\" ''"),
        ["curl", "-H", "a: b c", "d e", ""]
    );
}
