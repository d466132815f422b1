//! `DWL-60xx`: environments, the host's configuration and the installation.

super::codes! {
    UNREADABLE = 6001, "A file cannot be read",
        "A file or folder that the command needs is missing or cannot be read.",
        "Check the path and its permissions.";
    HOOK_TAKEN = 6002, "Two flows listen at the same path",
        "Two active flows have a webhook trigger with the same method and path.",
        "Give one of them another path, or disable it in the environment file.";
}
