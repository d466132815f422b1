//! Planted secrets. A connector never holds a credential, but upstreams repeat what they
//! are sent, and set cookies: neither belongs into outputs, errors or logs.

use super::Findings;
use super::subject::Subject;
use crate::bench::{Bench, CREDENTIAL, Made};
use crate::upstream::{Back, Script};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// The session that the upstream opens.
const SESSION: &str = "planted-session-e51d77b0";

/// Checks every operation, with good and with bad answers.
pub(crate) async fn check(bench: &Bench, subjects: &[Subject<'_>]) -> Findings {
    let mut findings = Findings::default();
    for subject in subjects {
        let Some(input) = subject.input() else {
            findings.lack(format!(
                "`{}` has neither a case nor an example input",
                subject.name()
            ));
            continue;
        };
        let mut scripts = Vec::new();
        if let Some(golden) = subject.golden() {
            let backs = golden.exchanges.iter().map(|one| plant(Back::of(one)));
            scripts.push(Script::InOrder(backs.collect()));
        }
        for status in [401, 500] {
            let body = format!(r#"{{"error":"bad token","sent":"{CREDENTIAL}"}}"#);
            let back = plant(Back::answer(status, "application/json", body));
            scripts.push(Script::Always(back));
        }
        for script in scripts {
            let made = bench.call(subject.call(input, script)).await;
            findings.pass();
            for place in leaks(&made) {
                findings.fail(format!(
                    "`{}`: a planted secret is in {place}",
                    subject.name()
                ));
            }
        }
    }
    findings
}

fn plant(back: Back) -> Back {
    back.with("set-cookie", &format!("session={SESSION}; HttpOnly"))
        .with("x-debug-authorization", &format!("Bearer {CREDENTIAL}"))
}

/// Where something planted came out.
fn leaks(made: &Made) -> Vec<&'static str> {
    let mut places = Vec::new();
    match &made.outcome.result {
        Ok(output) if shows(output.as_str()) => places.push("the output"),
        Ok(_) => {}
        Err(error) => {
            if shows(&error.message) || shows(&error.code) {
                places.push("the message of an error");
            }
            if error.details.as_ref().is_some_and(|d| shows(d.as_str())) {
                places.push("the details of an error");
            }
        }
    }
    if made.seen.lines.iter().any(|line| shows(line)) {
        places.push("the log");
    }
    places
}

fn shows(text: &str) -> bool {
    let text = text.replace("\\/", "/");
    let forms = |secret: &str| {
        let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
        let query: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        [
            secret.to_owned(),
            hex,
            query,
            STANDARD_NO_PAD.encode(secret),
        ]
    };
    let mut all = [CREDENTIAL, SESSION].into_iter().flat_map(forms);
    all.any(|form| text.contains(&form))
}

#[cfg(test)]
mod tests {
    use super::shows;

    #[test]
    fn every_form_is_found() {
        for text in [
            "Bearer planted/credential+7f3a9c51",
            r#"{"t":"planted\/credential+7f3a9c51"}"#,
            "k=planted%2Fcredential%2B7f3a9c51&x",
            "cGxhbnRlZC1zZXNzaW9uLWU1MWQ3N2Iw",
            "706c616e7465642d73657373696f6e2d6535316437376230",
        ] {
            assert!(shows(text), "{text}");
        }
        assert!(!shows("[redacted] planted"));
    }
}
