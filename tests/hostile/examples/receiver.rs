//! A connector whose receiver does what the body of the request asks for.

#[cfg(target_arch = "wasm32")]
mod guest {
    wit_bindgen::generate!({
        path: "../../wit/dowel-connector@0.2.0",
        world: "full-connector",
    });

    use dowel::connector::signatures::{
        Algorithm, Claim, Doubt, Encoding, HeaderSignature, Signature, verify,
    };
    use dowel::connector::types::{CallContext, Error, ErrorKind};
    use exports::dowel::connector::receivers::{Answer, Event, Reception, Request};
    use exports::dowel::connector::sources::Page;
    use exports::dowel::connector::subscriptions::Subscription;
    use exports::dowel::connector::{describe, operations, receivers, sources, subscriptions};
    use std::hint::black_box;

    struct Receiver;

    impl receivers::Guest for Receiver {
        fn receive(
            _receiver: String,
            params: String,
            request: Request,
            ctx: CallContext,
        ) -> Result<Reception, Error> {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let (vow, deed) = body.split_once(' ').unwrap_or(("", &body));
            match vow {
                "signed" => vouch(Algorithm::HmacSha256, "x-signature", "", &request.body)?,
                "token" => vouch(Algorithm::Token, "authorization", "Bearer ", &[])?,
                _ => {}
            }
            act(deed, &params, &request, &ctx)
        }
    }

    fn act(
        deed: &str,
        params: &str,
        request: &Request,
        ctx: &CallContext,
    ) -> Result<Reception, Error> {
        match deed {
            "take" => Ok(events(vec![event("e-1", "{\"price\":1.10}")])),
            "many" => Ok(events(vec![event("e-1", "1"); 1001])),
            "nameless" => Ok(events(vec![event("", "1")])),
            "junk" => Ok(events(vec![event("e-1", "{\"half\":")])),
            "greet" => Ok(answer(200, "content-type", "text/plain", "hello")),
            "page" => Ok(answer(200, "content-type", "text/html", "<script>")),
            "cookie" => Ok(answer(200, "set-cookie", "a=b", "")),
            "moved" => Ok(answer(302, "x-a", "b", "")),
            "huge" => Ok(answer(200, "x-a", "b", &"x".repeat(1 << 20))),
            "trap" => core::arch::wasm32::unreachable(),
            "spin" => loop {
                black_box(0);
            },
            "memory" => {
                let mut kept: Vec<Vec<u8>> = Vec::new();
                loop {
                    kept.push(vec![1; 1 << 20]);
                    black_box(&kept);
                }
            }
            "guess" => {
                for number in 0..1000 {
                    let guess = Claim {
                        algorithm: Algorithm::Token,
                        signature: Signature::Bytes(format!("guess-{number}").into_bytes()),
                        message: Vec::new(),
                        key: Encoding::Text,
                        signed_at_ms: None,
                        tolerance_ms: 0,
                    };
                    if verify(&guess) == Err(Doubt::TooMany) {
                        return Err(error(&format!("after-{number}")));
                    }
                }
                Err(error("never"))
            }
            "fetch" => {
                fetch(&ctx.connection);
                Ok(events(Vec::new()))
            }
            "show" => {
                let headers: Vec<String> = request
                    .headers
                    .iter()
                    .map(|(n, v)| format!("{n}={v}"))
                    .collect();
                let shown = format!(
                    "{} {} {} {:?} [{}] {params}",
                    request.method,
                    request.url,
                    request.path,
                    request.query,
                    headers.join(", ")
                );
                Ok(events(vec![event("e-1", &json(&shown))]))
            }
            other => Err(error(other)),
        }
    }

    fn vouch(algorithm: Algorithm, name: &str, prefix: &str, message: &[u8]) -> Result<(), Error> {
        let claim = Claim {
            algorithm,
            signature: Signature::Header(HeaderSignature {
                name: name.to_owned(),
                prefix: prefix.to_owned(),
                encoding: match algorithm {
                    Algorithm::Token => Encoding::Text,
                    _ => Encoding::Hex,
                },
            }),
            message: message.to_vec(),
            key: Encoding::Text,
            signed_at_ms: None,
            tolerance_ms: 0,
        };
        verify(&claim).map_err(|doubt| Error {
            kind: ErrorKind::Unauthenticated,
            ..error(doubt.name())
        })
    }

    /// Sends a request, and does not care what becomes of it.
    fn fetch(connection: &str) {
        use wasip2::http::outgoing_handler::handle;
        use wasip2::http::types::{Fields, OutgoingRequest, Scheme};
        let from = connection.find("http://").unwrap_or(0) + "http://".len();
        let rest = connection.get(from..).unwrap_or_default();
        let authority = rest.split(['"', '/']).next().unwrap_or_default();
        let request = OutgoingRequest::new(Fields::new());
        let _ = request.set_scheme(Some(&Scheme::Http));
        let _ = request.set_authority(Some(authority));
        let _ = request.set_path_with_query(Some("/beacon"));
        if let Ok(answer) = handle(request, None) {
            answer.subscribe().block();
        }
    }

    fn events(events: Vec<Event>) -> Reception {
        Reception {
            events,
            answer: None,
        }
    }

    fn event(id: &str, data: &str) -> Event {
        Event {
            id: id.to_owned(),
            kind: "thing.happened".to_owned(),
            subject: None,
            time: None,
            data: data.to_owned(),
        }
    }

    fn answer(status: u16, name: &str, value: &str, body: &str) -> Reception {
        Reception {
            events: Vec::new(),
            answer: Some(Answer {
                status,
                headers: vec![(name.to_owned(), value.to_owned())],
                body: body.to_owned(),
            }),
        }
    }

    fn json(text: &str) -> String {
        serde_json::Value::from(text).to_string()
    }

    fn error(code: &str) -> Error {
        Error {
            kind: ErrorKind::Rejected,
            code: code.to_owned(),
            message: String::new(),
            details: None,
            retry_after_ms: None,
        }
    }

    impl operations::Guest for Receiver {
        fn call(operation: String, _: String, _: CallContext) -> Result<String, Error> {
            Err(error(&operation))
        }

        fn check(_: CallContext) -> Result<(), Error> {
            Ok(())
        }
    }

    impl sources::Guest for Receiver {
        fn read(
            source: String,
            _: String,
            _: Option<String>,
            _: u32,
            _: CallContext,
        ) -> Result<Page, Error> {
            Err(error(&source))
        }

        fn ack(_: String, _: String, _: String, _: CallContext) -> Result<(), Error> {
            Ok(())
        }
    }

    impl subscriptions::Guest for Receiver {
        fn subscribe(
            receiver: String,
            _: String,
            url: String,
            ctx: CallContext,
        ) -> Result<Subscription, Error> {
            Ok(Subscription {
                id: format!("{receiver} {url} {}", ctx.idempotency_key),
                expires_ms: Some(1),
            })
        }

        fn renew(
            _: String,
            _: String,
            _: String,
            id: String,
            _: CallContext,
        ) -> Result<Subscription, Error> {
            Ok(Subscription {
                id: format!("{id} again"),
                expires_ms: None,
            })
        }

        fn unsubscribe(_: String, _: String, id: String, _: CallContext) -> Result<(), Error> {
            Err(error(&id))
        }
    }

    impl describe::Guest for Receiver {
        fn manifest() -> String {
            include_str!("receiver.json").to_owned()
        }
    }

    export!(Receiver);
}
