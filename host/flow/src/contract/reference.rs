//! The rules as a page of the reference.

use super::{Class, Direction, Promise, Rule};
use std::fmt::Write as _;

/// The tables of rules, in Markdown.
pub fn rules_page() -> String {
    let mut page = String::from(
        "# When is a change of a contract compatible?\n\n\
         Made from the program by a test; to renew it: `cargo xtask docs`.\n\n\
         `dowel check --against` and `dowel plan` compare two versions of a flow by these rules.\n\n\
         - **compatible**: whatever worked goes on working.\n\
         - **needs drain**: others see no difference, but versions that run side by side share something that is\n  \
         different now: let the runs of the older one end first.\n\
         - **breaking**: somebody's payload may be refused, or somebody may miss what was promised. It needs a new major\n  \
         version (while the major is 0, a new minor one).\n\n\
         ## Schemas\n\n\
         A **payload** is written by others: what was good must stay good. An **output** is read by others: what was\n\
         promised must stay promised. So the same difference can be compatible for one and breaking for the other. What\n\
         the rules cannot compare counts as breaking. A payload that is good for the older schema is good for the newer\n\
         one whenever all differences are compatible; a test proves it with random schemas against the validator that\n\
         the host uses.\n\n\
         In short: **close the objects that you take** (`additionalProperties: false`), so that you can add keys to them,\n\
         and **leave open the objects that you give**.\n\n\
         | rule | difference | payload | output | older | newer |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    for rule in Rule::ALL {
        let (old, new) = rule.example();
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | `{old}` | `{new}` |",
            rule.name(),
            rule.meaning().trim(),
            Direction::Taken.class(rule.effect()),
            Direction::Given.class(rule.effect()),
        );
    }
    page.push_str(
        "\n## What else a flow promises\n\n| rule | difference | class |\n| --- | --- | --- |\n",
    );
    for promise in Promise::ALL {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} |",
            promise.name(),
            promise.meaning().trim(),
            promise.class()
        );
    }
    let _ = write!(
        page,
        "\n## Which version is due\n\n\
         | change | version |\n| --- | --- |\n\
         | {} | a new major one; while the major is 0, a new minor one |\n\
         | {}, or compatible and seen from outside | a new minor one; while the major is 0, a new patch |\n\
         | anything else | a new patch |\n",
        Class::Breaking,
        Class::NeedsDrain
    );
    page
}
