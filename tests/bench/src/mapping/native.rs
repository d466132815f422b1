//! Native jaq: from text to text, with filters that were compiled before.

use anyhow::{Context as _, Result, anyhow, ensure};
use jaq_core::data::JustLut;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars, unwrap_valr};
use jaq_json::{Val, read};

type Data = JustLut<Val>;

/// Compiled filters.
pub(super) struct Native {
    filters: Vec<Filter<Data>>,
}

impl Native {
    pub(super) fn new(sources: &[&str]) -> Result<Self> {
        let filters: Result<Vec<_>> = sources.iter().map(|source| compile(source)).collect();
        Ok(Self { filters: filters? })
    }

    /// Reads the document, evaluates one filter, and writes its only result.
    pub(super) fn evaluate(&self, index: usize, document: &str) -> Result<String> {
        let filter = self.filters.get(index).context("no such filter")?;
        let input = read::parse_single(document.as_bytes()).map_err(|e| anyhow!("{e}"))?;
        let context = Ctx::<Data>::new(&filter.lut, Vars::new([]));
        let mut values = filter.id.run((context, input)).map(unwrap_valr);
        let value = values.next().context("no result")?;
        let value = value.map_err(|e| anyhow!("{e}"))?;
        ensure!(values.next().is_none(), "more than one result");
        Ok(value.to_string())
    }
}

fn compile(source: &str) -> Result<Filter<Data>> {
    let definitions = jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs());
    let functions = jaq_core::funs()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs());
    let arena = Arena::default();
    let file = File {
        code: source,
        path: (),
    };
    let modules = Loader::new(definitions)
        .load(&arena, file)
        .map_err(|_| anyhow!("jaq cannot read {source}"))?;
    Compiler::default()
        .with_funs(functions)
        .compile(modules)
        .map_err(|_| anyhow!("jaq cannot compile {source}"))
}
