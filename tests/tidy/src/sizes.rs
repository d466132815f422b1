//! Files and functions that fit a head.

use crate::Violation;
use crate::source::Source;

/// The median file stays below this many lines of code.
pub const MEDIAN_FILE: usize = 120;
/// No file has more lines of code.
pub const LARGEST_FILE: usize = 500;
/// A function with more lines of code is long and has to be on the list.
pub const LONG_FUNCTION: usize = 70;
/// No function has more lines of code.
pub const LARGEST_FUNCTION: usize = 100;

/// Functions that may be longer than [`LONG_FUNCTION`], written `path::name`. An entry
/// that is no longer needed is a violation, so the list only shrinks.
pub const LONG_FUNCTIONS: &[&str] = &[];

/// Checks every file and function against the limits.
pub fn check(sources: &[Source<'_>], long_functions: &[&str]) -> Vec<Violation> {
    let mut violations: Vec<Violation> = median(sources).into_iter().collect();
    let mut long = Vec::new();
    for source in sources.iter().filter(|source| !exempt(&source.file.path)) {
        let path = &source.file.path;
        let code = source.code_lines();
        if code.len() > LARGEST_FILE {
            let lines = code.len();
            violations.push(format!(
                "{path}: {lines} lines of code, {LARGEST_FILE} is the end"
            ));
        }
        for function in source.functions() {
            let lines = code.range(function.lines.clone()).count();
            let name = format!("{path}::{}", function.name);
            if lines > LARGEST_FUNCTION {
                violations.push(format!(
                    "{name}: {lines} lines, {LARGEST_FUNCTION} is the end"
                ));
            } else if lines > LONG_FUNCTION {
                if !long_functions.contains(&name.as_str()) {
                    violations.push(format!("{name}: {lines} lines, {LONG_FUNCTION} is long"));
                }
                long.push(name);
            }
        }
    }
    let unused = long_functions
        .iter()
        .filter(|name| !long.iter().any(|l| l == *name));
    violations.extend(unused.map(|name| format!("{name}: not long, take it off the list")));
    violations
}

fn median(sources: &[Source<'_>]) -> Option<Violation> {
    let counted = sources.iter().filter(|source| !exempt(&source.file.path));
    let mut sizes: Vec<usize> = counted.map(|source| source.code_lines().len()).collect();
    sizes.sort_unstable();
    let median = sizes.get(sizes.len() / 2).copied().unwrap_or(0);
    (median >= MEDIAN_FILE).then(|| {
        format!("the median file has {median} lines of code, it has to stay below {MEDIAN_FILE}")
    })
}

/// Integration tests are tables and stories, and generated code is nobody's to read.
fn exempt(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs") || path.contains("/generated/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::File;

    fn violations(lines: usize, list: &[&str]) -> Vec<Violation> {
        let body = "    g();\n".repeat(lines.saturating_sub(2));
        let file = File::planted("host/x/src/lib.rs", &format!("fn f() {{\n{body}}}\n"));
        let source = Source::parse(&file).unwrap();
        let mut small: Vec<File> = Vec::new();
        small.resize(2, File::planted("host/x/src/small.rs", "fn s() {}\n"));
        let mut sources: Vec<Source<'_>> = small.iter().filter_map(Source::parse).collect();
        sources.push(source);
        check(&sources, list)
    }

    #[test]
    fn long_functions_and_files_are_found() {
        assert_eq!(violations(70, &[]), Vec::<String>::new());
        assert_eq!(violations(71, &[]).len(), 1);
        assert_eq!(
            violations(71, &["host/x/src/lib.rs::f"]),
            Vec::<String>::new()
        );
        assert_eq!(
            violations(101, &["host/x/src/lib.rs::f"]).len(),
            2,
            "too long, and not merely long"
        );
        assert_eq!(violations(501, &[]).len(), 2, "the file and its function");
        assert_eq!(
            violations(9, &["host/x/src/lib.rs::f"]).len(),
            1,
            "a stale entry"
        );
    }

    #[test]
    fn a_high_median_is_found() {
        let body = "const A: u8 = 0;\n".repeat(MEDIAN_FILE);
        let file = File::planted("host/x/src/lib.rs", &body);
        let sources = [Source::parse(&file).unwrap()];
        assert_eq!(check(&sources, &[]).len(), 1);
    }
}
