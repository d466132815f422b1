//! The desk: what people see of the host in a browser.
//!
//! Rendered on the server, one file for each page, without anything from outside. Pages
//! read and decide through the same engine calls as the API. Handlers give a [`Page`] or
//! a failure; the frame around it is put there in one place.

mod approvals;
mod assets;
mod audit;
mod bulk;
mod codes;
mod connections;
mod environment;
mod events;
mod exception;
mod exceptions;
mod failure;
mod flow;
mod flows;
mod form;
mod frame;
mod html;
mod keys;
mod overview;
mod run;
mod runs;
mod schedules;
mod search;
mod theme;
mod visitor;

pub(crate) use assets::{ICON_URL, STYLE_URL};
pub(crate) use failure::no_such_page;
pub(crate) use frame::dress;

use crate::access::{Needs, Routes};
use axum::response::Redirect;
use dowel_core::access::Permission;
use failure::Failure;
use frame::{Page, Tab};
use visitor::Visitor;

/// What a handler of a page gives.
type Shown = Result<Page, Failure>;

/// All pages, with what each asks of its caller.
pub(crate) fn routes(routes: Routes) -> Routes {
    let read = Needs::of(Permission::Read).as_page();
    let signed_in = Needs::signed_in().as_page();
    let routes = routes
        .get("/", Needs::open(), async || Redirect::temporary("/desk"))
        .get("/desk", read.each(), overview::page)
        .get("/desk/", Needs::open(), async || {
            Redirect::permanent("/desk")
        })
        .get("/desk/search", read.each(), search::page)
        .get("/desk/runs", read.each(), runs::page)
        .get("/desk/runs/{id}", read.about_run("id"), run::page)
        .get("/desk/flows", read.each(), flows::page)
        .get("/desk/flows/{flow}", read.about_flow("flow"), flow::page)
        .post(
            "/desk/flows/{flow}/{switch}",
            Needs::of(Permission::Switch).about_flow("flow").as_page(),
            flow::switch,
        )
        .get("/desk/environment", read.each(), environment::page)
        .get("/desk/schedules", read.each(), schedules::page)
        .get("/desk/connections", read.each(), connections::page)
        .get("/desk/connectors", read.each(), connections::connectors)
        .get("/desk/events", read.each(), events::page)
        .get(
            "/desk/audit",
            Needs::of(Permission::Audit).each().as_page(),
            audit::page,
        )
        .get("/desk/codes/{code}", signed_in, codes::page)
        .get("/desk/keys", signed_in, keys::page)
        .post("/desk/theme", Needs::open(), theme::choose)
        .get("/desk/assets/{name}", Needs::open(), assets::asset);
    decisions(routes)
}

/// Pages on which people decide.
fn decisions(routes: Routes) -> Routes {
    let read = Needs::of(Permission::Read).as_page();
    let operate = Needs::of(Permission::Operate).as_page();
    routes
        .get("/desk/exceptions", read.each(), exceptions::page)
        .post("/desk/exceptions", operate.each(), exceptions::choose)
        .get(
            "/desk/exceptions/{id}",
            read.about_run("id"),
            exception::page,
        )
        .post(
            "/desk/exceptions/{id}/{action}",
            operate.about_run("id"),
            exception::actions::decide,
        )
        .post(
            "/desk/environment/{digest}",
            Needs::of(Permission::Decide).as_page(),
            environment::decide,
        )
        .get("/desk/bulk", read.each(), bulk::list)
        .post("/desk/bulk", operate.each(), bulk::begin)
        .get("/desk/bulk/{id}", read.each(), bulk::page)
        .post("/desk/bulk/{id}/{change}", operate.each(), bulk::change)
        .get("/desk/approvals", read.each(), approvals::page)
        .post(
            "/desk/approvals/{run}/{step}",
            Needs::of(Permission::Decide).about_run("run").as_page(),
            approvals::decide,
        )
        .post(
            "/desk/proposals/{id}/{what}",
            Needs::of(Permission::Confirm).each().as_page(),
            approvals::proposals::decide,
        )
}
