//! Whether two versions of a flow can share its runs.

use dowel_core::expression::{Piece, Program, Template};
use dowel_flow::plan::Plan;

/// Whether the versions tell runs apart in the same way: one that counts duplicates or
/// concurrency otherwise would let an event through that the other one has had.
pub(super) fn fits(before: &Plan, new: &Plan) -> Result<(), String> {
    if before.version == new.version {
        return Err(format!("both versions are {}", new.version));
    }
    let dedupe = |plan: &Plan| {
        let dedupe = plan.dedupe.as_ref();
        dedupe.map(|dedupe| (text(&dedupe.key), dedupe.window))
    };
    if dedupe(before) != dedupe(new) {
        return Err(differ(before, new, "dedupe"));
    }
    let concurrency = |plan: &Plan| {
        let concurrency = plan.concurrency.as_ref();
        concurrency.map(|one| (text(&one.keys), one.limit))
    };
    if concurrency(before) != concurrency(new) {
        return Err(differ(before, new, "concurrency"));
    }
    Ok(())
}

fn differ(before: &Plan, new: &Plan, what: &str) -> String {
    format!(
        "the versions {} and {} differ in `{what}`, by which both would have to know the same runs",
        before.version, new.version
    )
}

/// What a program says, wherever it stands in its file.
fn text(program: &Program) -> Vec<String> {
    let template = |template: &Template| {
        let pieces = template.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Expression(expression) => format!("${{ {} }}", expression.source),
        });
        pieces.collect::<String>()
    };
    program.outputs.iter().map(template).collect()
}
