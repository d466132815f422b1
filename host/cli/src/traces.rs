//! Traces for OpenTelemetry: when a run has come to rest, its journal is told as spans and
//! sent by OTLP, over HTTP or gRPC. The engine knows nothing of it; runs never wait for it.

mod spans;

use anyhow::{Context as _, Result, bail};
use dowel_core::RunId;
use dowel_core::code::gitops::HOST_FILE;
use dowel_core::trace::{TraceParent, is_of_share};
use dowel_core::units::Share;
use dowel_engine::state::RunStatus;
use dowel_engine::{Engine, EngineError, RunSummary};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use serde::Deserialize;
use serde::de::Error as _;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Spans that are sent at a time.
const BATCH: usize = 512;

/// How long spans wait for others.
const PACE: Duration = Duration::from_secs(1);

/// How long the receiver may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// `telemetry` of the host file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TelemetryFile {
    /// The address of an OTLP receiver, such as `http://127.0.0.1:4318`.
    #[serde(deserialize_with = "address")]
    otlp: String,
    /// How it is spoken to.
    #[serde(default)]
    protocol: Protocol,
    /// The share of traces that the host begins and records; all unless given. Runs that
    /// do not succeed are always recorded, and so is what a caller records.
    #[serde(default = "all", deserialize_with = "share")]
    sample: Share,
}

/// How a receiver is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Protocol {
    /// Protocol Buffers over HTTP, port 4318 by custom.
    #[default]
    Http,
    /// gRPC without TLS, port 4317 by custom.
    Grpc,
}

fn address<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    let is_address = text.starts_with("http://") || text.starts_with("https://");
    if !is_address {
        let reason = format!("`{text}` is not an address such as http://127.0.0.1:4318");
        return Err(D::Error::custom(reason));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn share<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Share, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = || D::Error::custom(format!("`{text}` is not a share such as 10%"));
    Share::parse(&text).ok_or_else(wrong)
}

fn all() -> Share {
    Share::ALL
}

impl TelemetryFile {
    /// The share of the traces that runs begin which is recorded.
    pub(crate) const fn share(&self) -> Share {
        self.sample
    }
}

