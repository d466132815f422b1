//! Gives everything its place: steps one below the other, branches side by side, boxes
//! around loops and guarded steps. Whole pixels, so that equal plans make equal pictures.

use super::scene::{Entry, Inside, Lane, Scene, Shown};
use super::shape::{Card, Piece, Pill, Point, Shape};

/// The width of a step.
const CARD_WIDTH: i32 = 256;
/// The height of a step with a title and a line of detail.
const CARD_HEIGHT: i32 = 48;
/// What a condition adds.
const CONDITION_HEIGHT: i32 = 18;
/// Between steps, from top to bottom: room for an arrow and the numbers of a step.
const GAP: i32 = 30;
/// Between branches, from left to right.
const COLUMN_GAP: i32 = 36;
/// From a step to what undoes it.
const UNDO_GAP: i32 = 32;
/// The width of what undoes a step.
const UNDO_WIDTH: i32 = 210;
/// Around the steps in a box.
const PAD: i32 = 20;
/// The head of a box.
const HEAD: i32 = 52;
/// From a fork to its branches: room for an arrow and a label.
const FORK: i32 = 56;
/// What is left of a line after the corner in which branches come together.
const STUB: i32 = 8;
/// Where on the line of a branch its label stands.
const LABEL_AT: i32 = 32;
/// Around the picture.
pub(super) const MARGIN: i32 = 24;

/// The picture, with a margin around it.
pub(super) fn place(scene: &Scene) -> Piece<'_> {
    let mut pieces = vec![entries(&scene.triggers)];
    pieces.extend(scene.steps.iter().map(step));
    if pieces.last().is_some_and(|last| last.goes_on) {
        pieces.push(end(scene));
    }
    let inner = stack(pieces);
    let mut out = Piece {
        width: inner.width + 2 * MARGIN,
        height: inner.height + 2 * MARGIN,
        axis: inner.axis + MARGIN,
        ..Piece::default()
    };
    out.absorb(inner, (MARGIN, MARGIN));
    out
}

fn entries(triggers: &[Entry]) -> Piece<'_> {
    let cards = triggers.iter().map(|entry| {
        card(Card {
            at: (0, 0),
            width: CARD_WIDTH,
            height: CARD_HEIGHT,
            kind: entry.kind,
            key: None,
            title: &entry.name,
            detail: &entry.detail,
            condition: None,
            alternative: format!("begins with {}: {}", entry.name, entry.detail),
            is_round: true,
        })
    });
    let mut out = Piece::default();
    let columns = columns(cards.collect(), &mut out, 0);
    merge(&mut out, &columns);
    out
}

fn end(scene: &Scene) -> Piece<'_> {
    let output = scene.output.as_deref();
    card(Card {
        at: (0, 0),
        width: CARD_WIDTH,
        height: CARD_HEIGHT,
        kind: "end",
        key: None,
        title: "end",
        detail: output.unwrap_or("without an output"),
        condition: None,
        alternative: match output {
            Some(output) => format!("the run ends and yields {output}"),
            None => "the run ends".to_owned(),
        },
        is_round: true,
    })
}

