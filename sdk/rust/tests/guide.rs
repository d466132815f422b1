//! The connector of the guide: compiled, and with the guide's own test.

#[path = "../../../docs/guide/connector-developer/suppliers.rs"]
mod suppliers;

/// Every Rust snippet of the guide stands in the compiled file, word by word.
#[test]
fn the_guide_shows_what_is_compiled() {
    let guide = include_str!("../../../docs/guide/connector-developer.md");
    let compiled = words(include_str!(
        "../../../docs/guide/connector-developer/suppliers.rs"
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
            "not in suppliers.rs:\n{snippet}"
        );
    }
}

/// Without spaces and trailing commas, which the formatter moves.
fn words(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    text.replace(",)", ")").replace(",}", "}")
}
