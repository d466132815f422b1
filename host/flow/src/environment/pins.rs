//! Which versions of flows an environment runs, and who has to agree to others.

use super::within;
use crate::diagnostic::Report;
use crate::shape::Located;
use crate::surface::environment::{EnvironmentFile, FlowSettings, PinnedVersion, PromotionFile};
use crate::template::constant;
use crate::text::{Source, Span};
use crate::yaml::{self, Node, emit, extent};
use dowel_core::code::{change, flow, reference as code};
use dowel_core::id::{FlowName, GroupName};
use dowel_core::{CommitId, Digest, JsonText};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// People who approve one change; more than ten would never meet.
const APPROVALS: RangeInclusive<u32> = 0..=10;

/// A version that soaks for longer never leaves staging.
const MAX_SOAK: Duration = Duration::from_secs(400 * 86_400);

/// Which versions of flows run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pins {
    /// No flow is pinned, and none is promoted: each flow of the repository runs as it is.
    Head,
    /// These and no others.
    Flows(BTreeMap<FlowName, Pin>),
}

/// What runs of one flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pin {
    /// What the repository holds.
    Head,
    /// A released version.
    Released(Released),
}

/// A version of a flow, where it is read from, and what it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    /// The version.
    pub version: semver::Version,
    /// The commit that it is read from.
    pub commit: CommitId,
    /// The digest of its files.
    pub digest: Digest,
}

/// Who has to agree before another tree of an environment becomes active.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Promotion {
    /// The environment that a version is pinned in before.
    pub from: Option<FlowName>,
    /// How many people approve a change.
    pub approvals: u32,
    /// Whether its author may not be one of them.
    pub forbid_author: bool,
    /// The group that they are in.
    pub approvers: Option<GroupName>,
    /// How long a version is pinned in `from` before it comes here.
    pub soak: Option<Duration>,
}

pub(super) fn pins(file: &EnvironmentFile, report: &mut Report) -> Pins {
    let flows = || file.flows.iter().flat_map(|flows| &flows.0);
    // Where changes are promoted, nothing runs that was not.
    let is_promoted = file.promotion.is_some();
    if !is_promoted && !flows().any(|(_, settings)| is_pinned(settings)) {
        return Pins::Head;
    }
    let mut pins = BTreeMap::new();
    for (name, settings) in flows() {
        if !is_pinned(settings) {
            let message = format!(
                "the flow `{}` is not pinned, so it does not run",
                name.value
            );
            let found = report.error(code::PIN_MISSING, name.span, message);
            found.help("pin it with `dowel promote`, or write `version: head`");
            continue;
        }
        if let Some(pin) = pin(settings, is_promoted, report) {
            pins.insert(name.value.clone(), pin);
        }
    }
    Pins::Flows(pins)
}

fn is_pinned(settings: &FlowSettings) -> bool {
    settings.version.is_some() || settings.commit.is_some() || settings.digest.is_some()
}

fn pin(settings: &FlowSettings, is_promoted: bool, report: &mut Report) -> Option<Pin> {
    let (version, commit, digest) = (&settings.version, &settings.commit, &settings.digest);
    match (version, commit, digest) {
        (Some(version), None, None) if matches!(version.value, PinnedVersion::Head) => {
            if is_promoted {
                let message = "`head` is not what anybody has approved";
                let found = report.error(code::PIN_HEAD, version.span, message);
                found.help("pin a released version with `dowel promote`");
            }
            Some(Pin::Head)
        }
        (
            Some(Located {
                value: PinnedVersion::Version(version),
                ..
            }),
            Some(commit),
            Some(digest),
        ) => Some(Pin::Released(Released {
            version: version.clone(),
            commit: commit.value.clone(),
            digest: digest.value,
        })),
        _ => {
            let message = "a pin names `version`, `commit` and `digest`, or `version: head` alone";
            let found = report.error(code::PIN_INCOMPLETE, settings.span, message);
            found.help("let `dowel promote` write it");
            None
        }
    }
}

pub(super) fn promotion(written: Option<&PromotionFile>, report: &mut Report) -> Option<Promotion> {
    let written = written?;
    if let Some(approvals) = &written.approvals {
        within(
            approvals.value,
            APPROVALS,
            approvals,
            "from 0 to 10",
            report,
        );
    }
    if let Some(soak) = &written.soak {
        if soak.value.is_zero() || soak.value > MAX_SOAK {
            let message = "the value is out of range: from 1ms to 400d";
            report.error(flow::OUT_OF_RANGE, soak.span, message);
        }
        if written.from.is_none() {
            let message = "without `from` there is nowhere to soak";
            report.error(change::SOAK_WITHOUT_FROM, soak.span, message);
        }
    }
    Some(Promotion {
        from: written.from.clone(),
        approvals: written.approvals.as_ref().map_or(0, |count| count.value),
        forbid_author: written.forbid_author.unwrap_or(false),
        approvers: written.approvers.as_ref().map(|group| group.value.clone()),
        soak: written.soak.as_ref().map(|soak| soak.value),
    })
}

/// The layout of an environment file does not allow an edit in place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the layout of the environment file at `flows` cannot be kept; write `{0}` by hand")]
pub struct CannotPin(pub String);

