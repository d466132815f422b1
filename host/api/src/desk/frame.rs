//! What is around every page: navigation, search, headers that keep strangers out.

use super::assets::{ICON_URL, SCRIPT_URL, STYLE_URL};
use super::visitor::Theme;
use crate::access::Actor;
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use dowel_core::access::Permission;
use maud::{DOCTYPE, Markup, html};
use std::sync::Arc;

/// Nothing from elsewhere, nothing inside the page itself, no frame around it.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Where a page is in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Overview,
    Runs,
    Exceptions,
    Approvals,
    Flows,
    Schedules,
    Connections,
    Connectors,
    Environment,
    Events,
    Audit,
    None,
}

/// A link of the navigation: its page, where it leads, what it is called.
type Entry = (Tab, &'static str, &'static str);

/// The navigation: heading, and what is under it.
const NAVIGATION: [(&str, &[Entry]); 2] = [
    (
        "Work",
        &[
            (Tab::Overview, "/desk", "Overview"),
            (Tab::Runs, "/desk/runs", "Runs"),
            (Tab::Exceptions, "/desk/exceptions", "Exceptions"),
            (Tab::Approvals, "/desk/approvals", "Approvals"),
        ],
    ),
    (
        "Environment",
        &[
            (Tab::Flows, "/desk/flows", "Flows"),
            (Tab::Environment, "/desk/environment", "Versions and drift"),
            (Tab::Schedules, "/desk/schedules", "Schedules"),
            (Tab::Connections, "/desk/connections", "Connections"),
            (Tab::Connectors, "/desk/connectors", "Connectors"),
            (Tab::Events, "/desk/events", "Events"),
            (Tab::Audit, "/desk/audit", "Audit"),
        ],
    ),
];

/// Who sees a page, as far as the frame has to know.
struct Viewer {
    /// Nobody, of a page that everybody may see.
    actor: Option<Actor>,
    theme: Option<Theme>,
    uri: Uri,
}

impl Viewer {
    fn may(&self, permission: Permission) -> bool {
        let actor = self.actor.as_ref();
        actor.is_some_and(|actor| actor.may(permission))
    }

    /// Whether numbers about the whole host are for them.
    fn counts(&self) -> bool {
        let actor = self.actor.as_ref();
        actor.is_some_and(|actor| actor.may_everywhere(Permission::Read))
    }
}

/// A page without its frame.
#[derive(Clone)]
pub(super) struct Page {
    tab: Tab,
    title: String,
    /// Beside the title.
    beside: Option<Markup>,
    /// Pages above it, as links and names.
    above: Vec<(String, String)>,
    /// Seconds between looks for something new.
    live: Option<u32>,
    status: StatusCode,
    body: Markup,
}

impl Page {
    pub(super) fn new(tab: Tab, title: impl Into<String>, body: Markup) -> Self {
        Self {
            tab,
            title: title.into(),
            beside: None,
            above: Vec::new(),
            live: None,
            status: StatusCode::OK,
            body,
        }
    }

    /// The browser looks every so many seconds for something new.
    pub(super) fn live(mut self, seconds: u32) -> Self {
        self.live = Some(seconds);
        self
    }

    /// What stands beside the title.
    pub(super) fn beside(mut self, markup: Markup) -> Self {
        self.beside = Some(markup);
        self
    }

    /// A page above this one.
    pub(super) fn below(mut self, href: impl Into<String>, name: impl Into<String>) -> Self {
        self.above.push((href.into(), name.into()));
        self
    }

