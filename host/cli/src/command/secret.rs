//! `dowel secret`: what is kept in the encrypted file, and whether everything is there.
//! No value is ever printed, and none is taken from the command line, where other users
//! of the machine would see it.

use crate::args::{Format, Repository, Rotate, Secret as Command};
use crate::{exit, output, prompt, secrets, wiring};
use anyhow::{Context as _, Result, anyhow};
use dowel_core::code::secret::{MISSING, NO_AGE_FILE, VALUE};
use dowel_core::port::Secret;
use dowel_secrets::{AgeFile, Error, Kept, MAX_VALUE_BYTES, Overlap};
use serde::Serialize;
use serde_json::json;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;
use std::sync::Arc;
use zeroize::Zeroizing;

pub(crate) async fn run(command: Command, format: Format) -> Result<ExitCode> {
    match command {
        Command::Init(repository) => init(&repository, format),
        Command::Set(set) => {
            let file = age(&set.repository)?;
            let value = value(&set.name)?;
            file.put(&set.name, &value, Overlap::None)
                .map_err(|error| coded(&error))?;
            told(&set.name, "is set", format)
        }
        Command::Rotate(rotate) => rotated(&rotate, format),
        Command::Remove(remove) => {
            age(&remove.repository)?
                .remove(&remove.name)
                .map_err(|error| coded(&error))?;
            told(&remove.name, "is removed", format)
        }
        Command::List(repository) => list(&repository, format),
        Command::Check(repository) => check(&repository, format).await,
    }
}

fn init(repository: &Repository, format: Format) -> Result<ExitCode> {
    let file = age(repository)?;
    let public = file.init().map_err(|error| coded(&error))?;
    let (path, identity) = (file.path().display(), file.identity_path().display());
    let value = json!({
        "file": path.to_string(), "identity_file": identity.to_string(), "recipient": public,
    });
    let text = format!("{path} is opened by {identity}, known to others as\n{public}\n");
    output::print(format, &value, &text)?;
    Ok(exit::found(false))
}

fn rotated(rotate: &Rotate, format: Format) -> Result<ExitCode> {
    let file = age(&rotate.repository)?;
    let value = value(&rotate.name)?;
    file.rotate(&rotate.name, &value, Overlap::For(rotate.overlap))
        .map_err(|error| coded(&error))?;
    told(&rotate.name, "has a new value", format)
}

fn told(name: &str, what: &str, format: Format) -> Result<ExitCode> {
    let text = format!("the secret `{name}` {what}\n");
    output::print(format, &json!({ "secret": name, "done": what }), &text)?;
    Ok(exit::found(false))
}

/// A secret of the encrypted file, as programs read it.
#[derive(Serialize)]
struct Line {
    name: String,
    since: String,
    /// When each value before the newest ends.
    earlier_until: Vec<String>,
}

impl From<Kept> for Line {
    fn from(kept: Kept) -> Self {
        Self {
            name: kept.name,
            since: kept.since.to_string(),
            earlier_until: kept.ends.iter().map(ToString::to_string).collect(),
        }
    }
}

fn list(repository: &Repository, format: Format) -> Result<ExitCode> {
    let kept = age(repository)?.list().map_err(|error| coded(&error))?;
    let lines: Vec<Line> = kept.into_iter().map(Line::from).collect();
    let mut text = String::new();
    for line in &lines {
        let _ = write!(text, "{}  since {}", line.name, line.since);
        for until in &line.earlier_until {
            let _ = write!(text, ", the value before until {until}");
        }
        text.push('\n');
    }
    if lines.is_empty() {
        text.push_str("the encrypted file keeps no secret\n");
    }
    output::print(format, &lines, &text)?;
    Ok(exit::found(false))
}

/// What became of one name.
#[derive(Serialize)]
struct Looked {
    name: String,
    /// The place that has it.
    place: Option<&'static str>,
    /// How many values are valid.
    values: usize,
    /// What to do where it is missing.
    mend: Option<String>,
}

async fn check(repository: &Repository, format: Format) -> Result<ExitCode> {
    let environment = match repository.environment()? {
        Some(Ok(environment)) => environment,
        Some(Err(findings)) => return Err(wiring::as_error(&findings)),
        None => return Err(anyhow!("name the environment with --env")),
    };
    let providers = secrets::of(repository)?;
    let mut looked = Vec::new();
    for name in environment.secret_names() {
        looked.push(match providers.find(name).await {
            Ok((place, values)) => Looked {
                name: name.to_owned(),
                place: Some(place.name()),
                values: values.len(),
                mend: None,
            },
            Err(error) => Looked {
                name: name.to_owned(),
                place: None,
                values: 0,
                mend: Some(format!("{MISSING}: {error}; {}", providers.advice(name))),
            },
        });
    }
    let mut text = String::new();
    for one in &looked {
        let _ = match (&one.place, &one.mend) {
            (Some(place), _) if one.values > 1 => {
                writeln!(text, "ok    {}  {place}, {} values", one.name, one.values)
            }
            (Some(place), _) => writeln!(text, "ok    {}  {place}", one.name),
            (None, mend) => {
                let mend = mend.as_deref().unwrap_or_default();
                writeln!(text, "MEND  {}  {mend}", one.name)
            }
        };
    }
    if looked.is_empty() {
        text.push_str("the environment refers to no secret\n");
    }
    output::print(format, &looked, &text)?;
    Ok(exit::found(looked.iter().any(|one| one.place.is_none())))
}

fn age(repository: &Repository) -> Result<Arc<AgeFile>> {
    let providers = secrets::of(repository)?;
    let file = providers.age().cloned();
    file.ok_or_else(|| {
        anyhow!(
            "{NO_AGE_FILE}: neither the host file nor the environment names an encrypted file \
             under `secrets.age`"
        )
    })
}

fn coded(error: &Error) -> anyhow::Error {
    anyhow!("{}: {error}", error.code())
}

/// The value: from standard input, or asked for at a terminal without showing it.
fn value(name: &str) -> Result<Secret> {
    if std::io::stdin().is_terminal() {
        let text = prompt::hidden(&format!("value of {name}: "))?;
        return Ok(Secret::new(text.as_str()));
    }
    // One more than is allowed tells a value that is too large from one that just fits.
    let limit = u64::try_from(MAX_VALUE_BYTES + 2)?;
    let mut text = Zeroizing::new(String::new());
    let read = std::io::stdin()
        .lock()
        .take(limit)
        .read_to_string(&mut text);
    read.with_context(|| format!("{VALUE}: the value on standard input is not text"))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Secret::new(text.strip_suffix('\r').unwrap_or(text)))
}
