//! Compiles a source with the part of the library that it reaches.

use crate::prelude::{self, Prelude};
use jaq_core::compile::Undefined;
use jaq_core::load::parse::Term;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Filter};

pub(super) type Linked = Filter<prelude::Data>;

/// The compiled filter, or every name that is not defined.
pub(super) fn link<'s>(
    prelude: &Prelude,
    source: &'s str,
    term: &Term<&str>,
    variables: &[String],
) -> Result<Linked, Vec<(&'s str, Undefined)>> {
    let selection = prelude.select(term);
    let arena = Arena::default();
    let natives: Vec<_> = selection.natives().collect();
    let file = File {
        code: source,
        path: (),
    };
    // The parser has accepted the source already.
    let Ok(modules) = Loader::new(selection.definitions).load(&arena, file) else {
        return Err(vec![(source, Undefined::Mod)]);
    };
    Compiler::default()
        .with_funs(natives)
        .with_global_vars(variables.iter().map(String::as_str))
        .compile(modules)
        .map_err(|errors| {
            let inside = source.as_bytes().as_ptr_range();
            errors
                .into_iter()
                .flat_map(|(_, undefined)| undefined)
                .filter_map(|(name, what)| {
                    let start = name.as_ptr();
                    if !inside.contains(&start) {
                        return None;
                    }
                    let at = start as usize - source.as_ptr() as usize;
                    Some((source.get(at..at + name.len())?, what))
                })
                .collect()
        })
}
