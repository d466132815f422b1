//! Every direct third-party dependency has its reason in `docs/dependencies.md`.

use crate::Violation;
use cargo_metadata::Metadata;
use std::collections::BTreeSet;

/// The page with the reasons.
pub const PAGE: &str = "docs/dependencies.md";

/// The third-party crates that workspace crates name, of every kind.
pub fn direct(metadata: &Metadata) -> BTreeSet<String> {
    let packages = metadata.workspace_packages();
    let dependencies = packages.iter().flat_map(|package| &package.dependencies);
    let third_party = dependencies.filter(|dependency| dependency.path.is_none());
    third_party
        .map(|dependency| dependency.name.to_string())
        .collect()
}

/// Compares the crates with the rows of the page.
pub fn check(direct: &BTreeSet<String>, page: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut rows = BTreeSet::new();
    for cells in page.lines().filter_map(row) {
        let [name, users, reason, ..] = cells.as_slice() else {
            violations.push(format!(
                "{PAGE}: a row without a reason: {}",
                cells.join(" | ")
            ));
            continue;
        };
        if users.is_empty() || reason.is_empty() {
            violations.push(format!("{PAGE}: `{name}` has no user or no reason"));
        }
        if !rows.insert(name.clone()) {
            violations.push(format!("{PAGE}: `{name}` has two rows"));
        }
    }
    let missing = direct.difference(&rows);
    violations.extend(missing.map(|name| format!("{PAGE}: no row for `{name}`")));
    let unused = rows.difference(direct);
    violations.extend(unused.map(|name| format!("{PAGE}: `{name}` is not used")));
    violations
}

/// The cells of a table row; `None` for other lines and the head of the table.
fn row(line: &str) -> Option<Vec<String>> {
    let line = line.trim().strip_prefix('|')?.trim_end_matches('|');
    let cells: Vec<String> = line.split('|').map(cell).collect();
    let first = cells.first()?;
    let head = first == "crate" || first.starts_with("--") || first.starts_with(":-");
    (!head).then_some(cells)
}

fn cell(text: &str) -> String {
    text.trim().trim_matches('`').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE_TEXT: &str = "# D\n\n| crate | used by | reason |\n| --- | --- | --- |\n| `serde` | core | reads JSON |\n";

    fn count(crates: &[&str], page: &str) -> usize {
        let direct = crates.iter().map(|name| (*name).to_owned()).collect();
        check(&direct, page).len()
    }

    #[test]
    fn crates_and_rows_have_to_match() {
        assert_eq!(count(&["serde"], PAGE_TEXT), 0);
        assert_eq!(count(&["serde", "url"], PAGE_TEXT), 1, "no row");
        assert_eq!(count(&[], PAGE_TEXT), 1, "not used");
        assert_eq!(count(&["serde"], &PAGE_TEXT.replace("reads JSON", "")), 1);
        let twice = format!("{PAGE_TEXT}| serde | flow | again |\n");
        assert_eq!(count(&["serde"], &twice), 1);
    }
}
