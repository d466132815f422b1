//! Two values side by side, line by line.

use dowel_core::JsonText;
use dowel_flow::flow_test::yaml;

/// More lines than this are not compared one by one: the table would be too large.
const MAX_LINES: usize = 500;

/// `-` lines of what was expected, `+` lines of what came, and what they share.
pub(crate) fn diff(expected: &JsonText, actual: Option<&JsonText>) -> Vec<String> {
    let expected = yaml(expected);
    let Some(actual) = actual.map(yaml) else {
        let mut out = marked('-', &lines(&expected));
        out.push("+ (nothing)".to_owned());
        return out;
    };
    let (a, b) = (lines(&expected), lines(&actual));
    if a.len() > MAX_LINES || b.len() > MAX_LINES || a.len() + b.len() <= 2 {
        return [marked('-', &a), marked('+', &b)].concat();
    }
    let common = common_lengths(&a, &b);
    let (mut i, mut j) = (0, 0);
    let mut out = Vec::new();
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            out.push(format!("  {}", a[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && common[i + 1][j] >= common[i][j + 1]) {
            out.push(format!("- {}", a[i]));
            i += 1;
        } else {
            out.push(format!("+ {}", b[j]));
            j += 1;
        }
    }
    out
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

fn marked(mark: char, lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| format!("{mark} {line}")).collect()
}

/// For each pair of ends the length of the longest common subsequence.
fn common_lengths(a: &[&str], b: &[&str]) -> Vec<Vec<usize>> {
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            table[i][j] = if a[i] == b[j] {
                table[i + 1][j + 1] + 1
            } else {
                table[i + 1][j].max(table[i][j + 1])
            };
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: &str, actual: &str, shown: &[&str]) {
        let json = |text: &str| JsonText::parse(text).unwrap();
        assert_eq!(diff(&json(expected), Some(&json(actual))), shown);
    }

    #[test]
    fn scalars_stand_below_each_other_and_lists_line_up() {
        check("1", "2", &["- 1", "+ 2"]);
        check(
            r#"["a","b","c"]"#,
            r#"["a","x","c","d"]"#,
            &["  - a", "- - b", "+ - x", "  - c", "+ - d"],
        );
        let nothing = diff(&JsonText::null(), None);
        assert_eq!(nothing, ["- null", "+ (nothing)"]);
    }
}
