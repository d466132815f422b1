//! Whether a version has been in the environment before for as long as is asked for.

use dowel_core::code::change::SOAKING;
use dowel_core::port::RepositoryError;
use dowel_core::units::format_duration;
use dowel_core::{CommitId, FlowName, Timestamp};
use dowel_flow::environment::{self, Environment, Pin, Pins, Promotion, Released};
use dowel_flow::repository::environment_path;
use dowel_gitops::{Past, Repository};

/// Texts of an environment file that are looked at for a pin.
const MAX_PAST: usize = 500;

/// What an environment pins of a flow.
pub(crate) fn pin_of<'e>(environment: &'e Environment, flow: &FlowName) -> Option<&'e Pin> {
    match &environment.pins {
        Pins::Head => None,
        Pins::Flows(pins) => pins.get(flow),
    }
}

/// The environment before, as the commits up to `commit` have had it, the newest first.
fn past(git: &Repository, commit: &CommitId, from: &str) -> Result<Vec<Past>, RepositoryError> {
    let path = environment_path(from);
    git.past(&path, commit, MAX_PAST).map_err(Into::into)
}

fn pins(past: &Past, from: &str, flow: &FlowName, pin: &Released) -> bool {
    let then = environment::parse(&environment_path(from), &past.text);
    then.is_ok_and(|then| pin_of(&then, flow) == Some(&Pin::Released(pin.clone())))
}

/// Why a version that is pinned in the environment before may not be promoted yet, if that
/// is so. One that is not pinned there now has not to soak.
///
/// # Errors
/// The history cannot be read.
pub(crate) fn still_soaks(
    (git, commit): (&Repository, &CommitId),
    promotion: &Promotion,
    (flow, pin): (&FlowName, &Released),
    now: Timestamp,
) -> Result<Option<String>, RepositoryError> {
    let (Some(from), Some(soak)) = (&promotion.from, promotion.soak) else {
        return Ok(None);
    };
    let from = from.as_str();
    let past = past(git, commit, from)?;
    let is_pinned = |past: &&Past| pins(past, from, flow, pin);
    let since = past.iter().take_while(is_pinned).last().map(|past| past.at);
    let Some((since, until)) = since.map(|since| (since, since.plus(soak))) else {
        return Ok(None);
    };
    Ok((until > now).then(|| {
        format!(
            "{SOAKING}: {flow}@{} is pinned in `{from}` since {since}, and soaks there for {}: until {until}",
            pin.version,
            format_duration(soak)
        )
    }))
}

/// Why a host may not take a version up yet that is new to it: nowhere in its history has the
/// environment before had the version for as long as is asked for.
///
/// # Errors
/// The history cannot be read.
pub(crate) fn has_not_soaked(
    (git, commit): (&Repository, &CommitId),
    promotion: &Promotion,
    (flow, pin): (&FlowName, &Released),
    now: Timestamp,
) -> Result<Option<String>, RepositoryError> {
    let (Some(from), Some(soak)) = (&promotion.from, promotion.soak) else {
        return Ok(None);
    };
    let from = from.as_str();
    // The newest first: each text held until the one that came after it.
    let (mut until, mut longest, mut began) = (now, None, None::<(Timestamp, Timestamp)>);
    for past in past(git, commit, from)? {
        if pins(&past, from, flow, pin) {
            let end = began.map_or(until, |(_, end)| end);
            began = Some((past.at, end));
            longest = longest.max(Some(end.since(past.at)));
        } else {
            began = None;
        }
        until = past.at;
    }
    if longest.is_some_and(|longest| longest >= soak) {
        return Ok(None);
    }
    let asked = format_duration(soak);
    Ok(Some(match longest {
        Some(longest) => format!(
            "{flow}@{} was pinned in `{from}` for {} s, and `promotion.soak` asks for {asked}",
            pin.version,
            longest.as_secs()
        ),
        None => format!(
            "{flow}@{} was never pinned in `{from}`, where `promotion.soak` asks for {asked}",
            pin.version
        ),
    }))
}
