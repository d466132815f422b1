//! Generated from the WIT contract.

// Generated code has no documentation and does as it likes.
#![allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]

wasmtime::component::bindgen!({
    path: "../../wit/dowel-mapping@0.1.0",
    world: "mapping",
    exports: { default: async },
});
