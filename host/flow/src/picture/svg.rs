//! Draws places as SVG.

use super::icon;
use super::layout::MARGIN;
use super::numbers::{Numbers, StepNumbers, short};
use super::scene::Scene;
use super::shape::{Card, Line, Piece, Pill, Point, Shape};
use super::style::{RULES, THEME};
use std::fmt::Write as _;

/// How a picture is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// Where its style sheet is.
    pub style: Style,
    /// Numbers to show on steps.
    pub numbers: &'a Numbers,
    /// Each step is a link to this, followed by its key; no links without it.
    pub link: Option<&'a str>,
}

/// Where the style sheet of a picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// In the picture, which then stands alone.
    Inside,
    /// In the page around it: [`THEME`] and [`RULES`].
    OfThePage,
}

/// How far corners of lines are rounded.
const CORNER: i32 = 8;

/// The height of the name and description above a picture that stands alone.
const HEADING: i32 = 48;
/// From the left edge of a card to its text.
const TEXT_LEFT: i32 = 44;
/// From the end of a text to the right edge of its card.
const TEXT_RIGHT: i32 = 12;

/// The widths of a character, in tenths of a pixel, on the safe side of usual fonts.
const TITLE_CHAR: i32 = 78;
const DETAIL_CHAR: i32 = 66;
const CODE_CHAR: i32 = 68;

