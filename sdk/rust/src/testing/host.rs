//! [`FakeHost`].

use super::{Exchange, Hook, egress};
use crate::context::Call;
use crate::host::{Answer, Host, OutgoingRequest, ReadBlob, SendError, Streams, WriteBlob};
use crate::http::Method;
use crate::receiver::{Ask, Claim, Doubt};
use crate::{
    Blob, Connector, Context, Error, ErrorKind, Json, Level, Operation, Position, Receiver,
    Reception, Result, Source, SourcePage, Subscription,
};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::marker::PhantomData;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// The fake clock's first instant: 2026-01-01T00:00:00Z, in milliseconds.
const START_MS: u64 = 1_767_225_600_000;

/// The time that a call gets unless a test sets another: the host's default deadline.
const DEADLINE: Duration = Duration::from_secs(30);

/// The run that calls belong to.
const RUN: &str = "019b76da-a800-7000-8000-000000000000";

/// A host for tests. Time stands still until [`FakeHost::advance`].
pub struct FakeHost<C: Connector> {
    config: String,
    deadline: Duration,
    world: Rc<World>,
    connector: PhantomData<C>,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// How important it is.
    pub level: Level,
    /// The message.
    pub message: String,
    /// A JSON object.
    pub fields: String,
}

/// A request that an operation sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Its method.
    pub method: Method,
    /// Its full URL.
    pub url: String,
    /// Its headers, in order.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Option<Vec<u8>>,
    /// The longest time that it was given.
    pub timeout: Duration,
}

impl<C: Connector> FakeHost<C> {
    /// A host with a connection of this configuration, a JSON object.
    ///
    /// # Panics
    /// If the text is not JSON.
    pub fn new(config: &str) -> Self {
        let parsed: serde_json::Value = match serde_json::from_str(config) {
            Ok(parsed) => parsed,
            Err(error) => panic!("the configuration is not JSON: {error}"),
        };
        let base_url = parsed
            .get("base_url")
            .and_then(|url| url.as_str())
            .unwrap_or_default();
        let world = World {
            base_url: base_url.trim_end_matches('/').to_owned(),
            config: parsed,
            egress: C::EGRESS,
            script: RefCell::default(),
            sent: RefCell::default(),
            logs: RefCell::default(),
            blobs: RefCell::default(),
            elapsed: Cell::default(),
            doubts: Cell::default(),
            claims: RefCell::default(),
        };
        Self {
            config: config.to_owned(),
            deadline: DEADLINE,
            world: Rc::new(world),
            connector: PhantomData,
        }
    }

    /// Expects one more request, after those already expected.
    pub fn expect(&self, exchange: Exchange) {
        self.world.script.borrow_mut().push_back(exchange);
    }

    /// Gives later calls this much time.
    pub fn set_deadline(&mut self, deadline: Duration) {
        self.deadline = deadline;
    }

    /// Lets time pass.
    pub fn advance(&self, time: Duration) {
        self.world.elapsed.set(self.world.elapsed.get() + time);
    }