fn card(card: Card<'_>) -> Piece<'_> {
    Piece {
        width: card.width,
        height: card.height,
        axis: card.width / 2,
        goes_on: true,
        shapes: vec![Shape::Card(card)],
    }
}

/// Pieces one below the other, joined by arrows.
fn stack(pieces: Vec<Piece<'_>>) -> Piece<'_> {
    let axis = pieces.iter().map(|piece| piece.axis).max().unwrap_or(0);
    let mut out = Piece {
        axis,
        goes_on: true,
        ..Piece::default()
    };
    for piece in pieces {
        let left = axis - piece.axis;
        if out.height > 0 {
            if out.goes_on {
                out.line(
                    vec![(axis, out.height), (axis, out.height + GAP)],
                    true,
                    false,
                );
            }
            out.height += GAP;
        }
        out.width = out.width.max(left + piece.width);
        out.goes_on = piece.goes_on;
        let (top, height) = (out.height, piece.height);
        out.absorb(piece, (left, top));
        out.height += height;
    }
    out
}

fn step(step: &Shown) -> Piece<'_> {
    let mut out = match &step.inside {
        Inside::Nothing => card(own(step, CARD_WIDTH)),
        Inside::Choice(lanes) => choice(step, lanes),
        Inside::Fork(lanes) => {
            let mut body = Piece::default();
            fork(&mut body, lanes, (0, 0));
            frame(step, body)
        }
        Inside::Loop { fetch, steps } => {
            let inner = fetch.as_deref().into_iter().chain(steps);
            let mut body = stack(inner.map(self::step).collect());
            // However an item ends, the loop goes on.
            body.goes_on = true;
            frame(step, body)
        }
        Inside::Guard { steps, catch } => guard(step, steps, catch),
    };
    out.goes_on &= !step.ends;
    if let Some(undo) = &step.undo {
        add_undo(&mut out, undo);
    }
    out
}

fn own(step: &Shown, width: i32) -> Card<'_> {
    let condition = step.condition.as_deref();
    Card {
        at: (0, 0),
        width,
        height: CARD_HEIGHT + condition.map_or(0, |_| CONDITION_HEIGHT),
        kind: step.kind,
        key: Some(&step.key),
        title: &step.id,
        detail: &step.detail,
        condition,
        alternative: step.alternative(),
        is_round: false,
    }
}

/// Puts what undoes a step to its right.
fn add_undo<'s>(out: &mut Piece<'s>, undo: &'s Shown) {
    let mut card = own(undo, UNDO_WIDTH);
    card.title = "undo";
    let left = out.width + UNDO_GAP;
    card.at = (left, 0);
    let middle = CARD_HEIGHT / 2;
    out.line(vec![(left - UNDO_GAP, middle), (left, middle)], true, true);
    out.width = left + card.width;
    if out.height < card.height {
        if out.goes_on {
            out.line(
                vec![(out.axis, out.height), (out.axis, card.height)],
                false,
                false,
            );
        }
        out.height = card.height;
    }
    out.shapes.push(Shape::Card(card));
}

/// A step with branches below it.
fn choice<'s>(step: &'s Shown, lanes: &'s [Lane]) -> Piece<'s> {
    let head = own(step, CARD_WIDTH);
    let mut out = Piece::default();
    let height = head.height;
    fork(&mut out, lanes, (CARD_WIDTH, height));
    let mut head = head;
    head.at = (out.axis - CARD_WIDTH / 2, 0);
    out.shapes.push(Shape::Card(head));
    out
}

/// Branches side by side below something of this size, with lines to them and from them.
fn fork<'s>(out: &mut Piece<'s>, lanes: &'s [Lane], (width, height): (i32, i32)) {
    let pieces = lanes.iter().map(|lane| branch(&lane.steps)).collect();
    let columns = columns(pieces, out, height + FORK);
    let missing = (width / 2 - out.axis).max(0);
    if missing > 0 {
        let inner = std::mem::take(out);
        out.width = (inner.width + missing).max(width);
        (out.axis, out.height) = (inner.axis + missing, inner.height);
        out.absorb(inner, (missing, 0));
    }
    out.width = out.width.max(out.axis + width / 2);
    let axis = out.axis;
    let columns: Vec<Column> = columns.iter().map(|column| column.moved(missing)).collect();
    let bus = height + GAP / 2;
    for (column, lane) in columns.iter().zip(lanes) {
        let line = vec![
            (axis, height),
            (axis, bus),
            (column.axis, bus),
            (column.axis, column.top),
        ];
        out.line(line, column.height > 0, false);
        out.shapes.push(Shape::Pill(Pill {
            at: (column.axis, height + LABEL_AT),
            text: &lane.label,
            max_width: column.width.min(CARD_WIDTH),
        }));
    }
    merge(out, &columns);
}

/// A branch; one without steps is only a line.
fn branch(steps: &[Shown]) -> Piece<'_> {
    if steps.is_empty() {
        return Piece {
            width: CARD_WIDTH / 2,
            axis: CARD_WIDTH / 4,
            goes_on: true,
            ..Piece::default()
        };
    }
    stack(steps.iter().map(step).collect())
}

