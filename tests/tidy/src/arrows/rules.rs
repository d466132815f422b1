//! The arrows that `docs/ARCHITECTURE.md` draws.

/// What each workspace crate may depend on within the workspace.
pub const ALLOWED: &[(&str, &[&str])] = &[
    ("dowel-core", &[]),
    ("dowel-flow", &["dowel-core"]),
    ("dowel-engine", &["dowel-flow", "dowel-core"]),
    ("dowel-api", &["dowel-engine", "dowel-flow", "dowel-core"]),
    ("dowel-mapping", &["dowel-core"]),
    ("dowel-mapping-guest", &[]),
    ("dowel-wasm", &["dowel-core"]),
    ("dowel-store-sled", &["dowel-core"]),
    ("dowel-gitops", &["dowel-core"]),
    ("dowel-secrets", &["dowel-core"]),
    (
        "dowel-testkit",
        &["dowel-wasm", "dowel-engine", "dowel-flow", "dowel-core"],
    ),
    (
        "dowel-conformance",
        &["dowel-wasm", "dowel-flow", "dowel-core"],
    ),
    ("dowel-openapi", &["dowel-core"]),
    (
        "dowel-cli",
        &[
            "dowel-api",
            "dowel-engine",
            "dowel-flow",
            "dowel-wasm",
            "dowel-store-sled",
            "dowel-gitops",
            "dowel-secrets",
            "dowel-mapping",
            "dowel-testkit",
            "dowel-conformance",
            "dowel-openapi",
            "dowel-core",
        ],
    ),
    ("dowel-sdk", &["dowel-sdk-macros"]),
    ("dowel-sdk-macros", &[]),
    ("dowel-connector-http", &["dowel-sdk"]),
    ("dowel-connector-crm", &["dowel-sdk"]),
    ("dowel-connector-exchange-rates", &["dowel-sdk"]),
    ("dowel-connector-erp", &["dowel-sdk"]),
    ("dowel-store-suite", &["dowel-core"]),
    ("dowel-hostile", &[]),
    ("dowel-flawed", &["dowel-sdk"]),
    ("dowel-fuzz", &[]),
    ("dowel-shop", &[]),
    ("dowel-bench-guest", &["dowel-sdk"]),
    ("dowel-tidy", &["dowel-core"]),
    (
        "dowel-soak",
        &[
            "dowel-api",
            "dowel-core",
            "dowel-engine",
            "dowel-flow",
            "dowel-store-sled",
        ],
    ),
    (
        "dowel-sim",
        &["dowel-core", "dowel-engine", "dowel-flow", "dowel-testkit"],
    ),
    (
        "dowel-bench",
        &[
            "dowel-core",
            "dowel-engine",
            "dowel-flow",
            "dowel-mapping",
            "dowel-store-sled",
            "dowel-wasm",
            "dowel-shop",
        ],
    ),
    ("xtask", &[]),
];

/// The crates of the host.
pub(super) const HOST: &[&str] = &[
    "dowel-core",
    "dowel-flow",
    "dowel-engine",
    "dowel-api",
    "dowel-mapping",
    "dowel-wasm",
    "dowel-store-sled",
    "dowel-gitops",
    "dowel-secrets",
    "dowel-testkit",
    "dowel-conformance",
    "dowel-openapi",
    "dowel-cli",
];

/// Third-party crates, with their families, and the host crates that may know them.
pub const ONLY: &[(&str, &[&str])] = &[
    ("wasmtime", &["dowel-wasm", "dowel-mapping"]),
    ("axum", &["dowel-api"]),
    ("sled", &["dowel-store-sled"]),
    ("git2", &["dowel-gitops"]),
    ("age", &["dowel-secrets"]),
];

/// Crates without a runtime, network, file system or clock.
pub const PURE: [&str; 3] = ["dowel-core", "dowel-flow", "dowel-openapi"];

/// What pure crates do not reach.
pub const UNREACHABLE: [&str; 14] = [
    "async-std",
    "axum",
    "hyper",
    "mio",
    "notify",
    "reqwest",
    "sled",
    "smol",
    "socket2",
    "tempfile",
    "tokio",
    "ureq",
    "walkdir",
    "wasmtime",
];
