//! `DWL-10xx`: the text and shape of flows and environment files.

super::codes! {
    YAML_SYNTAX = 1001, "The file is not YAML",
        "The file breaks the syntax of YAML 1.2 at the place that is shown.",
        "Correct the syntax at that place; indentation by tabs and unclosed quotes are the usual causes.";
    UNKNOWN_KEY = 1002, "Unknown key",
        "The flow language is closed: a key that it does not know is refused and never ignored.",
        "Use the suggested key, or begin the name with `x-` if the key is your own.";
    MISSING_KEY = 1003, "A required key is missing",
        "A map lacks a key that the language requires there.",
        "Add the key that the message names.";
    WRONG_TYPE = 1004, "A value of the wrong type",
        "The key takes a value of another type than the one that stands there, such as a list instead of a map.",
        "Write a value of the type that the message names.";
    NOT_SUPPORTED_YET = 1005, "Not supported yet",
        "The key or value belongs to the language, but this version of the host cannot carry it out, so the file is refused instead of the key being ignored.",
        "Remove it, or use a version of the host that supports it.";
    BAD_NAME = 1006, "A name that breaks the rule for names",
        "Flows, connectors, connections and operations are named in kebab-case; step ids and variables in snake_case.",
        "Rename it as the message says.";
    UNKNOWN_VALUE = 1007, "Not one of the accepted values",
        "The key takes one of a fixed list of words, and the value is none of them.",
        "Use one of the words that the message lists.";
    OUT_OF_RANGE = 1008, "A value outside of its range",
        "The number, duration or size is smaller or larger than the key allows.",
        "Use a value within the range that the message names.";
    BAD_FORM = 1009, "A value in the wrong form",
        "The value is not written in the form that its key requires, such as `5m` for a duration or `1.4.0` for a version.",
        "Write it in the form that the message shows.";
    FILE_TOO_LARGE = 1021, "The file is too large",
        "A flow or environment file may have 1 MiB at most.",
        "Move large data into schema or mapping files, or split the flow.";
    TOO_DEEP = 1022, "The file is nested too deeply",
        "Lists and maps may be nested 64 levels deep at most.",
        "Flatten the structure at the place that is shown.";
    BYTE_ORDER_MARK = 1023, "The file begins with a byte order mark",
        "The file begins with the invisible character U+FEFF, which some editors add.",
        "Save the file as UTF-8 without byte order mark.";
    TAB_INDENTATION = 1024, "A line is indented with a tab",
        "YAML indents by spaces only; a tab in the indentation means different things to different readers.",
        "Replace the tab by spaces.";
    SEVERAL_DOCUMENTS = 1025, "The file holds several documents",
        "One file holds exactly one document; `---` begins another one.",
        "Split the file, or remove the separator.";
    ANCHOR = 1026, "Anchors and aliases are not accepted",
        "A few lines with anchors (`&name`) and aliases (`*name`) can expand to gigabytes, and hide from the reader what runs.",
        "Write the value out; quote it if it only begins with `&` or `*`.";
    MERGE_KEY = 1027, "Merge keys are not accepted",
        "The key `<<` merges maps in YAML 1.1 and is an ordinary key in YAML 1.2.",
        "Write the keys out.";
    DUPLICATE_KEY = 1028, "The same key twice",
        "A map names the same key twice; readers disagree on which of the values counts.",
        "Keep one of them.";
    TAG = 1029, "Tags are not accepted",
        "A tag such as `!!str` or `!name` changes the type of a value out of the reader's sight.",
        "Remove the tag; quote the value if it is meant as a text.";
    KEY_NOT_TEXT = 1030, "A key that is not a text",
        "A key has to be a plain or quoted text, not a list, a map or nothing.",
        "Write a text as the key. If this was meant as an expression, put it in single quotes.";
    BOOLEAN_KEY = 1031, "A key that other YAML readers take for a truth value",
        "Unquoted `on`, `off`, `yes`, `no`, `true`, `false` and `null` as keys mean a truth value or nothing to many YAML readers.",
        "Use the key that the message suggests, or quote it if the name is the data's own.";
    BOOLEAN_WORD = 1032, "A word that other YAML readers take for a truth value",
        "Unquoted `yes`, `no`, `on` and `off` are texts in YAML 1.2 and truth values in YAML 1.1, so that Norway (`no`) becomes `false`.",
        "Write `true` or `false`, or quote the word if it is a text.";
    FOREIGN_NUMBER = 1033, "A number that JSON cannot hold",
        "The value is a number in YAML, in a form that JSON does not have: hexadecimal, with underscores, a leading plus or zero, or infinite.",
        "Write the number as JSON does, such as 31, 1000 or 0.5, or quote it if it is a text.";
    UNQUOTED_EXPRESSION = 1034, "An expression without quotes",
        "YAML reads the braces and colons of an unquoted expression as its own.",
        "Put the whole expression in single quotes: '${ {a: .b} }'.";
    UNQUOTED_TEXT = 1035, "A text without quotes that YAML reads as something else",
        "The key takes a text, and the unquoted value is a number or a truth value to YAML.",
        "Put the value in quotes.";
    SPLICED_EXPRESSION = 1041, "An expression inside of a text",
        "An expression is the whole value, `${ … }` from the first to the last character; it is never spliced into a text.",
        "Build the text inside of the expression, with jq's string interpolation, as the message shows; `$${` stands for a literal `${`.";
    EMPTY_EXPRESSION = 1042, "An empty expression",
        "There is nothing between `${` and `}`.",
        "Write an expression, or `null` without `${ }`.";
    UNCLOSED_EXPRESSION = 1043, "An expression without an end",
        "The closing `}` of `${` is missing.",
        "Close the expression; without quotes, a ` #` in it begins a YAML comment.";
    COMMENT_IN_EXPRESSION = 1044, "A comment in an expression on folded lines",
        "A jq comment reaches to the end of its line, and YAML has folded the lines into one, so that the comment swallows the rest.",
        "Use a literal block (`|`), or remove the comment.";
    EXPRESSION_EXPECTED = 1045, "An expression is expected here",
        "The key takes an expression, and the value is a plain one.",
        "Write `'${ … }'`.";
    EXPRESSION_REFUSED = 1046, "No expression is accepted here",
        "The key takes a fixed value that is known before anything runs.",
        "Write the value itself, or `$${` for a literal `${`.";
    EVENT_CIRCLE = 1050, "A flow that begins itself",
        "The flow emits an event that its own trigger takes, so that each run begins another one; the host stops such a circle after some rounds.",
        "Give the trigger a `source` or a `filter` that keeps the flow's own events out, or emit another type.";
    TRIGGER_CHOICE = 1051, "Not exactly one kind of trigger",
        "A flow has either `trigger` or `triggers`, and each trigger is of exactly one kind.",
        "Keep one of them.";
    STEP_KIND = 1052, "Not exactly one kind of step",
        "Each step does exactly one thing: `call`, `set`, `switch`, `for_each`, `emit`, `fail` or `return`.",
        "Add the missing key, or split the step in two.";
    KEY_NOT_FOR_KIND = 1053, "A key that does not belong to this kind of step",
        "The language knows the key, but it means nothing on a step of this kind.",
        "Remove the key, or move it to the step that it is meant for.";
    DUPLICATE_STEP = 1054, "The same step id twice",
        "Step ids are unique in the whole file, inside of loops and branches too.",
        "Rename one of the steps.";
    UNKNOWN_LANGUAGE = 1055, "Unknown version of the language",
        "The file is written in a version of the language that this host does not know.",
        "Write `language: dowel/v1`.";
    FOLDER_NAME = 1056, "The flow and its folder have different names",
        "A flow is found by its folder, `flows/<name>/flow.yaml`, and the file names another flow.",
        "Rename the folder or the flow.";
    REPEATED_PATH = 1057, "The same webhook twice",
        "Two triggers of the flow listen to the same method and path.",
        "Give one of them another path.";
    EMPTY_LIST = 1058, "An empty list",
        "The list needs at least one entry.",
        "Add an entry, or remove the key.";
    KEY_WITHOUT_GENERATION = 1059, "A compensated step's key is the same in a rerun",
        "The step has an explicit `idempotency_key` and a `compensate`; after the step was undone a rerun would send the key of the undone effect, and the upstream would do nothing.",
        "Make `$run.generation` a part of the key.";
    EVENTS_CHOICE = 1060, "Not exactly one rule for senders of events",
        "`events` of the environment says who may send events: named `senders`, or anybody with `verify: none`.",
        "Keep one of them; without `events` nobody may send any.";
    AUTH_CHOICE = 1061, "Not exactly one method of authentication",
        "`auth` names exactly one method beside its `origins`.",
        "Keep one of `bearer`, `basic` and `api_key`.";
    EXPOSED_ORIGIN = 1062, "A credential over an unencrypted connection",
        "The credential is sent to an `http` origin, where everybody on the way can read it.",
        "Use `https`, unless the origin is on this machine.";
    TEST_LANGUAGE = 1063, "Unknown version of the test format",
        "The test file is written in a version of the format that this host does not know.",
        "Write `tests: dowel/v1`.";
    TEST_CASE_REPEATED = 1064, "Two test cases of the same name",
        "Cases are chosen and reported by their names, so each name stands once in a file.",
        "Rename one of the cases.";
    MOCK_UNKNOWN = 1065, "A mock of something that the flow does not do",
        "A mock is named after an operation that the flow calls, `<connection>.<operation>`, or after a step that waits for somebody.",
        "Use the suggested name, or remove the mock.";
    MOCK_CHOICE = 1066, "Not exactly one outcome of a mock",
        "Each answer of a mock either returns a value or fails with an error kind.",
        "Keep one of `return` and `fail`.";
    MOCK_KEY = 1067, "A key that does not belong to this answer",
        "The key describes a failure, and the answer returns a value.",
        "Remove the key, or write `fail` instead of `return`.";
    MOCK_SCHEMA = 1068, "A mock that the real operation could not return",
        "The value that the mock returns does not satisfy the operation's output schema, so the step will fail on it.",
        "Correct the value; a case that tests exactly this expects the error code `DWL-2108`, and the warning goes away.";
    GIVEN_PAYLOADS = 1069, "Not exactly one way to give payloads",
        "A case is given one payload by `trigger` or several by `payloads`.",
        "Keep one of them.";
    FIXTURE_NOT_JSON = 1070, "A fixture is not JSON",
        "The file that stands for a payload cannot be read as JSON.",
        "Correct the file at the place that is shown.";
    EXPECT_UNKNOWN = 1071, "An expectation about something that the flow does not have",
        "The expectation names an operation, a step or a trigger that is not in the flow, so it could never hold.",
        "Use the suggested name.";
    EXPECT_NOTHING = 1072, "A case that expects nothing",
        "A case without expectations passes whatever the flow does.",
        "Write what is expected, or let `dowel test --update` fill it in and read what it wrote.";
    EXPECT_RUNS = 1073, "Expectations that do not fit the payloads",
        "`status`, `output` and the like speak of one run; a case with several payloads has `runs`, one entry for each payload.",
        "Move them under `runs`, in the order of the payloads.";
    MOCK_MISSING = 1080, "A call without a mock",
        "The case let the flow make a call that it has no mock for; a test never reaches the real system.",
        "Add the stub that the report shows to the case's `mocks` and correct its values.";
    MOCK_USED_UP = 1081, "A mock has no answer left",
        "The flow made a call more often than its mock has answers for.",
        "Add an answer, raise `times`, or leave `times` out of the last answer so that it repeats.";
    BAD_CRON = 1090, "A cron expression that cannot be used",
        "The text does not follow the five fields of cron (minute, hour, day of the month, month, day of the week), or uses something that cron implementations do not agree on.",
        "Write it as the message says, such as `30 2 * * mon-fri`.";
    UNKNOWN_ZONE = 1091, "Unknown time zone",
        "The time zone is not in the IANA time zone database that this version of Dowel carries.",
        "Use the name of a region and city, such as `Europe/Berlin`, or `UTC`.";
    SCHEDULE_CHOICE = 1092, "Not exactly one rhythm",
        "A schedule has either `cron` with `timezone`, or `every`.",
        "Keep one of them; `cron` needs a `timezone`, `every` takes none.";
    NEVER_FIRES = 1093, "A schedule that never fires",
        "No time in the next ten years fits the schedule, because its day does not exist or its calendar is closed whenever it would fire.",
        "Correct the day or the time, or use another calendar.";
    UNKNOWN_CALENDAR = 1094, "Unknown calendar",
        "The flow names a business calendar, and the repository has no such file in `calendars/`.",
        "Add `calendars/<name>.yaml`, or correct the name.";
    BAD_CALENDAR = 1095, "A calendar that cannot be used",
        "A business calendar contradicts itself, or is never open.",
        "Correct the days, hours or dates that the message names.";
    EITHER_DAY = 1096, "A cron expression with two kinds of days",
        "Both the day of the month and the day of the week are limited. By POSIX the schedule fires on days that fit either of them, not both.",
        "If that is meant, ignore the warning; otherwise keep one of the two and decide on the other in an `if`.";
    POLL_PARAMS = 1097, "The parameters of a source do not fit",
        "The `with` of a `poll` trigger does not satisfy the schema of the source's parameters.",
        "Correct it; `dowel connector docs` shows what the source takes.";
    PLAN_UNUSABLE = 1099, "A stored plan cannot be used",
        "A flow's compiled plan holds a schema or a form that this version of Dowel cannot use.",
        "Run `dowel check` on the flow; if it passes, the data folder was written by another version.";
}
