//! `DWL-30xx`: the store.

super::codes! {
    UNAVAILABLE = 3001, "The store cannot be used",
        "The data folder cannot be read or written.",
        "Check that the folder exists, belongs to the user that runs Dowel, and that the disk has room.";
    IN_USE = 3002, "The store is in use",
        "Another process has the data folder open. Only one can write to it.",
        "Stop the other process, which the message names, or give this one a folder of its own.";
    BEHIND = 3003, "The store has lost its last writes",
        "Writes that were acknowledged are missing at the end of the store's log: the file was cut or damaged after they were synced, or an older copy of it was put back. Going on would forget work that others were told is done.",
        "Copy the data folder first. Then restore a backup, or open with `--accept-loss`, which logs how many groups of writes are missing and goes on without them.";
    DAMAGED = 3004, "The store is damaged",
        "What lies in the data folder is not what was written: entries or files of large values are missing or changed.",
        "Copy the data folder first. Check the disk. Then restore a backup, or open with `--accept-loss`, which logs what is gone and takes what is left as the truth.";
}
