//! What a page shows of a command's output against what the command printed.

/// Stands for anything within a line, and alone on a line for any lines.
const ANYTHING: &str = "…";

/// The first line that is not as the page shows it, if there is one.
pub(crate) fn difference(shown: &str, printed: &str) -> Option<String> {
    let mut printed = printed.lines().map(str::trim_end);
    let mut skips = false;
    for line in shown.lines().map(str::trim_end) {
        if line.trim() == ANYTHING {
            skips = true;
            continue;
        }
        let found = if skips {
            printed.find(|candidate| matches(line, candidate)).is_some()
        } else {
            printed
                .next()
                .is_some_and(|candidate| matches(line, candidate))
        };
        if !found {
            return Some(line.to_owned());
        }
        skips = false;
    }
    let rest = printed.find(|line| !line.is_empty() && !skips);
    rest.map(|line| format!("(not shown) {line}"))
}

/// Whether a line is as the pattern says.
fn matches(pattern: &str, line: &str) -> bool {
    let mut pieces = pattern.split(ANYTHING);
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for piece in pieces {
        let Some(at) = rest.find(piece) else {
            return false;
        };
        rest = &rest[at + piece.len()..];
        last = Some(piece);
    }
    rest.is_empty() || last == Some("")
}

#[test]
fn differences_are_found() {
    let printed = "run 17 is succeeded, 3 ms\n  flow a\n\n  step b\ndone\n";
    for good in [
        "run … is succeeded, … ms\n…\n  step b\ndone\n",
        "run 17 …\n  flow a\n…\n",
    ] {
        assert_eq!(difference(good, printed), None, "{good}");
    }
    for bad in [
        "run 18…\n…",
        "…\n  step c\n…",
        "run 17 is succeeded, 3 ms\n",
        "run 17 is\n…",
    ] {
        assert!(difference(bad, printed).is_some(), "{bad}");
    }
}
