//! The reference of the language is fresh, and every key has an example.

use dowel_flow::reference::{Example, flow, flow_test};
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
    // Those with the most keys first: most keys are shown in one surrounding.
    let mut examples = |file: &str, first: &str| -> Vec<Example> {
        names.sort_by_key(|name| (name != first, name.clone()));
        let example = |name: &String| Example {
            path: format!("examples/flows/{name}/{file}"),
            text: fs::read_to_string(folder.join(name).join(file)).unwrap(),
        };
        names.iter().map(example).collect()
    };
    let (flows, tests) = (
        flow(&examples("flow.yaml", "place-order")),
        flow_test(&examples("flow.test.yaml", "tested")),
    );
    for missing in [&flows.without_example, &tests.without_example] {
        let what_to_do = "add them to a flow of docs/reference/examples";
        assert!(
            missing.is_empty(),
            "no example for {missing:?}: {what_to_do}"
        );
    }
    expect_file!["../../../../docs/reference/flow-language.md"].assert_eq(&flows.text);
    expect_file!["../../../../docs/reference/flow-tests.md"].assert_eq(&tests.text);
}
