//! Starting and stopping the shop.

use crate::cut::{Cut, CuttableListener};
use crate::exchange::World;
use crate::ledger::{Books, Call, Ledger};
use crate::switches::{Panel, Switches};
use crate::{control, crm, erp};
use axum::Router;
use axum::routing::{get, post};
use parking_lot::Mutex;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Tokens and switches that the shop starts with.
#[derive(Clone, Debug)]
pub struct ShopOptions {
    /// The bearer token of the CRM.
    pub crm_token: String,
    /// The bearer token of the ERP.
    pub erp_token: String,
    /// The switches.
    pub switches: Switches,
}

impl Default for ShopOptions {
    fn default() -> Self {
        Self {
            crm_token: "crm-token".to_owned(),
            erp_token: "erp-token".to_owned(),
            switches: Switches::default(),
        }
    }
}

/// The shop world.
#[derive(Debug)]
pub struct Shop;

impl Shop {
    /// Starts a shop with default options. Port 0 takes a free one.
    pub async fn start(addr: SocketAddr) -> io::Result<ShopHandle> {
        Self::start_with(addr, ShopOptions::default()).await
    }

    /// Starts a shop.
    pub async fn start_with(addr: SocketAddr, options: ShopOptions) -> io::Result<ShopHandle> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let world = Arc::new(World {
            books: Mutex::new(Books::default()),
            panel: Mutex::new(Panel::new(options.switches.clone())),
            stop: Stop(stopped.clone()),
            options,
        });
        let service = router(Arc::clone(&world)).into_make_service_with_connect_info::<Cut>();
        let server = axum::serve(CuttableListener(listener), service)
            .with_graceful_shutdown(async move { Stop(stopped).wait().await });
        let task = tokio::spawn(async move { server.await });
        Ok(ShopHandle {
            addr,
            stop,
            task,
            world,
        })
    }
}

fn router(world: Arc<World>) -> Router {
    Router::new()
        .route("/crm/contacts", get(crm::contacts))
        .route("/crm/contacts/{id}", get(crm::contact))
        .route("/erp/invoices", post(erp::create))
        .route("/erp/invoices/{id}/void", post(erp::void))
        .route("/ledger", get(control::ledger).delete(control::clear))
        .route("/ledger/calls", get(control::calls))
        .route("/switches", get(control::switches).put(control::set))
        .with_state(world)
}

/// Tells when the shop is told to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    pub(crate) async fn wait(&self) {
        // An error means that the handle is gone, which stops the shop as well.
        let _ = self.0.clone().wait_for(|stopped| *stopped).await;
    }
}

/// A running shop; it stops when the handle is dropped.
pub struct ShopHandle {
    /// Where it listens.
    pub addr: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<io::Result<()>>,
    world: Arc<World>,
}

impl ShopHandle {
    /// `http://` and the address.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The effects so far.
    pub fn ledger(&self) -> Ledger {
        self.world.books.lock().ledger()
    }

    /// Every request so far.
    pub fn calls(&self) -> Vec<Call> {
        self.world.books.lock().calls().to_vec()
    }

    /// Forgets effects and requests.
    pub fn clear_ledger(&self) {
        *self.world.books.lock() = Books::default();
    }

    /// Replaces all switches and begins to count anew.
    pub fn set_switches(&self, switches: Switches) {
        *self.world.panel.lock() = Panel::new(switches);
    }

    /// Stops the shop and waits until its connections are closed.
    pub async fn shutdown(self) -> io::Result<()> {
        let _ = self.stop.send(true);
        self.task.await.map_err(io::Error::other)?
    }
}