/// Where a piece came to stand.
struct Column {
    axis: i32,
    top: i32,
    width: i32,
    height: i32,
    goes_on: bool,
}

impl Column {
    const fn moved(&self, by: i32) -> Self {
        Self {
            axis: self.axis + by,
            ..*self
        }
    }
}

/// Puts pieces side by side, their tops at `top`.
fn columns<'s>(pieces: Vec<Piece<'s>>, out: &mut Piece<'s>, top: i32) -> Vec<Column> {
    let mut columns = Vec::new();
    let mut left = 0;
    for piece in pieces {
        columns.push(Column {
            axis: left + piece.axis,
            top,
            width: piece.width,
            height: piece.height,
            goes_on: piece.goes_on,
        });
        out.height = out.height.max(top + piece.height);
        out.width = left + piece.width;
        let width = piece.width;
        out.absorb(piece, (left, top));
        left += width + COLUMN_GAP;
    }
    let ends = columns.first().zip(columns.last());
    out.axis = ends.map_or(0, |(first, last)| i32::midpoint(first.axis, last.axis));
    columns
}

/// Leads the lines of those that go on together.
fn merge(out: &mut Piece<'_>, columns: &[Column]) {
    let open: Vec<&Column> = columns.iter().filter(|column| column.goes_on).collect();
    out.goes_on = !open.is_empty();
    if let [only] = columns
        && only.axis == out.axis
        && only.height > 0
    {
        return;
    }
    if open.is_empty() {
        return;
    }
    let bus = out.height + GAP / 2;
    for column in open {
        let from = column.top + column.height;
        out.line(
            vec![
                (column.axis, from),
                (column.axis, bus),
                (out.axis, bus),
                (out.axis, bus + STUB),
            ],
            false,
            false,
        );
    }
    out.height = bus + STUB;
}

/// A box around steps.
fn frame<'s>(step: &'s Shown, body: Piece<'s>) -> Piece<'s> {
    boxed(own(step, CARD_WIDTH + 2 * PAD), body)
}

/// A box with a head around steps.
fn boxed<'s>(mut head: Card<'s>, body: Piece<'s>) -> Piece<'s> {
    let top = HEAD + head.condition.map_or(0, |_| CONDITION_HEIGHT);
    let missing = (head.width - 2 * PAD - body.width).max(0) / 2;
    let left = PAD + missing;
    head.width = (body.width + 2 * left).max(head.width);
    head.height = top + body.height + PAD;
    let mut out = Piece {
        width: head.width,
        height: head.height,
        axis: left + body.axis,
        goes_on: body.goes_on,
        shapes: Vec::new(),
    };
    if out.goes_on {
        let (from, to) = (top + body.height, head.height);
        out.line(vec![(out.axis, from), (out.axis, to)], false, false);
    }
    out.shapes.push(Shape::Frame(head));
    out.absorb(body, (left, top));
    out
}

/// Guarded steps, and beside them what answers a failure.
fn guard<'s>(step: &'s Shown, steps: &'s [Shown], catch: &'s [Lane]) -> Piece<'s> {
    let body = frame(step, stack(steps.iter().map(self::step).collect()));
    let mut pieces = vec![body];
    pieces.extend(catch.iter().map(clause));
    let mut out = Piece::default();
    let axis = pieces.first().map_or(0, |first| first.axis);
    let columns = columns(pieces, &mut out, 0);
    out.axis = axis;
    let mut right = None;
    let mut left = 0;
    for column in &columns {
        if let Some(from) = right {
            out.line(vec![(from, HEAD / 2), (left, HEAD / 2)], true, true);
        }
        right = Some(left + column.width);
        left += column.width + COLUMN_GAP;
    }
    merge(&mut out, &columns);
    out
}

fn clause(lane: &Lane) -> Piece<'_> {
    let head = Card {
        at: (0, 0) as Point,
        width: CARD_WIDTH + 2 * PAD,
        height: 0,
        kind: "catch",
        key: None,
        title: "catch",
        detail: &lane.label,
        condition: None,
        alternative: format!("catch {}", lane.label),
        is_round: false,
    };
    boxed(head, branch(&lane.steps))
}

#[cfg(test)]
mod tests;
