//! `DWL-11xx`: expressions at check time.

super::codes! {
    SYNTAX = 1101, "The expression is not jq",
        "The text between `${` and `}` breaks the syntax of jq at the place that is shown.",
        "Correct the expression at that place; `dowel eval` tries one out.";
    EXPRESSION_TOO_LONG = 1102, "The expression is too long",
        "The expression is longer than the checker reads.",
        "Split it over several `set` steps.";
    EXPRESSION_TOO_DEEP = 1103, "The expression is nested too deep",
        "Parentheses, brackets and string interpolations are nested deeper than the checker follows.",
        "Bind inner parts to variables with `as $name |`, or split the expression over several `set` steps.";
    CHECK_STOPPED = 1104, "The checker was stopped by the sandbox",
        "Checking the expression needed more stack, memory or time than the sandbox grants.",
        "Simplify the expression; very long chains of operators have this effect as well.";
    UNKNOWN_FILTER = 1105, "Unknown filter",
        "The expression calls a filter that jq does not have.",
        "Correct the name; the reference lists all filters.";
    WRONG_ARITY = 1106, "A filter is given the wrong number of arguments",
        "The filter exists, but takes another number of arguments. Arguments are separated by `;`.",
        "Correct the arguments.";
    UNKNOWN_VARIABLE = 1107, "Unknown variable",
        "The expression reads a variable that is not in scope at its place in the flow.",
        "Correct the name, or read the value from where it is in scope.";
    UNKNOWN_LABEL = 1108, "Unknown label",
        "The expression breaks to a label that does not surround it.",
        "Put `label $name |` before the part that breaks.";
    REFUSED_FILTER = 1109, "The filter is refused in flows",
        "The expression uses a part of jq that reads outside of its arguments, ends the host, or defines something.",
        "Use what the message names instead.";
}
