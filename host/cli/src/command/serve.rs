//! `dowel serve`: the host.

use crate::args::Serve;
use crate::client::SOCKET;
use crate::follow::{self, SecretRule};
use crate::followed::RepositoryFile;
use crate::hostfile::HostFile;
use crate::identity::OpenId;
use crate::kept::Kept;
use crate::start::{Against, Start};
use crate::system::{SystemClock, SystemRandomness};
use crate::traces::{TelemetryFile, Traces};
use crate::{connectors, exit, secrets, wiring};
use anyhow::{Context as _, Result, anyhow};
use dowel_api::{ApiOptions, ApiState, Links, Listener, LocalListener};
use dowel_core::port::{IdentityProvider, Secrets};
use dowel_core::units::Share;
use dowel_engine::{ChangeRule, Engine, EngineOptions, Ports, Schedules, retired_connectors};
use dowel_flow::environment::Environment;
use dowel_store_sled::{SledOptions, SledStore};
use dowel_wasm::{ConnectorHost, HostOptions};
use ipnet::IpNet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Where the public listener is unless something else is said.
const PUBLIC: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Where the admin listener is unless something else is said.
const ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);

pub(crate) async fn run(serve: Serve) -> Result<ExitCode> {
    let repository = &serve.repository;
    let secrets: Arc<dyn Secrets> = Arc::new(secrets::of(repository)?);
    let mapping = wiring::mapping(repository)?;
    let host = sandbox(&serve, secrets.clone())?;
    let connectors = connectors::install(&host, repository)?;
    let against = Against {
        connectors: &connectors,
        mapping: &mapping,
    };
    let places = Places::of(&serve)?;
    let (start, store) = begin(&serve, &places, against).await?;
    bind(&host, &start.environment)?;
    let kept = Kept::open(&places.data)?;
    kept.keep(connectors::read_all(repository)?)?;
    kept.load(&host, &mapping, &retired_connectors(&store).await?)?;
    let ports = Ports {
        store: Arc::new(store.clone()),
        invoker: Arc::new(host.clone()),
        mapper: Arc::new(mapping.clone()),
        clock: Arc::new(SystemClock),
        randomness: Arc::new(SystemRandomness),
    };
    wiring::keep_blobs(&host, &ports);
    let options = options(&serve, &start, &places);
    let engine = Engine::start(ports, options, start.plans.clone()).await;
    let engine = engine.map_err(|error| anyhow!("{}: {error}", error.code()))?;
    let traces = traces(&places, &engine, &start)?;
    let identity = identity(&serve, &secrets)?;
    let state = ApiState::new(
        engine.clone(),
        ApiOptions {
            public_url: places.public_url,
            trusted_proxies: places.trusted_proxies,
            links: places.links,
            ..api_options(&serve, start.environment.clone(), &kept)
        },
        secrets,
        Arc::new(SystemRandomness),
    );
    let state = Arc::new(state.with_identity(identity));
    let public = listen(places.public, dowel_api::public(state.clone())).await?;
    let admin = listen(places.admin, dowel_api::admin(state.clone())).await?;
    state.listens_at(admin.address);
    let socket = places.data.canonicalize()?.join(SOCKET);
    let local = LocalListener::open(&socket, dowel_api::admin(state.clone()))
        .with_context(|| format!("cannot listen on {}", socket.display()))?;
    // Who reads that the host is ready may tell it to stop at once.
    let stop = stop_signal()?;
    let follower = start.follower(follow::Host {
        engine: engine.clone(),
        api: state,
        connections: host,
        connectors,
        mapping,
        secrets: places.secrets,
    });
    ready(public.address, admin.address, &socket);
    stop.await;
    tracing::info!("draining");
    if let Some(follower) = follower {
        follower.stop().await;
    }
    engine.drain(serve.drain).await;
    if let Some(traces) = traces {
        traces.stop().await;
    }
    local.close().await;
    close([public, admin], &store).await;
    Ok(exit::found(false))
}

/// How the engine works: what the environment says, and what the host file adds.
fn options(serve: &Serve, start: &Start, places: &Places) -> EngineOptions {
    let telemetry = places.telemetry.as_ref();
    EngineOptions {
        policy: start.policy.clone(),
        floor: places.floor.clone(),
        trace_share: telemetry.map_or(Share::ALL, TelemetryFile::share),
        ..engine_options(serve, &start.environment)
    }
}

/// Sends traces, if the host file says where to.
fn traces(places: &Places, engine: &Engine, start: &Start) -> Result<Option<Traces>> {
    let begin = |file| Traces::begin(file, engine, &start.environment.name);
    places.telemetry.as_ref().map(begin).transpose()
}

/// Where people sign in elsewhere, if they do.
fn identity(
    serve: &Serve,
    secrets: &Arc<dyn Secrets>,
) -> Result<Option<Arc<dyn IdentityProvider>>> {
    let Some(options) = serve.oidc.options() else {
        return Ok(None);
    };
    let provider = OpenId::new(options, secrets.clone(), Arc::new(SystemClock))?;
    Ok(Some(Arc::new(provider)))
}