    /// The clock that operations see.
    pub fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.world.now())
    }

    /// The context of one call, for calling the function itself. An error means that the
    /// configuration does not fit its type.
    pub fn context(&self) -> Result<Context<C>> {
        let call = Call {
            run_id: RUN.to_owned(),
            step: "step".to_owned(),
            idempotency_key: "dowel-test-key".to_owned(),
            deadline: self.deadline,
        };
        let host: Rc<dyn Host> = Rc::<World>::clone(&self.world);
        Context::new(&self.config, call, host)
    }

    /// Calls an operation as the host does: JSON in, JSON out.
    pub fn call<O: Operation<Config = C>>(&self, input: &str) -> Result<Json> {
        self.call_by_name(O::NAME, input)
    }

    /// Calls an operation by its name.
    pub fn call_by_name(&self, operation: &str, input: &str) -> Result<Json> {
        let output = C::dispatch(&self.context()?, operation, input)?;
        // `dispatch` writes JSON; anything else would be a defect of this crate.
        Ok(Json::parse(&output).unwrap_or_else(|_| Json::null()))
    }

    /// Reads a source as the host does, `limit` events at most.
    pub fn read<S: Source<Config = C>>(
        &self,
        params: &str,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<SourcePage<Json>> {
        let cursor = cursor.map(str::to_owned);
        let from = Position { cursor, limit };
        C::read_source(&self.context()?, S::NAME, params, &from)
    }

    /// Tells a source that everything up to the cursor has been committed.
    pub fn ack<S: Source<Config = C>>(&self, params: &str, cursor: &str) -> Result<()> {
        C::ack_source(&self.context()?, S::NAME, params, cursor)
    }

    /// Gives a request to a receiver as the host does.
    pub fn receive<R: Receiver<Config = C>>(
        &self,
        params: &str,
        request: &Hook,
    ) -> Result<Reception<Json>> {
        C::receive(&self.context()?, R::NAME, params, request.request())
    }

    /// From now on no key fits what receivers claim; until then each does, as long as the
    /// time is near. Signatures are not computed here: `dowel connector test` does that.
    pub fn believe_nothing(&self) {
        self.world.doubts.set(true);
    }

    /// What receivers have claimed so far.
    pub fn claims(&self) -> Vec<Claim> {
        self.world.claims.borrow().clone()
    }

    /// Asks for a subscription as the host does.
    pub fn subscribe<R: Receiver<Config = C>>(
        &self,
        params: &str,
        url: &str,
    ) -> Result<Option<Subscription>> {
        C::subscription(&self.context()?, R::NAME, params, Ask::Subscribe { url })
    }

    /// Asks for a subscription to stand for longer, as the host does.
    pub fn renew<R: Receiver<Config = C>>(
        &self,
        params: &str,
        url: &str,
        id: &str,
    ) -> Result<Option<Subscription>> {
        C::subscription(&self.context()?, R::NAME, params, Ask::Renew { url, id })
    }

    /// Ends a subscription as the host does.
    pub fn unsubscribe<R: Receiver<Config = C>>(&self, params: &str, id: &str) -> Result<()> {
        let ask = Ask::Unsubscribe { id };
        C::subscription(&self.context()?, R::NAME, params, ask).map(drop)
    }

    /// Tests the connection as the host does.
    pub fn check(&self) -> Result<()> {
        C::check(&self.context()?)
    }

    /// Keeps a large body, for an operation to read.
    pub fn keep_blob(&self, bytes: impl Into<Vec<u8>>, media_type: &str) -> Json {
        let reference = self.world.keep(bytes.into(), media_type, None);
        Json::parse(&reference).unwrap_or_else(|_| Json::null())
    }

    /// The bytes of a large body that an operation kept.
    ///
    /// # Panics
    /// If there is none.
    pub fn blob(&self, blob: &Blob) -> Vec<u8> {
        let reference = serde_json::to_string(blob).unwrap_or_default();
        match self.world.blobs.borrow().get(&reference) {
            Some(bytes) => bytes.clone(),
            None => panic!("there is no blob {reference}"),
        }
    }

    /// The requests so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.world.sent.borrow().clone()
    }

    /// The log so far.
    pub fn logs(&self) -> Vec<LogLine> {
        self.world.logs.borrow().clone()
    }

    /// Checks that every example of an operation fits its type.
    ///
    /// # Panics
    /// If the example input cannot be read as the operation's input.
    pub fn check_example<O: Operation<Config = C>>(&self) {
        if let Some(example) = O::SPEC.example_input
            && let Err(error) = crate::json::read::input::<O::Input>(example)
        {
            panic!("the example input of `{}`: {error}", O::NAME);
        }
    }
}

impl<C: Connector> Drop for FakeHost<C> {
    fn drop(&mut self) {
        let left = self.world.script.borrow();
        if let Some(next) = left.front()
            && !std::thread::panicking()
        {
            let Exchange { method, url, .. } = next;
            panic!(
                "{} expected request(s) never came, the next is {} {url}",
                left.len(),
                method.name()
            );
        }
    }
}

struct World {
    base_url: String,
    config: serde_json::Value,
    egress: &'static [&'static str],
    script: RefCell<VecDeque<Exchange>>,
    sent: RefCell<Vec<Sent>>,
    logs: RefCell<Vec<LogLine>>,
    /// By their references.
    blobs: RefCell<BTreeMap<String, Vec<u8>>>,
    elapsed: Cell<Duration>,
    doubts: Cell<bool>,
    claims: RefCell<Vec<Claim>>,
}

impl World {
    /// Keeps a body. The reference to it.
    fn keep(&self, bytes: Vec<u8>, media_type: &str, name: Option<&str>) -> String {
        let mut blobs = self.blobs.borrow_mut();
        let mut reference = serde_json::json!({
            "$blob": format!("sha256:{:064}", blobs.len()),
            "run": RUN,
            "size": bytes.len(),
            "media_type": media_type,
        });
        if let Some(name) = name {
            reference["name"] = name.into();
        }
        // The order of fields is that of the type, by which it is looked up again.
        let blob = serde_json::from_value::<Blob>(reference);
        let text = blob.map_or_else(
            |error| panic!("the reference: {error}"),
            |blob| serde_json::to_string(&blob).unwrap_or_default(),
        );
        blobs.insert(text.clone(), bytes);
        text
    }

