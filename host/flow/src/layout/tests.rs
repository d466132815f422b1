//! What layout changes, and what it never does.

use super::lay_out;
use expect_test::{Expect, expect};
use std::path::Path;

fn check(text: &str, expected: &Expect) {
    let out = lay_out("flow.yaml", text).unwrap();
    expected.assert_eq(&out);
    assert_eq!(lay_out("flow.yaml", &out).unwrap(), out, "again");
}

#[test]
fn blanks_lines_and_levels() {
    check(
        "\n\n# A flow.\nlanguage:   dowel/v1  \r\nflow: a   # named\n\n\n\nsteps:\n- id: one\n  set: {x: 1,y:  [ 1,2 ],  z: { }}\n  # about the next\n-    id:  two\n     call:   crm.get\n     with:\n          id: 'a  b'\n          list:\n          - 1\n          -  2\n          # the last\n\n\n",
        &expect![[r"
            # A flow.
            language: dowel/v1
            flow: a   # named

            steps:
              - id: one
                set: { x: 1, y: [1, 2], z: {} }
                # about the next
              - id: two
                call: crm.get
                with:
                  id: 'a  b'
                  list:
                    - 1
                    - 2
                    # the last
        "]],
    );
}

#[test]
fn texts_of_several_lines_keep_what_they_say() {
    check(
        "a:\n    text: |\n        one\n          two\n\n        three # no comment\n    folded: >-\n      x\n      y\n    quoted: 'a\n      b  {c:d}'\n    map: { a: 1,\n           b: 2 }\nb: 1\n",
        &expect![[r"
            a:
              text: |
                  one
                    two

                  three # no comment
              folded: >-
                x
                y
              quoted: 'a
                b  {c:d}'
              map: { a: 1,
                     b: 2 }
            b: 1
        "]],
    );
}

#[test]
fn expressions_and_quotes_stay() {
    let text = "steps:\n  - id: a\n    if: '${ .a == {b: 1} }'\n    set: { x: \"a: b\", 'y z': '${ [1,2] }' }\n";
    check(
        text,
        &expect![[r#"
        steps:
          - id: a
            if: '${ .a == {b: 1} }'
            set: { x: "a: b", 'y z': '${ [1,2] }' }
    "#]],
    );
}

#[test]
fn what_is_no_yaml_has_a_place() {
    let found = lay_out("flow.yaml", "a: [\n").unwrap_err();
    assert_eq!(found[0].position.file.as_ref(), "flow.yaml");
}

/// Every file in YAML of the project, as it is and carelessly written.
#[test]
fn all_files_say_the_same_afterwards() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut count = 0;
    let mut left = Vec::new();
    let mut folders = [
        "flows",
        "environments",
        "docs",
        "host/flow/tests",
        "host/cli/templates",
    ]
    .map(|folder| root.join(folder))
    .to_vec();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|end| end != "yaml") {
                continue;
            }
            let Ok(text) = std::fs::read_to_string(&path) else {
                continue;
            };
            for text in [text.clone(), careless(&text)] {
                // It is checked there that it says the same.
                match lay_out("x.yaml", &text) {
                    Ok(out) => {
                        let again = lay_out("x.yaml", &out).unwrap();
                        assert_eq!(again, out, "{}", path.display());
                        count += 1;
                    }
                    Err(found) if found[0].code.to_string() == "DWL-1311" => {
                        left.push(path.display().to_string());
                    }
                    // Files that are wrong on purpose.
                    Err(_) => {}
                }
            }
        }
    }
    assert!(count > 200, "{count}");
    assert!(left.is_empty(), "{left:?}");
}

/// The same file with twice the indentation, and blank lines.
fn careless(text: &str) -> String {
    let line = |line: &str| {
        let indent = line.chars().take_while(|c| *c == ' ').count();
        format!("{}{}\n", " ".repeat(indent), line)
    };
    text.lines().map(line).collect()
}