/// The task that sends spans.
pub(crate) struct Traces {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Traces {
    /// Sends the runs of an engine from now on.
    pub(crate) fn begin(file: &TelemetryFile, engine: &Engine, environment: &str) -> Result<Self> {
        let mut exporter = exporter(file)?;
        let resource = Resource::builder_empty()
            .with_service_name("dowel")
            .with_attribute(spans::text("deployment.environment.name", environment))
            .with_attribute(spans::text("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        exporter.set_resource(&resource);
        let (stop, stopped) = oneshot::channel();
        let sender = Sender {
            ends: engine.ends(),
            engine: engine.clone(),
            exporter,
            sample: file.sample,
            batch: Vec::new(),
        };
        let task = tokio::spawn(sender.work(stopped));
        Ok(Self { stop, task })
    }

    /// Sends what is there, and stops.
    pub(crate) async fn stop(self) {
        // The task is there until it is told.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

fn exporter(file: &TelemetryFile) -> Result<SpanExporter> {
    let builder = SpanExporter::builder();
    let built = match file.protocol {
        Protocol::Http => builder
            .with_http()
            .with_endpoint(format!("{}/v1/traces", file.otlp))
            .with_timeout(PATIENCE)
            .build(),
        Protocol::Grpc => {
            // What is compiled in speaks gRPC in the clear alone, as to a collector on the
            // same machine.
            if file.otlp.starts_with("https://") {
                bail!(
                    "{HOST_FILE}: `telemetry`: with `protocol: grpc` spans go to a receiver in the clear (http://); `protocol: http` encrypts"
                );
            }
            builder
                .with_tonic()
                .with_endpoint(file.otlp.clone())
                .with_timeout(PATIENCE)
                .build()
        }
    };
    built.context("the sender of traces cannot be made")
}

struct Sender {
    engine: Engine,
    /// Bounded: what comes while the receiver is slow is dropped and counted.
    ends: Receiver<RunId>,
    exporter: SpanExporter,
    sample: Share,
    batch: Vec<SpanData>,
}

impl Sender {
    async fn work(mut self, mut stopped: oneshot::Receiver<()>) {
        let mut ticks = tokio::time::interval(PACE);
        loop {
            tokio::select! {
                ended = self.ends.recv() => match ended {
                    Ok(run) => self.take(run).await,
                    Err(RecvError::Lagged(runs)) => self.engine.metrics().traces_dropped(runs),
                    Err(RecvError::Closed) => break,
                },
                _ = ticks.tick() => self.send().await,
                _ = &mut stopped => break,
            }
        }
        loop {
            match self.ends.try_recv() {
                Ok(run) => self.take(run).await,
                Err(TryRecvError::Lagged(runs)) => self.engine.metrics().traces_dropped(runs),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        self.send().await;
    }

    async fn take(&mut self, run: RunId) {
        match self.told(run).await {
            Ok(spans) => self.batch.extend(spans),
            Err(error) => {
                tracing::warn!(%run, %error, code = %error.code(), "the run is not traced");
                self.engine.metrics().traces_dropped(1);
            }
        }
        if self.batch.len() >= BATCH {
            self.send().await;
        }
    }

    /// The spans of a run, if it is recorded.
    async fn told(&self, run: RunId) -> Result<Vec<SpanData>, EngineError> {
        let Some(summary) = self.engine.summary(run).await? else {
            return Ok(Vec::new());
        };
        let is_wanted = is_wanted(&summary, self.sample);
        if !is_wanted && summary.trace.is_none() {
            return Ok(Vec::new());
        }
        let Some(story) = self.engine.story(run).await? else {
            return Ok(Vec::new());
        };
        let context = story.traceparent.as_deref().and_then(TraceParent::parse);
        let by_caller = summary.trace.is_some() && context.is_some_and(TraceParent::is_sampled);
        Ok(match context {
            Some(context) if is_wanted || by_caller => spans::of(run, &story, context),
            _ => Vec::new(),
        })
    }

    async fn send(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let outcome = match self.exporter.export(batch).await {
            Ok(()) => "sent",
            Err(error) => {
                tracing::warn!(%error, spans = count, "spans could not be sent");
                "failed"
            }
        };
        self.engine.metrics().spans(outcome, count);
    }
}

/// Whether a run is recorded whatever its caller says: it did not succeed, or it began a
/// trace that is of the share.
fn is_wanted(summary: &RunSummary, sample: Share) -> bool {
    let is_error = matches!(
        summary.status,
        RunStatus::Failed | RunStatus::Compensated | RunStatus::Parked
    );
    is_error || (summary.trace.is_none() && is_of_share(summary.id, sample))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_core::Timestamp;

    fn summary(status: RunStatus, number: u8) -> RunSummary {
        RunSummary {
            id: RunId::new(Timestamp::from_millis(u64::from(number)), [number; 10]),
            flow: "test".parse().unwrap(),
            version: "1.0.0".parse().unwrap(),
            status,
            dedupe_key: None,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
            error_code: None,
            trace: None,
        }
    }

    #[test]
    fn errors_are_always_recorded_and_the_rest_by_the_share() {
        let share = |text| Share::parse(text).unwrap();
        let count = |status, text| {
            let all = (0..=255).map(|number| summary(status, number));
            all.filter(|one| is_wanted(one, share(text))).count()
        };
        assert_eq!(count(RunStatus::Parked, "0%"), 256);
        assert_eq!(count(RunStatus::Failed, "0%"), 256);
        assert_eq!(count(RunStatus::Succeeded, "0%"), 0);
        assert_eq!(count(RunStatus::Succeeded, "100%"), 256);
        let half = count(RunStatus::Succeeded, "50%");
        assert!((60..196).contains(&half), "{half}");
    }
}
