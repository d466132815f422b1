//! `DWL-622x`: building connectors.

super::codes! {
    TOOLCHAIN_MISSING = 6220, "The toolchain of a connector's language is missing",
        "`dowel connector build` runs the toolchain that is installed in the connector's own folder, and it is not there.",
        "Run the command that the message names in the connector's folder.";
    NOT_A_PROJECT = 6221, "The folder holds no connector that can be built",
        "The folder has no file by which its language is known, or the file does not say what a connector needs.",
        "Compare it with what `dowel connector new` makes in the same language.";
    TOOLCHAIN_FAILED = 6222, "The connector cannot be built",
        "The toolchain of the connector's language stopped with an error, which it has printed.",
        "Mend what it names, and build again.";
}
