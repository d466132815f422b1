//! `dowel serve`: the host.

use crate::args::Serve;
use crate::client::SOCKET;
use crate::kept::Kept;
use crate::secrets::HostSecrets;
use crate::start::{Against, Start};
use crate::system::{SystemClock, SystemRandomness};
use crate::{connectors, exit, wiring};
use anyhow::{Context as _, Result, anyhow};
use dowel_api::{ApiOptions, ApiState, Listener, LocalListener};
use dowel_core::port::Secrets;
use dowel_engine::{Engine, EngineOptions, Ports, Schedules};
use dowel_flow::environment::Environment;
use dowel_store_sled::{SledOptions, SledStore};
use dowel_wasm::{ConnectorHost, HostOptions};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

pub(crate) async fn run(serve: Serve) -> Result<ExitCode> {
    let repository = &serve.repository;
    let secrets: Arc<dyn Secrets> = Arc::new(HostSecrets {
        folder: repository.secrets_dir.clone(),
    });
    let mapping = wiring::mapping(repository)?;
    let options = HostOptions {
        cache_dir: Some(repository.work("cache")),
        ..HostOptions::default()
    };
    let host = ConnectorHost::new(options, secrets.clone())
        .context("the connector sandbox cannot be started")?;
    let connectors = connectors::install(&host, repository)?;
    let against = Against {
        connectors: &connectors,
        mapping: &mapping,
    };
    let Start {
        environment,
        policy,
        plans,
    } = Start::of_folder(repository, against)?;
    bind(&host, &environment)?;
    let data = serve
        .data
        .clone()
        .unwrap_or_else(|| repository.work("data"));
    let store = open_store(&serve, &data)?;
    let kept = Kept::open(&data)?;
    kept.keep(connectors::read_all(repository)?)?;
    kept.load(&host, &mapping)?;
    let ports = Ports {
        store: Arc::new(store.clone()),
        invoker: Arc::new(host),
        mapper: Arc::new(mapping),
        clock: Arc::new(SystemClock),
        randomness: Arc::new(SystemRandomness),
    };
    let options = EngineOptions {
        policy,
        ..engine_options(&serve, &environment)
    };
    let engine = Engine::start(ports, options, plans).await?;
    let state = Arc::new(ApiState::new(
        engine.clone(),
        api_options(&serve, environment, &kept),
        secrets,
        Arc::new(SystemRandomness),
    ));
    let public = listen(serve.listen, dowel_api::public(state.clone())).await?;
    let admin = listen(serve.admin_listen, dowel_api::admin(state.clone())).await?;
    state.listens_at(admin.address);
    let socket = data.canonicalize()?.join(SOCKET);
    let local = LocalListener::open(&socket, dowel_api::admin(state))
        .with_context(|| format!("cannot listen on {}", socket.display()))?;
    // Who reads that the host is ready may tell it to stop at once.
    let stop = stop_signal()?;
    ready(public.address, admin.address, &socket);
    stop.await;
    tracing::info!("draining");
    engine.drain(serve.drain).await;
    local.close().await;
    close([public, admin], &store).await;
    Ok(exit::found(false))
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
        components: Some(kept.folder().to_owned()),
        trusted_proxies: serve.trusted_proxies.clone(),
        public_url: serve.public_url.clone(),
    }
}

fn engine_options(serve: &Serve, environment: &Environment) -> EngineOptions {
    EngineOptions {
        max_backlog: serve.max_backlog,
        schedules: Schedules::Fire,
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
