//! Pagination: from the first page to the last, and again from every cursor.

use super::Findings;
use super::subject::Subject;
use crate::bench::{Bench, Instance};
use crate::json;
use crate::upstream::Script;
use dowel_core::JsonText;
use dowel_core::manifest::Pagination;

/// Pages after which a walk is a loop.
const MAX_PAGES: usize = 100;

/// Checks every operation that has pages.
pub(crate) async fn check(bench: &Bench, subjects: &[Subject<'_>]) -> Findings {
    let mut findings = Findings::default();
    for subject in subjects {
        let Some(pagination) = &subject.operation.pagination else {
            continue;
        };
        if let Err(problem) = one(bench, subject, pagination, &mut findings).await {
            match problem {
                Problem::Failed(what) => findings.fail(format!("`{}`: {what}", subject.name())),
                Problem::Missing(what) => findings.lack(format!("`{}`: {what}", subject.name())),
            }
        }
    }
    findings
}

enum Problem {
    Failed(String),
    Missing(String),
}

/// One page: how it was asked for, and what came.
struct Page {
    input: JsonText,
    items: JsonText,
    next: Option<JsonText>,
}

async fn one(
    bench: &Bench,
    subject: &Subject<'_>,
    pagination: &Pagination,
    findings: &mut Findings,
) -> Result<(), Problem> {
    let Some(golden) = subject.golden() else {
        return Err(Problem::Missing("there is no case of success".to_owned()));
    };
    let walk = Walk {
        bench,
        subject,
        pagination,
    };
    let mut pages: Vec<Page> = Vec::new();
    let mut input = without(&golden.input, &pagination.cursor_in);
    loop {
        let page = walk.page(&input, Instance::Warm).await?;
        let next = page.next.clone();
        pages.push(page);
        let Some(next) = next else { break };
        if pages
            .iter()
            .rev()
            .skip(1)
            .any(|page| page.next.as_ref() == Some(&next))
        {
            return Err(Problem::Failed(format!("the cursor {next} comes twice")));
        }
        if pages.len() == MAX_PAGES {
            return Err(Problem::Failed(format!("no end after {MAX_PAGES} pages")));
        }
        input = json::with(&input, &json::pointer(&pagination.cursor_in), &next);
    }
    if pages.len() < 2 {
        let what = "the cases have one page only: record the next one as well";
        return Err(Problem::Missing(what.to_owned()));
    }
    findings.pass();
    // In any order, in the instance that has seen them all and in a new one.
    for instance in [Instance::Warm, Instance::Fresh] {
        for page in pages.iter().rev() {
            let again = walk.page(&page.input, instance).await?;
            if !json::same(&again.items, &page.items) || again.next != page.next {
                let what = "a page that is asked for again has other items or another cursor: \
                            the place is kept in the instance and not in the cursor";
                return Err(Problem::Failed(what.to_owned()));
            }
        }
    }
    Ok(())
}

struct Walk<'a> {
    bench: &'a Bench,
    subject: &'a Subject<'a>,
    pagination: &'a Pagination,
}

impl Walk<'_> {
    async fn page(&self, input: &JsonText, instance: Instance) -> Result<Page, Problem> {
        let good = self.subject.cases.iter().filter(|case| case.succeeds());
        let site = good.flat_map(|case| case.exchanges.clone()).collect();
        let operation = &self.subject.operation.name;
        let mut call = crate::bench::Call::new(operation, input, Script::Site(site));
        call.instance = instance;
        let made = self.bench.call(call).await;
        if let Some(strange) = made.seen.strange.first() {
            let what = format!("no case has the page that is asked for: {strange}");
            return Err(Problem::Missing(what));
        }
        let output = made
            .outcome
            .result
            .map_err(|error| Problem::Failed(error.to_string()))?;
        let items = json::at(&output, &json::pointer(&self.pagination.items));
        let Some(items) = items.filter(|items| items.items().is_some()) else {
            let place = &self.pagination.items;
            return Err(Problem::Failed(format!("there is no list at {place}")));
        };
        let next = json::at(&output, &json::pointer(&self.pagination.cursor_out));
        Ok(Page {
            input: input.clone(),
            items,
            next: next.filter(|next| !next.is_null()),
        })
    }
}

/// An input without its cursor: the first page.
fn without(input: &JsonText, cursor: &str) -> JsonText {
    let name = cursor.trim_start_matches('/');
    match input.fields() {
        Some(fields) => {
            let kept = fields.iter().filter(|(own, _)| own != name);
            JsonText::object(kept.map(|(name, value)| (name.as_str(), value)))
        }
        None => input.clone(),
    }
}
