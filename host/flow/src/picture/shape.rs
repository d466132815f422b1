//! Shapes with places, and pieces of a picture that are put together.

/// A point, in pixels.
pub(super) type Point = (i32, i32);

/// What is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape<'s> {
    /// A step, a trigger or an end.
    Card(Card<'s>),
    /// A box around steps.
    Frame(Card<'s>),
    /// A line from box to box.
    Line(Line),
    /// What a branch is called.
    Pill(Pill<'s>),
}

/// A box with words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Card<'s> {
    pub(super) at: Point,
    pub(super) width: i32,
    pub(super) height: i32,
    /// The kind that its drawing and colour are chosen by.
    pub(super) kind: &'s str,
    /// The key of its step; ends and triggers have none.
    pub(super) key: Option<&'s str>,
    pub(super) title: &'s str,
    pub(super) detail: &'s str,
    pub(super) condition: Option<&'s str>,
    /// All that the box says.
    pub(super) alternative: String,
    /// Whether its ends are round.
    pub(super) is_round: bool,
}

/// A line, whose corners are rounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) points: Vec<Point>,
    pub(super) has_tip: bool,
    /// Whether it is taken on failures only.
    pub(super) is_failure: bool,
}

/// A label on a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pill<'s> {
    /// Its middle.
    pub(super) at: Point,
    pub(super) text: &'s str,
    pub(super) max_width: i32,
}

/// A piece of a picture. Its origin is its upper left corner.
#[derive(Clone, Debug, Default)]
pub(super) struct Piece<'s> {
    pub(super) width: i32,
    pub(super) height: i32,
    /// Where the line of the flow enters above and leaves below.
    pub(super) axis: i32,
    /// Whether the flow goes on below.
    pub(super) goes_on: bool,
    pub(super) shapes: Vec<Shape<'s>>,
}

impl<'s> Piece<'s> {
    /// Takes over another piece's shapes, moved.
    pub(super) fn absorb(&mut self, other: Self, by: Point) {
        self.shapes
            .extend(other.shapes.into_iter().map(|shape| shape.moved(by)));
    }

    /// Adds a line.
    pub(super) fn line(&mut self, points: Vec<Point>, has_tip: bool, is_failure: bool) {
        self.shapes.push(Shape::Line(Line {
            points,
            has_tip,
            is_failure,
        }));
    }
}

impl Shape<'_> {
    fn moved(mut self, (dx, dy): Point) -> Self {
        let move_point = |point: &mut Point| {
            point.0 += dx;
            point.1 += dy;
        };
        match &mut self {
            Self::Card(card) | Self::Frame(card) => move_point(&mut card.at),
            Self::Line(line) => line.points.iter_mut().for_each(move_point),
            Self::Pill(pill) => move_point(&mut pill.at),
        }
        self
    }
}
