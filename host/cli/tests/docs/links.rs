//! Relative links between pages and into the sources.

use crate::markdown::prose;
use crate::pages::root;
use std::fs;
use std::path::Path;

/// Links of a page that lead nowhere.
pub(crate) fn broken(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let shown = page.strip_prefix(root()).unwrap().display().to_string();
    let links = targets(&prose(&text));
    let bad = links.iter().filter(|target| !resolves(page, target));
    bad.map(|target| format!("{shown}: `{target}` leads nowhere"))
        .collect()
}

/// What follows each `](`.
fn targets(prose: &str) -> Vec<String> {
    let after = prose.split("](").skip(1);
    after
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.to_owned())
        .collect()
}

fn resolves(page: &Path, target: &str) -> bool {
    let is_outside = ["https://", "http://", "mailto:"];
    if is_outside.iter().any(|scheme| target.starts_with(scheme)) {
        return true;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let file = match file {
        "" => page.to_owned(),
        file => page.parent().unwrap().join(file),
    };
    if !file.exists() {
        return false;
    }
    anchor.is_empty() || has_heading(&fs::read_to_string(&file).unwrap(), anchor)
}

fn has_heading(text: &str, anchor: &str) -> bool {
    let prose = prose(text);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| slug(line.trim_start_matches('#').trim()))
        .any(|slug| slug == anchor)
}

/// The anchor that a heading gets.
fn slug(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn broken_links_are_found() {
    let page = root().join("docs/README.md");
    for good in [
        "../CHANGELOG.md",
        "https://example.com/x",
        "../CHANGELOG.md#unreleased",
    ] {
        assert!(resolves(&page, good), "{good}");
    }
    for bad in ["nowhere.md", "../CHANGELOG.md#nowhere", "#nowhere"] {
        assert!(!resolves(&page, bad), "{bad}");
    }
    assert_eq!(targets("see [a](b.md) and [c](d#e)."), ["b.md", "d#e"]);
    assert_eq!(slug("Secrets, and `verify`"), "secrets-and-verify");
}
