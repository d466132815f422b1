//! `DWL-5100` to `DWL-5109`: formats of stores.

super::codes! {
    FORMAT_TOO_NEW = 5100, "The store has a newer format than this program reads",
        "Somebody has finalised the upgrade to a newer program (`dowel upgrade finalize`): what that program writes from then on cannot be read by this one. Nothing was changed.",
        "Start the newer program again. To go back all the same, restore the backup that was taken before the upgrade; what came in since then is in this store only.";
    FORMAT_UNREADABLE = 5101, "The record of the store's format cannot be read",
        "The store says in a form that this program does not know which format it has: it was written by a much newer program, or it was changed by hand.",
        "Start the program that wrote it, or restore a backup.";
}
