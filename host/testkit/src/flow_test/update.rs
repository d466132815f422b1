//! What has to be written for a case to hold.

use super::compare::Mismatch;
use dowel_flow::flow_test::Edit;

/// One edit for each mismatch, the outermost where several overlap.
pub(super) fn edits(case: usize, mismatches: &[Mismatch]) -> Vec<Edit> {
    let mut edits: Vec<Edit> = Vec::new();
    for mismatch in mismatches {
        let (path, value) = mismatch.mend.clone();
        let is_inside = |other: &Edit| path.0.starts_with(&other.path.0);
        if edits.iter().any(is_inside) {
            continue;
        }
        edits.retain(|other| !other.path.0.starts_with(&path.0));
        edits.push(Edit { case, path, value });
    }
    edits
}
