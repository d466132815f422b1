//! Filters and variables that flows may not use, each with its own message.

/// Why a filter is refused and what to write instead; `None` if it is allowed.
pub(crate) fn filter(name: &str) -> Option<(&'static str, Option<&'static str>)> {
    Some(match name {
        "env" => (
            "`env` is refused: expressions do not see the host's environment variables",
            Some("$env"),
        ),
        "input" | "inputs" | "input_filename" | "input_line_number" => (
            "`input` and its relatives are refused: a flow has one input, the trigger's payload",
            Some("$trigger"),
        ),
        "debug" | "stderr" => (
            "`debug` and `stderr` are refused: payloads must not reach logs; try the expression with `dowel eval`",
            None,
        ),
        "halt" | "halt_error" => (
            "`halt` is refused: an expression cannot end the host; raise an error with `error(\"…\")`",
            Some("error(\"…\")"),
        ),
        "now" => (
            "`now` is refused: a replayed run would see another time; `$now` is recorded with the run",
            Some("$now"),
        ),
        "localtime" | "strflocaltime" => (
            "local time is refused: it depends on the host; name the zone",
            Some("date_format(…; \"Europe/Berlin\")"),
        ),
        "get_search_list" | "modulemeta" | "import" | "include" | "module" => (
            "modules are refused: an expression stands alone; put long mappings in a file with `with: { file: … }`",
            None,
        ),
        "repl" | "getpath_or_repl" | "exec" | "input_json" => (
            "this filter is refused: expressions do not reach outside of their input",
            None,
        ),
        // Helpers of the standard library that are no part of jq.
        "error_empty" | "debug_empty" | "stderr_empty" | "halt_empty" => (
            "this filter is a helper of the engine and no part of jq",
            Some("error"),
        ),
        _ => return None,
    })
}

/// As [`filter`], for a variable with its `$`.
pub(crate) fn variable(name: &str) -> Option<(&'static str, Option<&'static str>)> {
    Some(match name {
        "$ENV" => (
            "`$ENV` is refused: expressions do not see the host's environment variables",
            Some("$env"),
        ),
        "$__loc__" => (
            "`$__loc__` is refused: messages name the place themselves",
            None,
        ),
        "$__prog_args" | "$ARGS" | "$__named" => (
            "program arguments are refused: a flow has one input, the trigger's payload",
            Some("$trigger"),
        ),
        _ => return None,
    })
}

/// The message for `def`.
pub(crate) const DEFINITION: &str = "`def` is refused: an expression is one filter without definitions of its own; repeat the short part, or split the work into a `set` step";

/// Natives of jaq that are not even linked, so that a program that nobody checked
/// cannot reach them either.
pub(crate) const UNLINKED: &[&str] = &[
    "env",
    "now",
    "halt",
    "debug_empty",
    "stderr_empty",
    "localtime",
    "strflocaltime",
];
