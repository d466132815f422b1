//! `DWL-50xx`: loading and building connectors, and binding connections to them.

super::codes! {
    NOT_A_COMPONENT = 5001, "Not a connector",
        "The file is not a WebAssembly component that exports the connector contract.",
        "Build it with `dowel connector build`.";
    CORE_MODULE = 5002, "A core module, not a component",
        "The file is a plain WebAssembly module; a connector is a component.",
        "Build for a component target such as `wasm32-wasip2`, or wrap it with `wasm-tools component new`.";
    NO_MANIFEST = 5003, "The connector has no manifest",
        "The component has no custom section `dowel:manifest`.",
        "Build it with `dowel connector build`, which writes the section.";
    BAD_MANIFEST = 5004, "The connector's manifest is not acceptable",
        "The manifest is malformed, there twice, or for another version of the contract.",
        "Rebuild the connector with an SDK that fits this host.";
    UNKNOWN_IMPORT = 5005, "The connector imports something that is not granted",
        "The component imports an interface that this host does not give to connectors.",
        "Remove what needs the import, or ask for an SDK that does without it.";
    MISSING_EXPORT = 5006, "The connector does not export the contract",
        "The component lacks an interface of the contract, or exports it with other types.",
        "Rebuild the connector against the contract in `wit/`.";
    COMPILE_FAILED = 5007, "The connector cannot be compiled",
        "The component is not valid, or uses WebAssembly features that this host does not offer.",
        "Rebuild the connector with a current toolchain.";
    CACHE = 5008, "The compile cache cannot be used",
        "The folder for compiled connectors, or the key in it, cannot be read or written.",
        "Check that the folder exists and belongs to the user that runs Dowel.";
    ENGINE = 5009, "The sandbox cannot be started",
        "The WebAssembly engine did not start with the configured limits.",
        "Lower the number of instances or raise the address space that the machine grants to the process.";
    TOO_LARGE = 5010, "The connector is too large",
        "The file, or the manifest in it, is larger than the host accepts.",
        "Build without debug information and leave out what is not used.";
    DESCRIBE_FAILED = 5011, "The connector cannot describe itself",
        "The component does not export `describe`, or crashed or ran out of time in it.",
        "Build the connector with an SDK, or embed a manifest of your own.";
    LOCK_FILE = 5012, "The lock or the trusted signers cannot be read",
        "`connectors.lock` or `trusted-signers.yaml` is not in its form.",
        "Correct the file; `dowel connector add` writes the lock.";
    NOT_LOCKED = 5013, "The connector is not in the lock",
        "The repository has a `connectors.lock`, and a component in the folder of connectors is not named there.",
        "Add it with `dowel connector add <file>` if it is meant to be used, or remove the file.";
    LOCK_DIGEST = 5014, "The connector was changed after it was added",
        "The lock names a connector of this name and version with another digest.",
        "Bring the locked one back with `dowel connector install`, or accept the new one with `dowel connector add <file>`.";
    SIGNER_NOT_TRUSTED = 5015, "The connector's signer is not trusted",
        "The connector is not signed, or signed by a key that `trusted-signers.yaml` does not name.",
        "Use a connector of a trusted signer, or name the key in `trusted-signers.yaml` after you have checked whose it is.";
    SIGNATURE_WRONG = 5016, "The connector's signature is wrong",
        "The signature is not one of these bytes by the key that it names.",
        "Fetch the connector again from its publisher; do not use this one.";
    UNUSED_NEED = 5017, "The manifest asks for more than the connector can use",
        "The manifest needs requests to be let out, or blobs, and the component imports nothing by which it could use that.",
        "Build the connector again, so that manifest and component belong together.";
    BIND_RULE = 5020, "An egress rule cannot be used",
        "A rule under `allow`, or one of the manifest with the connection's configuration in it, is not a method list and a URL pattern.",
        "Write `GET,POST https://host/path/*`: no user name, query or fragment; `*` only as the whole host or at the end of the path.";
    BIND_NOT_GRANTED = 5021, "The connector needs more than the environment grants",
        "A place that the connector's manifest needs is not covered by any `allow` rule of the connection.",
        "Add a rule to the connection's `allow`.";
    BIND_CONFIG = 5022, "The manifest names a setting that the connection lacks",
        "An egress rule of the manifest contains `{name}`, and the connection's `config` has no text of that name.",
        "Add the setting to the connection's `config`.";
    BIND_ORIGIN = 5023, "An origin cannot be used",
        "An entry of `auth.origins` is not a scheme, a host and an optional port.",
        "Write `https://api.example.com` or `http://localhost:8080`, without a path.";
    BIND_ADDRESSES = 5024, "An address range cannot be used",
        "An entry of `private_addresses` is neither an address nor a CIDR range.",
        "Write `10.0.0.0/8`, `127.0.0.1` or `fd00::/8`.";
    BIND_HEADER = 5025, "A header name cannot be used",
        "The idempotency header or the header of an API key is not a header name, or one that the host keeps for itself.",
        "Choose another header name.";
    BIND_MEMORY = 5026, "The memory limit is too high",
        "The connection grants more memory to an instance than the host has set aside for one.",
        "Lower `limits.memory` of the connection.";
    BIND_CLIENT = 5027, "No HTTP client for the connection",
        "The HTTP client cannot be made, for example because the machine has no certificate store.",
        "Install the system's CA certificates.";
    BIND_TWICE = 5028, "A connection is there twice",
        "Two connections of the environment have the same name.",
        "Rename or remove one of them.";
}
