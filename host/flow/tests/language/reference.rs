//! The reference of the language is fresh, and every key has an example.

use dowel_flow::reference::{Example, flow};
use expect_test::expect_file;
use std::fs;
use std::path::Path;

#[test]
fn the_language_reference_is_fresh() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/examples/flows");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    // The longest one first: most keys are shown in one surrounding.
    names.sort_by_key(|name| (name != "place-order", name.clone()));
    let example = |name: &String| Example {
        path: format!("examples/flows/{name}/flow.yaml"),
        text: fs::read_to_string(folder.join(name).join("flow.yaml")).unwrap(),
    };
    let examples: Vec<Example> = names.iter().map(example).collect();
    let page = flow(&examples);
    let missing = page.without_example;
    let what_to_do = "add them to a flow of docs/reference/examples";
    assert!(
        missing.is_empty(),
        "no example for {missing:?}: {what_to_do}"
    );
    expect_file!["../../../../docs/reference/flow-language.md"].assert_eq(&page.text);
}
