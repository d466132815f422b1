//! `DWL-503x`: decisions of people about approvals.

super::codes! {
    APPROVAL_NOT_IN_GROUP = 5030, "Not in a group that may decide",
        "The policy does not have the person in any of the groups that the approval is open to now.",
        "Ask somebody of these groups, or add the person to a group in `policy.yaml`.";
    APPROVAL_EXCLUDED = 5031, "Excluded from this decision",
        "Four eyes: the flow excludes the person from this approval, or the person changed the run's data.",
        "Ask somebody else of the groups.";
    APPROVAL_DECIDED = 5032, "The approval has been decided already",
        "The first decision holds; the message says whose it was.",
        "Look at the run's story; whoever disagrees decides about the run as a whole.";
    APPROVAL_UNKNOWN = 5033, "There is no such approval",
        "The run has no step at this path that waits for a decision.",
        "List the open ones with `dowel approvals list`.";
    APPROVAL_NO_SUCH_DECISION = 5034, "Not one of the decisions",
        "The approval does not offer this decision.",
        "Use one of the decisions that the message lists.";
}
