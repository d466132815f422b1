//! Listening: binds a router to an address and stops it gracefully.

use crate::access::Peer;
use axum::Router;
use std::fs::Permissions;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Completes when the listener is told to stop.
async fn told(mut stopping: watch::Receiver<bool>) {
    // If the sender is gone, so is the handle: nobody will ask any more.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// The longest path that the address of a socket holds, in bytes, on every system.
const MAX_SOCKET_PATH: usize = 100;

/// A socket in the file system at work, for programs on the same machine.
#[derive(Debug)]
pub struct LocalListener {
    path: PathBuf,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl LocalListener {
    /// Listens at a path, which only the user of this process can open. What a process
    /// that has died left there is replaced: the caller holds the lock of the folder.
    pub fn open(path: &Path, router: Router) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = bind(path)?;
        // Until here the peer's user is what keeps others out; it is asked at each request.
        std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
        let stop = watch::Sender::new(false);
        let stopped = told(stop.subscribe());
        let service = router.into_make_service_with_connect_info::<Peer>();
        let task = tokio::spawn(async move {
            let served = axum::serve(listener, service);
            if let Err(error) = served.with_graceful_shutdown(stopped).await {
                tracing::error!(%error, "the local socket failed");
            }
        });
        Ok(Self {
            path: path.to_owned(),
            stop,
            task,
        })
    }

    /// Answers what was asked already, and stops.
    pub async fn close(self) {
        self.stop.send_replace(true);
        // A listener that failed has logged why; a file that is gone is what is wanted.
        let _ = self.task.await;
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Binds a socket, also at a path that is too long for a socket's address: such a one is
/// reached through its folder.
fn bind(path: &Path) -> io::Result<UnixListener> {
    if path.as_os_str().len() <= MAX_SOCKET_PATH {
        return UnixListener::bind(path);
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let folder = std::fs::File::open(folder)?;
    let short = format!("/proc/self/fd/{}", folder.as_raw_fd());
    UnixListener::bind(Path::new(&short).join(name))
}

/// A listener at work.
#[derive(Debug)]
pub struct Listener {
    /// Where it listens; the port is known even if 0 was asked for.
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Listener {
    /// Listens at an address. Fails if it is taken or not allowed.
    pub async fn open(address: SocketAddr, router: Router) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let stop = watch::Sender::new(false);
        let stopped = told(stop.subscribe());
        let service = router.into_make_service_with_connect_info::<Peer>();
        let task = tokio::spawn(async move {
            let served = axum::serve(listener, service);
            if let Err(error) = served.with_graceful_shutdown(stopped).await {
                tracing::error!(%error, "a listener failed");
            }
        });
        Ok(Self {
            address,
            stop,
            task,
        })
    }

    /// Answers what was asked already, and stops.
    pub async fn close(self) {
        self.stop.send_replace(true);
        // A listener that failed has logged why.
        let _ = self.task.await;
    }
}
