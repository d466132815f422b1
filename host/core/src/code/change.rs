//! `DWL-129x`: what a change means for others, and what is missing in the catalogue.

super::codes! {
    BREAKING_CHANGE = 1290, "A breaking change under a version that promises none",
        "Compared with the version that `--against` names, a payload that was good may be refused, or a reader may miss what was promised, but the flow's version is no new major one (while the major is 0: no new minor one).",
        "Keep the contract as the reasons say, or raise the major version; the rules are in `docs/reference/contract-rules.md`.";
    VERSION_DUE = 1291, "A higher version is due",
        "The flow is not what it was in the version that `--against` names, and its version does not say so.",
        "Raise the version as the help line says before the flow is released.";
    VERSION_LOWER = 1292, "A version that goes backwards",
        "The flow's version is lower than the one that it is compared with.",
        "Raise the version above the one that is compared with; to go back to an older version of a flow, pin that version in the environment.";
    NOTHING_TO_COMPARE = 1300, "Nothing to compare with",
        "`--against` names no folder, branch, tag or commit that could be read, or a name that could mean two of them.",
        "Name a branch, tag or commit of the clone (fetch it first), or a folder with `flows/`; in a pipeline fetch the whole history.";
    NOTHING_TO_PROMOTE = 1301, "Nothing to promote",
        "The environment that `--from` names pins no released versions.",
        "Name an environment that pins released versions; `dowel flow release` and `dowel promote` make one of it.";
    OWNER_MISSING = 1302, "A flow without an owner",
        "Nobody answers for the flow, and `lint.owner` of the policy asks for it.",
        "Name a team or a person by `owner`.";
    RUNBOOK_MISSING = 1303, "A flow without a runbook",
        "Nothing says what to do when a run of the flow is parked, and `lint.runbook` of the policy asks for it.",
        "Write a page into the flow's folder, and name it by `runbook`.";
    SLA_MISSING = 1304, "A flow that promises nothing",
        "The flow has no `sla`, and `lint.sla` of the policy asks for it.",
        "Say by `sla` how long a run takes (`within`), how soon a person decides (`resolve`), and how many runs succeed (`success`).";
    DEPRECATED_FLOW = 1305, "A step runs a deprecated flow",
        "The flow that the step runs will go.",
        "Run what its `deprecated.use` names; `dowel catalog --deprecated` lists who still runs it.";
    DEPRECATED_OPERATION = 1306, "A step calls a deprecated operation",
        "The operation that the step calls will go in a later version of its connector.",
        "Call what the operation names instead; `dowel catalog --deprecated` lists who still calls it.";
    EXPIRED = 1307, "Something is there after its last day",
        "A flow or an operation is deprecated, and the last day on which it was to be there has passed.",
        "Move its callers to what takes its place, then remove it; or move the date.";
    DEPRECATED_BACKWARDS = 1308, "A deprecation that ends before it begins",
        "`until` lies before `since`.",
        "Mend the dates: `since` is when it was announced, `until` the last day on which the flow is there.";
    SOAKING = 1309, "A version has not soaked long enough",
        "`promotion.soak` says how long a version is pinned in the environment before, and it is not there for as long yet.",
        "Wait until the time that the message names; a change of `promotion.soak` is a change like any other, with its approvals.";
    SOAK_WITHOUT_FROM = 1310, "A time to soak, and nowhere to do it",
        "`promotion.soak` stands without `promotion.from`.",
        "Name the environment that versions are pinned in before by `from`.";
    LAYOUT = 1311, "A layout that cannot be changed",
        "`dowel fmt` would have changed what the file says, and left it as it is.",
        "Write the place in a plainer way: a list or map with one entry on each line, comments on lines of their own.";
}
