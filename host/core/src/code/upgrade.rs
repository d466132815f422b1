//! `DWL-5100` to `DWL-5119`: formats of stores, and versions of flows beside each other.

super::codes! {
    FORMAT_TOO_NEW = 5100, "The store has a newer format than this program reads",
        "Somebody has finalised the upgrade to a newer program (`dowel upgrade finalize`): what that program writes from then on cannot be read by this one. Nothing was changed.",
        "Start the newer program again. To go back all the same, restore the backup that was taken before the upgrade; what came in since then is in this store only.";
    FORMAT_UNREADABLE = 5101, "The record of the store's format cannot be read",
        "The store says in a form that this program does not know which format it has: it was written by a much newer program, or it was changed by hand.",
        "Start the program that wrote it, or restore a backup.";
    NO_SUCH_CANARY = 5102, "The flow has no canary",
        "No version of the flow gets a share of its runs at the moment.",
        "Look with `dowel canary status`.";
    CANARY_REFUSED = 5103, "The versions cannot share the runs of the flow",
        "The host keeps no version before the new one, or both would tell runs apart in different ways, so that an event could begin a run on each of them; nothing was changed.",
        "Do what the message says: name the version that keeps the rest with `--before`, or change `dedupe` and `concurrency` in a version of its own.";
    VERSION_NEEDED = 5104, "The version is needed",
        "The environment pins it, a canary gives it runs, or runs are on it that have not ended; nothing was changed.",
        "Look with `dowel flow versions <flow>`. Let the runs end, or decide about those that are parked, and pin another version first.";
}