    pub(super) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    fn render(&self, state: &ApiState, viewer: &Viewer) -> String {
        let theme = viewer.theme.map(Theme::name);
        let page = html! {
            (DOCTYPE)
            html lang="en" data-theme=[theme] {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) " · Dowel" }
                    link rel="icon" href=(*ICON_URL) type="image/svg+xml";
                    link rel="stylesheet" href=(*STYLE_URL);
                    script src=(*SCRIPT_URL) defer {}
                }
                body {
                    a .skip href="#main" { "Skip to the content" }
                    div .frame {
                        (self.side(state, viewer))
                        div .work {
                            (top())
                            main #main tabindex="-1" data-live=[self.live] {
                                (self.head())
                                (self.body)
                            }
                        }
                    }
                }
            }
        };
        page.into_string()
    }

    fn head(&self) -> Markup {
        html! {
            div .head {
                @if !self.above.is_empty() {
                    nav .crumbs aria-label="Pages above" {
                        @for (href, name) in &self.above { a href=(href) { (name) } " / " }
                    }
                }
                div { h1 { (self.title) } @if let Some(beside) = &self.beside { (beside) } }
                @if self.live.is_some() {
                    span .live data-live-state data-state="static" role="status" {}
                }
            }
        }
    }

    fn side(&self, state: &ApiState, viewer: &Viewer) -> Markup {
        let count = |tab| match tab {
            Tab::Exceptions if viewer.counts() => Some((state.engine.item_count(), "bad")),
            Tab::Approvals if viewer.counts() => Some((state.engine.approval_count(), "")),
            _ => None,
        };
        let shows = |tab| match tab {
            Tab::Audit => viewer.may(Permission::Audit),
            _ => viewer.may(Permission::Read),
        };
        html! {
            header .side { div {
                a .brand href="/desk" {
                    svg viewBox="0 0 24 24" aria-hidden="true" {
                        path fill="currentColor" opacity="0.55" d="M3 3h7v7H3zM14 3h7v7h-7zM3 14h7v7H3zM14 14h7v7h-7z" {}
                        path fill="currentColor" d="M5 10.5h14v3H5z" {}
                    }
                    "Dowel"
                }
                nav aria-label="Pages" data-part="navigation" {
                    @for (heading, entries) in NAVIGATION {
                        h2 { (heading) }
                        ul {
                            @for (tab, href, name) in entries.iter().copied().filter(|(tab, ..)| shows(*tab)) {
                                li {
                                    a href=(href) aria-current=[(tab == self.tab).then_some("page")] {
                                        (name)
                                        @if let Some((count, class)) = count(tab).filter(|(count, _)| *count > 0) {
                                            span .count .(class) { (count) span .visually-hidden { " open" } }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
                div .foot {
                    (themes(viewer))
                    a .small href="/desk/keys" { "Keyboard shortcuts" }
                    (account(viewer))
                    span .small .soft { "Version " (env!("CARGO_PKG_VERSION")) }
                }
            } }
        }
    }
}

fn themes(viewer: &Viewer) -> Markup {
    let back = viewer
        .uri
        .path_and_query()
        .map_or("/desk", |path| path.as_str());
    let choices = [
        ("system", None),
        ("light", Some(Theme::Light)),
        ("dark", Some(Theme::Dark)),
    ];
    html! {
        form .themes method="post" action="/desk/theme" aria-label="Theme" {
            input type="hidden" name="back" value=(back);
            @for (name, theme) in choices {
                button .quiet name="theme" value=(name) aria-pressed=(theme == viewer.theme) {
                    (name)
                }
            }
        }
    }
}

/// Who is signed in, and the way out.
fn account(viewer: &Viewer) -> Markup {
    let Some(actor) = &viewer.actor else {
        return html! { a .small href="/login" { "Sign in" } };
    };
    html! {
        form method="post" action="/logout" .row {
            input type="hidden" name="csrf" value=(actor.csrf());
            span .small { (actor.id()) }
            button .quiet { "Sign out" }
        }
    }
}

fn top() -> Markup {
    html! {
        div .top {
            form .search role="search" action="/desk/search" {
                label .visually-hidden for="search" { "Search" }
                input #search type="search" name="q" required autocomplete="off"
                    placeholder="Run, business key or trace id   ( / )";
                button { "Search" }
            }
        }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Puts the frame around a page, and the headers on everything of the desk.
pub(crate) async fn dress(
    State(state): State<Arc<ApiState>>,
    request: Request,
    next: Next,
) -> Response {
    let is_ours = request.uri().path().starts_with("/desk");
    let (uri, theme) = (request.uri().clone(), Theme::of(request.headers()));
    let mut response = next.run(request).await;
    if !is_ours {
        return response;
    }
    let actor = response.extensions_mut().remove::<Actor>();
    if let Some(page) = response.extensions_mut().remove::<Page>() {
        let viewer = Viewer { actor, theme, uri };
        *response.body_mut() = Body::from(page.render(&state, &viewer));
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, html);
    }
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 5] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Forms say by it where they come from.
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fixed {
        // A page from before the sign-in has a policy of its own.
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