fn sandbox(serve: &Serve, secrets: Arc<dyn Secrets>) -> Result<ConnectorHost> {
    let options = HostOptions {
        cache_dir: Some(serve.repository.work("cache")),
        ..HostOptions::default()
    };
    ConnectorHost::new(options, secrets).context("the connector sandbox cannot be started")
}

/// What the command line says, or else the host file, or else the default.
struct Places {
    data: PathBuf,
    public: SocketAddr,
    admin: SocketAddr,
    public_url: Option<String>,
    trusted_proxies: Vec<IpNet>,
    repository: Option<RepositoryFile>,
    environment: Option<String>,
    floor: ChangeRule,
    secrets: SecretRule,
    telemetry: Option<TelemetryFile>,
    links: Links,
}

impl Places {
    fn of(serve: &Serve) -> Result<Self> {
        let file = HostFile::of(&serve.repository)?;
        let data = serve.data.clone().or(file.store.map(|store| store.sled));
        Ok(Self {
            data: data.unwrap_or_else(|| serve.repository.work("data")),
            public: serve.listen.or(file.listen.public).unwrap_or(PUBLIC),
            admin: serve.admin_listen.or(file.listen.admin).unwrap_or(ADMIN),
            public_url: serve.public_url.clone().or(file.public_url),
            trusted_proxies: [serve.trusted_proxies.clone(), file.trusted_proxies].concat(),
            links: Links {
                commit: file.desk.commit_url,
                trace: file.desk.trace_url,
            },
            repository: file.repository,
            environment: serve.repository.env.clone().or(file.environment),
            floor: file.policy_floor.into(),
            telemetry: file.telemetry,
            secrets: match file.secrets {
                Some(_) => SecretRule::HostFile,
                None => SecretRule::Nobody,
            },
        })
    }
}

/// What the host starts with, and its store.
async fn begin(serve: &Serve, places: &Places, against: Against<'_>) -> Result<(Start, SledStore)> {
    let Some(file) = &places.repository else {
        let start = Start::of_folder(&serve.repository, against)?;
        return Ok((start, open_store(serve, &places.data)?));
    };
    let named = places.environment.as_deref();
    let named = named.context("name the environment: `environment` in the host file, or --env")?;
    // What is active there is said by the store.
    let store = open_store(serve, &places.data)?;
    let format = dowel_engine::format_of(&store).await;
    format.map_err(|error| anyhow!("{}: {error}", error.code()))?;
    let followed = file.followed(named, &places.data)?;
    let start = Start::of_repository(followed, &store, against).await?;
    Ok((start, store))
}

async fn close(listeners: [Listener; 2], store: &SledStore) {
    for listener in listeners {
        listener.close().await;
    }
    store.close();
    tracing::info!("stopped");
}

fn api_options(serve: &Serve, environment: Environment, kept: &Kept) -> ApiOptions {
    ApiOptions {
        max_body_bytes: serve.max_body,
        hook_secrets: environment.hook_secrets,
        events: environment.events,
        connections: environment.connections,
        components: Some(kept.folder().to_owned()),
        trusted_proxies: Vec::new(),
        public_url: serve.public_url.clone(),
        links: Links::default(),
    }
}

fn engine_options(serve: &Serve, environment: &Environment) -> EngineOptions {
    EngineOptions {
        max_backlog: serve.max_backlog,
        schedules: Schedules::Fire,
        keep_versions: serve.keep_versions,
        ..wiring::engine_options(environment)
    }
}

fn bind(host: &ConnectorHost, environment: &Environment) -> Result<()> {
    host.bind(environment.connections.clone())
        .map_err(|errors| {
            let lines: Vec<String> = errors
                .iter()
                .map(|error| format!("{}: {error}", error.code()))
                .collect();
            anyhow!(
                "the environment `{}` cannot be used\n{}",
                environment.name,
                lines.join("\n")
            )
        })
}

fn open_store(serve: &Serve, path: &Path) -> Result<SledStore> {
    std::fs::create_dir_all(path)
        .with_context(|| format!("cannot create the data folder {}", path.display()))?;
    let options = SledOptions {
        accept_loss: serve.accept_loss,
        ..SledOptions::default()
    };
    SledStore::open(path, options).map_err(|error| anyhow!("{}: {error}", error.code()))
}

async fn listen(address: SocketAddr, router: dowel_api::Router) -> Result<Listener> {
    Listener::open(address, router)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

/// The line that scripts and service managers wait for.
#[allow(clippy::print_stdout)] // This is the program's answer on standard output.
fn ready(public: SocketAddr, admin: SocketAddr, socket: &Path) {
    let socket = socket.display();
    println!("ready public=http://{public} admin=http://{admin} socket={socket}");
}

/// Listens for the signals to stop from now on; completes when one of them came.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
