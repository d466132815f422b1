//! Rust types made from the contract: version 0.1.0, and [`v2`] for 0.2.0, with what a
//! component may leave out in modules of their own.

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
        imports: { "dowel:connector/blobs@0.2.0": async | trappable, default: trappable },
        with: {
            "dowel:connector/blobs.writer": crate::guest::Writer,
            "dowel:connector/blobs.reader": crate::guest::Reader,
        },
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

pub(crate) mod receiving {
    wasmtime::component::bindgen!({
        path: "../../wit/dowel-connector@0.2.0",
        world: "receiving",
        with: { "dowel:connector/types": super::v2::dowel::connector::types },
        imports: { default: trappable },
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

pub(crate) mod subscribing {
    wasmtime::component::bindgen!({
        path: "../../wit/dowel-connector@0.2.0",
        world: "subscribing",
        with: { "dowel:connector/types": super::v2::dowel::connector::types },
        imports: { default: trappable },
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

pub(crate) mod sending {
    wasmtime::component::bindgen!({
        path: "../../wit/dowel-connector@0.2.0",
        world: "sending",
        imports: { default: async | trappable },
    });
}
