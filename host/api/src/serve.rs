//! Listening: binds a router to an address and stops it gracefully.

use axum::Router;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

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
        let mut stopping = stop.subscribe();
        let task = tokio::spawn(async move {
            let stopped = async move {
                // If the sender is gone, so is the handle: nobody will ask any more.
                let _ = stopping.wait_for(|stop| *stop).await;
            };
            if let Err(error) = axum::serve(listener, router)
                .with_graceful_shutdown(stopped)
                .await
            {
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