/// The text of an environment file with another pin for a flow. Everything else stays as it
/// is, comments included, except inside of the flow's own settings.
///
/// # Errors
/// [`CannotPin`], with what is to be written.
pub fn set_pin(text: &str, flow: &FlowName, pin: &Released) -> Result<String, CannotPin> {
    let source = Arc::new(Source::new("", text));
    let mut unheard = Report::new(Arc::clone(&source));
    let tree = yaml::parse(text, &mut unheard);
    let flows = tree.as_ref().and_then(|tree| field(tree, "flows"));
    let entry = flows.and_then(|flows| field(flows, flow.as_str()));
    let mut settings = pinned(pin);
    let old = entry.and_then(|entry| constant(entry, "", &mut unheard));
    let kept = old.as_ref().and_then(JsonText::fields).unwrap_or_default();
    let is_pin = |name: &str| matches!(name, "version" | "commit" | "digest");
    settings.extend(kept.into_iter().filter(|(name, _)| !is_pin(name)));
    let settings = settings.iter().map(|(name, value)| (name.as_str(), value));
    let line = emit::inline(&JsonText::object(settings));
    let by_hand = format!("{flow}: {line}");
    let new =
        edited(&source, flows, entry, flow, &line).ok_or_else(|| CannotPin(by_hand.clone()))?;
    verify(&new, flow, pin).ok_or(CannotPin(by_hand))?;
    Ok(new)
}

fn pinned(pin: &Released) -> Vec<(String, JsonText)> {
    let text = |name: &str, value: String| (name.to_owned(), JsonText::string(&value));
    vec![
        text("version", pin.version.to_string()),
        text("commit", pin.commit.to_string()),
        text("digest", pin.digest.to_string()),
    ]
}

/// `None` where the layout does not allow it.
fn edited(
    source: &Source,
    flows: Option<&Node>,
    entry: Option<&Node>,
    flow: &FlowName,
    line: &str,
) -> Option<String> {
    let chars = source.chars();
    let replaced = |span: Span, new: &str| {
        let mut out: String = chars[..span.start].iter().collect();
        out.push_str(new);
        out.extend(&chars[span.end..]);
        out
    };
    if let Some(entry) = entry {
        let span = extent(chars, entry);
        // Settings that stand below their key come up beside it.
        let before = chars[..span.start]
            .iter()
            .rposition(|c| !c.is_whitespace())?;
        let start = if chars[before + 1..span.start].contains(&'\n') {
            before + 1
        } else {
            span.start
        };
        let space = if start == before + 1 { " " } else { "" };
        return Some(replaced(
            Span {
                start,
                end: span.end,
            },
            &format!("{space}{line}"),
        ));
    }
    match flows {
        Some(flows @ Node::Map(entries, _)) if !entries.is_empty() => {
            let span = extent(chars, flows);
            if chars.get(span.start) == Some(&'{') {
                return None;
            }
            let column = chars[..span.start].iter().rev();
            let indent = column.take_while(|c| **c != '\n').count();
            let new = format!("\n{}{flow}: {line}", " ".repeat(indent));
            // Behind what follows the last entry on its line.
            let rest = chars[span.end..].iter();
            let end = span.end + rest.take_while(|c| **c != '\n').count();
            Some(replaced(Span { start: end, end }, &new))
        }
        Some(Node::Map(_, span)) => {
            let end = extent(chars, flows?).end;
            Some(replaced(
                Span {
                    start: span.start,
                    end,
                },
                &format!("\n  {flow}: {line}"),
            ))
        }
        Some(_) => None,
        None => {
            let text: String = chars.iter().collect();
            Some(format!("{}\n\nflows:\n  {flow}: {line}\n", text.trim_end()))
        }
    }
}

fn field<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    let Node::Map(entries, _) = node else {
        return None;
    };
    let entry = entries.iter().find(|entry| entry.key.text == name)?;
    Some(&entry.value)
}

/// What was written has to be read back as it was meant.
fn verify(text: &str, flow: &FlowName, pin: &Released) -> Option<()> {
    let environment = super::parse("", text).ok();
    // The file may have errors of its own; then the place alone is looked at.
    let Some(environment) = environment else {
        let line = format!("version: {}", pin.version);
        return text.contains(&line).then_some(());
    };
    match environment.pins {
        Pins::Flows(pins) => (pins.get(flow) == Some(&Pin::Released(pin.clone()))).then_some(()),
        Pins::Head => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn check(text: &str, expected: &str) {
        let pin = Released {
            version: "1.5.0".parse().unwrap(),
            commit: COMMIT.parse().unwrap(),
            digest: Digest::of("x"),
        };
        let flow = FlowName::new("a").unwrap();
        let line = format!(
            "version: 1.5.0, commit: {COMMIT}, digest: {}",
            Digest::of("x")
        );
        let line = line.replace("digest: sha256", "digest: 'sha256") + "'";
        let found = match set_pin(text, &flow, &pin) {
            Ok(found) => found
                .replace(&line, "PIN")
                .replace(&line.replace('\'', ""), "PIN"),
            Err(error) => error.to_string(),
        };
        assert!(found.contains(expected), "{found}");
    }

    #[test]
    fn pins_are_set_in_place() {
        check(
            "environment: e\n",
            "environment: e\n\nflows:\n  a: { PIN }\n",
        );
        check(
            "environment: e # one\nflows: {}\n",
            "# one\nflows: \n  a: { PIN }\n",
        );
        check(
            "environment: e\nflows:\n  b: { version: head } # b\n\n# c\nvalues: {}\n",
            "flows:\n  b: { version: head } # b\n  a: { PIN }\n\n# c\nvalues: {}\n",
        );
        check(
            "environment: e\nflows:\n  a: { version: head, enabled: false } # why\n  b: { version: head }\n",
            "  a: { PIN, enabled: false } # why\n  b: { version: head }\n",
        );
        check(
            "environment: e\nflows:\n  a:\n    version: head\n    retention: { succeeded: 1d }\nvalues: {}\n",
            "flows:\n  a: { PIN, retention: { succeeded: 1d } }\nvalues: {}\n",
        );
        check(
            "environment: e\nflows: { b: { version: head } }\n",
            "by hand",
        );
    }
}
