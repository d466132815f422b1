//! Small drawings that tell kinds of steps apart, each in a square of 16.

/// The path of a kind's drawing, to be stroked.
pub(super) fn path(kind: &str) -> &'static str {
    match kind {
        "call" => "M2.5 8h10M8.5 4l4 4-4 4",
        "set" => "M3 4.5h10M3 8h10M3 11.5h6",
        "switch" => "M8 2v4.5M8 6.5L4 10v4M8 6.5l4 3.5v4",
        "for_each" => "M12.8 6A5 5 0 1 0 13 8.6M13 2.8V6H9.8",
        "parallel" => "M2.5 3.5h11M5 3.5v9M11 3.5v9M2.5 12.5h11",
        "try" => "M8 2l5 2v4c0 3-2.2 5-5 6-2.8-1-5-3-5-6V4z",
        "wait" | "schedule" => "M8 2.5a5.5 5.5 0 1 0 .01 0M8 5v3.2l2.2 1.4",
        "approve" | "manual" => {
            "M8 8a2.7 2.7 0 1 0-.01 0M3 13.6c.6-2.5 2.6-3.6 5-3.6s4.4 1.1 5 3.6"
        }
        "run" => "M2.5 2.5h7v7h-7zM6.5 9.5v4h7v-7h-4",
        "receive" | "event" => "M2.5 4h11v8.5h-11zM2.5 4.5L8 9l5.5-4.5",
        "emit" => {
            "M8 8h.01M5.2 10.8a4 4 0 0 1 0-5.6M10.8 5.2a4 4 0 0 1 0 5.6M3 13a7 7 0 0 1 0-10M13 3a7 7 0 0 1 0 10"
        }
        "catch" => "M9 2L4 9h4l-1 5 5-7H8z",
        "fail" => "M8 2.5a5.5 5.5 0 1 0 .01 0M6 6l4 4M10 6l-4 4",
        "return" => "M13 3.5V7a2.5 2.5 0 0 1-2.5 2.5H3M6.5 6L3 9.5 6.5 13",
        "undo" => "M5.5 2.5L2.5 5.5l3 3M2.5 5.5H10a3.5 3.5 0 0 1 0 7H6",
        "webhook" => "M2.5 8h7.5M7 4.5L10.5 8 7 11.5M13.5 3v10",
        _ => "M3.5 8.5l3 3 6-7",
    }
}

/// Which of the few colours a kind has.
pub(super) fn family(kind: &str) -> &'static str {
    match kind {
        "call" | "run" => "fp-act",
        "approve" => "fp-people",
        "wait" | "receive" => "fp-pause",
        "emit" => "fp-event",
        "fail" | "undo" | "catch" => "fp-bad",
        "return" | "end" => "fp-good",
        _ => "fp-plain",
    }
}
