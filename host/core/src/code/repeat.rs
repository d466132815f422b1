//! `DWL-504x`: requests of the API that are sent again under their `Idempotency-Key`.

super::codes! {
    STILL_UNDERWAY = 5041, "The first request with this key is still being carried out",
        "A request with the same `Idempotency-Key` began a moment ago and has not been answered; this one changed nothing.",
        "Send the same request again after the time in `Retry-After`: it is then answered as the first one was.";
    OUTCOME_UNKNOWN = 5042, "What came of the first request with this key is not known",
        "The host stopped while it carried the request out, or could not write its answer down. This request changed nothing.",
        "Look whether the change has been made. If not, send the request with another key.";
    ANSWER_NOT_KEPT = 5043, "The first request with this key was carried out, and its answer is not kept",
        "The answer held a secret that is shown once, or was larger than what is kept. This request changed nothing.",
        "Look at what was made in the lists. If a secret is lost, revoke what it belongs to and make another with another key.";
}
