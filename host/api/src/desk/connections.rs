//! Connections as they stand, and the connectors behind them.

use super::{Page, Tab, html};
use crate::state::ApiState;
use axum::extract::State;
use dowel_core::connection::Connection;
use dowel_core::{ConnectionName, Timestamp};
use dowel_engine::{ConnectionStatus, ConnectorUse};
use maud::{Markup, html};
use std::sync::Arc;

/// Seconds between looks.
const LIVE: u32 = 5;

pub(super) async fn page(State(state): State<Arc<ApiState>>) -> Page {
    let connections = state.engine.connections();
    let now = state.engine.time();
    let body = html! {
        section .panel .flush aria-label="Connections" data-part="connections" {
            @if connections.is_empty() {
                (html::empty("No connection is in use", &html! { p { "A connection is a connector that is configured and authorised under " code { "connections" } " in the environment file." } }))
            } @else { (table(&connections, now)) }
        }
    };
    Page::new(Tab::Connections, "Connections", body).live(LIVE)
}

fn table(connections: &[ConnectionStatus], now: Timestamp) -> Markup {
    let table = html! {
        table .cards {
            thead { tr {
                th scope="col" { "Connection" } th scope="col" { "Breaker" } th .num scope="col" { "Calls" }
                th .num scope="col" { "Waiting" } th scope="col" { "Rate" }
            } }
            tbody {
                @for connection in connections {
                    tr {
                        th .whole scope="row" { (connection.connection) }
                        td data-label="Breaker" {
                            @match connection.breaker {
                                Some(breaker) => (html::badge(breaker.name())),
                                None => span .soft { "none" },
                            }
                            @if let Some(until) = connection.open_until { div .small .soft { "tries again " (html::time(until, now)) } }
                        }
                        td .num data-label="Calls" { (connection.in_flight) " of " (connection.concurrency) }
                        td .num data-label="Waiting" { (connection.waiting) }
                        td data-label="Rate" {
                            @match &connection.rate {
                                Some(rate) => { (rate) @if let Some(tokens) = connection.tokens { div .small .soft { (tokens) " at once" } } },
                                None => span .soft { "not limited" },
                            }
                            @if let Some(until) = connection.paused_until { div .small { "paused, goes on " (html::time(until, now)) } }
                        }
                    }
                }
            }
        }
    };
    html::scroll("Connections", &table)
}

pub(super) async fn connectors(State(state): State<Arc<ApiState>>) -> Page {
    let uses = state.engine.connectors();
    let body = html! {
        @if uses.is_empty() {
            div .panel { (html::empty("No flow calls a connector", &html! { p { "Connectors that active flows call are listed here, with their digests and with what each connection may reach." } })) }
        }
        div .grid .wide {
            @for one in &uses { (card(one, granted(&state.options.connections, &one.connection))) }
        }
    };
    Page::new(Tab::Connectors, "Connectors", body)
}

fn granted<'c>(connections: &'c [Connection], name: &ConnectionName) -> Option<&'c Connection> {
    connections
        .iter()
        .find(|connection| connection.name == *name)
}

fn card(one: &ConnectorUse, granted: Option<&Connection>) -> Markup {
    html! {
        section .panel {
            h2 { (one.connection) }
            dl .facts {
                dt { "Connector" } dd { (one.connector.name) " " (one.connector.version) }
                dt { "Digest" } dd .id { (one.connector.digest) }
                dt { "Flows" } dd { @for flow in &one.flows { div { (html::flow(flow)) } } }
                @if let Some(granted) = granted { (capabilities(granted)) }
            }
        }
    }
}

/// What a connection may reach; everything else is refused.
fn capabilities(granted: &Connection) -> Markup {
    html! {
        dt { "May reach" }
        dd {
            @if granted.allow.is_empty() { "nothing" }
            @for rule in &granted.allow { div .id { (rule.methods.join(",")) " " (rule.url) } }
        }
        @if !granted.private_addresses.is_empty() {
            dt { "Private addresses" } dd .id { (granted.private_addresses.join(", ")) }
        }
        dt { "Credential" }
        dd {
            @match &granted.auth {
                Some(auth) => { "added by the host" @if !auth.origins.is_empty() { ", for " (auth.origins.join(", ")) } },
                None => "none",
            }
        }
    }
}
