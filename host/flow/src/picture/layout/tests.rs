use super::*;
use crate::picture::scene::Entry;
use crate::picture::shape::Line;
use proptest::prelude::*;

fn leaf(key: &str) -> Shown {
    Shown {
        key: key.to_owned(),
        kind: "call",
        id: key.to_owned(),
        detail: "crm.get-contact".to_owned(),
        condition: None,
        notes: Vec::new(),
        place: "flow.yaml:1:1".to_owned(),
        inside: Inside::Nothing,
        undo: None,
        ends: false,
    }
}

fn lanes(blocks: Vec<Vec<Shown>>) -> Vec<Lane> {
    let lane = |steps| Lane {
        label: "a label".to_owned(),
        steps,
    };
    blocks.into_iter().map(lane).collect()
}

/// Steps of every form within each other.
fn any_step() -> impl Strategy<Value = Shown> {
    let simple =
        (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(undo, condition, ends)| {
            let mut step = leaf("step");
            step.undo = undo.then(|| Box::new(leaf("step~compensate")));
            step.condition = condition.then(|| "$trigger.total > 100".to_owned());
            step.ends = ends;
            step
        });
    simple.prop_recursive(4, 40, 4, |inner| {
        let block = || prop::collection::vec(inner.clone(), 0..4);
        let filled = || prop::collection::vec(inner.clone(), 1..4);
        let blocks = || prop::collection::vec(block(), 1..4);
        let inside = prop_oneof![
            blocks().prop_map(|blocks| Inside::Choice(lanes(blocks))),
            prop::collection::vec(filled(), 1..4).prop_map(|blocks| Inside::Fork(lanes(blocks))),
            (any::<bool>(), filled()).prop_map(|(fetch, steps)| Inside::Loop {
                fetch: fetch.then(|| Box::new(leaf("step~page"))),
                steps
            }),
            (filled(), blocks()).prop_map(|(steps, blocks)| Inside::Guard {
                steps,
                catch: lanes(blocks)
            }),
        ];
        (inside, any::<bool>(), any::<bool>()).prop_map(|(inside, undo, condition)| {
            let mut step = leaf("outer");
            step.inside = inside;
            step.undo = undo.then(|| Box::new(leaf("outer~compensate")));
            step.condition = condition.then(|| "true".to_owned());
            step
        })
    })
}

fn scene(triggers: usize, steps: Vec<Shown>) -> Scene {
    let entry = Entry {
        name: "shop".to_owned(),
        kind: "webhook",
        detail: "POST /hooks/orders".to_owned(),
    };
    Scene {
        flow: "f".to_owned(),
        version: "1.0.0".to_owned(),
        description: None,
        triggers: vec![entry; triggers],
        steps,
        output: None,
        on_failure: None,
    }
}

/// Left, top, right, bottom.
type Rect = (i32, i32, i32, i32);

fn rect(card: &Card<'_>) -> Rect {
    let (x, y) = card.at;
    (x, y, x + card.width, y + card.height)
}

fn are_apart(a: Rect, b: Rect) -> bool {
    a.2 <= b.0 || b.2 <= a.0 || a.3 <= b.1 || b.3 <= a.1
}

fn is_within(inner: Rect, outer: Rect) -> bool {
    inner.0 >= outer.0 && inner.1 >= outer.1 && inner.2 <= outer.2 && inner.3 <= outer.3
}

/// Whether a line runs through the inside of a box.
fn crosses(line: &Line, rect: Rect) -> bool {
    line.points.windows(2).any(|ends| {
        let ((ax, ay), (bx, by)) = (ends[0], ends[1]);
        let line = (ax.min(bx), ay.min(by), ax.max(bx), ay.max(by));
        // A line along an edge runs through nothing.
        let is_beside = line.0 == line.2 && (line.0 <= rect.0 || line.0 >= rect.2);
        let is_along = line.1 == line.3 && (line.1 <= rect.1 || line.1 >= rect.3);
        let meets = line.0 < rect.2
            && rect.0 < line.2.max(line.0 + 1)
            && line.1 < rect.3
            && rect.1 < line.3.max(line.1 + 1);
        meets && !is_beside && !is_along
    })
}

fn check(scene: &Scene) {
    let placed = place(scene);
    let all = (0, 0, placed.width, placed.height);
    let (mut cards, mut frames, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    for shape in &placed.shapes {
        match shape {
            Shape::Card(card) => cards.push(rect(card)),
            Shape::Frame(card) => frames.push(rect(card)),
            Shape::Line(line) => lines.push(line),
            Shape::Pill(pill) => {
                assert!(is_within((pill.at.0, pill.at.1, pill.at.0, pill.at.1), all));
            }
        }
    }
    for (index, card) in cards.iter().enumerate() {
        assert!(is_within(*card, all), "{card:?} is outside of {all:?}");
        for other in &cards[index + 1..] {
            assert!(are_apart(*card, *other), "{card:?} lies on {other:?}");
        }
        for frame in &frames {
            assert!(
                are_apart(*card, *frame) || is_within(*card, *frame),
                "{card:?} lies across the edge of {frame:?}"
            );
        }
        for line in &lines {
            assert!(!crosses(line, *card), "{line:?} runs through {card:?}");
        }
    }
    for (index, frame) in frames.iter().enumerate() {
        for other in &frames[index + 1..] {
            assert!(
                are_apart(*frame, *other) || is_within(*other, *frame),
                "{frame:?} and {other:?}"
            );
        }
    }
    for line in lines {
        for ends in line.points.windows(2) {
            let ((ax, ay), (bx, by)) = (ends[0], ends[1]);
            assert!(ax == bx || ay == by, "{line:?} is not straight");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_lies_on_anything_else(
        triggers in 1..4usize,
        steps in prop::collection::vec(any_step(), 1..5),
    ) {
        check(&scene(triggers, steps));
    }
}
