//! A connection that is bound: its gateway, and a pool for each component it is used with.

use crate::connector::Installed;
use crate::gateway::{Gateway, Rule};
use crate::load::BindReason;
use crate::pace::{Lanes, Usage};
use crate::pool::Pool;
use dowel_core::connection::Connection;
use dowel_core::port::Secrets;
use dowel_core::{ConnectionName, Digest};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;

/// The connections that are bound, by name.
pub(crate) type Connections = Arc<HashMap<ConnectionName, Arc<Bound>>>;

/// What the calls of a host share.
pub(crate) struct Shared {
    pub connections: RwLock<Connections>,
    pub lanes: Lanes,
}

impl Shared {
    /// Nothing is bound.
    pub(crate) fn new() -> Self {
        Self {
            connections: RwLock::default(),
            lanes: Lanes::new(),
        }
    }

    /// Lets go of all instances that are idle.
    pub(crate) fn make_room(&self) {
        let connections = Arc::clone(&*self.connections.read());
        connections.values().for_each(|bound| bound.drain());
    }
}

/// A connection with everything that belongs to it alone.
pub(crate) struct Bound {
    pub connection: Connection,
    pub gateway: Gateway,
    /// What its guests have computed lately.
    pub usage: Usage,
    /// One for each version that unfinished runs are fixed to: seldom more than two.
    uses: RwLock<Vec<Arc<Use>>>,
}

/// A component, used through a connection.
pub(crate) struct Use {
    pub connector: Arc<Installed>,
    /// The manifest's egress rules, filled in from the connection's configuration.
    pub needs: Vec<Rule>,
    pub pool: Pool,
}

impl Bound {
    /// Checks the connection's own settings.
    pub(crate) fn new(
        connection: Connection,
        secrets: Arc<dyn Secrets>,
    ) -> Result<Self, Vec<BindReason>> {
        Ok(Self {
            gateway: Gateway::new(&connection, secrets)?,
            connection,
            usage: Usage::default(),
            uses: RwLock::default(),
        })
    }

    /// Checks that what the component needs is granted.
    pub(crate) fn check(&self, connector: &Installed) -> Result<(), Vec<BindReason>> {
        let needs = needs(&self.connection, connector)?;
        match self.gateway.ungranted(&needs) {
            None => Ok(()),
            Some(need) => Err(vec![BindReason::NotGranted {
                need: need.text().to_owned(),
                component: connector.digest,
            }]),
        }
    }

    /// The component's use through this connection, if it was used before.
    pub(crate) fn known_use(&self, component: &Digest) -> Option<Arc<Use>> {
        let uses = self.uses.read();
        let mut found = uses.iter().filter(|u| u.connector.digest == *component);
        found.next().cloned()
    }

    /// The component's use through this connection; made when it is first needed.
    pub(crate) fn used(&self, connector: &Arc<Installed>) -> Result<Arc<Use>, Vec<BindReason>> {
        let needs = needs(&self.connection, connector)?;
        let mut uses = self.uses.write();
        if let Some(found) = uses.iter().find(|u| u.connector.digest == connector.digest) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(Use {
            connector: Arc::clone(connector),
            needs,
            pool: Pool::new(&self.connection),
        });
        uses.push(Arc::clone(&made));
        Ok(made)
    }

    /// Lets go of all idle instances.
    pub(crate) fn drain(&self) {
        for used in self.uses.read().iter() {
            used.pool.drain();
        }
    }
}

fn needs(connection: &Connection, connector: &Installed) -> Result<Vec<Rule>, Vec<BindReason>> {
    let mut rules = Vec::new();
    let mut problems = Vec::new();
    for rule in &connector.manifest.egress {
        match Rule::of_manifest(rule, &connection.config) {
            Ok(rule) => rules.push(rule),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(rules)
    } else {
        Err(problems)
    }
}