/// Draws a placed scene.
pub(super) fn draw(scene: &Scene, placed: &Piece<'_>, look: &Look<'_>) -> String {
    let alone = look.style == Style::Inside;
    let above = if alone { HEADING } else { 0 };
    let (width, height) = (placed.width, placed.height + above);
    let mut out = String::new();
    let name = escape(&format!("Flow {} {}", scene.flow, scene.version));
    let _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" class="fp" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="group" aria-label="{name}">"#
    );
    if let Some(description) = &scene.description {
        let _ = writeln!(out, "<desc>{}</desc>", escape(description));
    }
    if alone {
        heading(&mut out, scene, width);
    }
    let _ = writeln!(out, r#"<g transform="translate(0 {above})">"#);
    // Boxes first, so that lines and steps lie on them; lines before steps.
    for shape in &placed.shapes {
        if let Shape::Frame(card) = shape {
            frame(&mut out, card, look);
        }
    }
    for shape in &placed.shapes {
        if let Shape::Line(line) = shape {
            draw_line(&mut out, line);
        }
    }
    for shape in &placed.shapes {
        match shape {
            Shape::Card(card) => draw_card(&mut out, card, look),
            Shape::Pill(pill) => draw_pill(&mut out, pill),
            Shape::Frame(_) | Shape::Line(_) => {}
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// Style sheet, ground, name and description of a picture that stands alone.
fn heading(out: &mut String, scene: &Scene, width: i32) {
    let _ = writeln!(out, "<style>\n{THEME}{RULES}</style>");
    let _ = writeln!(
        out,
        r#"<rect class="fp-ground" width="100%" height="100%"/>"#
    );
    let space = width - 2 * MARGIN;
    let title = format!("{} {}", scene.flow, scene.version);
    text(
        out,
        "fp-head",
        (MARGIN, MARGIN + 10),
        &fit(&title, space, 92),
    );
    if let Some(description) = &scene.description {
        let line = fit(description, space, DETAIL_CHAR);
        text(out, "fp-detail", (MARGIN, MARGIN + 28), &line);
    }
}

fn draw_card(out: &mut String, card: &Card<'_>, look: &Look<'_>) {
    open(out, card, look);
    let radius = if card.is_round { card.height / 2 } else { 8 };
    rect(out, "fp-card", card.at, (card.width, card.height), radius);
    badge(out, card);
    words(out, card);
    numbers(out, card, look.numbers);
    close(out, card, look);
}

/// A box around steps: its words stand in its head.
fn frame(out: &mut String, card: &Card<'_>, look: &Look<'_>) {
    open(out, card, look);
    rect(out, "fp-frame", card.at, (card.width, card.height), 12);
    badge(out, card);
    words(out, card);
    numbers(out, card, look.numbers);
    close(out, card, look);
}

fn open(out: &mut String, card: &Card<'_>, look: &Look<'_>) {
    if let (Some(link), Some(key)) = (look.link, card.key) {
        let target = escape(&format!("{link}{key}"));
        let _ = write!(out, r#"<a href="{target}">"#);
    }
    let kind = card.kind;
    let family = icon::family(kind);
    let step = card
        .key
        .map(|key| format!(r#" data-step="{}""#, escape(key)))
        .unwrap_or_default();
    let numbers = card.key.and_then(|key| look.numbers.get(key));
    let numbers = numbers.map(|of| format!("; {}", of.words()));
    let alternative = escape(&format!(
        "{}{}",
        card.alternative,
        numbers.unwrap_or_default()
    ));
    let _ = write!(
        out,
        r#"<g class="fp-{kind} {family}" role="img" aria-label="{alternative}"{step}><title>{alternative}</title>"#
    );
}

fn close(out: &mut String, card: &Card<'_>, look: &Look<'_>) {
    out.push_str("</g>");
    if look.link.is_some() && card.key.is_some() {
        out.push_str("</a>");
    }
    out.push('\n');
}

/// The drawing of the kind, in a tinted square or circle.
fn badge(out: &mut String, card: &Card<'_>) {
    let (x, y) = (card.at.0 + 10, card.at.1 + 12);
    let radius = if card.is_round { 12 } else { 6 };
    rect(out, "fp-badge", (x, y), (24, 24), radius);
    let path = icon::path(card.kind);
    let _ = write!(
        out,
        r#"<path class="fp-icon" transform="translate({} {})" d="{path}"/>"#,
        x + 4,
        y + 4
    );
}

fn words(out: &mut String, card: &Card<'_>) {
    let (x, y) = (card.at.0 + TEXT_LEFT, card.at.1);
    let space = card.width - TEXT_LEFT - TEXT_RIGHT;
    let title_at = if card.detail.is_empty() { 29 } else { 21 };
    let title = fit(card.title, space, TITLE_CHAR);
    text(out, "fp-title", (x, y + title_at), &title);
    if !card.detail.is_empty() {
        let detail = fit(card.detail, space, DETAIL_CHAR);
        text(out, "fp-detail", (x, y + 37), &detail);
    }
    if let Some(condition) = card.condition {
        let line = fit(&format!("if {condition}"), space, CODE_CHAR);
        text(out, "fp-code", (x, y + 55), &line);
    }
}

/// Numbers stand on the upper edge, at its right end.
fn numbers(out: &mut String, card: &Card<'_>, numbers: &Numbers) {
    let Some(of) = card.key.and_then(|key| numbers.get(key)) else {
        return;
    };
    let mut right = card.at.0 + card.width - 10;
    for (family, words) in chips(of) {
        let count = i32::try_from(words.len()).unwrap_or_default();
        let width = count * 6 + 14;
        let (x, y) = (right - width, card.at.1 - 9);
        let _ = write!(out, r#"<g class="{family}">"#);
        rect(out, "fp-chip", (x, y), (width, 18), 9);
        text(out, "fp-count", (x + width / 2, y + 13), &words);
        out.push_str("</g>");
        right = x - 4;
    }
}

/// The numbers of a step from right to left: failures, ends, runs at work.
fn chips(of: &StepNumbers) -> Vec<(&'static str, String)> {
    let mut chips = Vec::new();
    if let Some(rate) = of.error_rate() {
        chips.push(("fp-bad", rate));
    }
    if of.done > 0 {
        chips.push(("fp-plain", short(of.done)));
    }
    if of.now > 0 {
        chips.push(("fp-act", format!("{} now", short(of.now))));
    }
    chips
}

fn draw_pill(out: &mut String, pill: &Pill<'_>) {
    let words = fit(pill.text, pill.max_width - 16, CODE_CHAR);
    let count = i32::try_from(words.chars().count()).unwrap_or_default();
    let width = count * CODE_CHAR / 10 + 16;
    let (x, y) = (pill.at.0 - width / 2, pill.at.1 - 10);
    let full = escape(pill.text);
    let _ = write!(
        out,
        r#"<g role="img" aria-label="{full}"><title>{full}</title>"#
    );
    rect(out, "fp-pill", (x, y), (width, 20), 10);
    let at = (pill.at.0, pill.at.1 + 4);
    text(out, "fp-code fp-middle", at, &words);
    out.push_str("</g>\n");
}

fn draw_line(out: &mut String, line: &Line) {
    let extra = if line.is_failure { " fp-failure" } else { "" };
    let mut points = line.points.clone();
    points.dedup();
    let [.., before, tip] = points.as_slice() else {
        return;
    };
    let (before, tip) = (*before, *tip);
    if line.has_tip {
        // The line ends within its tip.
        let end = towards(tip, before, 5);
        if let Some(last) = points.last_mut() {
            *last = end;
        }
    }
    let _ = write!(
        out,
        r#"<path class="fp-line{extra}" d="{}"/>"#,
        rounded(&points)
    );
    if line.has_tip {
        let base = towards(tip, before, 7);
        let (dx, dy) = ((tip.0 - base.0).signum() * 4, (tip.1 - base.1).signum() * 4);
        let _ = write!(
            out,
            r#"<path class="fp-tip{extra}" d="M{} {}L{} {}L{} {}z"/>"#,
            tip.0,
            tip.1,
            base.0 - dy,
            base.1 - dx,
            base.0 + dy,
            base.1 + dx
        );
    }
    out.push('\n');
}

/// A path through points that lie above or beside each other, its corners rounded.
fn rounded(points: &[Point]) -> String {
    let mut path = String::new();
    for (index, point) in points.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| points[index]);
        match (before, points.get(index + 1)) {
            (None, _) => {
                let _ = write!(path, "M{} {}", point.0, point.1);
            }
            (Some(_), None) => {
                let _ = write!(path, "L{} {}", point.0, point.1);
            }
            (Some(before), Some(after)) => {
                let radius = CORNER
                    .min(distance(*point, before) / 2)
                    .min(distance(*point, *after) / 2);
                let start = towards(*point, before, radius);
                let end = towards(*point, *after, radius);
                let _ = write!(
                    path,
                    "L{} {}Q{} {} {} {}",
                    start.0, start.1, point.0, point.1, end.0, end.1
                );
            }
        }
    }
    path
}

const fn distance(a: Point, b: Point) -> i32 {
    (a.0 - b.0).abs() + (a.1 - b.1).abs()
}

/// The point that lies `by` from `from` in the direction of `to`.
const fn towards(from: Point, to: Point, by: i32) -> Point {
    (
        from.0 + (to.0 - from.0).signum() * by,
        from.1 + (to.1 - from.1).signum() * by,
    )
}

fn rect(out: &mut String, class: &str, (x, y): Point, (width, height): Point, radius: i32) {
    let _ = write!(
        out,
        r#"<rect class="{class}" x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}"/>"#
    );
}

fn text(out: &mut String, class: &str, (x, y): Point, words: &str) {
    let words = escape(words);
    let _ = write!(
        out,
        r#"<text class="{class}" x="{x}" y="{y}">{words}</text>"#
    );
}

/// As much of a text as has room, with an ellipsis if that is not all of it.
fn fit(text: &str, space: i32, tenths_per_char: i32) -> String {
    let room = usize::try_from(space * 10 / tenths_per_char).unwrap_or_default();
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Text for XML, be it between tags or in an attribute. Characters that XML does not know
/// become a replacement character.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
