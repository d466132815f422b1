//! Pictures of flows: what they show, and that it stays where it is.

use crate::support::{cases, compile, render, tests};
use dowel_flow::picture::{self, Inside, Look, Numbers, Scene, Shown, StepNumbers, Style};
use dowel_flow::plan::Plan;

const NOTHING: Numbers = Numbers::new();

fn plan(name: &str, flow: &str) -> Plan {
    match compile(flow) {
        Ok(compiled) => compiled.plan,
        Err(found) => panic!("{name}:\n{}", render(&found)),
    }
}

/// Compares with a file of the pictures; `UPDATE_EXPECT=1` writes it.
fn expect(name: &str, actual: &str) {
    let path = tests().join("picture").join(name);
    expect_test::expect_file![path].assert_eq(actual);
}

fn alone(plan: &Plan) -> String {
    let look = Look {
        style: Style::Inside,
        numbers: &NOTHING,
        link: None,
    };
    picture::svg(plan, &look)
}

#[test]
fn every_good_flow_has_a_picture() {
    let drawn = ["order-to-invoice", "control", "failure", "receive"];
    for (name, flow) in cases("good") {
        let plan = plan(&name, &flow);
        expect(&format!("{name}.txt"), &picture::outline(&plan));
        let svg = alone(&plan);
        for key in keys(&Scene::of(&plan).steps) {
            let mark = format!(r#"data-step="{key}""#);
            assert_eq!(svg.matches(&mark).count(), 1, "{name}: {key}");
        }
        if drawn.contains(&name.as_str()) {
            expect(&format!("{name}.svg"), &svg);
        }
    }
}

#[test]
fn every_kind_of_step_is_drawn() {
    let (name, flow) = cases("picture").remove(0);
    let plan = plan(&name, &flow);
    expect("everything.txt", &picture::outline(&plan));
    expect("everything.svg", &alone(&plan));
    expect("everything.mmd", &picture::mermaid(&plan));
    let scene = serde_json::to_string_pretty(&Scene::of(&plan)).unwrap();
    expect("everything.json", &format!("{scene}\n"));
}

#[test]
fn numbers_and_links_stand_on_the_steps_of_a_page() {
    let (name, flow) = cases("picture").remove(0);
    let plan = plan(&name, &flow);
    let numbers = Numbers::from([
        ("invoice".to_owned(), of(3, 12_400, 52)),
        ("lines".to_owned(), of(1, 900, 0)),
        ("customer".to_owned(), of(0, 7, 7)),
        ("no_such_step".to_owned(), of(1, 1, 1)),
    ]);
    let look = Look {
        style: Style::OfThePage,
        numbers: &numbers,
        link: Some("#step-"),
    };
    let svg = picture::svg(&plan, &look);
    expect("numbers.svg", &svg);
    assert!(!svg.contains("<style"), "the page has the style sheet");
    assert!(!svg.contains("style="), "no inline styles");
    assert!(svg.contains(r##"<a href="#step-invoice~compensate">"##));
    for words in [
        ">0.5%<",
        ">12k<",
        ">3 now<",
        ">100%<",
        "; 3 at it now, 12400 done, 0.5% failed",
    ] {
        assert!(svg.contains(words), "{words}");
    }
}

#[test]
fn what_a_flow_says_cannot_become_markup() {
    let flow = "language: dowel/v1\nflow: order-to-invoice\nversion: 1.0.0\n\
        description: 'a </svg><script>alert(1)</script> \"b\"'\n\
        trigger: { manual: {} }\n\
        steps:\n  - { id: end, emit: com.example.x, with: { '</text><script>': \"${ \\\"]]> & \\\\\\\" `x`\\\" }\" } }\n";
    let plan = plan("hostile", flow);
    let svg = alone(&plan);
    assert!(!svg.contains("<script"), "{svg}");
    let mermaid = picture::mermaid(&plan);
    assert!(!mermaid.contains("<script"), "{mermaid}");
    assert!(!mermaid.contains("  end["), "a word of Mermaid is no name");
}

const fn of(now: u64, done: u64, failed: u64) -> StepNumbers {
    StepNumbers { now, done, failed }
}

/// The keys of all steps that a picture shows.
fn keys(steps: &[Shown]) -> Vec<String> {
    let mut keys = Vec::new();
    for step in steps {
        keys.push(step.key.clone());
        keys.extend(step.undo.iter().map(|undo| undo.key.clone()));
        match &step.inside {
            Inside::Nothing => {}
            Inside::Choice(lanes) | Inside::Fork(lanes) => {
                keys.extend(lanes.iter().flat_map(|lane| self::keys(&lane.steps)));
            }
            Inside::Loop { fetch, steps } => {
                keys.extend(fetch.iter().map(|fetch| fetch.key.clone()));
                keys.extend(self::keys(steps));
            }
            Inside::Guard { steps, catch } => {
                keys.extend(self::keys(steps));
                keys.extend(catch.iter().flat_map(|lane| self::keys(&lane.steps)));
            }
        }
    }
    keys
}
