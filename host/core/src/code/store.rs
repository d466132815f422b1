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
    BACKUP_DAMAGED = 3010, "The backup is not whole",
        "A part of the backup is missing or is not what was written: it was cut off while it was made or copied, or the medium is damaged.",
        "Take another backup, or another copy of this one. Nothing was restored.";
    RESTORE_OCCUPIED = 3011, "The folder for the restore is in use",
        "A restore makes a new data folder and never writes over one.",
        "Name a folder that is not there yet, or move the old one away first.";
    RESTORE_UNREADABLE = 3012, "The restored data cannot be used",
        "The backup is whole, and what was restored from it does not fit together: a journal cannot be read, or something that an unfinished run needs is missing.",
        "Keep the backup and take another one. The message names what does not fit; this is a defect of the host that made the backup.";
    BACKUP_OCCUPIED = 3013, "There is a backup already",
        "A backup is written into a folder of its own and never over another one.",
        "Name another folder, one for each backup.";
}
