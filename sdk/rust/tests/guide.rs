//! The connectors of the guide: compiled, and with the guide's own tests.

#[path = "../../../docs/guide/connector-developer/suppliers.rs"]
mod suppliers;

#[path = "guide/receivers.rs"]
mod receivers;

#[path = "guide/sources.rs"]
mod sources;

/// Every Rust snippet of the guide stands in a compiled file, word by word.
#[test]
fn the_guide_shows_what_is_compiled() {
    let guide = include_str!("../../../docs/guide/connector-developer.md");
    let compiled = words(concat!(
        include_str!("../../../docs/guide/connector-developer/suppliers.rs"),
        include_str!("guide/receivers.rs"),
        include_str!("guide/sources.rs"),
    ));
    let snippets: Vec<&str> = guide
        .split("```rust\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(snippets.len() >= 4, "the guide has lost its snippets");
    for snippet in snippets {
        assert!(
            compiled.contains(&words(snippet)),
            "in no compiled file of the guide:\n{snippet}"
        );
    }
}

/// Without spaces and trailing commas, which the formatter moves.
fn words(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    text.replace(",)", ")")
        .replace(",}", "}")
        .replace(",]", "]")
}
