//! Who calls the admin listener, and what they may do.
//!
//! # Adding a route
//!
//! Routes of the admin listener are added in [`admin`](crate::admin) with
//! [`Routes::get`] and [`Routes::post`], which take the handler together with what it
//! [`Needs`]: there is no way to add a route without saying so. `Needs` has two parts, the
//! permission and what the route is about:
//!
//! ```text
//! Needs::of(Permission::Operate).about_run("id")     one run or exception, by a part of the path
//! Needs::of(Permission::Switch).about_flow("flow")   one flow, by a part of the path
//! Needs::of(Permission::Backup)                      the whole host
//! Needs::of(Permission::Read).each()                 many flows: the handler leaves out what
//!                                                    `Actor::reaches` denies
//! Needs::signed_in()                                 anybody who is known
//! Needs::open()                                      everybody
//! ….as_page()                                        a page for people: who is not signed in
//!                                                    is sent to `/login`
//! ….answers_with_a_secret()                          whoever repeats it with the same
//!                                                    `Idempotency-Key` is not shown the answer
//! ```
//!
//! The [`guard`] in front of every handler finds out who calls, refuses who may not, and
//! leaves the caller as [`Actor`], which handlers and pages take as an argument. Whatever is
//! written into the audit record comes from it ([`Actor::deciding`], [`Actor::by`]) and never
//! from a field of the request. A page that shows a form puts [`Actor::csrf`] into a hidden
//! field `csrf`; the guard compares it before the handler runs, and a handler takes the
//! fields of the form as [`Form`]. The test `every_route` walks all routes with all roles.

mod actor;
mod address;
mod caller;
mod cookie;
mod device;
mod form;
mod guard;
mod limits;
mod login;
mod needs;
mod oidc;
mod page;
mod peer;
mod repeat;
mod routes;
mod tokens;
mod users;

pub use actor::Actor;
pub(crate) use address::client_address;
pub use form::Form;
pub(crate) use limits::Limits;
pub use needs::{About, Needs, Repeats, Who};
pub(crate) use oidc::Logins;
pub use peer::Peer;
pub use routes::Route;
pub(crate) use routes::Routes;

use dowel_core::access::Permission;

/// The routes with which people and programs sign in, and with which access is managed.
pub(crate) fn routes(routes: Routes) -> Routes {
    let people = || Needs::of(Permission::People);
    routes
        .get("/login", Needs::open(), login::show)
        .post("/login", Needs::open(), login::sign_in)
        .get("/login/oidc", Needs::open(), oidc::begin)
        .get("/login/callback", Needs::open(), oidc::callback)
        .post("/logout", Needs::signed_in().as_page(), login::sign_out)
        .get("/login/device", Needs::signed_in().as_page(), device::ask)
        .post(
            "/login/device",
            Needs::signed_in().as_page(),
            device::confirm,
        )
        .post("/api/v1/login/device", Needs::open(), device::begin)
        .post("/api/v1/login/device/token", Needs::open(), device::token)
        .get("/api/v1/me", Needs::signed_in(), users::me)
        .get(
            "/api/v1/access",
            Needs::of(Permission::Audit),
            users::access,
        )
        .post(
            "/api/v1/invitations",
            people().answers_with_a_secret(),
            users::invite,
        )
        .post("/api/v1/users/{user}/{change}", people(), users::change)
        .get("/api/v1/tokens", Needs::signed_in(), tokens::list)
        .post(
            "/api/v1/tokens",
            Needs::signed_in().answers_with_a_secret(),
            tokens::create,
        )
        .post(
            "/api/v1/tokens/{id}/revoke",
            Needs::signed_in(),
            tokens::revoke,
        )
}

/// The descriptions of these routes.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    device::begin,
    device::token,
    users::me,
    users::access,
    users::invite,
    users::change,
    tokens::list,
    tokens::create,
    tokens::revoke,
))]
pub(crate) struct Described;
