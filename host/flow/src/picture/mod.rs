//! The picture of a flow: its triggers, steps, branches, loops, failures and what undoes
//! them, as SVG, as Mermaid, as text and as data.
//!
//! [`Scene`] says what is shown, in words; `layout` gives it places; `svg` draws it. All of
//! it is pure, so that the command line and the desk show the same.

mod icon;
mod label;
mod layout;
mod mermaid;
mod numbers;
mod outline;
mod scene;
mod shape;
mod style;
mod svg;

pub(crate) use label::{
    detail as step_detail, expression as expression_text, fields, kind as step_kind,
    schedule as schedule_text, template as template_text, trigger_text,
};
pub use numbers::{Numbers, StepNumbers};
pub use scene::{Entry, Inside, Lane, Scene, Shown};
pub use style::{RULES, THEME};
pub use svg::{Look, Style};

use crate::plan::Plan;

/// The picture of a flow as an SVG document or fragment.
pub fn svg(plan: &Plan, look: &Look<'_>) -> String {
    let scene = Scene::of(plan);
    svg::draw(&scene, &layout::place(&scene), look)
}

/// The picture of a flow as a Mermaid flowchart.
pub fn mermaid(plan: &Plan) -> String {
    mermaid::write(&Scene::of(plan))
}

/// The picture of a flow as indented text, for terminals and for readers who see no
/// pictures.
pub fn outline(plan: &Plan) -> String {
    outline::write(&Scene::of(plan))
}
