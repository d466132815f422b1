//! Rust types made from the contract: version 0.1.0, and [`v2`] for 0.2.0.

#![allow(missing_docs, clippy::all)]

wasmtime::component::bindgen!({
    path: "../../wit/dowel-connector@0.1.0",
    world: "connector",
    imports: { default: trappable },
    exports: { default: async },
    ownership: Borrowing { duplicate_if_necessary: true },
});

pub(crate) mod v2 {
    wasmtime::component::bindgen!({
        path: "../../wit/dowel-connector@0.2.0",
        world: "connector",
        imports: { default: trappable },
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}