    fn full_url(&self, url: &str) -> String {
        if url.starts_with('/') {
            format!("{}{url}", self.base_url)
        } else {
            url.to_owned()
        }
    }
}

impl Host for World {
    fn log(&self, level: Level, message: &str, fields: &str) {
        let (message, fields) = (message.to_owned(), fields.to_owned());
        self.logs.borrow_mut().push(LogLine {
            level,
            message,
            fields,
        });
    }

    fn now(&self) -> u64 {
        let elapsed = u64::try_from(self.elapsed.get().as_millis()).unwrap_or(u64::MAX);
        START_MS.saturating_add(elapsed)
    }

    fn random_bytes(&self, count: u32) -> Vec<u8> {
        // The same in every test run: 0, 1, 2, …
        (0..count).map(|n| n.to_le_bytes()[0]).collect()
    }

    fn verify(&self, claim: &Claim) -> Result<(), Doubt> {
        self.claims.borrow_mut().push(claim.clone());
        match (self.doubts.get(), claim.signed_at) {
            (true, _) => Err(Doubt::NoFit),
            (false, Some(at)) => {
                let now = SystemTime::UNIX_EPOCH + Duration::from_millis(self.now());
                let away = now.duration_since(at).or_else(|_| at.duration_since(now));
                let is_near = away.is_ok_and(|away| away <= claim.tolerance);
                is_near.then_some(()).ok_or(Doubt::OutsideTolerance)
            }
            (false, None) => Ok(()),
        }
    }

    fn monotonic(&self) -> Duration {
        self.elapsed.get()
    }

    fn create_blob(&self) -> Result<Box<dyn WriteBlob + '_>> {
        Ok(Box::new(Writing(self, Vec::new())))
    }

    fn open_blob(&self, reference: &str) -> Result<Box<dyn ReadBlob + '_>> {
        let found = self.blobs.borrow().get(reference).cloned();
        let bytes = found
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "blob-gone", "there is no such blob"))?;
        Ok(Box::new(Reading(bytes.into())))
    }

    fn send(
        &self,
        request: &OutgoingRequest,
        streams: &mut Streams<'_>,
    ) -> Result<Answer, SendError> {
        let OutgoingRequest {
            method,
            url,
            headers,
            mut body,
            timeout,
        } = request.clone();
        if let Some((source, length)) = streams.upload.take() {
            let bytes = body.insert(Vec::new());
            source.read_to_end(bytes).map_err(SendError::Stream)?;
            assert_eq!(bytes.len() as u64, length, "the length that was said");
        }
        let name = method.name();
        let allowed = |rule: &&&str| egress::allows(rule, &self.config, name, &url);
        assert!(
            self.egress.iter().find(allowed).is_some(),
            "the request {name} {url} is not covered by the connector's `egress`"
        );
        let Some(expected) = self.script.borrow_mut().pop_front() else {
            panic!("the request {name} {url} is one more than the test expects");
        };
        let wanted = (expected.method.name(), self.full_url(&expected.url));
        assert_eq!((name, url.clone()), wanted, "another request was expected");
        if let Some(wanted) = &expected.body {
            let text = body
                .as_deref()
                .map(String::from_utf8_lossy)
                .unwrap_or_default();
            assert_eq!(
                &*text,
                wanted.as_str(),
                "another body was expected for {name} {url}"
            );
        }
        for wanted in &expected.headers {
            assert!(
                headers.contains(wanted),
                "{name} {url} lacks the header {wanted:?}"
            );
        }
        self.sent.borrow_mut().push(Sent {
            method,
            url,
            headers,
            body,
            timeout,
        });
        let mut answer = expected.outcome?;
        let is_success = (200..300).contains(&answer.status);
        if let Some(sink) = streams.download.as_deref_mut().filter(|_| is_success) {
            let body = std::mem::take(&mut answer.body);
            sink.write_all(&body).map_err(SendError::Stream)?;
        }
        Ok(answer)
    }
}

/// A body that an operation writes.
struct Writing<'a>(&'a World, Vec<u8>);

impl WriteBlob for Writing<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.1.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>, media_type: &str, name: Option<&str>) -> Result<String> {
        Ok(self.0.keep(self.1, media_type, name))
    }
}

/// A body that an operation reads.
struct Reading(VecDeque<u8>);

impl ReadBlob for Reading {
    fn read(&mut self, limit: u32) -> Result<Vec<u8>> {
        let count = self.0.len().min(limit as usize);
        Ok(self.0.drain(..count).collect())
    }
}
