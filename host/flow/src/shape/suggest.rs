//! Did you mean …?

/// The candidate that was probably meant.
pub(crate) fn closest<'a>(
    text: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // A third of the letters may differ: enough for a slip, too little for another word.
    let allowed = (text.chars().count() / 3).clamp(1, 4);
    let normal = |text: &str| text.to_lowercase().replace('-', "_");
    let wanted = normal(text);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&wanted, &normal(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Help text with a suggestion, or with all candidates if none is close.
pub(crate) fn did_you_mean<'a>(
    text: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    if let Some(found) = closest(text, candidates.clone()) {
        return Some(format!("did you mean `{found}`?"));
    }
    let all: Vec<String> = candidates
        .into_iter()
        .map(|name| format!("`{name}`"))
        .collect();
    (!all.is_empty()).then(|| format!("known here: {}", all.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn slips_are_found_and_other_words_are_not() {
        let keys = ["steps", "max_delay", "output"];
        assert_eq!(closest("stpes", keys), Some("steps"));
        assert_eq!(closest("maxDelay", keys), Some("max_delay"));
        assert_eq!(closest("max-delay", keys), Some("max_delay"));
        assert_eq!(closest("input", keys), None);
    }
}
